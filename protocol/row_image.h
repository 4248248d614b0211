// protocol/row_image.h: the columns of a table as TABLE_MAP tells them, and the cells of a row
// image.
//
// A cell is a view of the raw binlog bytes of one value: comparing two cells of one column byte by
// byte tells whether the value was changed. What the bytes mean is in value_text.h. Views live as
// long as the event bytes that they point into.
// Source: MySQL libs/mysql/binlog/event/rows_event.h; sql/rpl_utility.cc, read_field_metadata.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace tiderelay::protocol {

// Type codes of TABLE_MAP, after STRING's hidden real type has been resolved (ENUM, SET, long
// CHAR).
enum class ColumnType : std::uint8_t {
  kDecimal = 0,
  kTiny = 1,
  kShort = 2,
  kLong = 3,
  kFloat = 4,
  kDouble = 5,
  kNull = 6,
  kTimestamp = 7,
  kLongLong = 8,
  kInt24 = 9,
  kDate = 10,
  kTime = 11,
  kDateTime = 12,
  kYear = 13,
  kNewDate = 14,
  kVarchar = 15,
  kBit = 16,
  kTimestamp2 = 17,
  kDateTime2 = 18,
  kTime2 = 19,
  kTypedArray = 20,
  kMariaBlobCompressed = 140,
  kMariaVarcharCompressed = 141,
  kVector = 242,
  kInvalid = 243,
  kBool = 244,
  kJson = 245,
  kNewDecimal = 246,
  kEnum = 247,
  kSet = 248,
  kTinyBlob = 249,
  kMediumBlob = 250,
  kLongBlob = 251,
  kBlob = 252,
  kVarString = 253,
  kString = 254,
  kGeometry = 255,
};

// What one column's bytes need to be read. metadata by type: VARCHAR/STRING max bytes; BIT total
// bits; NEWDECIMAL precision << 8 | scale; TIME2 and kin fractional digits; BLOB, JSON, GEOMETRY,
// VECTOR length of length; FLOAT/DOUBLE size; ENUM/SET pack length.
struct WireColumn {
  ColumnType type = ColumnType::kNull;
  std::uint16_t metadata = 0;
  bool nullable = true;
  std::optional<bool> is_unsigned;  // unknown before 8.0 and where TABLE_MAP carries no signedness
  std::optional<std::uint16_t> collation;  // collation id where TABLE_MAP carries one
  std::string name;                        // binlog_row_metadata=FULL only
  friend bool operator==(const WireColumn&, const WireColumn&) = default;
};

struct Cell {
  enum class State : std::uint8_t { kAbsent, kNull, kValue };
  const std::byte* data = nullptr;
  std::uint32_t size_bytes = 0;
  State state = State::kAbsent;

  [[nodiscard]] bool present() const { return state != State::kAbsent; }
  [[nodiscard]] bool is_null() const { return state == State::kNull; }
  [[nodiscard]] ByteView bytes() const { return {data, size_bytes}; }
  [[nodiscard]] bool same_bytes(const Cell& other) const {
    return state == other.state && as_text(bytes()) == as_text(other.bytes());
  }
};

enum class RowKind : std::uint8_t { kInsert, kUpdate, kDelete };

}  // namespace tiderelay::protocol
