#include "relay/lag_history.h"

#include <gtest/gtest.h>

namespace tiderelay::tests {
namespace {

using relay::LagHistory;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(LagHistory, TellsHowLongAndHowManyTransactionsAPlaceIsBehind) {
  LagHistory history;
  const LagHistory::Time begin{};
  history.note({1, 1, 100}, 10, begin);
  history.note({1, 1, 300}, 14, begin + seconds(1));
  history.note({1, 1, 200}, 99, begin + seconds(2));  // does not ascend: no news
  history.note({1, 2, 50}, 20, begin + seconds(3));
  struct Row {
    const char* fact;
    relay::LogPosition place;
    std::uint64_t transactions;
    milliseconds time;
  };
  const Row rows[] = {
      {"at the end", {1, 2, 50}, 0, milliseconds(0)},
      {"behind the end of a file that has ended", {1, 1, 400}, 6, seconds(7)},
      {"at a point: exact", {1, 1, 300}, 6, seconds(7)},
      {"half way between two points", {1, 1, 200}, 8, seconds(9)},
      {"at the first point", {1, 1, 100}, 10, seconds(9)},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    const auto lag = history.behind(row.place, begin + seconds(10));
    ASSERT_TRUE(lag);
    EXPECT_EQ(lag->transactions, row.transactions);
    EXPECT_EQ(lag->time, row.time);
  }
  EXPECT_FALSE(history.behind({1, 1, 99}, begin)) << "before all that is known";
}

TEST(LagHistory, ForgetsDetailsAndNeverTheBeginning) {
  LagHistory history;
  const LagHistory::Time begin{};
  for (std::uint64_t i = 1; i <= 100'000; ++i) {
    history.note({1, 1, i * 10}, i, begin + milliseconds(i));
  }
  EXPECT_LE(history.size(), LagHistory::kPointsMax);
  const auto lag = history.behind({1, 1, 10}, begin + milliseconds(100'000));
  ASSERT_TRUE(lag);
  EXPECT_EQ(lag->transactions, 99'999U);
  const auto last = history.behind({1, 1, 999'990}, begin + milliseconds(100'000));
  ASSERT_TRUE(last);
  EXPECT_EQ(last->transactions, 1U);
  const auto middle = history.behind({1, 1, 500'000}, begin + milliseconds(100'000));
  ASSERT_TRUE(middle);
  EXPECT_NEAR(static_cast<double>(middle->transactions), 50'000, 1);
}

}  // namespace
}  // namespace tiderelay::tests
