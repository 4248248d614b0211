// control/prechecks.h: whether a task can run: facts of the servers in, DM's rows out.
//
// judge() decides from facts alone; run_prechecks() asks the servers by doing the thing, never by
// reading grants (Aurora's grants have words that nobody else knows). Rows have DM's names; a fail
// stops the start, a warning does not.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "conf/source_config.h"
#include "conf/task_config.h"

namespace tiderelay::control {

enum class CheckState : std::uint8_t { kSuccess, kWarn, kFail };

struct CheckIssue {
  CheckState severity = CheckState::kFail;
  std::string text;
  std::string self;   // the table or variable in question
  std::string other;  // what it is compared with
  std::string instruction;
};

struct CheckRow {
  std::string item;  // as in ignore-checking-items
  std::string name;
  std::string about;
  std::string instruction;
  std::string extra;
  bool skipped = false;  // by ignore-checking-items
  std::vector<CheckIssue> issues;

  [[nodiscard]] CheckState state() const;
};

struct CheckReport {
  std::vector<CheckRow> rows;
  std::optional<Error> unreachable;  // a server that could not be asked: what fails is not all
  [[nodiscard]] CheckState state() const;
};

struct TableFacts {
  std::string source;  // "db.table"
  std::string target;
  std::optional<Error> unreadable;
  bool has_key = true;
  std::vector<std::string> cascades;  // "fk_name ON DELETE CASCADE"
};

struct SourceFacts {
  std::string source_id;
  std::string address;
  std::optional<Error> unreachable;
  std::string version;
  bool mariadb = false;
  bool tidb = false;
  std::map<std::string, std::string> variables;  // names in lower case; missing: not there
  std::optional<Error> binlog_status;            // SHOW MASTER STATUS was refused
  bool binlog_status_empty = false;
  std::optional<Error> registration;  // as a replica
  std::vector<TableFacts> tables;
  std::optional<Error> tables_unknown;  // they could not be listed

  [[nodiscard]] std::string variable(const std::string& name) const;  // in upper case
  [[nodiscard]] bool managed() const;                                 // Aurora, RDS
};

struct TargetFacts {
  std::string address;
  std::optional<Error> unreachable;
  std::optional<Error> meta_schema;   // why it cannot be written
  std::vector<std::string> triggers;  // "db.table: name"
  std::optional<Error> triggers_unknown;
};

[[nodiscard]] CheckReport judge(const conf::TaskConfig& task,
                                const std::vector<SourceFacts>& sources, const TargetFacts& target);

// {"results": [...], "summary": {...}}: rows that passed are counted only, skipped ones are shown.
struct ReportLimits {
  std::size_t errors_max = 10;
  std::size_t warnings_max = 10;
};
[[nodiscard]] boost::json::object report_object(const CheckReport& report, ReportLimits limits);
// The issues as lines; empty: none of at least that severity.
[[nodiscard]] std::string report_text(const CheckReport& report, CheckState from);

// Both block until the servers have answered. Of the task's sources those in `sources`.
[[nodiscard]] CheckReport run_prechecks(const conf::TaskConfig& task,
                                        const std::vector<conf::SourceConfig>& sources);
[[nodiscard]] Result<void> try_connect(const conf::SourceConfig& source);

}  // namespace tiderelay::control
