// applier/target_table_pump.cc: SHOW CREATE TABLE of the target, parsed.
#include "applier/target_table.h"

#include "applier/schema_builder.h"
#include "applier/sql_text.h"

namespace tiderelay::applier {

Dialect dialect_of(TargetKind kind) {
  switch (kind) {
    case TargetKind::kTidb:
      return Dialect::kTidb;
    case TargetKind::kMariadb:
      return Dialect::kMariaDb;
    case TargetKind::kMysql:
      break;
  }
  return Dialect::kMySql;
}

namespace {

// TiDB has none; without the TRIGGER right a server shows none.
relay::Awaitable<void> refuse_triggers(Coordinator& coordinator, TableName name) {
  if (coordinator.target().kind == TargetKind::kTidb) co_return Result<void>();
  const Result<relay::QueryOutcome> found = co_await coordinator.query(
      "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA=" +
      quoted_text(name.schema) + " AND EVENT_OBJECT_TABLE=" + quoted_text(name.table));
  if (!found) co_return found.error();
  const auto& rows = found->results.front().rows;
  if (rows.empty()) co_return Result<void>();
  const std::string trigger = rows.front().front().value_or("");
  co_return Error(Errc::kConfig, "target table " + name.schema + "." + name.table +
                                     " has the trigger " + trigger +
                                     ", which would write what the log has already")
      .with_way_out("DROP TRIGGER " + quoted_name(name.schema) + "." + quoted_name(trigger) +
                    " at the target, then resume-task");
}

}  // namespace

relay::Awaitable<std::optional<TableSchema>> fetch_target_table(Coordinator& coordinator,
                                                                TableName name) {
  const std::string place = quoted_name(name.schema) + "." + quoted_name(name.table);
  const Result<relay::QueryOutcome> shown =
      co_await coordinator.query("SHOW CREATE TABLE " + place);
  if (!shown) {
    const std::uint16_t code = shown.error().server_code();
    if (code == 1146 || code == 1049) co_return std::optional<TableSchema>();
    co_return shown.error().in("target table " + name.schema + "." + name.table);
  }
  const Result<void> without_triggers = co_await refuse_triggers(coordinator, name);
  if (!without_triggers) co_return without_triggers.error();
  const relay::StatementResult& answer = shown->results.front();
  if (answer.rows.empty() || answer.rows[0].size() < 2) co_return std::optional<TableSchema>();
  SchemaContext context;
  context.charsets.dialect = dialect_of(coordinator.target().kind);
  ParseOptions options;
  options.lex.dialect = context.charsets.dialect;
  const bool mysql = coordinator.target().kind != TargetKind::kTidb;
  if (mysql) context.charsets.server_version = coordinator.target().version;
  Result<TableSchema> schema =
      parse_create_table(answer.rows[0][1].value_or(""), name.schema, context, options);
  if (!schema) co_return schema.error().in("target table " + name.schema + "." + name.table);
  co_return std::optional<TableSchema>(std::move(*schema));
}

}  // namespace tiderelay::applier
