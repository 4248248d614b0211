// tests/conf/files.h: files and an environment that exist in a test alone.
#pragma once

#include <map>
#include <string>

#include "conf/file_access.h"

namespace tiderelay::conf::tests {

using Files = std::map<std::string, std::string>;

inline FileAccess access_to(Files files, Files environment = {}) {
  FileAccess access;
  access.read_file = [files](const std::string& path) -> Result<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return Error(Errc::kConfig, "cannot read " + path);
    return found->second;
  };
  access.environment = [environment](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  };
  return access;
}

}  // namespace tiderelay::conf::tests
