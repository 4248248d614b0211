// protocol/rows.cc: rows events.
#include "protocol/rows.h"

namespace tiderelay::protocol {
namespace {

constexpr std::uint8_t kPostHeaderV2Bytes = 10;
constexpr std::uint64_t kPartialJson = 1;

bool bit_at(ByteView bits, std::size_t index) {
  return (std::to_integer<unsigned>(bits[index / 8]) >> index % 8 & 1) != 0;
}

Result<RowKind> kind_of(std::uint8_t type) {
  switch (type) {
    case event_type::kWriteRowsV1:
    case event_type::kWriteRows:
      return RowKind::kInsert;
    case event_type::kUpdateRowsV1:
    case event_type::kUpdateRows:
    case event_type::kPartialUpdateRows:
      return RowKind::kUpdate;
    case event_type::kDeleteRowsV1:
    case event_type::kDeleteRows:
      return RowKind::kDelete;
    default:
      break;
  }
  const Error error(Errc::kUnsupported, event_type_name(type) + " event");
  if (!is_rows_event_type(type)) return error;
  return error.with_way_out("set log_bin_compress=OFF at the MariaDB source");
}

}  // namespace

Error RowsReader::bad(Errc code, const std::string& what) const {
  return Error(code, event_type_name(type_) + " event of " + table_->schema + "." + table_->table +
                         ": " + what);
}

Result<void> RowsReader::open(const EventView& event, const FormatDescription& format,
                              const TableMap& table) {
  table_ = &table;
  type_ = event.header.type;
  const Result<RowKind> kind = kind_of(type_);
  if (!kind) return kind.error().in(table.schema + "." + table.table);
  kind_ = *kind;
  partial_event_ = type_ == event_type::kPartialUpdateRows;
  first_ = true;
  row_has_partial_ = false;
  rows_ = {};

  const std::uint8_t post_header_bytes = format.post_header_bytes(type_);
  if (post_header_bytes < 6) return bad(Errc::kCorrupt, "not known to its file's server");
  ByteReader reader(event.body);
  const std::uint64_t id = post_header_bytes == 6 ? reader.u32() : reader.u48();
  flags_ = reader.u16();
  extra_data_ = {};
  if (post_header_bytes >= kPostHeaderV2Bytes) {
    const std::uint16_t extra_bytes = reader.u16();  // includes these two
    if (extra_bytes < 2) return bad(Errc::kCorrupt, "impossible length of extra data");
    reader.skip(post_header_bytes - std::uint64_t{kPostHeaderV2Bytes});
    extra_data_ = reader.take(extra_bytes - 2U);
  }
  if (reader.ok() && id != table.id) return bad(Errc::kCorrupt, "another table's id");
  const std::uint64_t columns = reader.lenenc();
  if (!reader.ok()) return bad(Errc::kTruncated, "ends inside its fixed part");
  if (columns != table.columns.size()) {
    return bad(Errc::kCorrupt, "has " + std::to_string(columns) + " columns, but its TABLE_MAP " +
                                   std::to_string(table.columns.size()));
  }
  before_.cells.clear();
  before_.slots.clear();
  after_.cells.clear();
  after_.slots.clear();
  if (kind_ != RowKind::kInsert) {
    const Result<void> opened = open_image(reader, before_);
    if (!opened) return opened.error();
  }
  if (kind_ != RowKind::kDelete) {
    const Result<void> opened = open_image(reader, after_);
    if (!opened) return opened.error();
  }
  full_image_ = (kind_ == RowKind::kInsert || before_.slots.size() == columns) &&
                (kind_ == RowKind::kDelete || after_.slots.size() == columns);
  rows_ = reader.rest();
  return {};
}

Result<void> RowsReader::open_image(ByteReader& reader, Image& image) {
  const std::size_t columns = table_->columns.size();
  const ByteView present = reader.take((columns + 7) / 8);
  if (!reader.ok()) return bad(Errc::kTruncated, "ends inside its column bitmap");
  image.cells.assign(columns, Cell{});
  for (std::uint32_t i = 0; i < columns; ++i) {
    if (!bit_at(present, i)) continue;
    const WireColumn& column = table_->columns[i];
    if (!table_->layouts[i].readable) {
      return bad(Errc::kUnsupported, "column " + std::to_string(i + 1) +
                                         " has values of the type " +
                                         column_type_name(column.type));
    }
    image.slots.push_back({i, table_->layouts[i], column.type == ColumnType::kJson});
  }
  if (!partial_event_) return {};
  json_ordinals_.assign(columns, 0);
  std::uint32_t ordinal = 0;
  for (std::size_t i = 0; i < columns; ++i) {
    if (table_->columns[i].type == ColumnType::kJson) json_ordinals_[i] = ordinal++;
  }
  return {};
}

Result<bool> RowsReader::next() {
  // An INSERT of nothing but defaults has, with a minimal image, one row of no bytes.
  const bool row_of_no_bytes = first_ && kind_ == RowKind::kInsert && after_.slots.empty();
  if (rows_.empty() && !row_of_no_bytes) return false;
  first_ = false;
  const std::size_t left_before = rows_.size();
  partial_bits_ = {};
  row_has_partial_ = false;
  if (kind_ != RowKind::kInsert) {
    const Result<void> read = read_image(before_, {});
    if (!read) return read.error();
  }
  if (kind_ != RowKind::kDelete) {
    if (partial_event_) {
      const Result<ByteView> bits = read_partial_bits();
      if (!bits) return bits.error();
      partial_bits_ = *bits;
    }
    const Result<void> read = read_image(after_, partial_bits_);
    if (!read) return read.error();
  }
  if (rows_.size() == left_before && !rows_.empty()) {
    return bad(Errc::kCorrupt, "bytes behind rows that have no columns");
  }
  return true;
}

Result<void> RowsReader::read_image(Image& image, ByteView partial_bits) {
  const std::size_t null_bytes = (image.slots.size() + 7) / 8;
  if (rows_.size() < null_bytes) return bad(Errc::kTruncated, "ends inside a row");
  const ByteView nulls = rows_.first(null_bytes);
  ByteView left = rows_.subspan(null_bytes);
  std::size_t index = 0;
  for (const Image::Slot& slot : image.slots) {
    Cell& cell = image.cells[slot.column];
    if (bit_at(nulls, index++)) {
      cell = Cell{nullptr, 0, Cell::State::kNull};
      continue;
    }
    const CellSize size = cell_size(slot.layout, left);
    if (!size.ok) {
      return bad(Errc::kTruncated, "ends inside column " + std::to_string(slot.column + 1));
    }
    cell =
        Cell{size.value.data(), static_cast<std::uint32_t>(size.value.size()), Cell::State::kValue};
    left = left.subspan(size.total_bytes);
    if (!partial_bits.empty() && slot.json && bit_at(partial_bits, json_ordinals_[slot.column])) {
      row_has_partial_ = true;
    }
  }
  rows_ = left;
  return {};
}

// What stands before an after-image of PARTIAL_UPDATE_ROWS: options, and with the first one a bit
// for each JSON column of the table, also for those that the image leaves out.
Result<ByteView> RowsReader::read_partial_bits() {
  ByteReader reader(rows_);
  const std::uint64_t options = reader.lenenc();
  ByteView bits;
  if ((options & kPartialJson) != 0) bits = reader.take((table_->json_columns + 7) / 8);
  if (!reader.ok()) return bad(Errc::kTruncated, "ends inside the options of a row");
  if ((options & ~kPartialJson) != 0) {
    return bad(Errc::kUnsupported, "value options " + std::to_string(options));
  }
  rows_ = reader.rest();
  return bits;
}

bool RowsReader::after_is_partial(std::size_t column) const {
  return !partial_bits_.empty() && table_->columns[column].type == ColumnType::kJson &&
         after_.cells[column].state == Cell::State::kValue &&
         bit_at(partial_bits_, json_ordinals_[column]);
}

}  // namespace tiderelay::protocol
