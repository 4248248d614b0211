// tests/applier/schemas.h: tables and server contexts for tests.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "applier/schema_builder.h"

namespace tiderelay::tests {

inline applier::SchemaContext server(applier::Dialect dialect, std::uint32_t version) {
  applier::SchemaContext context;
  context.charsets.dialect = dialect;
  context.charsets.server_version = version;
  context.database = {"utf8mb4", context.charsets.collation_of("utf8mb4")};
  return context;
}
inline applier::SchemaContext mysql80() { return server(applier::Dialect::kMySql, 80031); }
inline applier::SchemaContext mysql57() { return server(applier::Dialect::kMySql, 50729); }
inline applier::SchemaContext mariadb() { return server(applier::Dialect::kMariaDb, 101119); }
inline applier::SchemaContext tidb() { return server(applier::Dialect::kTidb, 80503); }

inline applier::ParseOptions reading(const applier::SchemaContext& context) {
  applier::ParseOptions options;
  options.lex.dialect = context.charsets.dialect;
  return options;
}

inline applier::TableSchema table(std::string_view sql,
                                  const applier::SchemaContext& context = mysql80()) {
  const auto statement = applier::parse_statement(sql, reading(context));
  EXPECT_TRUE(statement.has_value()) << sql << "\n" << statement.error().text();
  if (!statement) return {};
  applier::TableName name = statement->tables.at(0);
  if (name.schema.empty()) name.schema = "db";
  auto built = applier::build_table(name, statement->table, context);
  EXPECT_TRUE(built.has_value()) << sql << "\n" << built.error().text();
  return built ? *built : applier::TableSchema{};
}

// The statements of tests/applier/show_create/<file>, which end with ";\n".
inline std::vector<std::string> recorded(const std::string& file) {
  std::ifstream in(std::string(TIDERELAY_APPLIER_TESTS) + "/show_create/" + file);
  std::stringstream all;
  all << in.rdbuf();
  const std::string text = all.str();
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(";\n", at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 2;
  }
  return out;
}

}  // namespace tiderelay::tests
