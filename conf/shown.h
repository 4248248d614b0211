// conf/shown.h: a configuration as answers may show it: the same keys, every password as "******".
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace tiderelay::conf {

// YAML, in the order of the original, without its comments. Hidden: password, ssl-key-bytes,
// ssl-key-base64, wherever they stand. Errors: kConfig where `yaml` is no YAML.
[[nodiscard]] Result<std::string> without_secrets(std::string_view yaml);

}  // namespace tiderelay::conf
