// tests/fuzz/rows_fuzz.cc: any bytes as a TABLE_MAP (its length first, two bytes), the type of a
// rows event and its body. Each cell lies inside the event, and is printed as SQL and as text.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "protocol/rows.h"
#include "protocol/table_map.h"
#include "protocol/value_text.h"

namespace {

using namespace tiderelay;            // NOLINT(google-build-using-namespace): a program of its own
using namespace tiderelay::protocol;  // NOLINT(google-build-using-namespace)

void print_cells(std::span<const Cell> cells, const TableMap& table, ByteView body,
                 const RowsReader& rows, bool after) {
  CHECK(cells.empty() || cells.size() == table.columns.size(), "a cell for each column");
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const Cell& cell = cells[i];
    if (!cell.present()) continue;
    const bool inside =
        cell.size_bytes == 0 ||
        (cell.data >= body.data() && cell.data + cell.size_bytes <= body.data() + body.size());
    CHECK(inside, "a cell views the event");
    if (after && rows.after_is_partial(i)) continue;
    ValueContext context = wire_value_context(table.columns[i]);
    std::string sql;
    std::string text;
    const bool as_sql = append_sql_literal(sql, table.columns[i], context, cell).has_value();
    const bool printed = append_text(text, table.columns[i], context, cell).has_value();
    CHECK(as_sql == printed, "both forms take the same values");
    context.no_backslash_escapes = true;
    context.vector_as_bytes = true;
    (void)append_sql_literal(sql, table.columns[i], context, cell).has_value();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader(ByteView(reinterpret_cast<const std::byte*>(data), size));
  const std::uint16_t map_bytes = reader.u16();
  EventView map;
  map.header.type = event_type::kTableMap;
  map.body = reader.take(map_bytes);
  EventView event;
  event.header.type = reader.u8();
  if (!reader.ok()) return 0;
  event.body = reader.rest();
  const Dialect dialect =
      event.header.type < event_type::kWriteRows ? Dialect::kMariadb : Dialect::kMysql;
  const FormatDescription format = default_format(dialect, ChecksumAlgorithm::kNone);
  const auto table = decode_table_map(map, format);
  if (!table) return 0;
  RowsReader rows;
  if (!rows.open(event, format, *table)) return 0;
  std::size_t count = 0;
  for (auto more = rows.next(); more && *more; more = rows.next()) {
    CHECK(++count <= event.body.size() + 1, "each row but one takes bytes");
    print_cells(rows.before(), *table, event.body, rows, false);
    print_cells(rows.after(), *table, event.body, rows, true);
  }
  return 0;
}
