#include "control/prechecks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <functional>

namespace tiderelay::control {
namespace {

SourceFacts healthy() {
  SourceFacts facts;
  facts.source_id = "s1";
  facts.address = "10.0.0.1:3306";
  facts.version = "5.7.mysql_aurora.2.11.2";
  facts.gtid_on = true;
  facts.variables = {{"server_id", "7"},
                     {"log_bin", "ON"},
                     {"binlog_format", "row"},
                     {"binlog_row_image", "FULL"},
                     {"innodb_read_only", "OFF"}};
  TableFacts table;
  table.source = "db.t";
  table.target = "db.t";
  facts.tables.push_back(table);
  return facts;
}

CheckState state_of(const CheckReport& report, const std::string& item) {
  const auto row = std::ranges::find(report.rows, item, &CheckRow::item);
  EXPECT_NE(row, report.rows.end()) << item;
  return row == report.rows.end() ? CheckState::kSuccess : row->state();
}

TEST(Prechecks, AHealthySourcePasses) {
  const CheckReport report = judge({}, {healthy()}, {});
  EXPECT_EQ(report.state(), CheckState::kSuccess) << report_text(report, CheckState::kWarn);
  EXPECT_TRUE(report_text(report, CheckState::kWarn).empty());
}

struct Case {
  const char* item;
  CheckState state;
  const char* text;  // of the issue or its way out
  std::function<void(SourceFacts&)> spoil;
};

const Error kDenied(1227, "42000", "Access denied");

std::vector<Case> cases_of_the_server() {
  return {
      {"version", CheckState::kWarn, "5.5.62", [](auto& f) { f.version = "5.5.62"; }},
      {"version", CheckState::kFail, "TiDB", [](auto& f) { f.tidb = true; }},
      {"server_id", CheckState::kFail, "is 0", [](auto& f) { f.variables["server_id"] = "0"; }},
      {"binlog_enable", CheckState::kFail, "log_bin is OFF",
       [](auto& f) { f.variables["log_bin"] = "OFF"; }},
      {"binlog_enable", CheckState::kFail, "writer", [](auto& f) { f.binlog_status_empty = true; }},
      {"binlog_format", CheckState::kFail, "configuration file",
       [](auto& f) { f.variables["binlog_format"] = "STATEMENT"; }},
      {"binlog_format", CheckState::kFail, "parameter group",
       [](auto& f) {
         f.variables["binlog_format"] = "MIXED";
         f.variables["aurora_version"] = "2.11.2";
       }},
      {"binlog_row_image", CheckState::kFail, "should be FULL",
       [](auto& f) { f.variables["binlog_row_image"] = "MINIMAL"; }},
      {"binlog_forms", CheckState::kFail, "PARTIAL_JSON",
       [](auto& f) { f.variables["binlog_row_value_options"] = "PARTIAL_JSON"; }},
      {"binlog_forms", CheckState::kFail, "log_bin_compress",
       [](auto& f) { f.variables["log_bin_compress"] = "ON"; }},
      {"endpoint", CheckState::kFail, "reader endpoint",
       [](auto& f) { f.variables["innodb_read_only"] = "ON"; }},
  };
}

std::vector<Case> cases_of_rights_and_tables() {
  return {
      {"dump_privilege", CheckState::kFail, "GRANT SELECT ON db.t",
       [](auto& f) { f.tables[0].unreadable = kDenied; }},
      {"replication_privilege", CheckState::kFail, "REPLICATION CLIENT",
       [](auto& f) { f.binlog_status = kDenied; }},
      {"replication_privilege", CheckState::kFail, "REPLICATION SLAVE",
       [](auto& f) { f.registration = kDenied; }},
      {"dump_privilege", CheckState::kFail, "GRANT LOCK TABLES ON db.*",
       [](auto& f) {
         f.gtid_on = false;
         f.lock_refused = {{"db", kDenied}};
       }},
      {"binlog_db", CheckState::kFail, "binlog_do_db", [](auto& f) { f.binlog_do_db = "a,db2"; }},
      {"binlog_db", CheckState::kFail, "binlog_ignore_db",
       [](auto& f) { f.binlog_ignore_db = "a,db"; }},
      {"conn_number", CheckState::kFail, "max_connections is 5",
       [](auto& f) { f.variables["max_connections"] = "5"; }},
      {"conn_number", CheckState::kWarn, "97 of 100",
       [](auto& f) {
         f.variables["max_connections"] = "100";
         f.connections = 97;
       }},
      {"gtid_mode", CheckState::kFail, "enable-gtid",
       [](auto& f) {
         f.wants_gtid = true;
         f.gtid_on = false;
       }},
      {"log_replica_updates", CheckState::kFail, "not in its log",
       [](auto& f) {
         f.is_replica = true;
         f.variables["log_slave_updates"] = "OFF";
       }},
      {"binlog_retention", CheckState::kWarn, "binlog_expire_logs_seconds = ",
       [](auto& f) { f.variables["binlog_expire_logs_seconds"] = "60"; }},
      {"binlog_retention", CheckState::kWarn, "rds_set_configuration",
       [](auto& f) { f.retention_hours = 0; }},
      {"disk_space", CheckState::kWarn, "3 MiB are free",
       [](auto& f) {
         f.free_bytes = 3U << 20U;
         f.folder_bytes = 1U << 30U;
       }},
      {"open_xa", CheckState::kWarn, "XA COMMIT", [](auto& f) { f.prepared_xa = true; }},
      {"online_ddl", CheckState::kFail, "pt/ghost",
       [](auto& f) {
         f.tables.push_back(f.tables[0]);
         f.tables[1].source = f.tables[1].target = "db._t_gho";
       }},
      {"table_schema", CheckState::kWarn, "key does not exist",
       [](auto& f) { f.tables[0].has_key = false; }},
      {"table_schema", CheckState::kWarn, "take no table", [](auto& f) { f.tables.clear(); }},
      {"foreign_key", CheckState::kFail, "assume-no-cascade",
       [](auto& f) { f.tables[0].cascades = {"fk ON DELETE CASCADE"}; }},
      {"connection", CheckState::kFail, "source file of s1",
       [](auto& f) { f.unreachable = kDenied; }},
  };
}

TEST(Prechecks, EachFactHasItsRow) {
  std::vector<Case> cases = cases_of_the_server();
  for (Case& one : cases_of_rights_and_tables()) cases.push_back(std::move(one));
  for (const Case& one : cases) {
    SourceFacts facts = healthy();
    one.spoil(facts);
    const CheckReport report = judge({}, {facts}, {});
    EXPECT_EQ(state_of(report, one.item), one.state) << one.item << " " << one.text;
    EXPECT_EQ(report.state(), one.state) << one.item;
    const std::string text = report_text(report, CheckState::kWarn);
    EXPECT_NE(text.find(one.text), std::string::npos) << text;
  }
}

TEST(Prechecks, CascadesThatTheServerLogsAndOfUsersWhoKnowArePassed) {
  SourceFacts facts = healthy();
  facts.tables[0].cascades = {"fk ON DELETE CASCADE"};
  conf::TaskConfig task;
  task.tiderelay.assume_no_cascade = true;
  EXPECT_EQ(judge(task, {facts}, {}).state(), CheckState::kSuccess);
  facts.variables["innodb_native_foreign_keys"] = "OFF";
  EXPECT_EQ(judge({}, {facts}, {}).state(), CheckState::kSuccess);
  facts.variables["innodb_native_foreign_keys"] = "ON";
  const CheckReport report = judge({}, {facts}, {});
  EXPECT_EQ(report.state(), CheckState::kFail) << "9.7 with InnoDB's own foreign keys";
  EXPECT_NE(report_text(report, CheckState::kFail).find("=OFF"), std::string::npos);
}

TEST(Prechecks, IgnoredItemsAreSkippedByConfigurationAndShown) {
  SourceFacts facts = healthy();
  facts.registration = Error(1227, "42000", "Access denied");
  facts.tables[0].cascades = {"fk ON DELETE CASCADE"};
  conf::TaskConfig task;
  task.ignore_checking_items = {"replication_privilege", "foreign_key"};
  const CheckReport report = judge(task, {facts}, {});
  EXPECT_EQ(state_of(report, "replication_privilege"), CheckState::kSuccess);
  EXPECT_EQ(state_of(report, "foreign_key"), CheckState::kFail) << "has a key of its own";
  const std::string shown = boost::json::serialize(report_object(report, {}));
  EXPECT_NE(shown.find("skipped by configuration"), std::string::npos) << shown;
}

TEST(Prechecks, TheTargetMustTakeTheMetaSchemaAndHaveNoTriggers) {
  TargetFacts target;
  RefusedRight refused;
  refused.right = "CREATE";
  refused.on = "`dm_meta`.*";
  refused.error = Error(1044, "42000", "Access denied");
  target.meta_rights = {refused};
  const CheckReport report = judge({}, {healthy()}, target);
  EXPECT_EQ(state_of(report, "target_privilege"), CheckState::kFail);
  EXPECT_NE(report_text(report, CheckState::kFail).find("GRANT CREATE ON `dm_meta`.*"),
            std::string::npos);
  target = {};
  refused.right = "ALTER";
  target.rights = {refused};
  EXPECT_EQ(state_of(judge({}, {healthy()}, target), "target_privilege"), CheckState::kWarn);
  target = {};
  target.variables["read_only"] = "ON";
  EXPECT_EQ(state_of(judge({}, {healthy()}, target), "target_privilege"), CheckState::kFail);
  target = {};
  target.triggers = {"db.t: copies"};
  EXPECT_EQ(state_of(judge({}, {healthy()}, target), "target_triggers"), CheckState::kFail);
  target = {};
  target.unreachable = Error(Errc::kConnection, "refused");
  EXPECT_TRUE(judge({}, {healthy()}, target).unreachable);
}

TEST(Prechecks, TablesAreTranslatedForTheTargetOrComparedWithIt) {
  SourceFacts facts = healthy();
  facts.tables[0].create_sql =
      "CREATE TABLE `t` (`id` int NOT NULL, `g` geometry DEFAULT NULL, PRIMARY KEY (`id`))";
  EXPECT_NE(state_of(judge({}, {facts}, {}), "table_schema"), CheckState::kSuccess)
      << "TiDB has no geometry";
  facts.tables[0].create_sql =
      "CREATE TABLE `t` (`id` int NOT NULL, `v` varchar(10) CHARACTER SET "
      "utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL, PRIMARY KEY (`id`))";
  EXPECT_EQ(state_of(judge({}, {facts}, {}), "table_schema"), CheckState::kSuccess);
  TargetFacts target;
  target.tables["db.t"] = "CREATE TABLE `t` (`id` int NOT NULL, PRIMARY KEY (`id`))";
  EXPECT_EQ(state_of(judge({}, {facts}, target), "table_schema"), CheckState::kFail);
  target.synced = {"s1"};
  EXPECT_EQ(state_of(judge({}, {facts}, target), "table_schema"), CheckState::kWarn)
      << "the statement may still be in the log";
}

TEST(Prechecks, SeveralTablesThatBecomeOneAreNamed) {
  SourceFacts other = healthy();
  other.source_id = "s2";
  EXPECT_EQ(state_of(judge({}, {healthy(), other}, {}), "schema_of_shard_tables"),
            CheckState::kWarn);
  other.tables[0].source = other.tables[0].target = "db.T";
  EXPECT_EQ(state_of(judge({}, {healthy(), other}, {}), "name_case"), CheckState::kFail);
}

TEST(Prechecks, TheReportHasDmsShapeAndLimits) {
  SourceFacts facts = healthy();
  facts.variables["binlog_format"] = "MIXED";
  facts.variables["binlog_row_image"] = "MINIMAL";
  const CheckReport report = judge({}, {facts}, {});
  ReportLimits limits;
  limits.errors_max = 1;
  const boost::json::object object = report_object(report, limits);
  const auto& results = object.at("results").as_array();
  ASSERT_EQ(results.size(), 1U);
  const auto& row = results[0].as_object();
  std::vector<std::string> keys;
  for (const auto& item : row) keys.emplace_back(item.key());
  EXPECT_EQ(keys, (std::vector<std::string>{"id", "name", "desc", "state", "errors", "instruction",
                                            "extra"}));
  EXPECT_EQ(row.at("state").as_string(), "fail");
  const auto& summary = object.at("summary").as_object();
  EXPECT_EQ(summary.at("failed").to_number<int>(), 2);
  EXPECT_FALSE(summary.at("passed").as_bool());
  EXPECT_EQ(summary.at("total").to_number<std::size_t>(), report.rows.size());
}

}  // namespace
}  // namespace tiderelay::control
