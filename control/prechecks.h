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
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "applier/target_info.h"
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
  std::string item;    // as in ignore-checking-items
  std::string source;  // its id; empty: about the target, or all
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
  std::vector<std::string> notes;    // keys of the files that are mapped or have no effect
  [[nodiscard]] CheckState state() const;
};

struct TableFacts {
  std::string source;  // "db.table"
  std::string target;
  std::optional<Error> unreadable;
  bool has_key = true;
  std::vector<std::string> cascades;  // "fk_name ON DELETE CASCADE"
  std::string create_sql;             // SHOW CREATE TABLE; empty: not known
};

struct SourceFacts {
  std::string source_id;
  std::string address;
  std::optional<Error> unreachable;
  std::string version;
  bool mariadb = false;
  bool tidb = false;
  bool gtid_on = false;
  bool wants_gtid = false;                       // enable-gtid in its file
  std::map<std::string, std::string> variables;  // names in lower case; missing: not there
  std::optional<Error> binlog_status;            // SHOW MASTER STATUS was refused
  bool binlog_status_empty = false;
  std::string binlog_do_db, binlog_ignore_db;  // of SHOW MASTER STATUS, separated by commas
  std::optional<Error> registration;           // as a replica
  bool is_replica = false;                     // of another server
  bool prepared_xa = false;
  bool xa_unknown = false;                       // the account may not see prepared transactions
  std::optional<std::uint64_t> connections;      // open now
  std::optional<std::uint64_t> retention_hours;  // Aurora, RDS: of the binlog; 0: NULL
  std::optional<std::string> start_missing;      // why `meta` is no place of this log
  std::vector<TableFacts> tables;
  std::optional<Error> tables_unknown;  // they could not be listed
  std::uint64_t table_bytes = 0;        // of those tables, by the server's statistics
  std::vector<std::pair<std::string, Error>> lock_refused;  // schema: LOCK TABLES
  std::uint64_t free_bytes = 0;                             // of the relay log's folder here
  std::uint64_t folder_bytes = 0;                           // 0: not known

  [[nodiscard]] std::string variable(const std::string& name) const;  // in upper case
  [[nodiscard]] std::optional<std::uint64_t> number(const std::string& name) const;
  [[nodiscard]] bool managed() const;  // Aurora, RDS
};

struct RefusedRight {
  std::string right;  // INSERT
  std::string on;     // `db`.* or `db`.`t`
  Error error;
};

struct TargetFacts {
  std::string address;
  std::optional<Error> unreachable;
  applier::TargetInfo server;
  std::map<std::string, std::string> variables;
  std::optional<std::uint64_t> connections;
  std::vector<RefusedRight> meta_rights;
  std::vector<RefusedRight> rights;
  std::map<std::string, std::string> tables;  // "db.table" of those that are there: SHOW CREATE
  std::set<std::string> synced;               // sources whose copy by this task is complete
  std::vector<std::string> triggers;          // "db.table: name"
  std::optional<Error> triggers_unknown;
};

[[nodiscard]] CheckReport judge(const conf::TaskConfig& task,
                                const std::vector<SourceFacts>& sources, const TargetFacts& target);

// {"results": [...], "summary": {...}, "notes": [...]}: rows that passed are counted only, skipped
// ones are shown.
struct ReportLimits {
  std::size_t errors_max = 10;
  std::size_t warnings_max = 10;
};
[[nodiscard]] boost::json::object report_object(const CheckReport& report, ReportLimits limits);
// DM's answer to check-task; the detail is an object of its own, so that it is always JSON.
[[nodiscard]] boost::json::object check_answer(const CheckReport& report, ReportLimits limits);
[[nodiscard]] std::string check_message(const CheckReport& report);
// The issues as lines; empty: none of at least that severity.
[[nodiscard]] std::string report_text(const CheckReport& report, CheckState from);

// Both block until the servers have answered. Of the task's sources those in `sources`. Nothing is
// left behind on any server. `data_dir`: where the relay logs are, or will be.
[[nodiscard]] CheckReport run_prechecks(const conf::TaskConfig& task,
                                        const std::vector<conf::SourceConfig>& sources,
                                        const std::string& data_dir);
[[nodiscard]] Result<void> try_connect(const conf::SourceConfig& source);

}  // namespace tiderelay::control
