#include "applier/collation_fold.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace tiderelay::applier {

namespace {

constexpr auto kKnown = std::to_array<std::string_view>({
    "general_ci",
    "general_mysql500_ci",
    "general_nopad_ci",
    "unicode_ci",
    "unicode_520_ci",
    "unicode_nopad_ci",
    "0900_ai_ci",
    "0900_as_ci",
    "0900_as_cs",
    "uca1400_ai_ci",
    "uca1400_as_ci",
    "uca1400_as_cs",
    "uca1400_ai_cs",
});
constexpr auto kKnownOfLatin1 =
    std::to_array<std::string_view>({"swedish_ci", "general_ci", "general_cs"});

bool is_kept_character(std::uint32_t code_point) {
  return (code_point >= 0x4e00 && code_point <= 0x9fff) ||
         (code_point >= 0xac00 && code_point <= 0xd7a3);
}

// Of a three-byte sequence at `at`; 0: none begins there.
std::uint32_t three_bytes(std::string_view text, std::size_t at) {
  if (at + 3 > text.size()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  if ((byte(0) & 0xf0) != 0xe0 || (byte(1) & 0xc0) != 0x80 || (byte(2) & 0xc0) != 0x80) return 0;
  return (byte(0) & 0x0fU) << 12U | (byte(1) & 0x3fU) << 6U | (byte(2) & 0x3fU);
}

}  // namespace

bool folds(std::string_view collation) {
  const std::size_t underscore = collation.find('_');
  if (underscore == std::string_view::npos) return false;
  const std::string_view charset = collation.substr(0, underscore);
  const std::string_view rest = collation.substr(underscore + 1);
  if (charset == "utf8mb4" || charset == "utf8mb3" || charset == "utf8" || charset == "ascii") {
    return std::ranges::find(kKnown, rest) != kKnown.end();
  }
  return charset == "latin1" && std::ranges::find(kKnownOfLatin1, rest) != kKnownOfLatin1.end();
}

bool append_folded(std::string& out, std::string_view utf8) {
  const std::size_t from = out.size();
  for (std::size_t at = 0; at < utf8.size();) {
    const char c = utf8[at];
    if (c >= ' ' && c <= '~') {
      out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
      ++at;
      continue;
    }
    if (!is_kept_character(three_bytes(utf8, at))) {
      out.resize(from);
      out.append(utf8);
      return false;
    }
    out.append(utf8.substr(at, 3));
    at += 3;
  }
  while (out.size() > from && out.back() == ' ') out.pop_back();
  return true;
}

}  // namespace tiderelay::applier
