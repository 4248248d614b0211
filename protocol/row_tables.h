// protocol/row_tables.h: the tables of a stream with what printing their rows needs: how each
// column's bytes become text, made once for each TABLE_MAP that differs.
//
// Where TABLE_MAP tells no character set (5.x), text is taken for UTF-8. Views and pointers live
// until clear().
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/table_map.h"
#include "protocol/value_text.h"

namespace tiderelay::protocol {

struct RowTable {
  std::shared_ptr<const TableMap> map;
  std::vector<ValueContext> contexts;  // one for each column
  bool shown = true;                   // chosen by the caller's filter
};

class RowTables {
 public:
  // `shown`: names as "schema.table" or "schema.*"; empty: every table.
  explicit RowTables(std::vector<std::string> shown = {}) : shown_(std::move(shown)) {}

  // Null for the dummy id.
  [[nodiscard]] Result<const RowTable*> put(const EventView& event,
                                            const FormatDescription& format);
  // Of a rows event. kCorrupt: there was no TABLE_MAP of its id. Null for the dummy id.
  [[nodiscard]] Result<const RowTable*> find(const EventView& event,
                                             const FormatDescription& format);
  [[nodiscard]] bool filters() const { return !shown_.empty(); }
  void clear();  // at a new file, and around a TRANSACTION_PAYLOAD

 private:
  [[nodiscard]] Result<const RowTable*> table_of(std::shared_ptr<const TableMap> map);
  [[nodiscard]] CharsetConverter* converter_of(std::uint16_t collation, Dialect dialect);

  const std::vector<std::string> shown_;
  Dialect dialect_ = Dialect::kMysql;
  TableMapCache maps_;
  std::unordered_map<const TableMap*, RowTable> tables_;
  std::unordered_map<std::uint16_t, std::unique_ptr<CharsetConverter>> converters_;
};

}  // namespace tiderelay::protocol
