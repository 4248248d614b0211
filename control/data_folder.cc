// control/data_folder.cc: an advisory lock of the kernel's, which ends with the process.
#include "control/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace tiderelay::control {

Result<DataFolder> DataFolder::open(const std::string& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) {
    return Error(Errc::kConfig, "data-dir " + folder + ": " + failure.message())
        .with_way_out("name a folder that this account may write with --data-dir or data-dir:");
  }
  const std::string name = folder + "/tiderelay.lock";
  const int lock = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (lock < 0) {
    return Error(Errc::kConfig, "data-dir " + folder + ": " + std::strerror(errno))
        .with_way_out("name a folder that this account may write with --data-dir or data-dir:");
  }
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    const ssize_t read = ::pread(lock, holder, sizeof holder - 1, 0);
    ::close(lock);
    const std::string who = read > 0 ? " (process " + std::string(holder) + ")" : "";
    return Error(Errc::kConfig, "data-dir " + folder + " is in use by another tiderelay" + who)
        .with_way_out("stop that process, or give this one a data-dir of its own");
  }
  const std::string me = std::to_string(::getpid());
  if (::ftruncate(lock, 0) != 0 || ::pwrite(lock, me.data(), me.size(), 0) < 0) {
    ::close(lock);
    return Error(Errc::kStorage, "data-dir " + folder + ": " + std::strerror(errno));
  }
  return DataFolder(folder, lock);
}

DataFolder::DataFolder(DataFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

DataFolder& DataFolder::operator=(DataFolder&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(lock_, other.lock_);
  return *this;
}

DataFolder::~DataFolder() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace tiderelay::control
