// base/hash.h: a hash that stays the same over restarts and releases: what it names is on disk or
// on a server.
#pragma once

#include <cstdint>
#include <string_view>

namespace tiderelay {

// FNV-1a, 64 bits.
[[nodiscard]] constexpr std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

}  // namespace tiderelay
