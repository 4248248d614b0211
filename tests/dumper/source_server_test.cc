#include "dumper/source_server.h"

#include <gtest/gtest.h>

namespace tiderelay::dumper {
namespace {

constexpr char kA[] = "aaaaaaaa-0000-0000-0000-000000000000";
constexpr char kB[] = "bbbbbbbb-0000-0000-0000-000000000000";

relay::StatementResult rows(const std::vector<std::vector<relay::TextValue>>& values) {
  relay::StatementResult result;
  result.rows = values;
  return result;
}

SourceServer server(const std::string& version, const std::string& gtid_mode) {
  const auto described = describe_source(
      version,
      rows({{"server_uuid", kA}, {"server_id", "7"}, {"gtid_mode", gtid_mode}, {"log_bin", "ON"}}));
  EXPECT_TRUE(described.has_value()) << described.error().text();
  return *described;
}

TEST(SourceServer, ChoosesHowItsLowIsRead) {
  struct Row {
    const char* version;
    const char* gtid_mode;
    bool no_locks;
    LowMethod method;
    const char* position_statement;
  };
  const Row table[] = {
      {"5.6.24-log", "ON", false, LowMethod::kGtidSetMinusOwned, "SHOW MASTER STATUS"},
      {"5.7.29-log", "ON", true, LowMethod::kGtidSet, "SHOW MASTER STATUS"},
      {"8.0.31", "ON_PERMISSIVE", false, LowMethod::kTableLock, "SHOW MASTER STATUS"},
      {"8.4.0", "OFF", true, LowMethod::kUnlocked, "SHOW BINARY LOG STATUS"},
      {"9.7.4", "ON", false, LowMethod::kGtidSet, "SHOW BINARY LOG STATUS"},
      {"5.5.5-10.11.6-MariaDB-log", "", true, LowMethod::kSnapshot, "SHOW MASTER STATUS"},
      {"11.8.9-MariaDB", "", false, LowMethod::kSnapshot, "SHOW MASTER STATUS"},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.version);
    const SourceServer source = server(row.version, row.gtid_mode);
    EXPECT_EQ(source.low_method(row.no_locks), row.method);
    EXPECT_STREQ(source.position_statement(), row.position_statement);
  }
}

TEST(SourceServer, IsRefusedWithoutABinlogAndBelow56) {
  EXPECT_TRUE(describe_source("8.0.31", rows({{"log_bin", "OFF"}})).has_error());
  EXPECT_TRUE(describe_source("5.5.62", rows({{"log_bin", "ON"}})).has_error());
}

TEST(LowMark, OfMysqlIsTheExecutedSet) {
  relay::QueryOutcome answers;
  answers.results = {rows({{std::string(kA) + ":1-5,\n" + kB + ":1"}}), rows({})};
  const auto reading = low_mark(server("8.0.31", "ON"), answers);
  ASSERT_TRUE(reading.has_value());
  EXPECT_EQ(reading->mark.set, std::string(kA) + ":1-5," + kB + ":1");
  EXPECT_FALSE(reading->prepared_xa);
}

TEST(LowMark, TellsOfPreparedTransactionsAndWhereItMayNotSeeThem) {
  relay::QueryOutcome answers;
  answers.results = {rows({{""}}), rows({{"1", "1", "0", "x"}})};
  EXPECT_TRUE(low_mark(server("5.7.29", "ON"), answers)->prepared_xa);
  answers.results.pop_back();
  answers.error = Error(1401, "XAE03", "XAER_RMERR");
  const auto refused = low_mark(server("8.0.31", "ON"), answers);
  ASSERT_TRUE(refused.has_value());
  EXPECT_TRUE(refused->xa_unknown);
  answers.error = Error(1317, "70100", "interrupted");
  EXPECT_TRUE(low_mark(server("8.0.31", "ON"), answers).has_error());
}

TEST(LowMark, Of56LeavesOutWhatIsStillOwned) {
  relay::QueryOutcome answers;
  answers.results = {rows({{std::string(kA) + ":1-9"}}), rows({{std::string(kA) + ":8#12:9#13"}})};
  const auto reading = low_mark(server("5.6.24", "ON"), answers);
  ASSERT_TRUE(reading.has_value());
  EXPECT_EQ(reading->mark.set, std::string(kA) + ":1-7");
}

TEST(LowMark, OfMariadbIsTheSnapshotsPosition) {
  relay::QueryOutcome answers;
  answers.results = {
      rows({}),
      rows({{"Binlog_snapshot_file", "binlog.000003"}, {"Binlog_snapshot_position", "4711"}}),
      rows({}), rows({})};
  const auto reading = low_mark(server("10.11.6-MariaDB", ""), answers);
  ASSERT_TRUE(reading.has_value());
  EXPECT_EQ(reading->mark.position, "binlog.000003:4711");
  EXPECT_EQ(snapshot_set_sql(reading->mark.position),
            "SELECT BINLOG_GTID_POS('binlog.000003', 4711)");
}

TEST(EarlierMark, HoldsOnlyWhatBothHold) {
  const SourceServer mysql = server("8.0.31", "ON");
  const LowMark left{std::string(kA) + ":1-9", ""};
  const LowMark right{std::string(kA) + ":1-5," + kB + ":1", ""};
  EXPECT_EQ(earlier_mark(mysql, left, right)->set, std::string(kA) + ":1-5");
  EXPECT_FALSE(*mark_contains(mysql, left, right));
  EXPECT_TRUE(*mark_contains(mysql, left, {std::string(kA) + ":2", ""}));

  const SourceServer maria = server("10.11.6-MariaDB", "");
  const LowMark first{"0-1-9,1-1-3", "b.000002:500"};
  const LowMark second{"0-1-7", "b.000010:4"};
  EXPECT_EQ(earlier_mark(maria, first, second)->set, "0-1-7");
  EXPECT_EQ(earlier_mark(maria, first, second)->position, "b.000002:500")
      << "files are ordered by their number";
  EXPECT_TRUE(*mark_contains(maria, first, second));
  EXPECT_FALSE(*mark_contains(maria, second, first));
}

}  // namespace
}  // namespace tiderelay::dumper
