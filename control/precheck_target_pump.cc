// control/precheck_target_pump.cc: asks a target for its rights by statements that can change
// nothing: on a table that is not there, or as EXPLAIN.
//
// Measured: MySQL 5.7 to 9.7 and MariaDB look at the right first (1142), then for the table (1146,
// 1049, 1051). TiDB 8.5 does so for CREATE and DROP, and for all rights where the schema is
// missing; where the schema is there it answers 1146 to everybody, so rows are asked for with
// EXPLAIN on a table that exists, and what cannot be asked counts as granted.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "applier/sql_text.h"
#include "control/precheck_target.h"
#include "control/source_runner.h"
#include "relay/connection.h"

namespace tiderelay::control {

namespace asio = relay::asio;
using applier::TableName;
using relay::Awaitable;
using relay::StatementResult;

namespace {

constexpr const char* kVariables =
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only', "
    "'tidb_restricted_read_only', 'max_connections')";
constexpr const char* kAbsent = "tiderelay_asks_whether_it_may";
constexpr const char* kSources = "tiderelay_source";  // in the meta schema

struct Schema {
  std::string name;
  bool exists = false;
  bool meta = false;
  std::vector<TableName> tables;  // those that are there
};

struct Ask {
  std::string right;
  std::string on;
  std::string sql;
};

void ask_for_rows(const TableName& table, std::vector<Ask>& asks) {
  const std::string name = applier::quoted_table(table);
  asks.push_back({"SELECT", name, "EXPLAIN SELECT 1 FROM " + name});
  asks.push_back(
      {"INSERT", name, "EXPLAIN INSERT INTO " + name + " SELECT * FROM " + name + " WHERE FALSE"});
  asks.push_back({"DELETE", name, "EXPLAIN DELETE FROM " + name + " WHERE FALSE"});
}

std::vector<Ask> asks_for(const Schema& schema, bool tidb) {
  const std::string all = applier::quoted_name(schema.name) + ".*";
  const std::string absent = applier::quoted_name(schema.name) + "." + kAbsent;
  std::vector<Ask> asks;
  asks.push_back({"CREATE", all,
                  schema.exists ? "CREATE DATABASE " + applier::quoted_name(schema.name)
                                : "CREATE TABLE " + absent + " (id INT PRIMARY KEY)"});
  if (!tidb || !schema.exists) {
    asks.push_back({"SELECT", all, "SELECT 1 FROM " + absent});
    asks.push_back({"INSERT", all, "INSERT INTO " + absent + " VALUES (1)"});
    asks.push_back({"UPDATE", all, "UPDATE " + absent + " SET id = 1"});
    asks.push_back({"DELETE", all, "DELETE FROM " + absent});
  } else {
    for (const TableName& table : schema.tables) ask_for_rows(table, asks);
  }
  if (schema.meta) return asks;
  asks.push_back({"DROP", all, "DROP TABLE " + absent});
  if (tidb && schema.exists) return asks;
  asks.push_back({"ALTER", all, "ALTER TABLE " + absent + " COMMENT ''"});
  asks.push_back({"INDEX", all, "CREATE INDEX i ON " + absent + " (id)"});
  return asks;
}

Awaitable<void> ask_rights(relay::Connection& connection, Schema schema, TargetFacts& facts) {
  for (const Ask& ask : asks_for(schema, connection.is_tidb())) {
    const Result<StatementResult> answer = co_await connection.execute(ask.sql);
    if (!answer && answer.error().code() != Errc::kServer) co_return answer.error();
    if (answer && ask.sql.starts_with("CREATE TABLE")) {  // its schema came into being just now
      const Result<StatementResult> gone = co_await connection.execute(
          "DROP TABLE " + applier::quoted_name(schema.name) + "." + kAbsent);
      if (!gone) co_return gone.error();
    }
    if (answer || !is_refusal(answer.error())) continue;
    RefusedRight refused;
    refused.right = ask.right;
    refused.on = ask.on;
    refused.error = answer.error();
    (schema.meta ? facts.meta_rights : facts.rights).push_back(std::move(refused));
  }
  co_return Result<void>();
}

Awaitable<void> ask_variables(relay::Connection& connection, TargetFacts& facts) {
  facts.server = applier::TargetInfo::from_greeting(connection.server_version());
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
  co_return Result<void>();
}

Awaitable<void> ask_tables(relay::Connection& connection, std::set<TableName> tables,
                           TargetFacts& facts) {
  for (const TableName& table : tables) {
    const Result<StatementResult> shown =
        co_await connection.execute("SHOW CREATE TABLE " + applier::quoted_table(table));
    if (!shown && shown.error().code() != Errc::kServer) co_return shown.error();
    if (shown && !shown->rows.empty() && shown->rows[0].size() >= 2) {
      facts.tables[text_of(table)] = shown->rows[0][1].value_or("");
    }
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

Awaitable<void> ask_phases(relay::Connection& connection, const conf::TaskConfig& task,
                           TargetFacts& facts) {
  const Result<StatementResult> phases = co_await connection.execute(
      "SELECT source FROM " + applier::quoted_name(task.meta_schema) + "." + kSources +
      " WHERE phase = 'sync' AND task = " + applier::quoted_text(task.name));
  if (!phases) co_return Result<void>();  // not there yet
  for (const auto& row : phases->rows) facts.synced.insert(row[0].value_or(""));
  co_return Result<void>();
}

Awaitable<void> ask_schemas(relay::Connection& connection, const conf::TaskConfig& task,
                            const std::vector<TableName>& tables, TargetFacts& facts) {
  std::map<std::string, Schema> schemas;
  for (const TableName& table : tables) {
    Schema& schema = schemas[table.schema];
    schema.name = table.schema;
    const bool there = facts.tables.contains(text_of(table));
    if (there && std::ranges::find(schema.tables, table) == schema.tables.end()) {
      schema.tables.push_back(table);
    }
  }
  Schema& meta = schemas[task.meta_schema];
  meta.name = task.meta_schema;
  meta.meta = true;
  std::vector<TableName> kept = {{task.meta_schema, kSources}};
  const Result<StatementResult> exists =
      co_await connection.execute("SELECT 1 FROM " + applier::quoted_table(kept[0]) + " LIMIT 0");
  if (exists) meta.tables.push_back(kept[0]);
  for (auto& [name, schema] : schemas) {
    const Result<StatementResult> found = co_await connection.execute(
        "SHOW DATABASES WHERE `Database` = " + applier::quoted_text(name));
    if (!found) co_return found.error();
    schema.exists = !found->rows.empty();
    const Result<void> asked = co_await ask_rights(connection, schema, facts);
    if (!asked) co_return asked.error();
  }
  co_return Result<void>();
}

Awaitable<void> ask_all(relay::Connection& connection, const conf::TaskConfig& task,
                        const std::vector<TableName>& tables, TargetFacts& facts) {
  const Result<void> connected = co_await connection.connect();
  if (!connected) co_return connected.error();
  const Result<void> variables = co_await ask_variables(connection, facts);
  if (!variables) co_return variables.error();
  std::set<TableName> names(tables.begin(), tables.end());
  const Result<void> shown = co_await ask_tables(connection, std::move(names), facts);
  if (!shown) co_return shown.error();
  const Result<void> phases = co_await ask_phases(connection, task, facts);
  if (!phases) co_return phases.error();
  const Result<void> rights = co_await ask_schemas(connection, task, tables, facts);
  if (!rights) co_return rights.error();
  const Result<void> triggers = co_await ask_triggers(connection, tables, facts);
  if (!triggers) facts.triggers_unknown = triggers.error();
  co_await connection.quit();
  co_return Result<void>();
}

}  // namespace

std::string address_of(const conf::Endpoint& endpoint) {
  return endpoint.host + ":" + std::to_string(endpoint.port);
}

std::string text_of(const TableName& name) { return name.schema + "." + name.table; }

std::string schema_list(const std::vector<TableName>& tables) {
  std::set<std::string> schemas;
  for (const TableName& table : tables) schemas.insert(applier::quoted_text(table.schema));
  return fmt::format("{}", fmt::join(schemas, ", "));
}

bool is_refusal(const Error& error) {
  switch (error.server_code()) {
    case 1044:  // access to the schema
    case 1045:
    case 1142:  // the command, for the table
    case 1143:
    case 1227:
    case 8121:  // TiDB: "privilege check for 'Update' fail"
      return true;
    default:
      return false;
  }
}

asio::awaitable<void> ask_target(asio::any_io_executor loop, const conf::TaskConfig& task,
                                 const std::vector<TableName>& tables, TargetFacts& facts) {
  facts.address = address_of(task.target);
  const Result<relay::ConnectOptions> options = connect_options(task.target);
  if (!options) {
    facts.unreachable = options.error();
    co_return;
  }
  relay::Connection connection(loop, *options);
  const Result<void> asked = co_await ask_all(connection, task, tables, facts);
  if (!asked) facts.unreachable = asked.error();
}

}  // namespace tiderelay::control
