// relay/storage.cc: the file system behind relay/storage.h.
#include "relay/storage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace tiderelay::relay {
namespace {

Error failure(const char* what, const std::string& path) {
  const int code = errno;
  const bool full = code == ENOSPC || code == EDQUOT;
  return Error(full ? Errc::kLimit : Errc::kStorage,
               std::string(what) + " " + path + ": " + std::generic_category().message(code));
}

class PosixFile final : public StoredFile {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~PosixFile() override { ::close(descriptor_); }

  Result<void> write_at(std::uint64_t offset, ByteView bytes) override {
    while (!bytes.empty()) {
      const ssize_t count =
          ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failure("cannot write", path_);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
    return {};
  }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
    std::size_t filled = 0;
    while (filled < into.size()) {
      const ssize_t count = ::pread(descriptor_, into.data() + filled, into.size() - filled,
                                    static_cast<off_t>(offset + filled));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failure("cannot read", path_);
      if (count == 0) break;
      filled += static_cast<std::size_t>(count);
    }
    return filled;
  }

  Result<std::optional<std::size_t>> read_cached(std::uint64_t offset,
                                                 std::span<std::byte> into) const override {
    std::size_t done = 0;
    while (done < into.size()) {
      const iovec part{into.data() + done, into.size() - done};
      const ssize_t count =
          ::preadv2(descriptor_, &part, 1, static_cast<off_t>(offset + done), RWF_NOWAIT);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return std::optional<std::size_t>();  // read_at() says what is wrong
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return std::optional<std::size_t>(done);
  }

  Result<void> sync() override {
    if (::fdatasync(descriptor_) != 0) return failure("cannot sync", path_).as(Errc::kStorage);
    return {};
  }

  Result<void> truncate(std::uint64_t size_bytes) override {
    if (::ftruncate(descriptor_, static_cast<off_t>(size_bytes)) != 0) {
      return failure("cannot truncate", path_);
    }
    return {};
  }

  Result<std::uint64_t> size() const override {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) return failure("cannot stat", path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

 private:
  const int descriptor_;
  const std::string path_;
};

class PosixStorage final : public Storage {
 public:
  Result<std::shared_ptr<StoredFile>> open(const std::string& path, Open how) override {
    int flags = O_CLOEXEC | (how == Open::kRead ? O_RDONLY : O_RDWR);
    if (how == Open::kCreate) flags |= O_CREAT;
    const int descriptor = ::open(path.c_str(), flags, 0640);
    if (descriptor < 0) return failure("cannot open", path);
    return std::shared_ptr<StoredFile>(std::make_shared<PosixFile>(descriptor, path));
  }

  Result<std::vector<FolderEntry>> list(const std::string& folder) const override {
    std::vector<FolderEntry> entries;
    DIR* stream = ::opendir(folder.c_str());
    if (stream == nullptr && errno == ENOENT) return entries;
    if (stream == nullptr) return failure("cannot list", folder);
    while (const dirent* found = ::readdir(stream)) {
      const std::string name = found->d_name;
      if (name == "." || name == "..") continue;
      struct stat status {};
      if (::fstatat(::dirfd(stream), name.c_str(), &status, 0) != 0) continue;  // just removed
      FolderEntry entry;
      entry.name = name;
      entry.is_folder = S_ISDIR(status.st_mode);
      entry.size_bytes = static_cast<std::uint64_t>(status.st_size);
      entry.modified = std::chrono::system_clock::from_time_t(status.st_mtime);
      entries.push_back(std::move(entry));
    }
    ::closedir(stream);
    return entries;
  }

  Result<bool> exists(const std::string& path) const override {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return failure("cannot stat", path);
  }

  Result<void> make_folder(const std::string& path) override {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
      const std::string part = path.substr(0, end);
      const bool made = ::mkdir(part.c_str(), 0750) == 0;
      if (!made && errno != EEXIST) return failure("cannot make folder", part);
      const std::size_t parent = part.rfind('/');
      if (made && parent != std::string::npos && parent > 0) {
        if (const auto done = sync_folder(part.substr(0, parent)); !done) return done.error();
      }
      if (end == std::string::npos) return {};
    }
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return failure("cannot rename", from);
    return {};
  }

  Result<void> remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return failure("cannot remove", path);
    return {};
  }

  Result<void> sync_folder(const std::string& folder) override {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return failure("cannot open folder", folder);
    const int outcome = ::fsync(descriptor);
    const Error error = outcome == 0 ? Error() : failure("cannot sync folder", folder);
    ::close(descriptor);
    if (outcome != 0) return error.as(Errc::kStorage);
    return {};
  }

  Result<FreeSpace> free_space(const std::string& folder) const override {
    struct statvfs status {};
    if (::statvfs(folder.c_str(), &status) != 0)
      return failure("cannot ask for the space of", folder);
    FreeSpace space;
    space.free_bytes = static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
    space.total_bytes = static_cast<std::uint64_t>(status.f_blocks) * status.f_frsize;
    return space;
  }
};

}  // namespace

Storage& posix_storage() {
  static PosixStorage storage;
  return storage;
}

Result<std::string> read_small_file(Storage& storage, const std::string& path,
                                    std::uint64_t limit_bytes) {
  const auto file = storage.open(path, Storage::Open::kRead);
  if (!file) return file.error();
  const auto size_bytes = (*file)->size();
  if (!size_bytes) return size_bytes.error();
  if (*size_bytes > limit_bytes) {
    return Error(Errc::kCorrupt, path + " has " + std::to_string(*size_bytes) +
                                     " bytes, more than such a file can have");
  }
  std::string content(*size_bytes, '\0');
  const auto count =
      (*file)->read_at(0, std::as_writable_bytes(std::span(content.data(), content.size())));
  if (!count) return count.error();
  content.resize(*count);
  return content;
}

Result<void> replace_small_file(Storage& storage, const std::string& folder,
                                const std::string& name, std::string_view content) {
  const std::string path = folder + "/" + name;
  const std::string beside = path + ".new";
  const auto file = storage.open(beside, Storage::Open::kCreate);
  if (!file) return file.error();
  if (const auto done = (*file)->truncate(0); !done) return done.error();
  if (const auto done = (*file)->write_at(0, as_bytes(content)); !done) return done.error();
  if (const auto done = (*file)->sync(); !done) return done.error();
  if (const auto done = storage.rename(beside, path); !done) return done.error();
  return storage.sync_folder(folder);
}

}  // namespace tiderelay::relay
