// applier/charset_rules.h: names of character sets and collations, and a server's defaults.
//
// One spelling inside the program: "utf8mb3" for utf8, "utf8mb3_general_ci" for utf8_general_ci.
// Source: information_schema.character_sets of MySQL 5.7, 8.0, MariaDB 10.11; TiDB
// pkg/parser/charset/charset.go.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "applier/ddl_ast.h"
#include "applier/ddl_lexer.h"
#include "base/error.h"

namespace tiderelay::applier {

[[nodiscard]] std::string canonical_charset(std::string_view name);
[[nodiscard]] std::string canonical_collation(std::string_view name);
[[nodiscard]] std::string charset_of(std::string_view collation);  // its name begins with it
[[nodiscard]] std::string binary_collation_of(std::string_view charset);
[[nodiscard]] std::uint32_t max_bytes_of(std::string_view charset);  // of a character; 0: unknown

// What an unwritten collation means on one server.
struct CharsetDefaults {
  Dialect dialect = Dialect::kMySql;
  std::uint32_t server_version = 0;  // 50729, 80031, 101119; 0: the newest
  // What the server or the statement's session says otherwise: default_collation_for_utf8mb4,
  // MariaDB's character_set_collations. Canonical names.
  std::map<std::string, std::string> collations;

  [[nodiscard]] std::string collation_of(std::string_view charset) const;
  // Fills in what is not written; both empty: `otherwise`. kUnsupported for names that do not fit.
  [[nodiscard]] Result<CharsetClause> resolve(const CharsetClause& written,
                                              const CharsetClause& otherwise) const;
};

}  // namespace tiderelay::applier
