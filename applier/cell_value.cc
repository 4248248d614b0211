// applier/cell_value.cc: reads a cell's bytes.
#include "applier/cell_value.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tiderelay::applier {
namespace {

std::uint64_t little_endian(ByteView bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), std::min<std::size_t>(bytes.size(), 8));
  return value;
}

std::uint64_t big_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::uint64_t>(byte);
  return value;
}

}  // namespace

bool is_integer(SqlType type) { return type <= SqlType::kBigInt; }

bool is_text(SqlType type) {
  return type == SqlType::kChar || type == SqlType::kVarchar ||
         (type >= SqlType::kTinyText && type <= SqlType::kLongText);
}

bool is_binary(SqlType type) {
  return type == SqlType::kBinary || type == SqlType::kVarbinary ||
         (type >= SqlType::kTinyBlob && type <= SqlType::kLongBlob) || type == SqlType::kUuid ||
         type == SqlType::kInet;
}

bool is_utf8(std::string_view charset) {
  return charset == "utf8mb4" || charset == "utf8mb3" || charset == "utf8" || charset == "ascii";
}

std::uint64_t cell_integer(const protocol::WireColumn& wire, const protocol::Cell& cell) {
  using protocol::ColumnType;
  if (wire.type == ColumnType::kBit) return big_endian(cell.bytes());
  const std::uint64_t value = little_endian(cell.bytes());
  if (wire.type == ColumnType::kYear) return value == 0 ? 0 : value + 1900;
  const bool number = wire.type != ColumnType::kEnum && wire.type != ColumnType::kSet;
  if (!number || wire.is_unsigned.value_or(false) || cell.size_bytes >= 8) return value;
  const unsigned unused_bits = 64 - 8 * cell.size_bytes;
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(value << unused_bits) >> unused_bits);
}

double cell_float(const protocol::WireColumn& wire, const protocol::Cell& cell) {
  const std::uint64_t bits = little_endian(cell.bytes());
  if (wire.type == protocol::ColumnType::kDouble) return std::bit_cast<double>(bits);
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
}

void append_label(std::string& out, const Column& column, std::uint64_t number) {
  if (column.type == SqlType::kEnum) {
    if (number >= 1 && number <= column.elements.size()) out += column.elements[number - 1];
    return;
  }
  bool first = true;
  for (std::size_t bit = 0; bit < column.elements.size(); ++bit) {
    if ((number >> bit & 1) == 0) continue;
    if (!first) out.push_back(',');
    out += column.elements[bit];
    first = false;
  }
}

Result<void> append_cell_text(std::string& out, const KeyColumn& column,
                              const protocol::Cell& cell) {
  using protocol::ColumnType;
  const SqlType type = column.source->type;
  if (type == SqlType::kEnum || type == SqlType::kSet) {
    append_label(out, *column.source, cell_integer(column.wire, cell));
    return {};
  }
  const bool plain_text = is_text(type) && column.value.converter == nullptr &&
                          column.wire.type != ColumnType::kMariaBlobCompressed &&
                          column.wire.type != ColumnType::kMariaVarcharCompressed;
  if (plain_text) {
    out += as_text(cell.bytes());
    return {};
  }
  return protocol::append_text(out, column.wire, column.value, cell);
}

}  // namespace tiderelay::applier
