// relay/sql_answers.cc: see sql_answers.h.
#include "relay/sql_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <random>

#include "protocol/format_description.h"
#include "relay/dump_plan.h"
#include "relay/sql_tokens.h"

namespace tiderelay::relay {
namespace {

constexpr std::size_t kUserVariablesMax = 256;
constexpr std::size_t kUserVariableMaxBytes = 1U << 20;
constexpr std::uint32_t kFirstWithEncryptedColumn = 80'014;
constexpr std::uint32_t kFirstWithSourceWords = 80'022;

// Known to every server; what a client sets here changes nothing for a relay.
constexpr std::string_view kSessionVariables[] = {
    "auto_increment_increment",
    "autocommit",
    "big_tables",
    "character_set_client",
    "character_set_connection",
    "character_set_results",
    "collation_connection",
    "completion_type",
    "foreign_key_checks",
    "innodb_lock_wait_timeout",
    "interactive_timeout",
    "lock_wait_timeout",
    "max_allowed_packet",
    "max_execution_time",
    "net_read_timeout",
    "net_write_timeout",
    "sql_log_bin",
    "sql_mode",
    "sql_notes",
    "sql_quote_show_create",
    "sql_safe_updates",
    "sql_select_limit",
    "time_zone",
    "transaction_isolation",
    "tx_isolation",
    "unique_checks",
    "wait_timeout",
};

bool is_session_variable(std::string_view name) {
  return std::find(std::begin(kSessionVariables), std::end(kSessionVariables), name) !=
         std::end(kSessionVariables);
}

Error unknown_variable(const std::string& name) {
  return Error(1193, "HY000", "Unknown system variable '" + name + "'");
}

std::string new_uuid() {
  std::random_device random;
  const std::uint64_t high = std::uint64_t{random()} << 32 | random();
  const std::uint64_t low = std::uint64_t{random()} << 32 | random();
  return fmt::format("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", high >> 32, high >> 16 & 0xffff,
                     high & 0xfff, low >> 52, low & 0xffffffffffff);
}

// MariaDB's gtid_binlog_pos: of each domain the last one, which has the highest number.
std::string last_of_each_domain(const GtidState::Servers& servers) {
  std::map<std::uint32_t, protocol::MariaGtid> last;
  for (const auto& [who, sequence] : servers) {
    protocol::MariaGtid& gtid = last[who.first];
    if (sequence >= gtid.sequence) gtid = {who.first, who.second, sequence};
  }
  std::string out;
  for (const auto& [domain, gtid] : last) out += (out.empty() ? "" : ",") + gtid.text();
  return out;
}

}  // namespace

Result<SqlResult> SqlAnswers::answer(const SqlStatement& statement,
                                     std::chrono::system_clock::time_point now) {
  using Kind = SqlStatement::Kind;
  now_ = now;
  switch (statement.kind) {
    case Kind::kSet:
      return set(statement);
    case Kind::kSelect:
      return select(statement);
    case Kind::kShowVariables:
      return show_variables(statement);
    case Kind::kShowStatus:
      return SqlResult{{"Variable_name", "Value"}, {}};
    case Kind::kShowLogStatus:
      return show_log_status();
    case Kind::kShowLogs:
      return show_logs();
    case Kind::kShowReplicas:
      return show_replicas();
    case Kind::kShowProcesses:
      return show_processes();
    case Kind::kShowReplicaStatus:  // the relay is no replica with an applier of its own
      return SqlResult{{version() >= kFirstWithSourceWords ? "Replica_IO_State" : "Slave_IO_State"},
                       {}};
    case Kind::kShowGrants:
      return SqlResult{
          {"Grants for " + session_.user + "@%"},
          {{"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '" + session_.user + "'@'%'"}}};
    case Kind::kShowWarnings:
      return SqlResult{{"Level", "Code", "Message"}, {}};
    case Kind::kShowDatabases:
      return SqlResult{{"Database"}, {}};
    case Kind::kKill:
      if (board_.kill(static_cast<std::uint32_t>(statement.number), session_.user)) {
        return SqlResult();
      }
      return Error(1094, "HY000", "Unknown thread id: " + std::to_string(statement.number));
    case Kind::kUse:
      session_.schema = statement.name;
      return SqlResult();
    case Kind::kNothing:
    case Kind::kShowEvents:
      break;
  }
  return SqlResult();
}

// ---- SET and SELECT

Result<SqlResult> SqlAnswers::set(const SqlStatement& statement) {
  for (const SqlItem& item : statement.items) {
    if (item.global) {
      return Error(1227, "42000",
                   "Access denied; you need (at least one of) the SUPER or SYSTEM_VARIABLES_ADMIN "
                   "privilege(s) for this operation");
    }
    Result<Value> value = evaluate(item.value);
    if (!value) return value.error();
    if (item.user) {
      if (session_.variables.size() >= kUserVariablesMax &&
          !session_.variables.contains(item.name)) {
        return Error(1105, "HY000", "too many user variables");
      }
      if (*value && (*value)->size() > kUserVariableMaxBytes) {
        return Error(1105, "HY000", "the value of @" + item.name + " is too long");
      }
      session_.variables[item.name] = std::move(*value);
    } else if (item.name == "skip_replication" && is_maria()) {
      session_.skip_replication = *value && **value != "0" && **value != "off";
    } else if (item.name != "names" && !is_session_variable(item.name)) {
      return unknown_variable(item.name);
    }
  }
  return SqlResult();
}

Result<SqlResult> SqlAnswers::select(const SqlStatement& statement) {
  SqlResult result;
  result.rows.emplace_back();
  for (const SqlItem& item : statement.items) {
    Result<Value> value = evaluate(item.value);
    if (!value) return value.error();
    result.columns.push_back(item.name);
    result.rows.front().push_back(std::move(*value));
  }
  if (statement.limit_rows == 0U || statement.skip_rows > 0) result.rows.clear();
  return result;
}

Result<SqlAnswers::Value> SqlAnswers::evaluate(const SqlValue& value) {
  switch (value.kind) {
    case SqlValue::Kind::kNull:
      return Value();
    case SqlValue::Kind::kText:
    case SqlValue::Kind::kNumber:
      return Value(value.text);
    case SqlValue::Kind::kUserVariable: {
      const auto found = session_.variables.find(value.text);
      return found == session_.variables.end() ? Value() : found->second;
    }
    case SqlValue::Kind::kSystemVariable:
      return system_variable(value.text);
    case SqlValue::Kind::kCall:
      return call(value);
  }
  return Value();
}

Result<SqlAnswers::Value> SqlAnswers::call(const SqlValue& value) {
  const std::string& name = value.text;
  if (name == "gtid_subtract" || name == "gtid_subset") return gtid_function(value);
  if (name == "binlog_gtid_pos" && is_maria()) return Value("");
  if (value.arguments.empty()) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now_).time_since_epoch().count();
    if (name == "unix_timestamp") return Value(std::to_string(seconds));
    if (name == "version") return system_variable("version");
    if (name == "connection_id") return Value(std::to_string(session_.connection_id));
    if (name == "uuid") return Value(new_uuid());
    if (name == "user" || name == "session_user" || name == "system_user") {
      return Value(session_.user + "@" + session_.peer);
    }
    if (name == "current_user") return Value(session_.user + "@%");
    if (name == "database" || name == "schema") {
      return session_.schema.empty() ? Value() : Value(session_.schema);
    }
  }
  return Error(1305, "42000", "FUNCTION " + name + " does not exist");
}

Result<SqlAnswers::Value> SqlAnswers::gtid_function(const SqlValue& value) {
  if (value.arguments.size() != 2 || is_maria()) {
    return Error(is_maria() ? 1305 : 1582, "42000",
                 is_maria() ? "FUNCTION " + value.text + " does not exist"
                            : "Incorrect parameter count in the call to native function '" +
                                  value.text + "'");
  }
  protocol::GtidSet sets[2];
  for (std::size_t i = 0; i < 2; ++i) {
    const Result<Value> text = evaluate(value.arguments[i]);
    if (!text) return text.error();
    if (!*text) return Value();
    Result<protocol::GtidSet> set = protocol::GtidSet::parse(**text);
    if (!set) return Error(1772, "HY000", "Malformed GTID set specification '" + **text + "'.");
    sets[i] = std::move(*set);
  }
  if (value.text == "gtid_subset") return Value(sets[1].contains(sets[0]) ? "1" : "0");
  sets[0].subtract(sets[1]);
  return Value(sets[0].text());
}

// ---- variables

bool SqlAnswers::is_maria() const {
  const auto variables = log_.upstream().get();
  return variables && dialect_of(*variables) == protocol::Dialect::kMariadb;
}

std::uint32_t SqlAnswers::version() const {
  return protocol::parse_server_version(find_variable("version").value_or(""));
}

// Those that describe our files come first, then what the source said.
std::optional<std::string> SqlAnswers::find_variable(const std::string& name) const {
  const auto executed = log_.end().gtids();
  const bool maria = is_maria();
  if (!maria && name == "gtid_executed") return executed ? executed->text() : "";
  if (!maria && name == "gtid_purged") return purged_gtids(log_.catalog()).text();
  if (maria && (name == "gtid_binlog_pos" || name == "gtid_current_pos")) {
    return executed ? last_of_each_domain(executed->maria()) : "";
  }
  if (maria && name == "gtid_binlog_state") return executed ? executed->text() : "";
  if (maria && name == "gtid_slave_pos") return "";
  if (name == "rpl_semi_sync_source_enabled" || name == "rpl_semi_sync_master_enabled") {
    return session_.semi_sync_offered ? std::optional<std::string>("ON") : std::nullopt;
  }
  if (name.starts_with("rpl_semi_sync_")) return std::nullopt;
  const auto variables = log_.upstream().get();
  if (!variables) return std::nullopt;
  const auto found = variables->find(name);
  if (found == variables->end()) return std::nullopt;
  return found->second;
}

Result<SqlAnswers::Value> SqlAnswers::system_variable(const std::string& name) const {
  const std::optional<std::string> value = find_variable(name);
  if (!value) return unknown_variable(name);
  // SELECT shows ON and OFF of true booleans as 1 and 0; gtid_mode and the like are words.
  static constexpr std::string_view kBooleans[] = {"log_bin",
                                                   "autocommit",
                                                   "read_only",
                                                   "innodb_read_only",
                                                   "log_slave_updates",
                                                   "log_replica_updates",
                                                   "gtid_strict_mode",
                                                   "rpl_semi_sync_source_enabled",
                                                   "rpl_semi_sync_master_enabled"};
  const bool boolean =
      std::find(std::begin(kBooleans), std::end(kBooleans), name) != std::end(kBooleans);
  if (boolean && (*value == "ON" || *value == "OFF")) return Value(*value == "ON" ? "1" : "0");
  return Value(*value);
}

ServerVariables SqlAnswers::all_variables() const {
  ServerVariables all;
  if (const auto variables = log_.upstream().get()) all = *variables;
  for (const char* name : {"gtid_executed", "gtid_purged", "gtid_binlog_pos", "gtid_binlog_state",
                           "gtid_current_pos", "gtid_slave_pos"}) {
    if (auto value = find_variable(name)) all[name] = std::move(*value);
  }
  std::erase_if(all, [](const auto& row) { return row.first.starts_with("rpl_semi_sync_"); });
  for (const char* name : {"rpl_semi_sync_source_enabled", "rpl_semi_sync_master_enabled"}) {
    if (auto value = find_variable(name)) all[name] = std::move(*value);
  }
  return all;
}

// ---- SHOW

SqlResult SqlAnswers::show_variables(const SqlStatement& statement) const {
  SqlResult result;
  result.columns = {"Variable_name", "Value"};
  for (const auto& [name, value] : all_variables()) {
    if (statement.filter.takes(name)) result.rows.push_back({name, value});
  }
  return result;
}

SqlResult SqlAnswers::show_log_status() const {
  const bool maria = is_maria();
  SqlResult result;
  result.columns = {"File", "Position", "Binlog_Do_DB", "Binlog_Ignore_DB"};
  if (!maria) result.columns.emplace_back("Executed_Gtid_Set");
  const LogPosition end = log_.end().get().position;
  for (const LogFile& file : listed_files(log_.catalog())) {
    if (file.begin.generation != end.generation || file.begin.file != end.file) continue;
    auto& row = result.rows.emplace_back();
    row = {file.name, std::to_string(end.offset_bytes), "", ""};
    if (!maria) row.emplace_back(find_variable("gtid_executed").value_or(""));
  }
  return result;
}

SqlResult SqlAnswers::show_logs() const {
  const bool encrypted = !is_maria() && version() >= kFirstWithEncryptedColumn;
  SqlResult result;
  result.columns = {"Log_name", "File_size"};
  if (encrypted) result.columns.emplace_back("Encrypted");
  const LogPosition end = log_.end().get().position;
  for (const LogFile& file : listed_files(log_.catalog())) {
    LogPosition begin = file.begin;
    if (end < begin) continue;  // nothing in it counts yet
    const bool last = begin.generation == end.generation && begin.file == end.file;
    auto& row = result.rows.emplace_back();
    row = {file.name, std::to_string(last ? end.offset_bytes : file.size_bytes)};
    if (encrypted) row.emplace_back("No");
  }
  return result;
}

SqlResult SqlAnswers::show_replicas() const {
  const std::uint32_t number = version();
  const bool words = !is_maria() && number >= kFirstWithSourceWords;
  const std::string server_id = find_variable("server_id").value_or("0");
  SqlResult result;
  if (words) {
    result.columns = {"Server_Id", "Host", "Port", "Source_Id", "Replica_UUID"};
  } else {
    result.columns = {"Server_id", "Host", "Port", "Master_id"};
    if (!is_maria()) result.columns.emplace_back("Slave_UUID");
  }
  for (const Follower& one : board_.followers()) {
    if (!one.registered || one.source_id != session_.source_id) continue;
    auto& row = result.rows.emplace_back();
    row = {std::to_string(one.server_id), one.report_host, std::to_string(one.report_port),
           server_id};
    if (!is_maria()) row.emplace_back(one.uuid);
  }
  return result;
}

SqlResult SqlAnswers::show_processes() const {
  SqlResult result;
  result.columns = {"Id", "User", "Host", "db", "Command", "Time", "State", "Info"};
  const auto now = std::chrono::steady_clock::now();
  for (const Follower& one : board_.followers()) {
    if (one.user != session_.user || one.source_id != session_.source_id) continue;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - one.since).count();
    const std::string state = one.dumping ? "lag " + lag_text(one) : "";
    result.rows.push_back({std::to_string(one.connection_id), one.user, one.peer, std::nullopt,
                           one.dumping ? "Binlog Dump" : "Sleep", std::to_string(seconds), state,
                           std::nullopt});
  }
  return result;
}

std::string lag_text(const Follower& one) {
  char seconds[40];
  std::snprintf(seconds, sizeof seconds, "%.1f s", one.lag_seconds);
  return std::to_string(one.lag_bytes) + " bytes, " +
         (one.lag_transactions ? std::to_string(*one.lag_transactions) : "?") + " transactions, " +
         seconds;
}

}  // namespace tiderelay::relay
