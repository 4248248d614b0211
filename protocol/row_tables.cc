// protocol/row_tables.cc: TABLE_MAPs and the contexts of their columns.
#include "protocol/row_tables.h"

#include <algorithm>

namespace tiderelay::protocol {

namespace {

constexpr std::size_t kTablesMax = 4096;

bool chosen(const std::vector<std::string>& shown, const TableMap& table) {
  return shown.empty() || std::ranges::any_of(shown, [&table](const std::string& name) {
           return name == table.schema + "." + table.table || name == table.schema + ".*";
         });
}

}  // namespace

Result<const RowTable*> RowTables::put(const EventView& event, const FormatDescription& format) {
  dialect_ = format.dialect();
  auto map = maps_.put(event, format);
  if (!map) return map.error();
  if (!*map) return nullptr;
  return table_of(std::move(*map));
}

Result<const RowTable*> RowTables::table_of(std::shared_ptr<const TableMap> map) {
  const auto known = tables_.find(map.get());
  if (known != tables_.end()) return &known->second;
  if (tables_.size() >= kTablesMax) tables_.clear();
  RowTable table;
  table.shown = chosen(shown_, *map);
  for (const WireColumn& column : map->columns) {
    ValueContext context = wire_value_context(column);
    if (column.collation) context.converter = converter_of(*column.collation, dialect_);
    table.contexts.push_back(context);
  }
  const TableMap* const key = map.get();
  table.map = std::move(map);
  return &(tables_[key] = std::move(table));
}

CharsetConverter* RowTables::converter_of(std::uint16_t collation, Dialect dialect) {
  const auto known = converters_.find(collation);
  if (known != converters_.end()) return known->second.get();
  std::unique_ptr<CharsetConverter>& made = converters_[collation];
  const auto found = find_collation(collation, dialect);
  if (!found) return nullptr;  // its bytes are shown as they are
  auto opened = open_converter(found->charset->name);
  if (opened) made = std::move(*opened);
  return made.get();
}

Result<const RowTable*> RowTables::find(const EventView& event, const FormatDescription& format) {
  const Result<std::uint64_t> id = decode_table_id(event, format);
  if (!id) return id.error();
  if (*id == kDummyTableId) return nullptr;
  std::shared_ptr<const TableMap> map = maps_.find(*id);
  if (!map) {
    return Error(Errc::kCorrupt, "rows of table id " + std::to_string(*id) + " without TABLE_MAP");
  }
  return table_of(std::move(map));
}

void RowTables::clear() {
  maps_.clear();
  tables_.clear();
}

}  // namespace tiderelay::protocol
