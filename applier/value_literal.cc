// applier/value_literal.cc: literals by the form that the binding chose.
#include "applier/value_literal.h"

#include <charconv>

#include "applier/cell_value.h"
#include "applier/sql_text.h"

namespace tiderelay::applier {
namespace {

template <class Integer>
void append_integer(std::string& out, Integer number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

bool append_number(std::string& out, const KeyColumn& key, const protocol::Cell& cell) {
  const SqlType type = key.source->type;
  if (is_integer(type)) {
    const std::uint64_t number = cell_integer(key.wire, cell);
    if (key.wire.is_unsigned.value_or(false)) {
      append_integer(out, number);
    } else {
      append_integer(out, static_cast<std::int64_t>(number));
    }
    return true;
  }
  if (type == SqlType::kBit || type == SqlType::kEnum || type == SqlType::kSet) {
    append_integer(out, cell_integer(key.wire, cell));
    return true;
  }
  return append_cell_text(out, key.wire, *key.source, cell);
}

bool append_quoted_value(std::string& out, const KeyColumn& key, const protocol::Cell& cell) {
  std::string text;
  if (!append_cell_text(text, key.wire, *key.source, cell)) return false;
  append_quoted_text(out, text);
  return true;
}

}  // namespace

bool append_literal(std::string& out, const TableBinding& binding, std::uint32_t index,
                    const protocol::Cell& cell) {
  if (cell.is_null()) {
    out += "NULL";
    return true;
  }
  const KeyColumn& key = binding.key_columns()[index];
  switch (binding.columns()[index].literal) {
    case Literal::kNumber:
      return append_number(out, key, cell);
    case Literal::kText:
      if (is_utf8(key.source->charset)) {
        append_quoted_text(out, as_text(cell.bytes()));
        return true;
      }
      return append_quoted_value(out, key, cell);
    case Literal::kQuoted:
    case Literal::kJson:
    case Literal::kEnumLabel:
    case Literal::kSetLabel:
      return append_quoted_value(out, key, cell);
    case Literal::kBinary: {
      const std::string_view bytes = as_text(cell.bytes());
      if (key.source->type == SqlType::kBinary && bytes.size() < key.source->length) {
        std::string padded(bytes);  // the log leaves out trailing zeros
        padded.resize(key.source->length);
        append_hex(out, padded);
      } else {
        append_hex(out, bytes);
      }
      return true;
    }
  }
  return false;
}

bool append_exact_match(std::string& out, const TableBinding& binding, std::uint32_t index,
                        const protocol::Cell& cell) {
  const BoundColumn& column = binding.columns()[index];
  const bool text = column.target->is_character() && column.target->type != SqlType::kEnum &&
                    column.target->type != SqlType::kSet;
  if (cell.is_null()) {
    out += column.quoted + " IS NULL";
    return true;
  }
  if (column.literal == Literal::kJson && column.target->type == SqlType::kJson) {
    out += column.quoted + " = CAST(";
    if (!append_literal(out, binding, index, cell)) return false;
    out += " AS JSON)";
    return true;
  }
  if (!text || column.indexed) {  // the collation's equality finds candidates by the index
    out += column.quoted + " <=> ";
    if (!append_literal(out, binding, index, cell)) return false;
    if (!text) return true;
    out += " AND ";
  }
  // Also tells 'a' from 'A' and from 'a '.
  const bool convert =
      !is_utf8(column.target->charset) && binding.server().kind != TargetKind::kTidb;
  out += convert ? "CAST(CONVERT(" : "CAST(";
  out += column.quoted;
  out += convert ? " USING utf8mb4) AS BINARY) <=> CAST(" : " AS BINARY) <=> CAST(";
  if (!append_literal(out, binding, index, cell)) return false;
  out += " AS BINARY)";
  return true;
}

}  // namespace tiderelay::applier
