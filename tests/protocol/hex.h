// tests/protocol/hex.h: recorded bytes as text.
#pragma once

#include <string>
#include <string_view>

namespace tiderelay::tests {

inline std::string from_hex(std::string_view text) {  // blanks are skipped
  std::string digits;
  for (const char c : text) {
    if (c != ' ') digits += c;
  }
  std::string out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    out += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return out;
}

inline std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

}  // namespace tiderelay::tests
