// applier/key_hash.h: 64-bit hashes of key values for the planner's conflict table.
//
// Equal values give equal hashes; unequal ones collide with probability 2^-64, which costs a false
// conflict and nothing else. Not for disk, not against an attacker.
// Source: the multiply-and-fold step of wyhash (public domain).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tiderelay::applier {

class KeyHasher {
 public:
  explicit KeyHasher(std::uint64_t seed) : state_(seed ^ kOdd[0]) {}

  void number(std::uint64_t value) { state_ = fold(state_ ^ value, kOdd[1]); }

  // The length is part of the hash, so that ("ab", "c") and ("a", "bc") differ.
  void bytes(std::string_view text) {
    const char* at = text.data();
    std::size_t left = text.size();
    for (; left >= 16; at += 16, left -= 16) {
      state_ = fold(load(at, 8) ^ kOdd[1], load(at + 8, 8) ^ state_);
    }
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    if (left >= 8) {
      low = load(at, 8);
      high = load(at + 8, left - 8);
    } else {
      low = load(at, left);
    }
    state_ = fold(low ^ kOdd[2], high ^ state_);
    state_ = fold(state_ ^ text.size(), kOdd[3]);
  }

  [[nodiscard]] std::uint64_t finish() const { return fold(state_, kOdd[2]); }

 private:
  static constexpr std::uint64_t kOdd[4] = {0xa0761d6478bd642f, 0xe7037ed1a0b428db,
                                            0x8ebc6af09c88c6e3, 0x589965cc75374cc3};

  static std::uint64_t load(const char* from, std::size_t count) {
    std::uint64_t value = 0;
    if (count > 0) std::memcpy(&value, from, count);
    return value;
  }
  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }

  std::uint64_t state_;
};

}  // namespace tiderelay::applier
