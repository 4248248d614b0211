// base/check.h: CHECK states what only our own code can break; it stays on in release builds.
// Bytes, disks and peers are errors (base/error.h), never CHECKs.
#pragma once

#include <string_view>

namespace tiderelay {
[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               std::string_view message);
}  // namespace tiderelay

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): file, line and text of the condition
#define CHECK(condition, message)                                                           \
  do {                                                                                      \
    if (!(condition)) ::tiderelay::check_failed(__FILE__, __LINE__, #condition, (message)); \
  } while (false)
