// control/data_folder.h: the folder that survives everything, held by one process at a time.
#pragma once

#include <string>

#include "base/error.h"

namespace tiderelay::control {

// Holds an exclusive lock on <folder>/tiderelay.lock until it dies (also by kill -9).
class DataFolder {
 public:
  // Makes the folder if it is missing. kConfig: not writable, or another process holds it.
  [[nodiscard]] static Result<DataFolder> open(const std::string& folder);
  DataFolder(DataFolder&& other) noexcept;
  DataFolder& operator=(DataFolder&& other) noexcept;
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;
  ~DataFolder();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  DataFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string path_;
  int lock_ = -1;
};

}  // namespace tiderelay::control
