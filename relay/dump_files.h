// relay/dump_files.h: the log file that a follower is being sent, how far it may be read, and which
// one comes next. Never beyond the log's end, never into another generation.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/error.h"
#include "relay/dump_stream.h"
#include "relay/relay_log.h"

namespace tiderelay::relay {

class DumpFiles {
 public:
  // Both must live as long as this.
  DumpFiles(Storage& storage, RelayLog& log) : storage_(storage), log_(log) {}

  [[nodiscard]] Result<void> open(const LogFile& file);
  // Opens the file behind this one and tells the dump. Errors are what the follower is told: the
  // generation ended here, or what follows was purged.
  [[nodiscard]] Result<void> open_next(const FollowRequest& request, DumpStream& dump);

  [[nodiscard]] const LogFile& info() const { return info_; }
  [[nodiscard]] const std::shared_ptr<StoredFile>& file() const { return file_; }

  struct Extent {
    std::uint64_t bytes = 0;  // how far the file may be read now
    bool ended = false;       // it will not grow any more
  };
  [[nodiscard]] Result<Extent> extent();

 private:
  [[nodiscard]] std::optional<LogFile> following() const;

  Storage& storage_;
  RelayLog& log_;
  LogFile info_;
  std::shared_ptr<StoredFile> file_;
  std::optional<std::uint64_t> ended_bytes_;
};

}  // namespace tiderelay::relay
