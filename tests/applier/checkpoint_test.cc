#include "applier/checkpoint.h"

#include <gtest/gtest.h>

#include "applier/error_class.h"
#include "applier/session_setup.h"

namespace tiderelay::applier {
namespace {

const CheckpointScope kScope = {"meta", "it's", "s"};

relay::StatementResult result_set(std::vector<std::string> columns,
                                  std::vector<std::vector<relay::TextValue>> rows) {
  relay::StatementResult result;
  for (std::string& name : columns) {
    result.columns.emplace_back();
    result.columns.back().name = std::move(name);
  }
  result.rows = std::move(rows);
  return result;
}

relay::QueryOutcome rows_of(const char* source_epoch, const char* worker_epoch) {
  relay::QueryOutcome outcome;
  outcome.results.emplace_back();  // ROLLBACK
  outcome.results.push_back(
      result_set({"epoch", "seq", "phase", "low_position", "low_set", "rules_fingerprint",
                  "rules_since", "schema_snapshot"},
                 {{source_epoch, "9", "sync", "u.000001/b.000002:4", "u:1-5", "f", "r", "{}"}}));
  outcome.results.push_back(
      result_set({"worker", "epoch", "seq", "applied"},
                 {{"0", worker_epoch, "3", "u:7"}, {"1", "5", "4", "u:6,u:9[0-4]"}}));
  return outcome;
}

TEST(Checkpoint, UpdatesOfTheCoordinatorAreFenced) {
  SourceUpdate update;
  update.low_position = "u.000001/b.000002:4";
  EXPECT_EQ(source_transaction_sql(kScope, {5, 9}, update, {"DELETE FROM x"}),
            "ROLLBACK;BEGIN;UPDATE `meta`.tiderelay_source SET seq=IF(seq=9 AND epoch=5,10,NULL),"
            "low_position='u.000001/b.000002:4' WHERE task='it''s' AND source='s';"
            "DELETE FROM x;COMMIT");
}

TEST(Checkpoint, ReadsTheRowsBackUnlessSomebodyTookOver) {
  const auto rows = read_rows(rows_of("5", "5"), 5);
  ASSERT_TRUE(rows) << rows.error().text();
  EXPECT_EQ(rows->source.seq, 9);
  EXPECT_EQ(rows->source.low_set, "u:1-5");
  EXPECT_EQ(rows->source.schema_snapshot, "{}");
  ASSERT_EQ(rows->workers.size(), 2U);
  EXPECT_EQ(rows->applied().text(), "u:6-7,u:9[0-4]");
  EXPECT_EQ(read_rows(rows_of("6", "5"), 5).error().code(), Errc::kFenced);
  EXPECT_EQ(read_rows(rows_of("5", "6"), 5).error().code(), Errc::kFenced);
  EXPECT_EQ(read_rows(rows_of("x", "5"), 5).error().code(), Errc::kCorrupt);
  EXPECT_EQ(read_rows(relay::QueryOutcome(), 5).error().code(), Errc::kCorrupt);
}

TEST(Checkpoint, ATakeoverRaisesTheEpochThatItSawAndNoOther) {
  relay::QueryOutcome outcome;
  outcome.results.push_back(result_set({"current_epoch"}, {{"7"}}));
  EXPECT_EQ(current_epoch(outcome).value(), 7);
  outcome.error = Error(9007, "HY000", "write conflict");
  EXPECT_EQ(current_epoch(outcome).error().server_code(), 9007);
  const std::string sql = takeover_sql({"m", "t", "s"}, TargetKind::kTidb, 7);
  EXPECT_NE(sql.find("BEGIN PESSIMISTIC;UPDATE `m`.tiderelay_source SET epoch=IF(epoch=7,8,NULL)"),
            std::string::npos)
      << sql;
}

TEST(ErrorClass, DependsOnTheCodeAndOnWhetherItAnswersCommit) {
  struct Case {
    const char* fact;
    std::uint16_t code;
    const char* text;
    bool at_commit;
    ErrorClass expected;
  };
  const Case cases[] = {
      {"a deadlock is tried again", 1213, "", false, ErrorClass::kRetry},
      {"a deadlock at COMMIT is decided", 1213, "", true, ErrorClass::kRetry},
      {"busy at COMMIT is not", 9003, "", true, ErrorClass::kCheck},
      {"a duplicate is a data error, also at COMMIT", 1062, "", true, ErrorClass::kData},
      {"an unlisted code pauses", 1235, "", false, ErrorClass::kData},
      {"an unlisted code at COMMIT is looked into", 1235, "", true, ErrorClass::kCheck},
      {"the known unknown error", 1105, "Information schema is out of date.", false,
       ErrorClass::kRetry},
      {"other unknown errors", 1105, "insert, update and replace statements for _tidb_rowid", false,
       ErrorClass::kData},
      {"damage stops", 8141, "", true, ErrorClass::kFatal},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.fact);
    EXPECT_EQ(classify(Error(one.code, "HY000", one.text), one.at_commit), one.expected);
  }
  EXPECT_EQ(classify(Error(Errc::kConnection, "reset"), false), ErrorClass::kCheck);
}

TEST(TargetInfo, IsReadFromTheGreeting) {
  struct Case {
    const char* version;
    TargetKind kind;
    std::uint32_t number;
  };
  const Case cases[] = {
      {"8.0.11-TiDB-v8.5.3", TargetKind::kTidb, 80503},
      {"5.7.25-TiDB-v6.5.0-alpha", TargetKind::kTidb, 60500},
      {"8.0.31", TargetKind::kMysql, 80031},
      {"5.7.29-log", TargetKind::kMysql, 50729},
      {"5.5.5-10.11.19-MariaDB-0+deb12u1-log", TargetKind::kMariadb, 101119},
      {"11.8.2-MariaDB", TargetKind::kMariadb, 110802},
  };
  for (const Case& one : cases) {
    const TargetInfo info = TargetInfo::from_greeting(one.version);
    EXPECT_EQ(info.kind, one.kind) << one.version;
    EXPECT_EQ(info.version, one.number) << one.version;
  }
}

TEST(SessionSetup, LeavesAloneWhatStatementsRelyOn) {
  SessionOptions options;
  options.variables = {{"SQL_MODE", "ANSI_QUOTES"}, {"tidb_skip_utf8_check", "1"}, {"x", "it's"}};
  const std::string sql = session_setup_sql({TargetKind::kTidb, 80503}, options);
  EXPECT_EQ(sql.find("ANSI_QUOTES"), std::string::npos);
  EXPECT_NE(sql.find("SET SESSION `tidb_skip_utf8_check`=1;"), std::string::npos);
  EXPECT_NE(sql.find("SET SESSION `x`='it''s';"), std::string::npos);
}

}  // namespace
}  // namespace tiderelay::applier
