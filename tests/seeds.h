// tests/seeds.h: where the randomness of property tests comes from, and how to run a failure again.
#pragma once

#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace tiderelay::tests {

// TIDERELAY_SEED=0x2a replays one, TIDERELAY_SEEDS=5000 draws that many new ones;
// otherwise the same twenty, so that an unchanged tree gives an unchanged verdict.
inline std::vector<std::uint64_t> seeds() {
  if (const char* one = std::getenv("TIDERELAY_SEED")) return {std::strtoull(one, nullptr, 0)};
  const char* many = std::getenv("TIDERELAY_SEEDS");
  std::vector<std::uint64_t> drawn(many != nullptr ? std::strtoull(many, nullptr, 0) : 20);
  const auto first = many != nullptr ? std::uint64_t{std::random_device()()} << 32 : 1;
  std::iota(drawn.begin(), drawn.end(), first);
  return drawn;
}

inline std::string replay(std::uint64_t seed) {  // for SCOPED_TRACE: shown only with a failure
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  char line[200];
  std::snprintf(line, sizeof line, "replay: TIDERELAY_SEED=0x%" PRIx64 " ctest -R %s.%s", seed,
                test->test_suite_name(), test->name());
  return line;
}

}  // namespace tiderelay::tests
