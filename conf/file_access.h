// conf/file_access.h: what a configuration may reach outside its own text: files beside it, the
// environment, the operator's key. Tests give their own.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "conf/secret.h"

namespace tiderelay::conf {

struct FileAccess {
  std::function<Result<std::string>(const std::string& path)> read_file;
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::optional<SecretKey> secret_key;  // of the operator
};
[[nodiscard]] FileAccess real_files();  // no key yet

inline constexpr std::size_t kConfigFileBytesMax = 4U << 20U;

}  // namespace tiderelay::conf
