// protocol/table_map.h: TABLE_MAP: which table the rows events that follow are about, and how the
// bytes of its columns are to be read.
//
// Optional metadata may come in any order; fields that are not known are skipped by their length.
// What a server leaves out (5.x: all of it; binlog_row_metadata=MINIMAL: names, keys, elements) is
// left empty. The servers' id of a table is valid until a rows event with STMT_END, and ids are
// used again after a restart: TableMapCache always goes by the last TABLE_MAP of an id. Source:
// MySQL libs/mysql/binlog/event/rows_event.cpp, Table_map_event; sql/rpl_utility.cc,
// read_field_metadata; binary_log_funcs.cpp, calc_field_size.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/event.h"
#include "protocol/format_description.h"
#include "protocol/row_image.h"

namespace tiderelay::protocol {

inline constexpr std::uint64_t kDummyTableId = 0xffffff;  // ends a statement without rows

// How long a value of a column is: a fixed number of bytes, or a length of 1 to 4 bytes and as
// many.
struct CellLayout {
  std::uint8_t length_bytes = 0;  // 0: fixed
  std::uint8_t fixed_bytes = 0;
  bool readable = true;  // false: a type whose values have no known length
  friend bool operator==(const CellLayout&, const CellLayout&) = default;
};
[[nodiscard]] CellLayout cell_layout(const WireColumn& column);

struct PrimaryKeyPart {
  std::uint32_t column = 0;         // index
  std::uint32_t prefix_length = 0;  // characters; 0: the whole column
  friend bool operator==(const PrimaryKeyPart&, const PrimaryKeyPart&) = default;
};

struct TableMap {
  std::uint64_t id = 0;
  std::uint16_t flags = 0;
  std::string schema;
  std::string table;
  std::vector<WireColumn> columns;
  std::vector<CellLayout> layouts;  // one for each column

  std::vector<PrimaryKeyPart> primary_key;         // FULL only
  std::vector<std::vector<std::string>> elements;  // FULL only: ENUM and SET, by column index
  std::vector<std::uint32_t> geometry_types;       // of the GEOMETRY columns in order
  std::vector<std::uint32_t> vector_dimensions;    // of the VECTOR columns in order
  std::vector<bool> visible;                       // empty: not told
  std::uint32_t json_columns = 0;
  friend bool operator==(const TableMap&, const TableMap&) = default;
};

[[nodiscard]] Result<TableMap> decode_table_map(const EventView& event,
                                                const FormatDescription& format);
// The id alone, as rows events and TABLE_MAP begin.
[[nodiscard]] Result<std::uint64_t> decode_table_id(const EventView& event,
                                                    const FormatDescription& format);

// The tables of a stream by their ids. A TABLE_MAP that is byte for byte the one before of its id
// is not decoded again, and find() gives the same object: servers repeat it for each statement.
class TableMapCache {
 public:
  // Null for the dummy id, which ends a statement without rows.
  [[nodiscard]] Result<std::shared_ptr<const TableMap>> put(const EventView& event,
                                                            const FormatDescription& format);
  [[nodiscard]] std::shared_ptr<const TableMap> find(std::uint64_t id) const;  // null: no such map
  void clear() { entries_.clear(); }  // at a new file, another server, or a TRANSACTION_PAYLOAD

 private:
  static constexpr std::size_t kMaxEntries = 4096;
  struct Entry {
    std::string body;
    std::shared_ptr<const TableMap> table;
  };
  std::unordered_map<std::uint64_t, Entry> entries_;
};

// "VARCHAR", "DATETIME2": for messages.
[[nodiscard]] std::string column_type_name(ColumnType type);

}  // namespace tiderelay::protocol
