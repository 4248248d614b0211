// control/precheck_server.cc: rows about a source's server: its version, its log, its rights.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "control/precheck_rows.h"

namespace tiderelay::control {

namespace {

constexpr std::uint32_t kMysqlOldest = 50'600;
constexpr std::uint32_t kMysqlNext = 100'000;
constexpr std::uint32_t kMariaOldest = 100'002;
constexpr std::uint32_t kMariaNext = 130'000;
constexpr std::uint64_t kOwnConnections = 3;  // receiving, looking at the log's end, the task
constexpr std::uint64_t kCopyBytesPerHour = std::uint64_t{36} << 30U;  // 10 MiB/s, on the safe side
constexpr std::uint64_t kFreeBytesMin = std::uint64_t{1} << 30U;

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
    add_issue(row, CheckState::kFail, "TiDB writes no binlog that replicas can read",
              "name a MySQL, Aurora or MariaDB server as the source");
  } else if (facts.mariadb && (number < kMariaOldest || number >= kMariaNext)) {
    add_issue(row, CheckState::kWarn, "MariaDB " + facts.version + " is outside 10.0.2 to 12");
  } else if (!facts.mariadb && (number < kMysqlOldest || number >= kMysqlNext)) {
    add_issue(row, CheckState::kWarn, "MySQL " + facts.version + " is outside 5.6 to 9");
  }
  return row;
}

CheckRow check_server_id(const SourceFacts& facts) {
  CheckRow row = new_row("server_id", "mysql_server_id",
                         "check whether mysql server_id has been greater than 0", facts.address);
  if (facts.variable("server_id") == "0") {
    add_issue(row, CheckState::kFail, "server_id is 0: the server refuses replicas",
              how_to_set(facts, "server_id", "a number that no other server has"));
  }
  return row;
}

CheckRow check_log_bin(const SourceFacts& facts) {
  CheckRow row = new_row("binlog_enable", "mysql_binlog_enable",
                         "check whether mysql binlog is enabled", facts.address);
  if (facts.variable("log_bin") == "OFF") {
    std::string way = facts.managed()
                          ? "name the writer's endpoint; there the binlog is on once "
                            "binlog_format is ROW in the parameter group of the cluster (RDS: with "
                            "automated backups) and the writer was restarted"
                          : how_to_set(facts, "log_bin", "ON");
    if (facts.variable("read_only") == "ON") way += "; is this a reader: name the writer";
    add_issue(row, CheckState::kFail, "log_bin is OFF, and should be ON", way);
  } else if (facts.binlog_status_empty) {
    add_issue(row, CheckState::kFail, "the server shows no binlog position: a reader endpoint?",
              "name the writer's endpoint");
  }
  return row;
}

CheckRow check_endpoint(const SourceFacts& facts) {
  CheckRow row = new_row("endpoint", "writer endpoint checker",
                         "check whether the source is a writer", facts.address);
  if (facts.variable("innodb_read_only") == "ON" || facts.variable("innodb_read_only") == "1") {
    add_issue(row, CheckState::kFail, "innodb_read_only is ON: this is a reader endpoint",
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
    add_issue(row, CheckState::kFail,
              fmt::format("{} is {}, and should be {}", variable, value, wanted), way);
  }
  return row;
}

CheckRow check_event_forms(const SourceFacts& facts) {
  CheckRow row = new_row("binlog_forms", "binlog event form checker",
                         "check whether all events can be applied", facts.address);
  if (facts.variable("binlog_row_value_options").find("PARTIAL_JSON") != std::string::npos) {
    add_issue(row, CheckState::kFail,
              "binlog_row_value_options is PARTIAL_JSON, which is not applied",
              how_to_set(facts, "binlog_row_value_options", "''"));
  }
  if (facts.variable("log_bin_compress") == "ON") {
    add_issue(row, CheckState::kFail, "log_bin_compress is ON: compressed events are not applied",
              how_to_set(facts, "log_bin_compress", "OFF"));
  }
  if (facts.variable("encrypt_binlog") == "ON") {
    add_issue(row, CheckState::kWarn, "encrypt_binlog is ON: the relay log here is not encrypted");
  }
  return row;
}

CheckRow check_gtid_mode(const SourceFacts& facts) {
  CheckRow row = new_row("gtid_mode", "gtid mode checker",
                         "check whether gtid_mode is as the source file says", facts.address);
  if (facts.wants_gtid && !facts.mariadb && !facts.gtid_on) {
    add_issue(row, CheckState::kFail, "enable-gtid is true, but gtid_mode is not ON",
              facts.managed() ? "set gtid-mode and enforce_gtid_consistency to ON in the parameter "
                                "group of the cluster and restart the writer, or enable-gtid: false"
                              : "switch gtid_mode on at the source, or enable-gtid: false");
  }
  return row;
}

CheckRow check_replica(const SourceFacts& facts) {
  CheckRow row =
      new_row("log_replica_updates", "replica log checker",
              "check whether what the source replicates is in its own log", facts.address);
  const bool off = facts.variable("log_slave_updates") == "OFF" ||
                   facts.variable("log_replica_updates") == "OFF";
  if (facts.is_replica && off) {
    add_issue(row, CheckState::kFail,
              "the source is a replica without log_replica_updates: what it replicates is not in "
              "its log",
              how_to_set(facts, "log_replica_updates", "ON") + ", or name its own source");
  }
  return row;
}

bool named_in(const std::string& list, const std::string& schema) {
  std::size_t at = 0;
  while (at <= list.size()) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    if (list.substr(at, end - at) == schema) return true;
    at = end + 1;
  }
  return false;
}

CheckRow check_logged_schemas(const SourceFacts& facts) {
  CheckRow row = new_row("binlog_db", "binlog_do_db/binlog_ignore_db check",
                         "check whether the log has the task's schemas", facts.address);
  std::vector<std::string> left_out;
  for (const TableFacts& table : facts.tables) {
    const std::string schema = table.source.substr(0, table.source.find('.'));
    const bool lacking = (!facts.binlog_do_db.empty() && !named_in(facts.binlog_do_db, schema)) ||
                         (facts.binlog_do_db.empty() && named_in(facts.binlog_ignore_db, schema));
    if (lacking && std::ranges::find(left_out, schema) == left_out.end())
      left_out.push_back(schema);
  }
  for (const std::string& schema : left_out) {
    add_issue(row, CheckState::kFail, "the source does not log this schema",
              "change binlog_do_db or binlog_ignore_db in the server's configuration file and "
              "restart it",
              schema,
              facts.binlog_do_db.empty() ? "binlog_ignore_db=" + facts.binlog_ignore_db
                                         : "binlog_do_db=" + facts.binlog_do_db);
  }
  return row;
}

CheckRow check_connections(const SourceFacts& facts, std::uint64_t readers) {
  CheckRow row = new_row("conn_number", "dumper_conn_number_checker",
                         "check whether the source allows enough connections", facts.address);
  const std::optional<std::uint64_t> most = facts.number("max_connections");
  const std::uint64_t wanted = readers + kOwnConnections;
  if (!most) return row;
  const std::string way = "raise max_connections at the source, or lower threads under mydumpers";
  if (*most < wanted) {
    add_issue(row, CheckState::kFail,
              fmt::format("max_connections is {}, the task needs {}", *most, wanted), way);
  } else if (facts.connections && *most - std::min(*most, *facts.connections) < wanted) {
    add_issue(row, CheckState::kWarn,
              fmt::format("{} of {} connections are in use, the task needs {}", *facts.connections,
                          *most, wanted),
              way);
  }
  return row;
}

std::optional<std::uint64_t> log_seconds(const SourceFacts& facts) {
  const auto seconds = facts.number("binlog_expire_logs_seconds");
  if (seconds && *seconds != 0) return seconds;
  const auto days = facts.number("expire_logs_days");
  if (days && *days != 0) return *days * 86'400;
  return std::nullopt;  // kept for ever
}

CheckRow check_retention(const SourceFacts& facts) {
  CheckRow row = new_row("binlog_retention", "binlog retention checker",
                         "check whether the log outlives the full phase", facts.address);
  const std::uint64_t needed_hours = 1 + facts.table_bytes / kCopyBytesPerHour;
  const std::string why = fmt::format(
      "the full phase may take {} h, and what is not received by then is lost when this tiderelay "
      "is stopped or its disk is full",
      needed_hours);
  if (facts.retention_hours) {
    if (*facts.retention_hours >= needed_hours) return row;
    add_issue(row, CheckState::kWarn,
              *facts.retention_hours == 0
                  ? "'binlog retention hours' is NULL: logs go as soon as possible; " + why
                  : fmt::format("logs are kept {} h; {}", *facts.retention_hours, why),
              fmt::format("CALL mysql.rds_set_configuration('binlog retention hours', {})",
                          std::max<std::uint64_t>(24, 2 * needed_hours)));
    return row;
  }
  const std::optional<std::uint64_t> seconds = log_seconds(facts);
  if (seconds && *seconds < needed_hours * 3600) {
    add_issue(row, CheckState::kWarn, fmt::format("logs are kept {} s; {}", *seconds, why),
              facts.number("binlog_expire_logs_seconds")
                  ? fmt::format("SET GLOBAL binlog_expire_logs_seconds = {}", needed_hours * 7200)
                  : "SET GLOBAL expire_logs_days = 3");
  }
  return row;
}

CheckRow check_disk(const SourceFacts& facts) {
  CheckRow row = new_row("disk_space", "relay log space checker",
                         "check whether the relay log has room", facts.address);
  if (facts.folder_bytes == 0) return row;
  const std::string free =
      fmt::format("{} MiB are free for the relay log", facts.free_bytes >> 20U);
  const std::string way = "make room, or name a larger disk with data-dir";
  if (facts.free_bytes < kFreeBytesMin) {
    add_issue(row, CheckState::kWarn, free + ": below 1024 MiB, it stops receiving soon", way);
  } else if (facts.free_bytes < facts.folder_bytes / 10) {
    add_issue(row, CheckState::kWarn, free + ": below a tenth of the disk", way);
  }
  return row;
}

CheckRow check_prepared(const SourceFacts& facts) {
  CheckRow row =
      new_row("open_xa", "open XA transaction checker",
              "check whether transactions are prepared and not yet committed", facts.address);
  if (facts.prepared_xa) {
    add_issue(row, CheckState::kWarn,
              "XA RECOVER lists prepared transactions: the copy waits until they are decided",
              "XA COMMIT or XA ROLLBACK them at the source");
  } else if (facts.xa_unknown) {
    add_issue(row, CheckState::kWarn, "the account may not see prepared XA transactions",
              "GRANT XA_RECOVER_ADMIN ON *.* to the account, if the source uses XA transactions");
  }
  return row;
}

CheckRow check_start(const SourceFacts& facts) {
  CheckRow row =
      new_row("meta_position", "meta position check",
              "check whether the log still has the place where the task begins", facts.address);
  if (facts.start_missing) {
    add_issue(row, CheckState::kFail, *facts.start_missing,
              "name a place under `meta` that SHOW BINARY LOGS still has, or task-mode: all");
  }
  return row;
}

CheckRow check_dump_privilege(const SourceFacts& facts, bool locks) {
  CheckRow row = new_row("dump_privilege", "source db dump privilege checker",
                         "check dump privileges of source DB", facts.address);
  if (facts.tables_unknown) add_error(row, *facts.tables_unknown, "");
  for (const TableFacts& table : facts.tables) {
    if (!table.unreadable) continue;
    add_error(row, *table.unreadable, "GRANT SELECT ON " + table.source + " to the account",
              table.source);
  }
  const bool keyless =
      std::ranges::any_of(facts.tables, [](auto& table) { return !table.has_key; });
  if (!locks || facts.mariadb || (facts.gtid_on && !keyless)) return row;
  for (const auto& [schema, error] : facts.lock_refused) {
    add_issue(row, CheckState::kFail,
              error.text() + ": " +
                  (facts.gtid_on ? "tables without a key are copied under a short lock"
                                 : "without GTID each table is copied under a short lock"),
              "GRANT LOCK TABLES ON " + schema + ".* to the account" +
                  (facts.gtid_on ? "" : ", or switch gtid_mode on") +
                  ", or say extra-args: \"--no-locks\" and stop the writers meanwhile",
              schema);
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

}  // namespace

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

void add_server_rows(const conf::TaskConfig& task, const SourceFacts& facts,
                     std::vector<CheckRow>& rows) {
  const conf::InstanceConfig* const instance = task.find_instance(facts.source_id);
  const bool copies = task.mode != conf::TaskMode::kIncremental;
  const bool locks = instance == nullptr || !instance->dump.no_locks;
  rows.push_back(check_version(facts));
  rows.push_back(check_server_id(facts));
  rows.push_back(check_log_bin(facts));
  rows.push_back(
      check_value(facts, "binlog_format", "mysql_binlog_format", "binlog_format", "ROW"));
  rows.push_back(
      check_value(facts, "binlog_row_image", "mysql_binlog_row_image", "binlog_row_image", "FULL"));
  rows.push_back(check_event_forms(facts));
  rows.push_back(check_logged_schemas(facts));
  rows.push_back(check_endpoint(facts));
  rows.push_back(check_gtid_mode(facts));
  rows.push_back(check_replica(facts));
  rows.push_back(check_retention(facts));
  rows.push_back(check_disk(facts));
  if (copies) {
    rows.push_back(check_dump_privilege(facts, locks));
    rows.push_back(check_connections(facts, instance == nullptr ? 4 : instance->dump.threads));
    rows.push_back(check_prepared(facts));
  } else {
    rows.push_back(check_start(facts));
  }
  rows.push_back(check_replication_privilege(facts));
}

}  // namespace tiderelay::control
