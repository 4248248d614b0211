// control/prechecks_pump.cc: asks the servers for the facts, all of them at once, by doing what the
// task will do.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "applier/sql_text.h"
#include "applier/task_selection.h"
#include "control/precheck_target.h"
#include "control/prechecks.h"
#include "control/source_runner.h"
#include "dumper/source_server.h"
#include "protocol/command.h"
#include "relay/loop.h"

namespace tiderelay::control {

namespace asio = relay::asio;
using applier::TableName;
using relay::Awaitable;
using relay::StatementResult;

namespace {

constexpr std::uint32_t kProbeServerIdBase = 4'000'000'000U;
constexpr std::uint32_t kProbeServerIds = 200'000'000U;
constexpr const char* kVariables =
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_id', 'log_bin', 'binlog_format', "
    "'binlog_row_image', 'innodb_read_only', 'aurora_version', 'aurora_server_id', 'basedir', "
    "'binlog_row_value_options', 'log_bin_compress', 'encrypt_binlog', 'max_connections', "
    "'binlog_expire_logs_seconds', 'expire_logs_days', 'log_slave_updates', "
    "'log_replica_updates', 'read_only', 'innodb_native_foreign_keys')";
// A name that no table has: asking for it shows the right and changes nothing.
constexpr const char* kAbsent = "tiderelay_asks_whether_it_may";

struct SourceQuestion {
  conf::TaskConfig task;
  conf::SourceConfig source;
  std::string data_dir;
  std::vector<TableName> targets;  // found while asking
  SourceFacts facts;
};

Awaitable<void> ask_server(relay::Connection& connection, SourceFacts& facts) {
  facts.version = connection.server_version();
  facts.mariadb = connection.is_mariadb();
  facts.tidb = connection.is_tidb();
  const Result<StatementResult> variables = co_await connection.execute(kVariables);
  if (!variables) co_return variables.error();
  for (const auto& row : variables->rows) {
    if (row.size() >= 2 && row[0]) facts.variables[*row[0]] = row[1].value_or("");
  }
  const Result<StatementResult> open =
      co_await connection.execute("SHOW GLOBAL STATUS LIKE 'Threads_connected'");
  if (open && !open->rows.empty() && open->rows[0].size() >= 2) {
    facts.connections = std::strtoull(open->rows[0][1].value_or("0").c_str(), nullptr, 10);
  }
  if (!facts.managed()) co_return Result<void>();
  const Result<StatementResult> kept = co_await connection.execute(
      "SELECT value FROM mysql.rds_configuration WHERE name = 'binlog retention hours'");
  if (kept && !kept->rows.empty()) {
    facts.retention_hours = std::strtoull(kept->rows[0][0].value_or("0").c_str(), nullptr, 10);
  }
  co_return Result<void>();
}

std::string column_of(const StatementResult& result, std::string_view name) {
  for (std::size_t i = 0; i < result.columns.size() && !result.rows.empty(); ++i) {
    if (result.columns[i].name == name) return result.rows[0][i].value_or("");
  }
  return "";
}

// SHOW REPLICA STATUS has rows on a replica; older servers know it by its old name alone.
Awaitable<void> ask_what_it_replicates(relay::Connection& connection, SourceFacts& facts) {
  Result<StatementResult> replica = co_await connection.execute("SHOW SLAVE STATUS");
  if (!replica) replica = co_await connection.execute("SHOW REPLICA STATUS");
  facts.is_replica = replica && !replica->rows.empty();
  const Result<StatementResult> prepared = co_await connection.execute("XA RECOVER");
  if (!prepared && prepared.error().code() != Errc::kServer) co_return prepared.error();
  facts.xa_unknown = !prepared;
  facts.prepared_xa = prepared && !prepared->rows.empty();
  co_return Result<void>();
}

// Whether the log still has the place that `meta` names.
Awaitable<void> ask_start(relay::Connection& connection, conf::StartPosition start,
                          SourceFacts& facts) {
  if (!start.binlog_gtid.empty()) {
    if (facts.mariadb) co_return Result<void>();  // the relay log's first connect tells
    const Result<StatementResult> gone = co_await connection.execute(
        "SELECT GTID_SUBSET(@@GLOBAL.gtid_purged, " + applier::quoted_text(start.binlog_gtid) +
        "), @@GLOBAL.gtid_purged");
    if (!gone && gone.error().code() != Errc::kServer) co_return gone.error();
    if (!gone) facts.start_missing = "meta.binlog-gtid: " + gone.error().text();
    if (gone && !gone->rows.empty() && gone->rows[0][0].value_or("1") == "0") {
      facts.start_missing = "the source has purged transactions that meta.binlog-gtid lacks: " +
                            gone->rows[0][1].value_or("");
    }
    co_return Result<void>();
  }
  const Result<StatementResult> logs = co_await connection.execute("SHOW BINARY LOGS");
  if (!logs) co_return Result<void>();  // told with the rights
  for (const auto& row : logs->rows) {
    if (row.size() < 2 || row[0].value_or("") != start.binlog_name) continue;
    const std::uint64_t size = std::strtoull(row[1].value_or("0").c_str(), nullptr, 10);
    if (start.binlog_pos > size) {
      facts.start_missing =
          fmt::format("{} ends at {}, before {}", start.binlog_name, size, start.binlog_pos);
    }
    co_return Result<void>();
  }
  facts.start_missing = "the source has no binlog file " + start.binlog_name + " (any more)";
  co_return Result<void>();
}

// As a receiver does it: where the log ends, and being listed as a replica for a moment.
Awaitable<void> ask_replication(relay::Connection& connection, SourceFacts& facts) {
  const Result<StatementResult> about = co_await connection.execute(dumper::describe_source_sql());
  if (!about) co_return about.error();
  const Result<dumper::SourceServer> server =
      dumper::describe_source(connection.server_version(), *about);
  if (!server) co_return server.error();
  const Result<StatementResult> status = co_await connection.execute(server->position_statement());
  if (!status && status.error().code() != Errc::kServer) co_return status.error();
  if (!status) facts.binlog_status = status.error();
  facts.binlog_status_empty = status && status->rows.empty();
  facts.gtid_on = server->gtid_on;
  if (status) {
    facts.binlog_do_db = column_of(*status, "Binlog_Do_DB");
    facts.binlog_ignore_db = column_of(*status, "Binlog_Ignore_DB");
  }
  protocol::RegisterReplica replica;
  replica.server_id = kProbeServerIdBase + std::random_device()() % kProbeServerIds;
  const Result<StatementResult> registered = co_await connection.command(protocol::encode(replica));
  if (!registered && registered.error().code() != Errc::kServer) co_return registered.error();
  if (!registered) facts.registration = registered.error();
  co_return Result<void>();
}

Awaitable<std::vector<TableName>> list_tables(relay::Connection& connection,
                                              applier::TaskSelection& selection,
                                              SourceQuestion& question) {
  const Result<StatementResult> found = co_await connection.execute(
      "SELECT TABLE_SCHEMA, TABLE_NAME, DATA_LENGTH FROM information_schema.TABLES "
      "WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY 1, 2");
  if (!found) co_return found.error();
  std::vector<TableName> tables;
  for (const auto& row : found->rows) {
    const TableName name{row[0].value_or(""), row[1].value_or("")};
    if (!selection.list().takes(name)) continue;
    const Result<std::optional<TableName>> target = selection.target_of(name);
    if (!target) co_return target.error();
    if (!*target) continue;
    tables.push_back(name);
    question.facts.table_bytes += std::strtoull(row[2].value_or("0").c_str(), nullptr, 10);
    question.targets.push_back(**target);
    TableFacts facts;
    facts.source = text_of(name);
    facts.target = text_of(**target);
    question.facts.tables.push_back(std::move(facts));
  }
  co_return tables;
}

// Keys that name one row: unique, no part of them NULL. And keys whose changes cascade.
Awaitable<void> ask_keys(relay::Connection& connection, const std::vector<TableName>& tables,
                         SourceFacts& facts) {
  std::map<std::string, TableFacts*> by_name;
  for (TableFacts& table : facts.tables) {
    table.has_key = false;
    by_name[table.source] = &table;
  }
  const std::string schemas = schema_list(tables);
  const Result<StatementResult> keys = co_await connection.execute(
      "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.STATISTICS "
      "WHERE NON_UNIQUE = 0 AND TABLE_SCHEMA IN (" +
      schemas + ") GROUP BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME HAVING MAX(NULLABLE = 'YES') = 0");
  if (!keys) co_return keys.error();
  for (const auto& row : keys->rows) {
    const auto table = by_name.find(row[0].value_or(""));
    if (table != by_name.end()) table->second->has_key = true;
  }
  const Result<StatementResult> cascades = co_await connection.execute(
      "SELECT CONCAT(CONSTRAINT_SCHEMA, '.', TABLE_NAME), CONCAT(CONSTRAINT_NAME, ' ON DELETE ', "
      "DELETE_RULE, ' ON UPDATE ', UPDATE_RULE) FROM information_schema.REFERENTIAL_CONSTRAINTS "
      "WHERE CONSTRAINT_SCHEMA IN (" +
      schemas +
      ") AND (DELETE_RULE NOT IN ('RESTRICT', 'NO ACTION') OR UPDATE_RULE NOT IN ('RESTRICT', "
      "'NO ACTION'))");
  if (!cascades) co_return cascades.error();
  for (const auto& row : cascades->rows) {
    const auto table = by_name.find(row[0].value_or(""));
    if (table != by_name.end()) table->second->cascades.push_back(row[1].value_or(""));
  }
  co_return Result<void>();
}

// Servers look at the right before they look for the table.
Awaitable<void> ask_locks(relay::Connection& connection, const std::vector<TableName>& tables,
                          SourceFacts& facts) {
  std::set<std::string> schemas;
  for (const TableName& table : tables) schemas.insert(table.schema);
  for (const std::string& schema : schemas) {
    const std::string sql = "LOCK TABLES " + applier::quoted_name(schema) + "." + kAbsent + " READ";
    const Result<StatementResult> locked = co_await connection.execute(sql);
    if (!locked && locked.error().code() != Errc::kServer) co_return locked.error();
    if (!locked && is_refusal(locked.error())) {
      facts.lock_refused.emplace_back(schema, locked.error());
    }
  }
  co_return Result<void>();
}

Awaitable<void> ask_tables(relay::Connection& connection, SourceQuestion& question) {
  applier::SelectionOptions options;
  const conf::InstanceConfig* const instance =
      question.task.find_instance(question.source.source_id);
  if (instance == nullptr) co_return Result<void>();
  options.case_sensitive = question.task.case_sensitive || question.source.case_sensitive;
  options.list = instance->list;
  options.routes = instance->routes;
  Result<applier::TaskSelection> selection = applier::TaskSelection::make(options);
  if (!selection) co_return selection.error();
  const Result<std::vector<TableName>> tables =
      co_await list_tables(connection, *selection, question);
  if (!tables) co_return tables.error();
  if (tables->empty()) co_return Result<void>();
  for (std::size_t i = 0; i < tables->size(); ++i) {
    const std::string sql = "SELECT 1 FROM " + applier::quoted_table((*tables)[i]) + " LIMIT 0";
    const Result<StatementResult> read = co_await connection.execute(sql);
    if (!read && read.error().code() != Errc::kServer) co_return read.error();
    if (!read) {
      question.facts.tables[i].unreadable = read.error();
      continue;
    }
    const Result<StatementResult> shown =
        co_await connection.execute("SHOW CREATE TABLE " + applier::quoted_table((*tables)[i]));
    if (!shown && shown.error().code() != Errc::kServer) co_return shown.error();
    if (shown && !shown->rows.empty() && shown->rows[0].size() >= 2) {
      question.facts.tables[i].create_sql = shown->rows[0][1].value_or("");
    }
  }
  const Result<void> locks = co_await ask_locks(connection, *tables, question.facts);
  if (!locks) co_return locks.error();
  co_return co_await ask_keys(connection, *tables, question.facts);
}

// Of the folder, or of the first above it that is there.
void ask_disk(const SourceQuestion& question, SourceFacts& facts) {
  std::filesystem::path folder = question.data_dir;
  std::error_code failure;
  while (!std::filesystem::exists(folder, failure) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  const std::filesystem::space_info space = std::filesystem::space(folder, failure);
  if (failure) return;
  facts.free_bytes = space.available;
  facts.folder_bytes = space.capacity;
}

Awaitable<void> ask_all(relay::Connection& connection, SourceQuestion& question) {
  SourceFacts& facts = question.facts;
  const Result<void> connected = co_await connection.connect();
  if (!connected) co_return connected.error();
  const Result<void> server = co_await ask_server(connection, facts);
  if (!server) co_return server.error();
  const Result<void> replication = co_await ask_replication(connection, facts);
  if (!replication) co_return replication.error();
  const Result<void> more = co_await ask_what_it_replicates(connection, facts);
  if (!more) co_return more.error();
  const conf::InstanceConfig* const instance =
      question.task.find_instance(question.source.source_id);
  const bool from_place = question.task.mode == conf::TaskMode::kIncremental &&
                          instance != nullptr && instance->start.given();
  if (!from_place) co_return Result<void>();
  co_return co_await ask_start(connection, instance->start, facts);
}

asio::awaitable<void> ask_source(asio::any_io_executor loop, SourceQuestion& question) {
  SourceFacts& facts = question.facts;
  facts.source_id = question.source.source_id;
  facts.address = address_of(question.source.from);
  facts.wants_gtid = question.source.enable_gtid;
  ask_disk(question, facts);
  const Result<relay::ConnectOptions> options = connect_options(question.source.from);
  if (!options) {
    facts.unreachable = options.error();
    co_return;
  }
  relay::Connection connection(loop, *options);
  const Result<void> asked = co_await ask_all(connection, question);
  if (!asked) {
    facts.unreachable = asked.error();
    co_return;
  }
  const Result<void> tables = co_await ask_tables(connection, question);
  if (!tables) facts.tables_unknown = tables.error();
  co_await connection.quit();
}

asio::awaitable<void> connect_once(asio::any_io_executor loop, relay::ConnectOptions options,
                                   Result<void>& outcome) {
  relay::Connection connection(loop, std::move(options));
  outcome = co_await connection.connect();
  if (outcome) co_await connection.quit();
}

}  // namespace

CheckReport run_prechecks(const conf::TaskConfig& task,
                          const std::vector<conf::SourceConfig>& sources,
                          const std::string& data_dir) {
  std::vector<std::unique_ptr<SourceQuestion>> questions;
  {
    relay::Loop loop("checks");
    for (const conf::SourceConfig& source : sources) {
      questions.push_back(std::make_unique<SourceQuestion>());
      SourceQuestion& question = *questions.back();
      question.task = task;
      question.source = source;
      question.data_dir = data_dir;
      loop.post([&loop, &question] {
        relay::spawn(loop.executor(), "ask a source", ask_source(loop.executor(), question));
      });
    }
  }
  std::vector<TableName> targets;
  std::vector<SourceFacts> facts;
  std::vector<std::string> notes;
  for (const auto& question : questions) {
    targets.insert(targets.end(), question->targets.begin(), question->targets.end());
    facts.push_back(std::move(question->facts));
    for (const conf::Note& note : question->source.notes) notes.push_back(conf::to_text(note));
  }
  TargetFacts target;
  {
    relay::Loop loop("checks");
    loop.post([&] {
      relay::spawn(loop.executor(), "ask the target",
                   ask_target(loop.executor(), task, targets, target));
    });
  }
  CheckReport report = judge(task, facts, target);
  report.notes.insert(report.notes.begin(), notes.begin(), notes.end());
  return report;
}

Result<void> try_connect(const conf::SourceConfig& source) {
  const Result<relay::ConnectOptions> options = connect_options(source.from);
  if (!options) return options.error();
  Result<void> outcome;
  {
    relay::Loop loop("checks");
    loop.post([&loop, &options, &outcome] {
      relay::spawn(loop.executor(), "connect", connect_once(loop.executor(), *options, outcome));
    });
  }
  if (outcome) return outcome;
  const Error error = outcome.error().in("source " + source.source_id);
  const auto note = std::ranges::find(source.notes, "from.password", &conf::Note::path);
  if (error.code() != Errc::kAuth || note == source.notes.end()) return error;
  return error.with_way_out(error.way_out() + "; the password " + note->text);
}

}  // namespace tiderelay::control
