// conf/values.h: sizes and durations as people write them: "64MiB", "200GiB", "30s", "7d", "1h30m".
//
// A number alone counts in the unit that its key had in DM (seconds, hours, GB); a key without such
// a past wants the unit written out.
// Limits: sizes below 2^63 bytes, durations below 1000 years.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tiderelay::conf {

struct ByteSize {
  std::uint64_t bytes = 0;
  friend auto operator<=>(const ByteSize&, const ByteSize&) = default;
};

using Duration = std::chrono::milliseconds;

// `plain_unit`: bytes (or milliseconds) that a number without a unit counts in; 0: refuse it,
// unless it is 0 itself.
[[nodiscard]] Result<ByteSize> parse_size(std::string_view text, std::uint64_t plain_unit);
[[nodiscard]] Result<Duration> parse_duration(std::string_view text, Duration plain_unit);
[[nodiscard]] Result<std::uint64_t> parse_unsigned(std::string_view text);  // decimal or 0x…

[[nodiscard]] std::string to_text(ByteSize size);      // "64MiB": the largest unit that divides it
[[nodiscard]] std::string to_text(Duration duration);  // "1h30m", "0s"

}  // namespace tiderelay::conf
