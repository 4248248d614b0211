// applier/cell_value.cc: reads a cell's bytes.
#include "applier/cell_value.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <iterator>

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

bool append_cell_text(std::string& out, const protocol::WireColumn& wire, const Column& column,
                      const protocol::Cell& cell) {
  if (is_integer(column.type) || column.type == SqlType::kBit || column.type == SqlType::kYear) {
    const std::uint64_t number = cell_integer(wire, cell);
    if (is_integer(column.type) && !wire.is_unsigned.value_or(false)) {
      fmt::format_to(std::back_inserter(out), "{}", static_cast<std::int64_t>(number));
    } else {
      fmt::format_to(std::back_inserter(out), "{}", number);
    }
    return true;
  }
  if (column.type == SqlType::kEnum || column.type == SqlType::kSet) {
    append_label(out, column, cell_integer(wire, cell));
    return true;
  }
  out += as_text(cell.bytes());
  return true;
}

}  // namespace tiderelay::applier
