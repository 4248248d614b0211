// control/version.h: which tiderelay this is.
#pragma once

#include <string>

namespace tiderelay::control {

[[nodiscard]] std::string version_line();  // "tiderelay 0.1.0 (abc1234)"
[[nodiscard]] std::string version_text();  // with compiler and libraries, a line each

}  // namespace tiderelay::control
