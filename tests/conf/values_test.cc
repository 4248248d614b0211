#include "conf/values.h"

#include <gtest/gtest.h>

#include <optional>

namespace tiderelay::conf {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

TEST(Sizes, AreReadWithTheirUnits) {
  struct Row {
    const char* text;
    std::uint64_t plain_unit;
    std::optional<std::uint64_t> bytes;
  };
  const Row rows[] = {
      {"64MiB", 0, 64 * kMiB},
      {"64 MB", 0, 64 * kMiB},
      {"64m", 0, 64 * kMiB},
      {"1.5KiB", 0, 1536},
      {"17b", 0, 17},
      {"2TiB", 0, kMiB * kMiB * 2},
      {"64", kMiB, 64 * kMiB},
      {"64", 0, std::nullopt},
      {"0", 0, 0},
      {"", kMiB, std::nullopt},
      {"MiB", 0, std::nullopt},
      {"-1MiB", 0, std::nullopt},
      {"1MiB2", 0, std::nullopt},
      {"1XiB", 0, std::nullopt},
      {"4096PiB", 0, std::uint64_t{1} << 62U},
      {"4097PiB", 0, std::nullopt},
      {"99999999999999999999", 1, std::nullopt},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.text);
    const auto size = parse_size(row.text, row.plain_unit);
    ASSERT_EQ(size.has_value(), row.bytes.has_value());
    if (size) {
      EXPECT_EQ(size->bytes, *row.bytes);
    } else {
      EXPECT_EQ(size.error().code(), Errc::kConfig);
    }
  }
}

TEST(Durations, AreReadWithTheirUnits) {
  struct Row {
    const char* text;
    std::int64_t plain_unit;
    std::optional<std::int64_t> milliseconds;
  };
  const Row rows[] = {
      {"30s", 0, 30'000},           {"500ms", 0, 500},
      {"1h30m", 0, 5'400'000},      {"7d", 0, 604'800'000},
      {"1.5h", 0, 5'400'000},       {"3600", 1000, 3'600'000},
      {"3600", 0, std::nullopt},    {"0", 0, 0},
      {"5m0s", 0, 300'000},         {"", 1000, std::nullopt},
      {"s", 0, std::nullopt},       {"-5s", 0, std::nullopt},
      {"5 weeks", 0, std::nullopt}, {"1000000d", 0, std::nullopt},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.text);
    const auto duration = parse_duration(row.text, Duration(row.plain_unit));
    ASSERT_EQ(duration.has_value(), row.milliseconds.has_value());
    if (duration) {
      EXPECT_EQ(duration->count(), *row.milliseconds);
    }
  }
}

TEST(Values, AreShownAsTheyCanBeReadAgain) {
  for (const char* text : {"64MiB", "1KiB", "17", "3GiB", "0"}) {
    EXPECT_EQ(to_text(parse_size(text, 1).value()), text);
  }
  for (const char* text : {"1h30m", "7d", "500ms", "0s", "1d1s"}) {
    EXPECT_EQ(to_text(parse_duration(text, Duration(0)).value()), text);
  }
}

TEST(Numbers, WithALeadingZeroCouldBeOctalAndAreRefused) {
  EXPECT_EQ(parse_unsigned("10").value(), 10U);
  EXPECT_EQ(parse_unsigned("0x10").value(), 16U);
  EXPECT_EQ(parse_unsigned("0").value(), 0U);
  for (const char* text : {"010", "", "0x", "1e3", "-1", "12a", "18446744073709551616"}) {
    EXPECT_FALSE(parse_unsigned(text)) << text;
  }
}

}  // namespace
}  // namespace tiderelay::conf
