// control/task_schema_pump.cc: SHOW CREATE TABLE, parsed as the server that answers means it.
#include "control/task_schema_pump.h"

#include <set>

#include "applier/schema_builder.h"
#include "applier/schema_compare.h"
#include "applier/target_table.h"

namespace tiderelay::control {

using applier::TableName;
using applier::TableSchema;
using relay::Awaitable;
using relay::StatementResult;

namespace {

std::string quoted(const TableName& name) {
  return applier::quoted_name(name.schema) + "." + applier::quoted_name(name.table);
}

applier::Dialect dialect_of(const dumper::SourceServer& server) {
  return server.mariadb ? applier::Dialect::kMariaDb : applier::Dialect::kMySql;
}

std::unique_ptr<applier::TaskSchemas> empty_schemas(const TaskPlan& plan) {
  applier::TrackerOptions options;
  options.dialect = dialect_of(plan.server);
  options.server_version = plan.server.version;
  options.lower_case_table_names = plan.server.lower_case_table_names;
  options.explicit_defaults_for_timestamp = plan.server.explicit_defaults_for_timestamp;
  applier::SchemaTracker tracker(options);
  const applier::TableFilter* list = &plan.selection->list();
  tracker.set_scope([list](const TableName& name) { return list->takes(name); });
  return std::make_unique<applier::TaskSchemas>(std::move(tracker));
}

// nullopt: there is no such table.
Result<std::optional<std::string>> shown_text(const Result<relay::QueryOutcome>& outcome) {
  if (!outcome) return outcome.error();
  if (outcome->error) {
    const std::uint16_t code = outcome->error->server_code();
    if (code == 1146 || code == 1049) return std::optional<std::string>();
    return *outcome->error;
  }
  const StatementResult& shown = outcome->results.front();
  if (shown.rows.empty() || shown.rows[0].size() < 2) return std::optional<std::string>();
  return std::optional<std::string>(shown.rows[0][1]);
}

}  // namespace

Result<void> lay_copy_over(TaskPlan& plan, const dumper::TableRow& copied) {
  if (!copied.schema_sql.empty()) {
    return plan.schemas->tracker().read_table(copied.source.schema, copied.schema_sql);
  }
  plan.schemas->tracker().forget_table(copied.source);
  return {};
}

namespace {

// What CREATE TABLE takes where it names no character set.
Awaitable<void> read_databases(relay::Connection& source, TaskPlan& plan) {
  const Result<StatementResult> found = co_await source.execute(
      "SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM "
      "information_schema.SCHEMATA");
  if (!found) co_return found.error();
  for (const auto& row : found->rows) {
    const std::string name = row.at(0).value_or("");
    if (!plan.selection->list().takes_schema(name)) continue;
    applier::CharsetClause charset;
    charset.charset = row.at(1).value_or("");
    charset.collation = row.at(2).value_or("");
    plan.schemas->tracker().set_database(name, charset);
  }
  co_return Result<void>();
}

}  // namespace

Awaitable<void> seed_from_copies(relay::asio::any_io_executor loop, TaskPlan& plan,
                                 SourceRunner& source,
                                 const std::vector<dumper::TableRow>& copied) {
  plan.schemas = empty_schemas(plan);
  relay::Connection connection(loop, source.connect());
  const Result<void> connected = co_await connection.connect();
  if (!connected) co_return connected.error();
  const Result<void> databases = co_await read_databases(connection, plan);
  if (!databases) co_return databases.error();
  for (const dumper::TableRow& row : copied) {
    const Result<void> read = lay_copy_over(plan, row);
    if (!read) co_return read.error();
  }
  co_return Result<void>();
}

namespace {

// The definition at the task's beginning is known to nobody: if the source's of now does not fit
// the target, which has the rows of that moment, a statement in between has changed it, and the
// target's stands for it.
Awaitable<void> seed_table(relay::Connection& source, applier::Coordinator& coordinator,
                           TaskPlan& plan, dumper::DumpTable table, bool from_now) {
  const Result<relay::QueryOutcome> outcome =
      co_await source.query("SHOW CREATE TABLE " + quoted(table.source));
  const Result<std::optional<std::string>> text = shown_text(outcome);
  if (!text) co_return text.error();
  if (!*text) co_return Result<void>();
  Result<std::optional<TableSchema>> there =
      co_await applier::fetch_target_table(coordinator, table.target);
  if (!there) co_return there.error();
  if (!*there && !from_now) co_return Result<void>();  // its CREATE is in the log
  applier::SchemaTracker& tracker = plan.schemas->tracker();
  const Result<void> read = tracker.read_table(table.source.schema, **text);
  if (!read) co_return read.error();
  if (!*there || from_now) co_return Result<void>();
  applier::Target target;
  target.kind = coordinator.target().kind;
  target.version = coordinator.target().version;
  const Result<applier::Compatibility> fits =
      applier::compare_with_target(*tracker.find(table.source), **there, target, plan.dump.route);
  if (!fits) co_return fits.error();
  if (fits->compatible()) co_return Result<void>();
  plan.notes.push_back(table.source.schema + "." + table.source.table +
                       " has changed at the source since the task's beginning; until the log tells "
                       "how, the target's definition is taken for it");
  (*there)->name = table.source;
  tracker.set_table(std::move(**there));
  co_return Result<void>();
}

}  // namespace

Awaitable<void> seed_from_source(relay::asio::any_io_executor loop, TaskPlan& plan,
                                 SourceRunner& source, applier::Coordinator& coordinator,
                                 bool from_now) {
  plan.schemas = empty_schemas(plan);
  relay::Connection connection(loop, source.connect());
  const Result<void> connected = co_await connection.connect();
  if (!connected) co_return connected.error();
  const Result<void> databases = co_await read_databases(connection, plan);
  if (!databases) co_return databases.error();
  const std::vector<dumper::DumpTable> tables = plan.tables;
  for (const dumper::DumpTable& table : tables) {
    const Result<void> seeded = co_await seed_table(connection, coordinator, plan, table, from_now);
    if (!seeded) co_return seeded.error();
  }
  co_return Result<void>();
}

Result<void> restore_schemas(TaskPlan& plan) {
  plan.schemas = empty_schemas(plan);
  return plan.schemas->tracker().restore(plan.rows.source.schema_snapshot);
}

Awaitable<void> fetch_targets(applier::Coordinator& coordinator, TaskPlan& plan) {
  std::set<TableName> targets;
  for (const TableName& source : plan.schemas->tracker().tables()) {
    const Result<std::optional<TableName>> target = plan.selection->target_of(source);
    if (!target) co_return target.error();
    if (*target) targets.insert(**target);
  }
  for (const TableName& target : targets) {
    const Result<std::optional<TableSchema>> schema =
        co_await applier::fetch_target_table(coordinator, target);
    if (!schema) co_return schema.error();
    plan.schemas->set_target(target, *schema);
  }
  co_return Result<void>();
}

}  // namespace tiderelay::control
