// relay/log_reader.h: reads a relay log event by event, across files and generations, while it is
// being written.
//
// Shares nothing with the writer but the files: next() gets LogEnd's position and never looks
// beyond it. Not thread-safe; each reader has its own, on its own thread. Reads block, in steps of
// 1 MiB. Events are views of the block that was read; `keep` holds that block. An event that is
// larger than a block has an allocation of its own. Errors: kCorrupt names file and offset, and
// nothing behind it is given; kPurged: the start was removed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/event.h"
#include "protocol/format_description.h"
#include "relay/log_names.h"
#include "relay/log_position.h"
#include "relay/storage.h"

namespace tiderelay::relay {

struct LogEvent {
  LogPosition begin;
  LogPosition end;
  protocol::EventHeader header;
  ByteView body;   // without checksum
  ByteView bytes;  // the whole event as it lies in the file
  std::shared_ptr<const void> keep;
  std::shared_ptr<const protocol::FormatDescription> fde;  // of the event's file
  bool generation_changed = false;  // the first event behind a change of server or history

  [[nodiscard]] protocol::EventView view() const { return {header, body}; }
};

class LogReader {
 public:
  // start: an event's begin, or offset 4 (or less) for the file's first one. Generation 0: from the
  // oldest event there is.
  LogReader(Storage& storage, std::string relay_folder, LogPosition start);

  // The next event if it ends at or before `end`; nothing: there is none yet. After an error: the
  // same error again.
  [[nodiscard]] Result<std::optional<LogEvent>> next(const LogPosition& end);

  [[nodiscard]] const LogPosition& position() const { return at_; }  // of the next event
  [[nodiscard]] const std::string& folder_name() const { return folder_name_; }  // "<uuid>.000001"
  [[nodiscard]] const std::string& file_name() const { return file_name_; }

 private:
  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size_bytes = 0;
  };
  struct Place {
    std::string folder_name;
    std::string file_name;
    LogPosition begin;
  };
  [[nodiscard]] Result<std::optional<LogEvent>> find_next(const LogPosition& end);
  [[nodiscard]] Result<void> open_start();
  [[nodiscard]] Result<void> open_place(const Place& place, std::uint64_t offset);
  [[nodiscard]] Result<void> open_following();
  [[nodiscard]] Result<std::optional<Place>> following(const LogPosition& behind) const;
  [[nodiscard]] Result<ByteView> bytes_at(std::uint64_t offset, std::size_t at_least_bytes,
                                          std::uint64_t limit);
  [[nodiscard]] Result<LogEvent> event_at(std::uint64_t limit);
  [[nodiscard]] Result<void> open_body(LogEvent& event);
  [[nodiscard]] std::string place_text() const;

  Storage& storage_;
  const std::string relay_folder_;
  LogPosition at_;
  std::shared_ptr<StoredFile> file_;
  std::string folder_name_;
  std::string file_name_;
  std::shared_ptr<const protocol::FormatDescription> fde_;
  std::shared_ptr<const Block> block_;
  std::uint64_t block_begin_ = 0;
  bool generation_changed_ = false;
  std::optional<Error> failed_;
};

}  // namespace tiderelay::relay
