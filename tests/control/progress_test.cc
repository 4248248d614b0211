#include "control/progress.h"

#include <gtest/gtest.h>

namespace tiderelay::control {
namespace {

NamedStatus copying() {
  NamedStatus one{"test", "mysql-replica-01", {}};
  one.status.stage = Stage::kRunning;
  one.status.unit = Unit::kDump;
  TableProgress table;
  table.source = "test_db.test_table";
  table.rows_done = 250;
  table.rows_estimated = 1000;
  one.status.tables.push_back(table);
  return one;
}

TEST(Progress, BarIsEmptyWithoutATotalAndFullBeyondIt) {
  EXPECT_EQ(progress_bar(0, 0, 4), "----");
  EXPECT_EQ(progress_bar(1, 2, 4), "##--");
  EXPECT_EQ(progress_bar(9, 2, 4), "####");
}

TEST(Progress, CountsAndTimesAreShort) {
  EXPECT_EQ(short_count(950), "950");
  EXPECT_EQ(short_count(1'234'567), "1.2 M");
  EXPECT_EQ(short_duration(std::chrono::seconds(58)), "58 s");
  EXPECT_EQ(short_duration(std::chrono::seconds(12'000)), "3 h 20 min");
}

TEST(Progress, ACopyShowsEachBusyTableWithItsShare) {
  const std::vector<std::string> lines = progress_lines({copying()}, {});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(lines[0].find("0 of 1 tables, 250 of about 1000 rows"), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find("25 %  test_db.test_table"), std::string::npos) << lines[1];
}

TEST(Progress, APausedShareShowsItsErrorAndTheWayOut) {
  NamedStatus one = copying();
  one.status.stage = Stage::kPaused;
  one.status.error = Error(Errc::kData, "row 5 is missing").with_way_out("put it back");
  const std::vector<std::string> lines = progress_lines({one}, {});
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[1], "  row 5 is missing");
  EXPECT_EQ(lines[2], "  -> put it back");
}

TEST(Progress, LinesAreCutToTheTerminalByCharactersNotBytes) {
  NamedStatus one = copying();
  one.status.tables[0].source = "测试库.测试表";
  ProgressStyle style;
  style.columns = 42;
  for (const std::string& line : progress_lines({one}, style)) {
    std::size_t characters = 0;
    for (const char c : line)
      characters += (static_cast<unsigned char>(c) & 0xc0U) != 0x80U ? 1 : 0;
    EXPECT_LE(characters, 42U) << line;
  }
}

}  // namespace
}  // namespace tiderelay::control
