// control/prechecks.cc: the judgement: facts in, rows out.
#include "control/prechecks.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "control/precheck_rows.h"

namespace tiderelay::control {

namespace json = boost::json;

namespace {

constexpr const char* kSkipped = "skipped by configuration";

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

CheckRow new_row(const char* item, const std::string& name, const std::string& about,
                 const std::string& where) {
  CheckRow row;
  row.item = item;
  row.name = name;
  row.about = about;
  row.extra = "address of db instance - " + where;
  return row;
}

void add_issue(CheckRow& row, CheckState severity, const std::string& text,
               const std::string& instruction, const std::string& self, const std::string& other) {
  CheckIssue issue;
  issue.severity = severity;
  issue.text = text;
  issue.instruction = instruction;
  issue.self = self;
  issue.other = other;
  row.issues.push_back(std::move(issue));
}

void add_error(CheckRow& row, const Error& error, const std::string& instruction,
               const std::string& self) {
  add_issue(row, CheckState::kFail, error.text(),
            error.way_out().empty() ? instruction : error.way_out(), self);
}

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

std::optional<std::uint64_t> SourceFacts::number(const std::string& name) const {
  const std::string text = variable(name);
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc()) return std::nullopt;
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
    std::vector<CheckRow> rows;
    if (facts.unreachable) {
      report.unreachable = facts.unreachable->in("source " + facts.source_id);
      rows.push_back(new_row("connection", "source db connection",
                             "check the connection to the source", facts.address));
      add_error(rows.back(), *facts.unreachable,
                "look at `from` in the source file of " + facts.source_id);
    } else {
      add_server_rows(task, facts, rows);
      add_table_rows(task, facts, target, rows);
    }
    for (CheckRow& row : rows) {
      row.source = facts.source_id;
      report.rows.push_back(std::move(row));
    }
  }
  if (target.unreachable) report.unreachable = target.unreachable->in("target");
  add_target_rows(task, sources, target, report.rows);
  skip_ignored(task, report.rows);
  for (const conf::Note& note : task.notes) report.notes.push_back(conf::to_text(note));
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
  json::array notes;
  for (const std::string& note : report.notes) notes.push_back(json::string(note));
  object["notes"] = std::move(notes);
  return object;
}

std::string check_message(const CheckReport& report) {
  constexpr const char* kNotPassed =
      "[code=26005:class=dm-master:scope=internal:level=medium], Message: fail to check "
      "synchronization configuration with type: ";
  switch (report.state()) {
    case CheckState::kFail:
      return std::string(kNotPassed) + "check was failed, please see detail";
    case CheckState::kWarn:
      return std::string(kNotPassed) + "no errors but some warnings";
    case CheckState::kSuccess:
      break;
  }
  return "pre-check is passed. ";
}

json::object check_answer(const CheckReport& report, ReportLimits limits) {
  json::object answer;
  answer["result"] = report.state() != CheckState::kFail;
  answer["msg"] = check_message(report);
  answer["checkResult"] = report_object(report, limits);
  return answer;
}

std::string report_text(const CheckReport& report, CheckState from) {
  std::string text;
  for (const CheckRow& row : report.rows) {
    for (const CheckIssue& issue : row.issues) {
      if (issue.severity < from) continue;
      text += fmt::format("{}: {}{}{}{} ({}; {})\n",
                          issue.severity == CheckState::kFail ? "error" : "warning",
                          row.source.empty() ? "" : "source " + row.source + ": ", issue.self,
                          issue.self.empty() ? "" : ": ", issue.text, row.item, row.extra);
      if (!issue.instruction.empty()) text += "  -> " + issue.instruction + "\n";
    }
  }
  return text;
}

}  // namespace tiderelay::control
