// tests/relay/start_plan_test.cc: from where a server's log is received, and what its errors mean.
#include "relay/start_plan.h"

#include <gtest/gtest.h>

namespace tiderelay::relay {
namespace {

constexpr const char* kGtids = "0a0b0c0d-0000-0000-0000-000000000001:1-10";

GtidState gtids(const char* text) { return GtidState::parse(text).value(); }

// The relay log ends at binlog.000005:900, its last transaction began at 800; the upstream has
// files 3 to 7.
StartFacts facts() {
  StartFacts facts;
  facts.resume = ResumePoint{};
  facts.resume->generation = {1, "server-a", {}};
  facts.resume->file = "binlog.000005";
  facts.resume->begin_bytes = 800;
  facts.resume->end_bytes = 900;
  facts.resume->gtids = gtids(kGtids);
  facts.upstream.server_uuid = "server-a";
  facts.upstream.gtid_mode = "ON";
  for (const char* name :
       {"binlog.000003", "binlog.000004", "binlog.000005", "binlog.000006", "binlog.000007"}) {
    facts.files.push_back({name, 1000});
  }
  return facts;
}

TEST(StartPlan, ResumesFromBeforeTheLastTransaction) {
  const auto plan = plan_start(facts());
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->kind, StartPlan::Kind::kResume);
  EXPECT_EQ(plan->file, "binlog.000005");
  EXPECT_EQ(plan->begin_bytes, 800U);
  EXPECT_EQ(plan->end_bytes, 900U);
}

TEST(StartPlan, AnEmptyLogBeginsWhereTheOptionsSay) {
  struct Row {
    const char* fact;
    StartPoint start;
    const char* file;
  };
  const Row rows[] = {
      {"now", {StartPoint::Kind::kNow, "", {}}, "binlog.000007"},
      {"oldest", {StartPoint::Kind::kOldest, "", {}}, "binlog.000003"},
      {"a file", {StartPoint::Kind::kFile, "binlog.000004", {}}, "binlog.000004"},
      {"a file that is gone", {StartPoint::Kind::kFile, "binlog.000002", {}}, nullptr},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    StartFacts given = facts();
    given.resume.reset();
    given.start = row.start;
    const auto plan = plan_start(given);
    ASSERT_EQ(plan.has_value(), row.file != nullptr);
    if (!plan) {
      EXPECT_EQ(plan.error().code(), Errc::kPurged);
      EXPECT_FALSE(plan.error().way_out().empty());
      continue;
    }
    EXPECT_EQ(plan->kind, StartPlan::Kind::kNewGeneration);
    EXPECT_EQ(plan->file, row.file);
  }
}

TEST(StartPlan, AnEmptyLogWithGtidsAsksForTheFile) {
  StartFacts given = facts();
  given.resume.reset();
  given.start = {StartPoint::Kind::kGtids, "", gtids(kGtids)};
  EXPECT_EQ(plan_start(given)->kind, StartPlan::Kind::kFindByGtids);
  given.searched = true;
  EXPECT_EQ(plan_start(given).error().code(), Errc::kPurged);
  given.found_file = "binlog.000006";
  EXPECT_EQ(plan_start(given)->file, "binlog.000006");
}

TEST(StartPlan, AShorterFileIsAnotherHistory) {
  StartFacts given = facts();
  given.files[2].size_bytes = 899;
  const auto plan = plan_start(given);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->kind, StartPlan::Kind::kNewGeneration);
  EXPECT_EQ(plan->note.why, GenerationNote::Why::kDiverged);
  EXPECT_EQ(plan->file, "binlog.000005");
}

TEST(StartPlan, AFileThatIsGoneIsPurgedUnlessNothingIsMissing) {
  StartFacts given = facts();
  given.files.erase(given.files.begin(), given.files.begin() + 3);  // 6 and 7 are left
  EXPECT_EQ(plan_start(given).error().code(), Errc::kPurged);
  given.file_is_complete = true;
  const auto next = plan_start(given);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->kind, StartPlan::Kind::kNextFile);
  EXPECT_EQ(next->file, "binlog.000006");
  given.files.erase(given.files.begin());
  EXPECT_EQ(plan_start(given).error().code(), Errc::kPurged) << "000006 is missing in between";
}

TEST(StartPlan, ResetFilesAreAnotherHistory) {
  StartFacts given = facts();
  given.files = {{"binlog.000001", 154}};
  given.missing = gtids(kGtids);
  const auto plan = plan_start(given);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->note.why, GenerationNote::Why::kDiverged);
  EXPECT_EQ(plan->file, "binlog.000001");
}

TEST(StartPlan, AnotherServerIsEnteredByGtidsOrNotAtAll) {
  StartFacts given = facts();
  given.upstream.server_uuid = "server-b";
  EXPECT_EQ(plan_start(given)->kind, StartPlan::Kind::kFindByGtids);
  given.searched = true;
  EXPECT_EQ(plan_start(given).error().code(), Errc::kPurged);
  given.found_file = "binlog.000004";
  auto plan = plan_start(given);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->note.why, GenerationNote::Why::kSwitched);
  given.missing = gtids("0a0b0c0d-0000-0000-0000-000000000001:10");
  plan = plan_start(given);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->note.why, GenerationNote::Why::kDiverged);
  EXPECT_NE(plan->note.text.find(":10"), std::string::npos) << "the lost transaction is named";
  given.upstream.gtid_mode = "OFF";
  EXPECT_EQ(plan_start(given).error().code(), Errc::kDiverged);
}

StatementResult variables(std::vector<std::pair<const char*, const char*>> rows) {
  StatementResult result;
  for (const auto& [name, value] : rows) result.rows.push_back({name, value});
  return result;
}

TEST(UpstreamFacts, SayWhatMakesALogUnusable) {
  struct Row {
    const char* fact;
    const char* name;
    const char* value;
    const char* way_out;  // a part of it; null: usable
  };
  const Row rows[] = {
      {"a plain server is fine", "sql_mode", "", nullptr},
      {"no log", "log_bin", "OFF", "log_bin = binlog"},
      {"statements", "binlog_format", "STATEMENT", "binlog_format = 'ROW'"},
      {"mixed", "binlog_format", "MIXED", "binlog_format = 'ROW'"},
      {"our own id", "server_id", "4242", "another server-id"},
      {"no id", "server_id", "0", "server_id"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    auto answer = variables({{"server_uuid", "AAAA"},
                             {"server_id", "7"},
                             {"version", "8.0.31"},
                             {"log_bin", "ON"},
                             {"binlog_format", "ROW"}});
    answer.rows.push_back({row.name, row.value});
    const auto read = read_facts(answer);
    ASSERT_TRUE(read);
    const auto usable = check_facts(*read, 4242);
    ASSERT_EQ(usable.has_value(), row.way_out == nullptr);
    if (!usable) {
      EXPECT_EQ(usable.error().code(), Errc::kConfig);
      EXPECT_NE(usable.error().way_out().find(row.way_out), std::string::npos)
          << usable.error().way_out();
    }
  }
}

TEST(UpstreamFacts, AReaderEndpointIsSentToTheWriter) {
  const auto read = read_facts(variables({{"server_uuid", "a"},
                                          {"server_id", "7"},
                                          {"version", "8.0.28"},
                                          {"aurora_version", "3.04.0"},
                                          {"log_bin", "OFF"},
                                          {"innodb_read_only", "ON"}}));
  const auto usable = check_facts(*read, 1);
  ASSERT_FALSE(usable);
  EXPECT_NE(usable.error().way_out().find("cluster endpoint"), std::string::npos);
}

TEST(UpstreamFacts, MariadbIsNamedByItsUid) {
  const auto with = read_facts(variables({{"server_id", "3"},
                                          {"version", "10.11.6-MariaDB-log"},
                                          {"server_uid", "J6I/IXzp8k+Klok2u895IdUlD78="}}));
  EXPECT_EQ(with->server_uuid, "J6I_IXzp8k-Klok2u895IdUlD78");
  EXPECT_TRUE(with->has_gtids());
  const auto without = read_facts(variables({{"server_id", "3"}, {"version", "10.4.1-MariaDB"}}));
  EXPECT_EQ(without->server_uuid, "mariadb-3");
}

TEST(UpstreamFacts, NoServerOfMysqlIsRefused) {
  EXPECT_EQ(read_facts(StatementResult()).error().code(), Errc::kUnsupported);
}

TEST(UpstreamErrors, AreSortedIntoThoseToRetryAndThoseToStopAt) {
  struct Row {
    std::uint16_t server_code;
    const char* text;
    Errc code;
    const char* way_out;  // a part of it
  };
  const Row rows[] = {
      {1045, "Access denied", Errc::kAuth, "user and password"},
      {1227, "Access denied; you need REPLICATION SLAVE", Errc::kAuth, "TO 'repl'@"},
      {1236, "Could not find first log file name in binary log index file", Errc::kPurged, "SHOW"},
      {1236, "Cannot replicate because the master purged required binary logs.", Errc::kPurged,
       "restore"},
      {1236,
       "A slave with the same server_uuid/server_id as this slave has connected to the master",
       Errc::kConnection, "server-id"},
      {9999, "A slave with the same server_uuid/server_id is already connected; the first event",
       Errc::kConnection, "server-id"},  // MariaDB, whatever its code
      {1236, "Client requested master to start replication from position > file size",
       Errc::kDiverged, "tail"},
      {1236, "log event entry exceeded max_allowed_packet", Errc::kConfig, "SHOW BINLOG EVENTS"},
      {1236, "bogus data in log event", Errc::kCorrupt, "mysqlbinlog"},
      {1040, "Too many connections", Errc::kConnection, "max_connections"},
      {1053, "Server shutdown in progress", Errc::kConnection, ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.text);
    const Error error = explain_upstream_error(Error(row.server_code, "HY000", row.text), "repl");
    EXPECT_EQ(error.code(), row.code);
    EXPECT_NE(error.way_out().find(row.way_out), std::string::npos) << error.way_out();
    EXPECT_EQ(error.text(), row.text) << "the server's own words stay";
  }
}

TEST(UpstreamFacts, ReadsTheGtidsAtTheHeadOfAFile) {
  StatementResult events;
  events.rows.push_back({"binlog.000001", "4", "Format_desc", "1", "123", "Server ver: 5.7"});
  EXPECT_FALSE(read_head(events)->has_value());
  events.rows.push_back({"binlog.000001", "123", "Previous_gtids", "1", "194",
                         "0a0b0c0d-0000-0000-0000-000000000001:1-3,\n"
                         "0a0b0c0d-0000-0000-0000-000000000002:7"});
  EXPECT_EQ(read_head(events)->value().mysql().count(), 4U);
  StatementResult maria;
  maria.rows.push_back({"binlog.000001", "256", "Gtid_list", "1", "285", "[0-1-5,1-2-9]"});
  EXPECT_EQ(read_head(maria)->value().text(), "0-1-5,1-2-9");
}

}  // namespace
}  // namespace tiderelay::relay
