// protocol/rows.h: the rows of a rows event, one after the other, without copying them.
//
// Takes V1 (MariaDB, old MySQL), V2 and PARTIAL_UPDATE_ROWS. Cells view the event's bytes and live
// as long as these. One reader serves any number of events; it allocates when a table is wider than
// all before, never for a row. Every byte is bounds-checked; a row that does not end where the
// event ends is kCorrupt. MariaDB's compressed rows are kUnsupported, by name. Source: MySQL
// libs/mysql/binlog/event/rows_event.cpp; sql/log_event.cc, print_verbose_one_row.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/event.h"
#include "protocol/format_description.h"
#include "protocol/row_image.h"
#include "protocol/table_map.h"

namespace tiderelay::protocol {

namespace rows_flag {
inline constexpr std::uint16_t kStatementEnd = 0x1;
inline constexpr std::uint16_t kNoForeignKeyChecks = 0x2;
inline constexpr std::uint16_t kRelaxedUniqueChecks = 0x4;
inline constexpr std::uint16_t kCompleteRows = 0x8;
inline constexpr std::uint16_t kUseSqlForeignKey = 0x10;  // 9.x: cascaded changes are in the log
}  // namespace rows_flag

class RowsReader {
 public:
  // event, format and table must remain live while rows are read.
  [[nodiscard]] Result<void> open(const EventView& event, const FormatDescription& format,
                                  const TableMap& table);
  // The next row; false: there are no more. After an error: call open() again.
  [[nodiscard]] Result<bool> next();

  [[nodiscard]] RowKind kind() const { return kind_; }
  // One cell for each column of the table, kAbsent where the image leaves it out. Empty before for
  // kInsert, empty after for kDelete. Valid until the next call.
  [[nodiscard]] std::span<const Cell> before() const { return before_.cells; }
  [[nodiscard]] std::span<const Cell> after() const { return after_.cells; }
  // The after-image's cell of a JSON column is a list of changes and no value
  // (PARTIAL_UPDATE_ROWS).
  [[nodiscard]] bool after_is_partial(std::size_t column) const;
  [[nodiscard]] bool has_partial() const { return row_has_partial_; }

  [[nodiscard]] std::uint16_t flags() const { return flags_; }
  [[nodiscard]] bool statement_end() const { return (flags_ & rows_flag::kStatementEnd) != 0; }
  [[nodiscard]] ByteView extra_data() const { return extra_data_; }
  // All columns are there, in each image that the kind has.
  [[nodiscard]] bool full_image() const { return full_image_; }

 private:
  struct Image {
    struct Slot {
      std::uint32_t column;
      CellLayout layout;
      bool json;
    };
    std::vector<Cell> cells;
    std::vector<Slot> slots;  // the columns that are present
  };
  [[nodiscard]] Result<void> open_image(ByteReader& reader, Image& image);
  [[nodiscard]] Result<void> read_image(Image& image, ByteView partial_bits);
  [[nodiscard]] Result<ByteView> read_partial_bits();
  [[nodiscard]] Error bad(Errc code, const std::string& what) const;

  const TableMap* table_ = nullptr;
  std::uint8_t type_ = 0;
  RowKind kind_ = RowKind::kInsert;
  std::uint16_t flags_ = 0;
  ByteView extra_data_;
  Image before_;
  Image after_;
  ByteView rows_;  // what is left to read
  ByteView partial_bits_;
  std::vector<std::uint32_t> json_ordinals_;  // by column index; for partial updates only
  bool partial_event_ = false;
  bool row_has_partial_ = false;
  bool full_image_ = false;
  bool first_ = true;
};

// The value at the start of bytes, its length field cut off, and how many bytes it takes in all.
// Null data: the bytes end inside it, or the type is not readable.
struct CellSize {
  std::size_t total_bytes = 0;
  ByteView value;
  bool ok = false;
};
[[nodiscard]] inline CellSize cell_size(const CellLayout& layout, ByteView bytes) {
  CellSize size;
  if (!layout.readable || bytes.size() < layout.length_bytes) return size;
  std::uint64_t value_bytes = layout.fixed_bytes;
  switch (layout.length_bytes) {
    case 0:
      break;
    case 1:
      value_bytes = load_le<1>(bytes.data());
      break;
    case 2:
      value_bytes = load_le<2>(bytes.data());
      break;
    case 3:
      value_bytes = load_le<3>(bytes.data());
      break;
    default:
      value_bytes = load_le<4>(bytes.data());
      break;
  }
  if (bytes.size() - layout.length_bytes < value_bytes) return size;
  size.total_bytes = layout.length_bytes + static_cast<std::size_t>(value_bytes);
  size.value = bytes.subspan(layout.length_bytes, static_cast<std::size_t>(value_bytes));
  size.ok = true;
  return size;
}

}  // namespace tiderelay::protocol
