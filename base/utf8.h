// base/utf8.h: what of a text is well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong).
#pragma once

#include <cstddef>
#include <string_view>

namespace tiderelay {

// Bytes of the character at the front; 0: none begins there. REQUIRES: not empty.
[[nodiscard]] std::size_t utf8_length(std::string_view text);
// Bytes before the first that is not well-formed; text.size() where all are.
[[nodiscard]] std::size_t utf8_prefix(std::string_view text);

[[nodiscard]] inline bool is_utf8(std::string_view text) {
  return utf8_prefix(text) == text.size();
}

}  // namespace tiderelay
