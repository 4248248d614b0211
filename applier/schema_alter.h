// applier/schema_alter.h: applies the clauses of one ALTER TABLE to a table, all at once, as the
// server does: columns are named as they were before the statement, new keys as after it.
//
// Source: MySQL sql/sql_table.cc, prepare_fields_and_keys (5.7: mysql_prepare_alter_table).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "applier/schema_builder.h"

namespace tiderelay::applier {

struct AlteredTable {
  TableSchema schema;                                        // RENAME TO is not applied
  std::vector<std::pair<std::string, std::string>> renamed;  // columns: old name, new name
  std::vector<std::string> rewritten;  // columns of MODIFY and CHANGE, new names
};

[[nodiscard]] Result<AlteredTable> alter_table(const TableSchema& before,
                                               const std::vector<AlterClause>& clauses,
                                               const SchemaContext& context);

// Puts `to` where an expression names the column `from`.
[[nodiscard]] std::string rename_in_expression(const std::string& expression,
                                               const std::string& from, const std::string& to);
// Does the expression name the column?
[[nodiscard]] bool expression_names(const std::string& expression, const std::string& column);

}  // namespace tiderelay::applier
