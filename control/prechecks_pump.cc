// control/prechecks_pump.cc: asks the servers for the facts, all of them at once, by doing what the
// task will do.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "applier/checkpoint.h"
#include "applier/sql_text.h"
#include "applier/task_selection.h"
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
    "'binlog_row_value_options', 'log_bin_compress', 'encrypt_binlog')";

std::string address_of(const conf::Endpoint& endpoint) {
  return endpoint.host + ":" + std::to_string(endpoint.port);
}

std::string text_of(const TableName& name) { return name.schema + "." + name.table; }

// "'a', 'b'" of the schemas that occur
std::string schema_list(const std::vector<TableName>& tables) {
  std::set<std::string> schemas;
  for (const TableName& table : tables) schemas.insert(applier::quoted_text(table.schema));
  return fmt::format("{}", fmt::join(schemas, ", "));
}

struct SourceQuestion {
  conf::TaskConfig task;
  conf::SourceConfig source;
  std::vector<TableName> targets;  // found while asking
  SourceFacts facts;
};

struct TargetQuestion {
  conf::TaskConfig task;
  std::vector<TableName> tables;
  TargetFacts facts;
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
      "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES "
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
    if (!read) question.facts.tables[i].unreadable = read.error();
  }
  co_return co_await ask_keys(connection, *tables, question.facts);
}

asio::awaitable<void> ask_source(asio::any_io_executor loop, SourceQuestion& question) {
  SourceFacts& facts = question.facts;
  facts.source_id = question.source.source_id;
  facts.address = address_of(question.source.from);
  const Result<relay::ConnectOptions> options = connect_options(question.source.from);
  if (!options) {
    facts.unreachable = options.error();
    co_return;
  }
  relay::Connection connection(loop, *options);
  Result<void> asked = co_await connection.connect();
  if (asked) asked = co_await ask_server(connection, facts);
  if (asked) asked = co_await ask_replication(connection, facts);
  if (!asked) {
    facts.unreachable = asked.error();
    co_return;
  }
  const Result<void> tables = co_await ask_tables(connection, question);
  if (!tables) facts.tables_unknown = tables.error();
  co_await connection.quit();
}

// Makes the meta schema, as the task would, and a table in it that goes again.
Awaitable<void> try_meta_schema(relay::Connection& connection, std::string schema) {
  const std::string probe =
      applier::quoted_name(schema) + "." +
      applier::quoted_name(fmt::format("tiderelay_probe_{:08x}", std::random_device()()));
  const std::string statements[] = {
      "CREATE DATABASE IF NOT EXISTS " + applier::quoted_name(schema),
      "CREATE TABLE " + probe + " (id INT NOT NULL PRIMARY KEY)",
      "INSERT INTO " + probe + " VALUES (1)",
      "UPDATE " + probe + " SET id = 2",
      "DELETE FROM " + probe,
      "DROP TABLE " + probe,
  };
  for (const std::string& statement : statements) {
    const Result<StatementResult> done = co_await connection.execute(statement);
    if (!done) co_return done.error();
  }
  co_return Result<void>();
}

Awaitable<void> ask_triggers(relay::Connection& connection, const std::vector<TableName>& tables,
                             TargetFacts& facts) {
  if (tables.empty() || connection.is_tidb()) co_return Result<void>();  // TiDB has no triggers
  std::set<std::string> names;
  for (const TableName& table : tables) names.insert(text_of(table));
  const Result<StatementResult> found = co_await connection.execute(
      "SELECT CONCAT(EVENT_OBJECT_SCHEMA, '.', EVENT_OBJECT_TABLE), TRIGGER_NAME FROM "
      "information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA IN (" +
      schema_list(tables) + ") ORDER BY 1, 2");
  if (!found) co_return found.error();
  for (const auto& row : found->rows) {
    const std::string table = row[0].value_or("");
    if (names.contains(table)) facts.triggers.push_back(table + ": " + row[1].value_or(""));
  }
  co_return Result<void>();
}

asio::awaitable<void> ask_target(asio::any_io_executor loop, TargetQuestion& question) {
  TargetFacts& facts = question.facts;
  facts.address = address_of(question.task.target);
  const Result<relay::ConnectOptions> options = connect_options(question.task.target);
  if (!options) {
    facts.unreachable = options.error();
    co_return;
  }
  relay::Connection connection(loop, *options);
  const Result<void> connected = co_await connection.connect();
  if (!connected) {
    facts.unreachable = connected.error();
    co_return;
  }
  const Result<void> meta = co_await try_meta_schema(connection, question.task.meta_schema);
  if (!meta) facts.meta_schema = meta.error();
  const Result<void> triggers = co_await ask_triggers(connection, question.tables, facts);
  if (!triggers) facts.triggers_unknown = triggers.error();
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
                          const std::vector<conf::SourceConfig>& sources) {
  std::vector<std::unique_ptr<SourceQuestion>> questions;
  TargetQuestion target;
  target.task = task;
  {
    relay::Loop loop("checks");
    for (const conf::SourceConfig& source : sources) {
      questions.push_back(std::make_unique<SourceQuestion>());
      SourceQuestion& question = *questions.back();
      question.task = task;
      question.source = source;
      loop.post([&loop, &question] {
        relay::spawn(loop.executor(), "ask a source", ask_source(loop.executor(), question));
      });
    }
  }
  std::vector<SourceFacts> facts;
  for (const auto& question : questions) {
    target.tables.insert(target.tables.end(), question->targets.begin(), question->targets.end());
    facts.push_back(std::move(question->facts));
  }
  {
    relay::Loop loop("checks");
    loop.post([&loop, &target] {
      relay::spawn(loop.executor(), "ask the target", ask_target(loop.executor(), target));
    });
  }
  return judge(task, facts, target.facts);
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
  return outcome.error().in("source " + source.source_id);
}

}  // namespace tiderelay::control
