// relay/log_packer.h: compresses the log files that have ended, one after the other, a piece at a
// time.
//
// Never the last file nor the one before it: a file without an event is taken back, and then the
// one before it is written to again. The compressed copy grows as index/packing, is synced, named
// beside the log file, and only then the log file goes: a crash at any step leaves one of them
// whole, and open() of the catalog removes the other.
//
// step() blocks; one packer a log, one call at a time, from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "relay/log_catalog.h"
#include "relay/packed_file.h"
#include "relay/storage.h"

namespace tiderelay::relay {

class LogPacker {
 public:
  // keep_free_bytes: a file is begun only if so much is left beside a copy of it.
  LogPacker(Storage& storage, LogCatalog& catalog, std::uint64_t keep_free_bytes)
      : storage_(storage), catalog_(catalog), keep_free_bytes_(keep_free_bytes) {}

  struct Step {
    std::uint64_t read_bytes = 0;  // 0: there is nothing to compress
    std::string done;              // the file that has been replaced, for the log
  };
  // After an error its file is left as it is until the next start; full disks (kLimit) are worth
  // another try later.
  [[nodiscard]] Result<Step> step();

 private:
  struct Work {
    LogFile file;
    std::shared_ptr<StoredFile> from;
    std::shared_ptr<StoredFile> to;
    PackedTable table;
    std::uint64_t read_bytes = 0;
    std::uint64_t written_bytes = 0;
  };
  [[nodiscard]] Result<void> begin();
  [[nodiscard]] Result<Step> advance();
  [[nodiscard]] Result<Step> finish();
  [[nodiscard]] std::string path() const;

  Storage& storage_;
  LogCatalog& catalog_;
  const std::uint64_t keep_free_bytes_;
  std::optional<Work> work_;
  std::set<LogPosition> left_;  // files that could not be compressed
};

}  // namespace tiderelay::relay
