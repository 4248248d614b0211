// control/prechecks.cc: the judgement: facts in, rows out.
#include "control/prechecks.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <string_view>

namespace tiderelay::control {

namespace json = boost::json;

namespace {

constexpr std::uint32_t kMysqlOldest = 50'600;
constexpr std::uint32_t kMysqlNext = 100'000;
constexpr std::uint32_t kMariaOldest = 100'002;
constexpr std::uint32_t kMariaNext = 130'000;
constexpr std::uint32_t kCascadesLogged = 90'600;  // MySQL: cascades are row events of their own
constexpr const char* kSkipped = "skipped by configuration";

// "8.0.31", "5.5.5-10.11.6-MariaDB", "5.7.mysql_aurora.2.11.2": the first numbers.
std::uint32_t version_number(std::string_view text) {
  if (text.starts_with("5.5.5-")) text.remove_prefix(6);
  std::uint32_t number = 0;
  for (const std::uint32_t weight : {10'000U, 100U, 1U}) {
    std::uint32_t part = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), part);
    if (failure != std::errc()) break;
    number += part * weight;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.starts_with('.')) break;
    text.remove_prefix(1);
  }
  return number;
}

CheckRow new_row(const char* item, const char* name, const char* about, const std::string& where) {
  CheckRow row;
  row.item = item;
  row.name = name;
  row.about = about;
  row.extra = "address of db instance - " + where;
  return row;
}

void add(CheckRow& row, CheckState severity, const std::string& text,
         const std::string& instruction = "", const std::string& self = "") {
  CheckIssue issue;
  issue.severity = severity;
  issue.text = text;
  issue.instruction = instruction;
  issue.self = self;
  row.issues.push_back(std::move(issue));
}

void add_error(CheckRow& row, const Error& error, const std::string& instruction,
               const std::string& self = "") {
  add(row, CheckState::kFail, error.text(), error.way_out().empty() ? instruction : error.way_out(),
      self);
}

std::string how_to_set(const SourceFacts& facts, const std::string& name,
                       const std::string& value) {
  if (facts.managed()) {
    return fmt::format(
        "set {} to {} in the parameter group of the cluster (or instance) and restart the writer",
        name, value);
  }
  return fmt::format("set {} = {} in the server's configuration file and restart it", name, value);
}

CheckRow check_version(const SourceFacts& facts) {
  CheckRow row = new_row("version", "mysql_version", "check whether mysql version is satisfied",
                         facts.address);
  const std::uint32_t number = version_number(facts.version);
  if (facts.tidb) {
    add(row, CheckState::kFail, "TiDB writes no binlog that replicas can read",
        "name a MySQL, Aurora or MariaDB server as the source");
  } else if (facts.mariadb && (number < kMariaOldest || number >= kMariaNext)) {
    add(row, CheckState::kWarn, "MariaDB " + facts.version + " is outside 10.0.2 to 12");
  } else if (!facts.mariadb && (number < kMysqlOldest || number >= kMysqlNext)) {
    add(row, CheckState::kWarn, "MySQL " + facts.version + " is outside 5.6 to 9");
  }
  return row;
}

CheckRow check_server_id(const SourceFacts& facts) {
  CheckRow row = new_row("server_id", "mysql_server_id",
                         "check whether mysql server_id has been greater than 0", facts.address);
  if (facts.variable("server_id") == "0") {
    add(row, CheckState::kFail, "server_id is 0: the server refuses replicas",
        how_to_set(facts, "server_id", "a number that no other server has"));
  }
  return row;
}

CheckRow check_log_bin(const SourceFacts& facts) {
  CheckRow row = new_row("binlog_enable", "mysql_binlog_enable",
                         "check whether mysql binlog is enabled", facts.address);
  if (facts.variable("log_bin") == "OFF") {
    const std::string way =
        facts.managed() ? "name the writer's endpoint; there the binlog is on once "
                          "binlog_format is ROW in the parameter group of the cluster (RDS: "
                          "with automated backups) and the writer was restarted"
                        : how_to_set(facts, "log_bin", "ON");
    add(row, CheckState::kFail, "log_bin is OFF, and should be ON", way);
  } else if (facts.binlog_status_empty) {
    add(row, CheckState::kFail, "the server shows no binlog position: a reader endpoint?",
        "name the writer's endpoint");
  }
  return row;
}

CheckRow check_endpoint(const SourceFacts& facts) {
  CheckRow row = new_row("endpoint", "writer endpoint checker",
                         "check whether the source is a writer", facts.address);
  if (facts.variable("innodb_read_only") == "ON" || facts.variable("innodb_read_only") == "1") {
    add(row, CheckState::kFail, "innodb_read_only is ON: this is a reader endpoint",
        "name the writer's endpoint (of an Aurora cluster: the cluster endpoint)");
  }
  return row;
}

CheckRow check_value(const SourceFacts& facts, const char* item, const char* name,
                     const char* variable, const char* wanted) {
  const std::string about = fmt::format("check whether mysql {} is {}", variable, wanted);
  CheckRow row = new_row(item, name, about.c_str(), facts.address);
  const std::string value = facts.variable(variable);
  if (!value.empty() && value != wanted) {
    std::string way = how_to_set(facts, variable, wanted);
    if (!facts.managed()) way += ", or SET GLOBAL it and let all sessions connect again";
    add(row, CheckState::kFail, fmt::format("{} is {}, and should be {}", variable, value, wanted),
        way);
  }
  return row;
}

CheckRow check_event_forms(const SourceFacts& facts) {
  CheckRow row = new_row("binlog_forms", "binlog event form checker",
                         "check whether all events can be applied", facts.address);
  if (facts.variable("binlog_row_value_options").find("PARTIAL_JSON") != std::string::npos) {
    add(row, CheckState::kFail, "binlog_row_value_options is PARTIAL_JSON, which is not applied",
        how_to_set(facts, "binlog_row_value_options", "''"));
  }
  if (facts.variable("log_bin_compress") == "ON") {
    add(row, CheckState::kFail, "log_bin_compress is ON: compressed events are not applied",
        how_to_set(facts, "log_bin_compress", "OFF"));
  }
  if (facts.variable("encrypt_binlog") == "ON") {
    add(row, CheckState::kWarn, "encrypt_binlog is ON: the relay log here is not encrypted");
  }
  return row;
}

CheckRow check_dump_privilege(const SourceFacts& facts) {
  CheckRow row = new_row("dump_privilege", "source db dump privilege checker",
                         "check dump privileges of source DB", facts.address);
  if (facts.tables_unknown) add_error(row, *facts.tables_unknown, "");
  for (const TableFacts& table : facts.tables) {
    if (!table.unreadable) continue;
    add_error(row, *table.unreadable, "GRANT SELECT ON " + table.source + " to the account",
              table.source);
  }
  return row;
}

CheckRow check_replication_privilege(const SourceFacts& facts) {
  CheckRow row = new_row("replication_privilege", "source db replication privilege checker",
                         "check replication privileges of source DB", facts.address);
  if (facts.binlog_status) {
    add_error(row, *facts.binlog_status,
              facts.mariadb ? "GRANT BINLOG MONITOR ON *.* to the account (before 10.5: "
                              "REPLICATION CLIENT)"
                            : "GRANT REPLICATION CLIENT ON *.* to the account");
  }
  if (facts.registration) {
    add_error(row, *facts.registration, "GRANT REPLICATION SLAVE ON *.* to the account");
  }
  return row;
}

CheckRow check_tables(const SourceFacts& facts) {
  CheckRow row = new_row("table_schema", "table structure compatibility check",
                         "check compatibility of table structure", facts.address);
  if (facts.tables.empty() && !facts.tables_unknown) {
    add(row, CheckState::kWarn, "the task's lists take no table that this account can see",
        "look at the lists; a table without any privilege of the account is invisible to it");
  }
  for (const TableFacts& table : facts.tables) {
    if (table.has_key) continue;
    add(row, CheckState::kWarn, "primary/unique key does not exist",
        "give the table a primary key; without one it is copied under a short lock and its changes "
        "are applied one by one",
        table.source);
  }
  return row;
}

CheckRow check_cascades(const SourceFacts& facts) {
  CheckRow row =
      new_row("foreign_key", "cascading foreign key checker",
              "check whether changes cascade that the binlog does not have", facts.address);
  if (!facts.mariadb && version_number(facts.version) >= kCascadesLogged) return row;
  for (const TableFacts& table : facts.tables) {
    for (const std::string& key : table.cascades) {
      add(row, CheckState::kFail, "changes of its parent cascade, unseen by the binlog: " + key,
          "leave the table out, make the key RESTRICT, or, where no change ever cascades, set "
          "tiderelay.assume-no-cascade: true in the task file",
          table.source);
    }
  }
  return row;
}

CheckRow check_target(const TargetFacts& facts, const conf::TaskConfig& task) {
  CheckRow row = new_row("target_privilege", "target db privilege checker",
                         "check whether the target can be written", facts.address);
  if (facts.unreachable) {
    add_error(row, *facts.unreachable, "look at target-database in the task file");
  } else if (facts.meta_schema) {
    add_error(row, *facts.meta_schema,
              "GRANT ALL ON " + task.meta_schema +
                  ".* to the account, or name another schema with meta-schema",
              task.meta_schema);
  }
  return row;
}

CheckRow check_triggers(const TargetFacts& facts) {
  CheckRow row = new_row("target_triggers", "target trigger checker",
                         "check whether triggers of the target would write rows", facts.address);
  if (facts.triggers_unknown) add_error(row, *facts.triggers_unknown, "");
  for (const std::string& trigger : facts.triggers) {
    add(row, CheckState::kFail, "a trigger would write what the log has already",
        "DROP TRIGGER it at the target", trigger);
  }
  return row;
}

void add_source_rows(const conf::TaskConfig& task, const SourceFacts& facts,
                     std::vector<CheckRow>& rows) {
  if (facts.unreachable) {
    CheckRow row = new_row("connection", "source db connection",
                           "check the connection to the source", facts.address);
    add_error(row, *facts.unreachable, "look at `from` in the source file of " + facts.source_id);
    rows.push_back(std::move(row));
    return;
  }
  rows.push_back(check_version(facts));
  if (task.mode != conf::TaskMode::kFull) {
    rows.push_back(check_server_id(facts));
    rows.push_back(check_log_bin(facts));
    rows.push_back(
        check_value(facts, "binlog_format", "mysql_binlog_format", "binlog_format", "ROW"));
    rows.push_back(check_value(facts, "binlog_row_image", "mysql_binlog_row_image",
                               "binlog_row_image", "FULL"));
    rows.push_back(check_event_forms(facts));
    rows.push_back(check_endpoint(facts));
  }
  if (task.mode != conf::TaskMode::kIncremental) rows.push_back(check_dump_privilege(facts));
  if (task.mode != conf::TaskMode::kFull) rows.push_back(check_replication_privilege(facts));
  rows.push_back(check_tables(facts));
  if (!task.tiderelay.assume_no_cascade) rows.push_back(check_cascades(facts));
}

// What no configuration may wave through: rows would be lost, or nothing would run.
bool may_be_skipped(const CheckRow& row) {
  return row.item != "connection" && row.item != "foreign_key" && row.item != "target_triggers";
}

void skip_ignored(const conf::TaskConfig& task, std::vector<CheckRow>& rows) {
  const auto& ignored = task.ignore_checking_items;
  const bool all = std::ranges::find(ignored, "all") != ignored.end();
  for (CheckRow& row : rows) {
    const bool named = std::ranges::find(ignored, row.item) != ignored.end();
    if ((!all && !named) || !may_be_skipped(row)) continue;
    row.skipped = true;
    row.issues.clear();
    row.instruction = kSkipped;
  }
}

const char* state_word(CheckState state) {
  switch (state) {
    case CheckState::kSuccess:
      return "success";
    case CheckState::kWarn:
      return "warn";
    case CheckState::kFail:
      return "fail";
  }
  return "fail";
}

json::object row_object(const CheckRow& row, std::size_t id) {
  json::array errors;
  for (const CheckIssue& issue : row.issues) {
    json::object error;
    error["severity"] = state_word(issue.severity);
    error["short_error"] = issue.text;
    error["self"] = issue.self;
    error["other"] = issue.other;
    error["instruction"] = issue.instruction;
    errors.push_back(std::move(error));
  }
  json::object object;
  object["id"] = id;
  object["name"] = row.name;
  object["desc"] = row.about;
  object["state"] = state_word(row.state());
  object["errors"] = std::move(errors);
  object["instruction"] = row.instruction;
  object["extra"] = row.extra;
  return object;
}

}  // namespace

CheckState CheckRow::state() const {
  CheckState worst = CheckState::kSuccess;
  for (const CheckIssue& issue : issues) worst = std::max(worst, issue.severity);
  return worst;
}

CheckState CheckReport::state() const {
  CheckState worst = CheckState::kSuccess;
  for (const CheckRow& row : rows) worst = std::max(worst, row.state());
  return worst;
}

std::string SourceFacts::variable(const std::string& name) const {
  const auto found = variables.find(name);
  std::string value = found == variables.end() ? "" : found->second;
  std::ranges::transform(value, value.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  return value;
}

bool SourceFacts::managed() const {
  const auto basedir = variables.find("basedir");
  return variables.contains("aurora_version") || variables.contains("aurora_server_id") ||
         (basedir != variables.end() && basedir->second.starts_with("/rdsdbbin"));
}

CheckReport judge(const conf::TaskConfig& task, const std::vector<SourceFacts>& sources,
                  const TargetFacts& target) {
  CheckReport report;
  for (const SourceFacts& facts : sources) {
    add_source_rows(task, facts, report.rows);
    if (facts.unreachable) report.unreachable = facts.unreachable->in("source " + facts.source_id);
  }
  if (target.unreachable) report.unreachable = target.unreachable->in("target");
  report.rows.push_back(check_target(target, task));
  if (!target.unreachable) report.rows.push_back(check_triggers(target));
  skip_ignored(task, report.rows);
  return report;
}

json::object report_object(const CheckReport& report, ReportLimits limits) {
  json::array results;
  std::size_t counts[3] = {0, 0, 0};
  for (std::size_t id = 0; id < report.rows.size(); ++id) {
    const CheckRow& row = report.rows[id];
    const CheckState state = row.state();
    const std::size_t before = counts[static_cast<std::size_t>(state)]++;
    const bool shown = state == CheckState::kSuccess ? row.skipped
                       : state == CheckState::kWarn  ? before < limits.warnings_max
                                                     : before < limits.errors_max;
    if (shown) results.push_back(row_object(row, id));
  }
  json::object summary;
  summary["passed"] = counts[static_cast<std::size_t>(CheckState::kFail)] == 0;
  summary["total"] = report.rows.size();
  summary["successful"] = counts[static_cast<std::size_t>(CheckState::kSuccess)];
  summary["failed"] = counts[static_cast<std::size_t>(CheckState::kFail)];
  summary["warning"] = counts[static_cast<std::size_t>(CheckState::kWarn)];
  json::object object;
  object["results"] = std::move(results);
  object["summary"] = std::move(summary);
  return object;
}

std::string report_text(const CheckReport& report, CheckState from) {
  std::string text;
  for (const CheckRow& row : report.rows) {
    for (const CheckIssue& issue : row.issues) {
      if (issue.severity < from) continue;
      text += fmt::format("{}: {}{}{} ({}; {})\n",
                          issue.severity == CheckState::kFail ? "error" : "warning", issue.self,
                          issue.self.empty() ? "" : ": ", issue.text, row.item, row.extra);
      if (!issue.instruction.empty()) text += "  -> " + issue.instruction + "\n";
    }
  }
  return text;
}

}  // namespace tiderelay::control
