// relay/log_index.h: what is noted about one log file so that nobody has to read it from its start:
// which GTIDs lie before it, and every few hundred KiB a place where no transaction is open.
//
// Append-only and checksummed; written only after the log bytes that it speaks of were synced,
// never synced itself before the file is sealed. A missing, torn or foreign index is no error: it
// is built again from the log file (recovery.h). A log file must reach every place that its index
// names.
//
// A record, any number of them behind the magic "tiderelay index 1\n":
// offset  bytes  field
//      0      4  CRC-32 of what follows
//      4      1  kind: 1 head, 2 mark, 3 seal
//      5      4  payload length
//      9      n  payload
// head:  first event's timestamp 4, log file name (lenenc text), GTIDs before the file (lenenc
// text) mark:  end of a transaction 8, begin of that transaction 8, its timestamp 4, GTIDs since
// the
//        previous mark (lenenc text)
// seal:  as a mark; the file ends there and no longer grows
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "relay/gtid_state.h"
#include "relay/storage.h"

namespace tiderelay::relay {

struct IndexHead {
  std::uint32_t timestamp_seconds = 0;
  std::string file_name;
  GtidState gtids_before;
};

struct IndexMark {
  std::uint64_t end_bytes = 0;  // no transaction is open here, all before is on disk
  std::uint64_t begin_bytes =
      0;  // first event of the last whole transaction; 0: none in the file yet
  std::uint32_t timestamp_seconds = 0;
  GtidState gtids;  // of the transactions between the previous mark and this one
  bool sealed = false;
};

// What could be read of an index; `valid_bytes` is where the next record goes.
struct IndexContent {
  std::optional<IndexHead> head;
  std::vector<IndexMark> marks;
  std::uint64_t valid_bytes = 0;
  std::uint64_t unsealed_bytes = 0;  // where the seal begins
  // The file is going to grow again: the crash that removed the next one came before its first
  // sync.
  void drop_seal();
  // Before the end of the last mark. REQUIRES: head.
  [[nodiscard]] GtidState gtids() const;
  [[nodiscard]] bool sealed() const { return !marks.empty() && marks.back().sealed; }
};
[[nodiscard]] IndexContent decode_index(ByteView bytes);
// A file that is not there gives an empty content.
[[nodiscard]] Result<IndexContent> read_index(Storage& storage, const std::string& path);

[[nodiscard]] std::string encode_index_head(const IndexHead& head);  // with the magic before it
void append_index_mark(std::string& out, const IndexMark& mark);

// Appends to one file's index. A full disk delays records and loses none: they stay in memory and
// the next append() tries again at the same offset.
class IndexWriter {
 public:
  // Cuts what is not valid and goes on behind it.
  [[nodiscard]] static Result<std::unique_ptr<IndexWriter>> open(Storage& storage,
                                                                 const std::string& folder,
                                                                 const std::string& name,
                                                                 std::uint64_t valid_bytes);
  [[nodiscard]] Result<void> append(std::string_view records);
  [[nodiscard]] Result<void> sync();

 private:
  IndexWriter(std::shared_ptr<StoredFile> file, std::uint64_t size_bytes)
      : file_(std::move(file)), size_bytes_(size_bytes) {}
  std::shared_ptr<StoredFile> file_;
  std::uint64_t size_bytes_;
  std::string pending_;
};

}  // namespace tiderelay::relay
