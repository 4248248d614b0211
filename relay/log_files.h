// relay/log_files.h: the log files of a folder, whether they lie there as they came or compressed
// ("binlog.000003" or "binlog.000003.lz4"): who reads them need not know.
//
// A file is compressed beside and named when it is whole and on disk; the plain one goes after
// that. So where both are there the plain one counts, and the other is to be removed.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "relay/storage.h"

namespace tiderelay::relay {

inline constexpr std::string_view kPackedSuffix = ".lz4";

struct LogFileEntry {
  std::string name;  // without the suffix
  std::uint64_t size_bytes = 0;
  std::uint64_t stored_bytes = 0;                  // what it takes on disk
  std::chrono::system_clock::time_point modified;  // when the log was last written to it
  bool packed = false;
};

// A log file's name in this folder, without the suffix; empty: another file.
[[nodiscard]] std::string log_file_name(const FolderEntry& entry);
// In no order. Removes compressed copies of files that are there plain.
[[nodiscard]] Result<std::vector<LogFileEntry>> list_log_files(Storage& storage,
                                                               const std::string& folder);
// For reading. `path` is without the suffix; with it, or any other path of a packed file, it is
// what that holds.
[[nodiscard]] Result<std::shared_ptr<StoredFile>> open_log_file(Storage& storage,
                                                                const std::string& path);
[[nodiscard]] Result<bool> has_log_file(Storage& storage, const std::string& path);
// Both forms; their going survives a power cut after a sync_folder().
[[nodiscard]] Result<void> remove_log_file(Storage& storage, const std::string& path);
// Puts a compressed file back as it came, to be written to again; a plain one stays as it is.
[[nodiscard]] Result<void> unpack_log_file(Storage& storage, const std::string& folder,
                                           const std::string& name);

}  // namespace tiderelay::relay
