// applier/target_table_pump.cc: SHOW CREATE TABLE of the target, parsed.
#include "applier/target_table.h"

#include "applier/schema_builder.h"

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
