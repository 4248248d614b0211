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

TEST(Prechecks, EachFactHasItsRow) {
  const Error denied(1227, "42000", "Access denied");
  const std::vector<Case> cases = {
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
      {"dump_privilege", CheckState::kFail, "GRANT SELECT ON db.t",
       [&](auto& f) { f.tables[0].unreadable = denied; }},
      {"replication_privilege", CheckState::kFail, "REPLICATION CLIENT",
       [&](auto& f) { f.binlog_status = denied; }},
      {"replication_privilege", CheckState::kFail, "REPLICATION SLAVE",
       [&](auto& f) { f.registration = denied; }},
      {"table_schema", CheckState::kWarn, "key does not exist",
       [](auto& f) { f.tables[0].has_key = false; }},
      {"table_schema", CheckState::kWarn, "take no table", [](auto& f) { f.tables.clear(); }},
      {"foreign_key", CheckState::kFail, "assume-no-cascade",
       [](auto& f) { f.tables[0].cascades = {"fk ON DELETE CASCADE"}; }},
      {"connection", CheckState::kFail, "source file of s1",
       [&](auto& f) { f.unreachable = denied; }},
  };
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

TEST(Prechecks, CascadesOfMysqlNineAndOneAndOfUsersWhoKnowArePassed) {
  SourceFacts facts = healthy();
  facts.tables[0].cascades = {"fk ON DELETE CASCADE"};
  conf::TaskConfig task;
  task.tiderelay.assume_no_cascade = true;
  EXPECT_EQ(judge(task, {facts}, {}).state(), CheckState::kSuccess);
  facts.version = "9.6.0";
  EXPECT_EQ(judge({}, {facts}, {}).state(), CheckState::kSuccess);
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
  target.meta_schema = Error(1044, "42000", "Access denied");
  EXPECT_EQ(state_of(judge({}, {healthy()}, target), "target_privilege"), CheckState::kFail);
  target = {};
  target.triggers = {"db.t: copies"};
  EXPECT_EQ(state_of(judge({}, {healthy()}, target), "target_triggers"), CheckState::kFail);
  target = {};
  target.unreachable = Error(Errc::kConnection, "refused");
  EXPECT_TRUE(judge({}, {healthy()}, target).unreachable);
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
