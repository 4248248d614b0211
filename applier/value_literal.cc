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
  if (column.target->type == SqlType::kSet) {
    // As a number a SET is signed, and one with a 64th member equals no literal (measured on MySQL
    // 8.0; TiDB 8.5.3 answers 1690).
    std::string text;
    const Result<void> made = append_cell_text(text, binding.key_columns()[index], cell);
    if (!made) return made.error();
    out += "CONVERT(CONVERT(" + column.quoted + " USING utf8mb4) USING binary) <=> CONVERT(";
    protocol::append_quoted(out, text, true);
    out += " USING binary)";
    return {};
  }
  std::string literal;
  if (const Result<void> made = append_literal(literal, binding, index, cell); !made) return made;
  const bool fixed = column.target->type == SqlType::kDouble && column.target->decimals > 0;
  if (fixed && binding.server().kind == TargetKind::kTidb) {
    // MySQL cuts DOUBLE(20,4) to another neighbour of -0.0001 than TiDB does (measured).
    out += column.quoted + " <=> ROUND(" + literal + "," + std::to_string(column.target->decimals) +
           ")";
    return {};
  }
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
  // TiDB's CAST AS BINARY has room for as many bytes as the column has characters
  // (measured, 8.5.3).
  const bool convert = !is_utf8(column.target->charset);
  out += convert ? "CONVERT(CONVERT(" : "CONVERT(";
  out += column.quoted;
  out += convert ? " USING utf8mb4) USING binary) <=> CONVERT(" : " USING binary) <=> CONVERT(";
  out += literal + " USING binary)";
  return {};
}

}  // namespace tiderelay::applier
