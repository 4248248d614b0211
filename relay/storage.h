// relay/storage.h: the few file operations that the relay log needs, and what each leaves on disk.
//
// Behind it are the file system (posix_storage()) and, in tests, a disk that forgets, fills up and
// breaks (tests/sim/sim_disk.h). All paths are as the caller's folder makes them. Errors:
//   kLimit    the disk or quota is full. Some of the bytes may have been written.
//   kStorage  everything else. After a failed sync() nothing is known about the file any more: the
//             kernel may have dropped the dirty pages, so it is never tried a second time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace tiderelay::relay {

// An open file. Calls may come from several threads at once: offsets are arguments, not state.
class StoredFile {
 public:
  StoredFile() = default;
  virtual ~StoredFile() = default;
  StoredFile(const StoredFile&) = delete;
  StoredFile& operator=(const StoredFile&) = delete;

  // All of `bytes`, in the page cache when it returns: a killed process loses none of them, a
  // machine without power any that no sync() came after.
  [[nodiscard]] virtual Result<void> write_at(std::uint64_t offset, ByteView bytes) = 0;
  // As many bytes as there are, up to into.size(); fewer only at the end of the file.
  [[nodiscard]] virtual Result<std::size_t> read_at(std::uint64_t offset,
                                                    std::span<std::byte> into) const = 0;
  // The same without waiting for the disk; nothing: not all of it is in memory.
  [[nodiscard]] virtual Result<std::optional<std::size_t>> read_cached(
      std::uint64_t offset, std::span<std::byte> into) const {
    const auto count = read_at(offset, into);
    if (!count) return count.error();
    return std::optional<std::size_t>(*count);
  }
  // What was written before the call and the file's size survive a power cut; its name does after
  // Storage::sync_folder().
  [[nodiscard]] virtual Result<void> sync() = 0;
  [[nodiscard]] virtual Result<void> truncate(std::uint64_t size_bytes) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() const = 0;
};

struct FolderEntry {
  std::string name;
  bool is_folder = false;
  std::uint64_t size_bytes = 0;
  std::chrono::system_clock::time_point modified;
};

struct FreeSpace {
  std::uint64_t free_bytes = 0;  // for this process
  std::uint64_t total_bytes = 0;
};

class Storage {
 public:
  Storage() = default;
  virtual ~Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  enum class Open : std::uint8_t { kRead, kWrite, kCreate };  // kCreate: new or there already
  [[nodiscard]] virtual Result<std::shared_ptr<StoredFile>> open(const std::string& path,
                                                                 Open how) = 0;
  // In no order; a folder that is not there is empty.
  [[nodiscard]] virtual Result<std::vector<FolderEntry>> list(const std::string& folder) const = 0;
  [[nodiscard]] virtual Result<bool> exists(const std::string& path) const = 0;
  // And those above it; their names survive a power cut when it returns.
  [[nodiscard]] virtual Result<void> make_folder(const std::string& path) = 0;
  [[nodiscard]] virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual Result<void> remove(const std::string& path) = 0;  // file or empty folder
  // Names made, changed and removed in `folder` survive a power cut.
  [[nodiscard]] virtual Result<void> sync_folder(const std::string& folder) = 0;
  [[nodiscard]] virtual Result<FreeSpace> free_space(const std::string& folder) const = 0;
};

[[nodiscard]] Storage& posix_storage();

[[nodiscard]] inline bool is_disk_full(const Error& error) { return error.code() == Errc::kLimit; }

// The whole of a small file (at most limit_bytes, else kCorrupt).
[[nodiscard]] Result<std::string> read_small_file(Storage& storage, const std::string& path,
                                                  std::uint64_t limit_bytes = 16U << 20);
// Replaces a small file so that a crash leaves the old or the new one, whole, and on disk when it
// returns: written beside it, synced, renamed, folder synced.
[[nodiscard]] Result<void> replace_small_file(Storage& storage, const std::string& folder,
                                              const std::string& name, std::string_view content);

}  // namespace tiderelay::relay
