// control/status_page.h: the page at /: one document without outside assets, which asks
// /api/v1/status once a second.
#pragma once

#include <string>

namespace tiderelay::control {

[[nodiscard]] const std::string& status_page();  // control/status_page.html

}  // namespace tiderelay::control
