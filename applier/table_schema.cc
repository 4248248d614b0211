#include "applier/table_schema.h"

#include "applier/ddl_lexer.h"

namespace tiderelay::applier {

const Column* TableSchema::find_column(const std::string& column) const {
  const std::optional<std::size_t> index = column_index(column);
  return index ? &columns[*index] : nullptr;
}

std::optional<std::size_t> TableSchema::column_index(const std::string& column) const {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (same_word(columns[i].name, column)) return i;
  }
  return std::nullopt;
}

const Key* TableSchema::row_key() const {
  const Key* best = nullptr;
  for (const Key& key : keys) {
    if (!key.unique()) continue;
    bool identifies = !key.parts.empty();
    for (const KeyPart& part : key.parts) {
      const Column* column = part.column.empty() ? nullptr : find_column(part.column);
      identifies = identifies && column != nullptr && column->not_null && part.prefix_length == 0;
    }
    if (!identifies) continue;
    if (key.kind == KeyKind::kPrimary) return &key;
    if (best == nullptr || key.parts.size() < best->parts.size()) best = &key;
  }
  return best;
}

}  // namespace tiderelay::applier
