// conf/file_access.cc: the real files and environment.
#include "conf/file_access.h"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <system_error>

namespace tiderelay::conf {
namespace {

Result<std::string> read_file(const std::string& path) {
  const auto failed = [&path] {
    return Error(Errc::kConfig, "cannot read " + path + ": " +
                                    std::error_code(errno, std::generic_category()).message());
  };
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return failed();
  std::string text(kConfigFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return failed();
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kConfigFileBytesMax) {
    return Error(Errc::kConfig, path + " is larger than 4 MiB: is it a configuration file?");
  }
  return text;
}

}  // namespace

FileAccess real_files() {
  FileAccess access;
  access.read_file = read_file;
  access.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  return access;
}

}  // namespace tiderelay::conf
