// relay/binlog_file.h: the events of one binlog file, in order: of a server's folder, of a relay
// log or of a copy.
//
// Reads in blocks of 1 MiB; an event that is larger has an allocation of its own. Views are valid
// until the next call. Checksums are verified. Errors are final: kCorrupt with the offset;
// kTruncated: the file ends inside an event, as one does that is being written.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/event.h"
#include "protocol/format_description.h"
#include "relay/storage.h"

namespace tiderelay::relay {

struct BinlogEvent {
  std::uint64_t begin_offset = 0;
  std::uint64_t end_offset = 0;
  protocol::EventView event;
  std::optional<std::uint32_t> crc;
};

class BinlogFile {
 public:
  [[nodiscard]] static Result<BinlogFile> open(Storage& storage, const std::string& path);

  // Nothing: the file ends here. The first event is FORMAT_DESCRIPTION.
  [[nodiscard]] Result<std::optional<BinlogEvent>> next();
  // REQUIRES: the FORMAT_DESCRIPTION was read. The next event begins there.
  void go_to(std::uint64_t offset) { at_ = offset; }
  [[nodiscard]] const protocol::FormatDescription& format() const { return format_; }
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  BinlogFile(std::shared_ptr<StoredFile> file, std::uint64_t size_bytes)
      : file_(std::move(file)), size_bytes_(size_bytes) {}
  [[nodiscard]] Result<ByteView> bytes_at(std::uint64_t offset, std::size_t count);
  [[nodiscard]] Result<BinlogEvent> event_at();

  std::shared_ptr<StoredFile> file_;
  std::uint64_t size_bytes_;
  std::uint64_t at_;
  protocol::FormatDescription format_;
  bool has_format_ = false;
  std::vector<std::byte> block_;
  std::uint64_t block_begin_ = 0;
  std::size_t block_bytes_ = 0;
};

// The files that a path stands for: itself, or the numbered ones of a folder in order of their
// numbers (for a relay log's folder: generation by generation). kConfig: nothing there.
[[nodiscard]] Result<std::vector<std::string>> binlog_files(Storage& storage,
                                                            const std::string& path);

}  // namespace tiderelay::relay
