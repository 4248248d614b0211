// applier/session_setup.cc: the SETs of a session, by kind of target.
#include "applier/session_setup.h"

#include <fmt/format.h>
#include <strings.h>

#include <charconv>
#include <string_view>

#include "applier/sql_text.h"

namespace tiderelay::applier {
namespace {

constexpr std::string_view kModes =
    "STRICT_TRANS_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,NO_BACKSLASH_ESCAPES";

// Set above to what the statements rely on; a task that names them does not change them.
bool is_ours(std::string_view name) {
  for (const std::string_view ours :
       {"sql_mode", "time_zone", "autocommit", "foreign_key_checks", "tidb_txn_mode",
        "transaction_isolation", "tx_isolation", "character_set_client"}) {
    if (name.size() == ours.size() && strncasecmp(name.data(), ours.data(), ours.size()) == 0) {
      return true;
    }
  }
  return false;
}

// A number: quoted it would be refused.
bool is_bare(std::string_view value) {
  return !value.empty() && value.find_first_not_of("0123456789.") == std::string_view::npos;
}

Error not_ready(const std::string& what) {
  return Error(Errc::kConfig, "the target's session cannot be used: " + what)
      .with_way_out(
          "remove what sets it (a proxy, init_connect, the task's session variables), "
          "then resume-task");
}

}  // namespace

std::string session_setup_sql(const TargetInfo& target, const SessionOptions& options) {
  const auto wait = static_cast<long long>(options.lock_wait.count());
  std::string sql = fmt::format(
      "SET NAMES utf8mb4;SET SESSION time_zone='+00:00',sql_mode='{}',foreign_key_checks=0,"
      "wait_timeout=86400,innodb_lock_wait_timeout={}",
      kModes, wait);
  switch (target.kind) {
    case TargetKind::kTidb:
      sql += fmt::format(
          ";SET SESSION tidb_txn_mode='{}',transaction_isolation='REPEATABLE-READ',"
          "allow_auto_random_explicit_insert=1,max_execution_time=0",
          options.optimistic ? "optimistic" : "pessimistic");
      if (target.version >= 70600) sql += ",tidb_idle_transaction_timeout=0";
      if (target.version >= 70600 && options.row_bytes_max > 0) {
        sql += fmt::format(",tidb_txn_entry_size_limit={}", options.row_bytes_max);
      }
      break;
    case TargetKind::kMysql:
      // No gap locks: sessions that work on different rows do not wait for each other.
      sql += ";SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
      if (target.version >= 50708) sql += ";SET SESSION max_execution_time=0";
      break;
    case TargetKind::kMariadb:
      sql +=
          ";SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;"
          "SET SESSION max_statement_time=0";
      if (target.version >= 100300) sql += ",idle_transaction_timeout=0";
      break;
  }
  for (const auto& [name, value] : options.variables) {
    if (is_ours(name)) continue;
    sql += fmt::format(";SET SESSION {}={}", quoted_name(name),
                       is_bare(value) ? value : quoted_text(value));
  }
  // Without it a BEGIN that fails would leave each statement of its batch to commit by itself.
  sql += ";SET autocommit=0";
  sql +=
      ";SELECT @@sql_mode,@@time_zone,@@autocommit,@@foreign_key_checks,@@max_allowed_packet,"
      "@@character_set_client;ROLLBACK";
  return sql;
}

std::string before_statement_sql(const StatementMoment& moment) {
  return fmt::format(
      "SET SESSION timestamp={}.{:06},time_zone={},sql_mode='{}ALLOW_INVALID_DATES,"
      "NO_AUTO_VALUE_ON_ZERO'",
      moment.seconds, moment.microseconds,
      quoted_text(moment.time_zone.empty() ? "+00:00" : moment.time_zone),
      moment.strict ? "STRICT_TRANS_TABLES," : "");
}

std::string after_statement_sql() {
  return fmt::format("SET SESSION timestamp=DEFAULT,time_zone='+00:00',sql_mode='{}'", kModes);
}

Result<SessionFacts> session_is_ready(const relay::QueryOutcome& outcome) {
  if (outcome.error) return *outcome.error;
  const relay::StatementResult* answer = nullptr;
  for (const relay::StatementResult& result : outcome.results) {
    if (result.columns.size() == 6 && result.rows.size() == 1) answer = &result;
  }
  if (answer == nullptr) return not_ready("it does not tell its variables");
  const auto value = [answer](std::size_t at) { return answer->rows[0][at].value_or("NULL"); };
  const std::string modes = "," + value(0) + ",";
  for (const std::string_view mode : {"STRICT_TRANS_TABLES", "NO_BACKSLASH_ESCAPES",
                                      "NO_AUTO_VALUE_ON_ZERO", "ALLOW_INVALID_DATES"}) {
    if (modes.find(fmt::format(",{},", mode)) == std::string::npos) {
      return not_ready(fmt::format("sql_mode is '{}', without {}", value(0), mode));
    }
  }
  for (const std::string_view mode : {"NO_ZERO_DATE", "NO_ZERO_IN_DATE", "ANSI_QUOTES"}) {
    if (modes.find(fmt::format(",{},", mode)) != std::string::npos) {
      return not_ready(fmt::format("sql_mode is '{}', with {}", value(0), mode));
    }
  }
  if (value(1) != "+00:00") return not_ready("time_zone is " + value(1));
  if (value(2) != "0") return not_ready("autocommit is " + value(2));
  if (value(3) != "0") return not_ready("foreign_key_checks is " + value(3));
  if (value(5) != "utf8mb4") return not_ready("character_set_client is " + value(5));
  SessionFacts facts;
  const std::string packet = value(4);
  std::from_chars(packet.data(), packet.data() + packet.size(), facts.max_allowed_packet_bytes);
  return facts;
}

}  // namespace tiderelay::applier
