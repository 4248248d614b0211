// tests/applier/ddl_driver.cc: the DDL machines behind a pipe, so that a script can compare them
// with real servers (integration/ddl_against_servers.py). A JSON object a line in, one out.
#include <boost/json.hpp>
#include <iostream>
#include <string>

#include "applier/schema_builder.h"
#include "applier/schema_sql.h"
#include "applier/target_schema.h"

namespace json = boost::json;

namespace tiderelay::applier {
namespace {

std::string text(const json::object& request, std::string_view key) {
  const json::value* value = request.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::uint32_t number(const json::object& request, std::string_view key) {
  const json::value* value = request.if_contains(key);
  return value == nullptr ? 0 : value->to_number<std::uint32_t>();
}

SchemaContext context_of(const json::object& request) {
  SchemaContext context;
  const std::string dialect = text(request, "dialect");
  context.charsets.dialect = dialect == "mariadb" ? Dialect::kMariaDb
                             : dialect == "tidb"  ? Dialect::kTidb
                                                  : Dialect::kMySql;
  context.charsets.server_version = number(request, "version");
  context.database = {"utf8mb4", context.charsets.collation_of("utf8mb4")};
  return context;
}

Target target_of(const json::object& request) {
  Target target;
  const std::string kind = text(request, "target");
  if (kind == "mysql") target.kind = TargetKind::kMysql;
  if (kind == "mariadb") target.kind = TargetKind::kMariadb;
  if (const std::uint32_t version = number(request, "target_version"); version != 0)
    target.version = version;
  return target;
}

json::object failure(const Error& error) {
  return {{"error", error.text()}, {"way_out", error.way_out()}};
}

json::object create(const json::object& request) {
  const SchemaContext context = context_of(request);
  ParseOptions options;
  options.lex.dialect = context.charsets.dialect;
  const auto schema = parse_create_table(text(request, "sql"), "db", context, options);
  if (!schema) return failure(schema.error());
  const auto made =
      create_table_sql(*schema, {text(request, "to"), schema->name.table}, target_of(request));
  if (!made) return failure(made.error());
  json::array notes;
  for (const TranslationNote& note : made->notes) notes.push_back(json::string(note.text));
  return {{"sql", made->sql}, {"notes", notes}};
}

json::object answer(const json::object& request) {
  const std::string operation = text(request, "op");
  if (operation == "create") return create(request);
  return {{"error", "unknown op " + operation}};
}

}  // namespace
}  // namespace tiderelay::applier

int main() {
  for (std::string line; std::getline(std::cin, line);)
    std::cout << json::serialize(tiderelay::applier::answer(json::parse(line).as_object()))
              << std::endl;
}
