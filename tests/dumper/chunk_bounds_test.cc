#include "dumper/chunk_bounds.h"

#include <gtest/gtest.h>

#include <tuple>

#include "tests/dumper/schemas.h"

namespace tiderelay::dumper {
namespace {

using applier::SqlType;

KeyColumn key_column(const std::string& name, SqlType type, const std::string& charset = "") {
  KeyColumn made;
  made.name = name;
  made.type = type;
  made.charset = charset;
  return made;
}

relay::StatementResult answer(const std::vector<std::vector<relay::TextValue>>& rows) {
  relay::StatementResult result;
  result.rows = rows;
  return result;
}

TEST(ChunkCondition, IsWrittenOutRowWise) {
  const std::vector<KeyColumn> one = {key_column("a", SqlType::kInt)};
  const std::vector<KeyColumn> two = {key_column("a", SqlType::kInt),
                                      key_column("b", SqlType::kInt)};
  struct Row {
    const char* fact;
    const std::vector<KeyColumn>& key;
    Bound lower, upper;
    const char* condition;
  };
  const Row rows[] = {
      {"open on both sides is every row", one, {}, {}, ""},
      {"above the lower bound", one, "5", {}, "`a`>5"},
      {"up to the upper bound, itself included", one, {}, "9", "`a`<=9"},
      {"between", one, "5", "9", "`a`>5 AND `a`<=9"},
      {"the first column alone bounds the range",
       two,
       "5,6",
       {},
       "(`a`>=5 AND (`a`>5 OR (`a`=5 AND `b`>6)))"},
      {"the last column decides about equality",
       two,
       {},
       "5,6",
       "(`a`<=5 AND (`a`<5 OR (`a`=5 AND `b`<=6)))"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    EXPECT_EQ(chunk_condition(row.key, row.lower, row.upper), row.condition);
  }
}

TEST(NextBound, IsRenderedAsTheServerComparesIt) {
  struct Row {
    const char* fact;
    KeyColumn column;
    const char* selected;
    const char* value;
    const char* literal;
  };
  const Row rows[] = {
      {"numbers as they are", key_column("a", SqlType::kBigInt), "`a`", "-5", "-5"},
      {"decimals as they are", key_column("a", SqlType::kDecimal), "`a`", "1.50", "1.50"},
      {"characters as bytes of their charset", key_column("a", SqlType::kVarchar, "latin1"),
       "HEX(`a`)", "E9", "_latin1 x'E9'"},
      {"an empty text is a bound, too", key_column("a", SqlType::kChar, "utf8mb4"), "HEX(`a`)", "",
       "_utf8mb4 x''"},
      {"bytes as bytes", key_column("a", SqlType::kVarbinary), "HEX(`a`)", "00FF", "x'00FF'"},
      {"times quoted", key_column("a", SqlType::kDateTime), "`a`", "2024-01-01 00:00:00",
       "'2024-01-01 00:00:00'"},
      {"an ENUM by its number, as it is ordered", key_column("a", SqlType::kEnum, "utf8mb4"),
       "`a`+0", "2", "2"},
      {"bits by number", key_column("a", SqlType::kBit), "`a`+0", "1", "1"},
      {"floats with all digits", key_column("a", SqlType::kFloat), "`a`*1e0", "0.10000000149011612",
       "0.10000000149011612"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    TablePlan plan;
    plan.table.source = {"s", "t"};
    plan.key = {row.column};
    plan.key_name = "PRIMARY";
    EXPECT_EQ(next_bound_sql(plan, Bound(), 10),
              std::string("SELECT ") + row.selected +
                  " FROM `s`.`t` FORCE INDEX (`PRIMARY`) ORDER BY `a` LIMIT 1 OFFSET 9");
    EXPECT_EQ(next_bound(plan.key, answer({{row.value}})).value(), row.literal);
  }
}

TEST(NextBound, EndsWhereNoRowIsLeftAndRefusesNull) {
  const std::vector<KeyColumn> key = {key_column("a", SqlType::kInt)};
  EXPECT_EQ(next_bound(key, answer({})).value(), std::nullopt);
  EXPECT_TRUE(next_bound(key, answer({{std::nullopt}})).has_error());
}

TEST(BoundLiterals, ComeBackOutOfTheStoredText) {
  const std::vector<KeyColumn> key = {key_column("a", SqlType::kVarchar, "utf8mb4"),
                                      key_column("b", SqlType::kDateTime),
                                      key_column("c", SqlType::kInt)};
  const Bound bound = next_bound(key, answer({{"2C", "2024-01-01", "7"}})).value();
  EXPECT_EQ(bound, "_utf8mb4 x'2C','2024-01-01',7");
  EXPECT_EQ(bound_literals(*bound).size(), 3U);
  EXPECT_EQ(key_equals(key, *bound), "`a`=_utf8mb4 x'2C' AND `b`='2024-01-01' AND `c`=7");
}

// Every row is in exactly one chunk, whatever the bounds: the conditions, evaluated here.
bool holds(const std::tuple<int, int>& row, const std::optional<std::tuple<int, int>>& lower,
           const std::optional<std::tuple<int, int>>& upper) {
  return (!lower || row > *lower) && (!upper || row <= *upper);
}

TEST(Chunks, ShareNoRowAndLeaveNoneOut) {
  const std::vector<std::optional<std::tuple<int, int>>> bounds = {
      std::nullopt, std::tuple(1, 5), std::tuple(2, 0), std::tuple(2, 9), std::nullopt};
  for (int a = 0; a < 4; ++a) {
    for (int b = -1; b < 11; ++b) {
      int chunks = 0;
      for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
        chunks += holds({a, b}, bounds[i], bounds[i + 1]) ? 1 : 0;
      }
      EXPECT_EQ(chunks, 1) << a << "," << b;
    }
  }
}

TEST(ChunkSizer, CutsByBytesAsSeen) {
  ChunkSizer sizer({16'000'000, 1'000'000, 4}, 1'000'000'000, 100);
  EXPECT_EQ(sizer.rows(), 160'000U);
  sizer.saw(10, 10'000);
  EXPECT_EQ(sizer.rows(), 16'000U) << "rows that were seen count more than the estimate";
}

TEST(ChunkSizer, StaysWithinItsLimits) {
  EXPECT_EQ(ChunkSizer({1000, 50, 1}, 1'000'000'000, 1).rows(), 50U) << "rows at most";
  EXPECT_EQ(ChunkSizer({1000, 50, 1}, 1'000'000, 1'000'000).rows(), 1U) << "one row at least";
  EXPECT_EQ(ChunkSizer({16 << 20, 1'000'000, 4}, 0, 0).rows(), 1'000'000U) << "nothing is known";
}

TEST(ChunkSizer, CutsASmallTableFinerSoThatAllSessionsWork) {
  ChunkSizer sizer({16'000'000, 1'000'000, 4}, 1'000'000, 64);  // 64 MB
  EXPECT_EQ(sizer.rows(), 62'500U);
}

}  // namespace
}  // namespace tiderelay::dumper
