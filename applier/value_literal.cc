// applier/value_literal.cc: literals by the form that the binding chose.
#include "applier/value_literal.h"

#include "protocol/sql_text.h"
#include "protocol/value_text.h"

namespace tiderelay::applier {

Result<void> append_literal(std::string& out, const TableBinding& binding, std::uint32_t index,
                            const protocol::Cell& cell) {
  if (cell.is_null()) {
    out += "NULL";
    return {};
  }
  const KeyColumn& column = binding.key_columns()[index];
  if (binding.columns()[index].literal == Literal::kPlain) {
    return protocol::append_sql_literal(out, column.wire, column.value, cell);
  }
  std::string text;
  if (const Result<void> made = append_cell_text(text, column, cell); !made) return made.error();
  protocol::append_quoted(out, text, true);
  return {};
}

Result<void> append_exact_match(std::string& out, const TableBinding& binding, std::uint32_t index,
                                const protocol::Cell& cell) {
  const BoundColumn& column = binding.columns()[index];
  if (cell.is_null()) {
    out += column.quoted + " IS NULL";
    return {};
  }
  std::string literal;
  if (const Result<void> made = append_literal(literal, binding, index, cell); !made) return made;
  const bool parsed = binding.server().kind != TargetKind::kMariadb;  // there JSON is text
  if (column.target->type == SqlType::kJson && parsed) {
    out += column.quoted + " = CAST(" + literal + " AS JSON)";
    return {};
  }
  if (!is_text(column.target->type) && column.target->type != SqlType::kJson) {
    out += column.quoted + " <=> " + literal;
    return {};
  }
  // The collation's equality finds candidates by an index; the bytes tell 'a' from 'A' and 'a '.
  if (column.indexed) out += column.quoted + " <=> " + literal + " AND ";
  const bool convert =
      !is_utf8(column.target->charset) && binding.server().kind != TargetKind::kTidb;
  out += convert ? "CAST(CONVERT(" : "CAST(";
  out += column.quoted;
  out += convert ? " USING utf8mb4) AS BINARY) <=> CAST(" : " AS BINARY) <=> CAST(";
  out += literal + " AS BINARY)";
  return {};
}

}  // namespace tiderelay::applier
