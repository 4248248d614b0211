// protocol/value_text.cc: cells as SQL and as text.
//
// Source: MySQL sql/log_event.cc, log_event_print_value; mysys/my_time.cc; MariaDB
// sql/sql_type_uuid.h.
#include "protocol/value_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <bit>

#include "base/check.h"
#include "protocol/json_binary.h"
#include "protocol/number_text.h"
#include "protocol/sql_text.h"
#include "protocol/table_map.h"

namespace tiderelay::protocol {
namespace {

constexpr std::uint16_t kBinaryCollation = 63;

enum class Form : std::uint8_t { kSql, kText };

[[gnu::noinline]] Error bad_value(const WireColumn& column, const Cell& cell) {
  std::string hex;
  append_hex(hex, cell.bytes().first(std::min<std::size_t>(cell.size_bytes, 40)));
  return Error(Errc::kCorrupt,
               "a value that " + column_type_name(column.type) + " cannot have: 0x" + hex);
}

std::uint64_t load_le_any(ByteView bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) {
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[i - 1]);
  }
  return value;
}

std::uint64_t load_be_any(ByteView bytes) {
  std::uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::uint64_t>(byte);
  return value;
}

template <unsigned kBytes>
void append_signed_or_not(std::string& out, bool is_unsigned, const std::byte* from) {
  const std::uint64_t value = load_le<kBytes>(from);
  if (is_unsigned) {
    append_integer(out, value);
  } else {
    constexpr unsigned kShift = 64 - 8 * kBytes;
    append_integer(out, static_cast<std::int64_t>(value << kShift) >> kShift);
  }
}

// The digits behind the point as microseconds: 1, 2 or 3 bytes for 1-2, 3-4 and 5-6 digits.
std::uint32_t load_fraction(ByteView bytes) {
  constexpr std::uint32_t kUnits[] = {0, 10000, 100, 1};
  return static_cast<std::uint32_t>(load_be_any(bytes)) * kUnits[bytes.size()];
}

// TIME2 as a packed time. Up to 4 fractional digits the whole seconds and the fraction are two
// numbers that are complemented together; with 5 or 6 they are one.
std::int64_t load_time2(ByteView bytes) {
  constexpr std::int64_t kUnits[] = {0, 10000, 100};
  if (bytes.size() == 6) {
    return static_cast<std::int64_t>(load_be<6>(bytes.data())) - 0x800000000000;
  }
  std::int64_t seconds = static_cast<std::int64_t>(load_be<3>(bytes.data())) - 0x800000;
  const std::size_t fraction_bytes = bytes.size() - 3;
  auto fraction = static_cast<std::int64_t>(load_be_any(bytes.subspan(3)));
  if (seconds < 0 && fraction != 0) {
    ++seconds;
    fraction -= std::int64_t{1} << (8 * fraction_bytes);
  }
  return seconds * (std::int64_t{1} << 24) + fraction * kUnits[fraction_bytes];
}

bool append_datetime2(std::string& out, const WireColumn& column, ByteView bytes) {
  const std::int64_t fields = static_cast<std::int64_t>(load_be<5>(bytes.data())) - 0x8000000000;
  const std::uint32_t microseconds = load_fraction(bytes.subspan(5));
  if (fields < 0 || microseconds > 999999) return false;
  append_packed_datetime(out, fields << 24 | microseconds, column.metadata);
  return true;
}

void append_old_date(std::string& out, ByteView bytes) {
  const auto value = static_cast<unsigned>(load_le<3>(bytes.data()));
  append_date(out, value >> 9, value >> 5 & 15, value & 31);
}

// hhmmss as a decimal number.
void append_old_time(std::string& out, ByteView bytes) {
  const auto raw = static_cast<std::int32_t>(load_le<3>(bytes.data()) << 8) >> 8;
  if (raw < 0) out += '-';
  const auto value = static_cast<unsigned>(raw < 0 ? -raw : raw);
  append_clock(out, value / 10000, value / 100 % 100, value % 100, 0, 0);
}

// yyyymmddhhmmss as a decimal number.
bool append_old_datetime(std::string& out, ByteView bytes) {
  const std::uint64_t value = load_le<8>(bytes.data());
  if (value > 99991231235959) return false;
  const auto date = static_cast<unsigned>(value / 1000000);
  const auto clock = static_cast<unsigned>(value % 1000000);
  append_date(out, date / 10000, date / 100 % 100, date % 100);
  out += ' ';
  append_clock(out, clock / 10000, clock / 100 % 100, clock % 100, 0, 0);
  return true;
}

bool append_temporal(std::string& out, const WireColumn& column, ByteView bytes) {
  switch (column.type) {
    case ColumnType::kDate:
    case ColumnType::kNewDate:
      append_old_date(out, bytes);
      return true;
    case ColumnType::kTime:
      append_old_time(out, bytes);
      return true;
    case ColumnType::kDateTime:
      return append_old_datetime(out, bytes);
    case ColumnType::kTimestamp:
      append_timestamp(out, static_cast<std::uint32_t>(load_le<4>(bytes.data())), 0, 0);
      return true;
    case ColumnType::kTime2:
      append_packed_time(out, load_time2(bytes), column.metadata);
      return true;
    case ColumnType::kDateTime2:
      return append_datetime2(out, column, bytes);
    default: {
      const std::uint32_t microseconds = load_fraction(bytes.subspan(4));
      if (microseconds > 999999) return false;
      append_timestamp(out, static_cast<std::uint32_t>(load_be<4>(bytes.data())), microseconds,
                       column.metadata);
      return true;
    }
  }
}

template <Form kForm>
bool append_real(std::string& out, ByteView bytes) {
  if (bytes.size() == 4) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(load_le<4>(bytes.data())));
    if constexpr (kForm == Form::kText) return append_float(out, value);
    return append_double_literal(out, static_cast<double>(value));
  }
  if (bytes.size() != 8) return false;
  const auto value = std::bit_cast<double>(load_le<8>(bytes.data()));
  if constexpr (kForm == Form::kText) return append_mysql_double(out, value);
  return append_double_literal(out, value);
}

bool append_vector(std::string& out, ByteView bytes) {
  if (bytes.size() % 4 != 0) return false;
  out += '[';
  for (std::size_t i = 0; i < bytes.size(); i += 4) {
    if (i > 0) out += ',';
    const auto raw = static_cast<std::uint32_t>(load_le<4>(bytes.data() + i));
    if (!append_float(out, std::bit_cast<float>(raw))) return false;
  }
  out += ']';
  return true;
}

// MariaDB puts the parts of a UUID of version 1 to 5 in reverse order, so that it sorts by time.
void append_maria_uuid(std::string& out, ByteView bytes) {
  std::array<std::byte, 16> raw{};
  std::copy(bytes.begin(), bytes.end(), raw.begin());
  const unsigned variant = std::to_integer<unsigned>(raw[6]);
  const unsigned version = std::to_integer<unsigned>(raw[8]);
  std::array<std::byte, 16> ordered = raw;
  if ((variant & 0x80) != 0 && version > 0 && version < 0x60) {
    constexpr std::size_t kOrder[] = {12, 13, 14, 15, 10, 11, 8, 9, 6, 7, 0, 1, 2, 3, 4, 5};
    for (std::size_t i = 0; i < ordered.size(); ++i) ordered[i] = raw[kOrder[i]];
  }
  constexpr std::size_t kGroups[] = {4, 2, 2, 2, 6};
  std::size_t at = 0;
  for (const std::size_t group : kGroups) {
    if (at > 0) out += '-';
    append_hex(out, ByteView(ordered).subspan(at, group));
    at += group;
  }
}

void append_address(std::string& out, int family, ByteView bytes) {
  std::array<std::byte, 16> all{};
  std::copy(bytes.begin(), bytes.end(), all.begin());
  char text[INET6_ADDRSTRLEN];
  out += inet_ntop(family, all.data(), text, sizeof text);
}

bool append_meaning(std::string& out, ValueContext::Meaning meaning, ByteView bytes) {
  if (bytes.size() > (meaning == ValueContext::Meaning::kInet4 ? 4U : 16U)) return false;
  if (meaning == ValueContext::Meaning::kUuid) append_maria_uuid(out, bytes);
  if (meaning == ValueContext::Meaning::kInet4) append_address(out, AF_INET, bytes);
  if (meaning == ValueContext::Meaning::kInet6) append_address(out, AF_INET6, bytes);
  return true;
}

bool is_ascii(ByteView bytes) {
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  std::uint64_t seen = 0;
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) seen |= load_le<8>(bytes.data() + i);
  for (; i < bytes.size(); ++i) seen |= std::to_integer<std::uint64_t>(bytes[i]);
  return (seen & kHighs) == 0;
}

template <Form kForm>
Result<void> append_binary(std::string& out, const WireColumn& column, const ValueContext& context,
                           ByteView bytes) {
  const std::size_t width =
      column.type == ColumnType::kString && context.binary ? column.metadata : 0;
  const std::size_t zeros = width > bytes.size() ? width - bytes.size() : 0;
  if constexpr (kForm == Form::kSql) {
    append_binary_literal(out, bytes, zeros, context.no_backslash_escapes);
  } else {
    out += "0x";
    append_hex(out, bytes);
    out.append(zeros * 2, '0');
  }
  return {};
}

template <Form kForm>
Result<void> append_character(std::string& out, const ValueContext& context, ByteView bytes) {
  if (context.converter == nullptr || (context.converter->ascii_compatible() && is_ascii(bytes))) {
    if constexpr (kForm == Form::kSql) {
      append_quoted(out, as_text(bytes), context.no_backslash_escapes);
    } else {
      out.append(as_text(bytes));
    }
    return {};
  }
  if constexpr (kForm == Form::kText) return context.converter->append_utf8(out, bytes);
  out += '\'';
  const std::size_t start = out.size();
  const Result<void> converted = context.converter->append_utf8(out, bytes);
  if (!converted) return converted;
  escape_from(out, start, context.no_backslash_escapes);
  out += '\'';
  return {};
}

template <Form kForm>
Result<void> append_json(std::string& out, const ValueContext& context, ByteView bytes) {
  if constexpr (kForm == Form::kText) return append_json_text(out, bytes);
  out += '\'';
  const std::size_t start = out.size();
  const Result<void> printed = append_json_text(out, bytes);
  if (!printed) return printed;
  escape_from(out, start, context.no_backslash_escapes);
  out += '\'';
  return {};
}

// Types that are more than a few bytes.
template <Form kForm>
Result<void> append_long(std::string& out, const WireColumn& column, const ValueContext& context,
                         const Cell& cell) {
  const ByteView bytes = cell.bytes();
  switch (column.type) {
    case ColumnType::kVarchar:
    case ColumnType::kVarString:
    case ColumnType::kString:
      if (context.meaning != ValueContext::Meaning::kPlain) {
        if constexpr (kForm == Form::kSql) out += '\'';
        if (!append_meaning(out, context.meaning, bytes)) return bad_value(column, cell);
        if constexpr (kForm == Form::kSql) out += '\'';
        return {};
      }
      [[fallthrough]];
    case ColumnType::kTinyBlob:
    case ColumnType::kBlob:
    case ColumnType::kMediumBlob:
    case ColumnType::kLongBlob:
      if (context.binary) return append_binary<kForm>(out, column, context, bytes);
      return append_character<kForm>(out, context, bytes);
    case ColumnType::kGeometry:
      return append_binary<kForm>(out, column, context, bytes);
    case ColumnType::kJson:
      return append_json<kForm>(out, context, bytes);
    case ColumnType::kVector:
      if (context.vector_as_bytes) return append_binary<kForm>(out, column, context, bytes);
      if constexpr (kForm == Form::kSql) out += '\'';
      if (!append_vector(out, bytes)) return bad_value(column, cell);
      if constexpr (kForm == Form::kSql) out += '\'';
      return {};
    default:
      return Error(Errc::kUnsupported, "values of the type " + column_type_name(column.type));
  }
}

template <Form kForm>
Result<void> append_value(std::string& out, const WireColumn& column, const ValueContext& context,
                          const Cell& cell) {
  const ByteView bytes = cell.bytes();
  switch (column.type) {
    case ColumnType::kTiny:
      append_signed_or_not<1>(out, context.is_unsigned, cell.data);
      return {};
    case ColumnType::kShort:
      append_signed_or_not<2>(out, context.is_unsigned, cell.data);
      return {};
    case ColumnType::kInt24:
      append_signed_or_not<3>(out, context.is_unsigned, cell.data);
      return {};
    case ColumnType::kLong:
      append_signed_or_not<4>(out, context.is_unsigned, cell.data);
      return {};
    case ColumnType::kLongLong:
      append_signed_or_not<8>(out, context.is_unsigned, cell.data);
      return {};
    case ColumnType::kYear: {
      const unsigned year = std::to_integer<unsigned>(*cell.data);
      append_integer(out, year == 0 ? 0U : 1900U + year);
      return {};
    }
    case ColumnType::kBit:
      append_integer(out, load_be_any(bytes));
      return {};
    case ColumnType::kEnum:
    case ColumnType::kSet:
      append_integer(out, load_le_any(bytes));
      return {};
    case ColumnType::kFloat:
    case ColumnType::kDouble:
      if (!append_real<kForm>(out, bytes)) return bad_value(column, cell);
      return {};
    case ColumnType::kNewDecimal:
      if (!append_decimal(out, bytes, column.metadata >> 8, column.metadata & 0xffU)) {
        return bad_value(column, cell);
      }
      return {};
    case ColumnType::kDate:
    case ColumnType::kNewDate:
    case ColumnType::kTime:
    case ColumnType::kDateTime:
    case ColumnType::kTimestamp:
    case ColumnType::kTime2:
    case ColumnType::kDateTime2:
    case ColumnType::kTimestamp2:
      if constexpr (kForm == Form::kSql) out += '\'';
      if (!append_temporal(out, column, bytes)) return bad_value(column, cell);
      if constexpr (kForm == Form::kSql) out += '\'';
      return {};
    default:
      return append_long<kForm>(out, column, context, cell);
  }
}

template <Form kForm>
Result<void> append_cell(std::string& out, const WireColumn& column, const ValueContext& context,
                         const Cell& cell) {
  CHECK(cell.present(), "an absent cell has no text");
  if (cell.is_null()) {
    out += "NULL";
    return {};
  }
  // Cells come from RowsReader, which has measured them; this guards cells made elsewhere.
  const CellLayout layout = cell_layout(column);
  if (layout.length_bytes == 0 && layout.readable && layout.fixed_bytes != cell.size_bytes) {
    return bad_value(column, cell);
  }
  return append_value<kForm>(out, column, context, cell);
}

}  // namespace

ValueContext wire_value_context(const WireColumn& column) {
  ValueContext context;
  context.is_unsigned = column.is_unsigned.value_or(false);
  context.binary = column.collation == kBinaryCollation;
  return context;
}

Result<void> append_sql_literal(std::string& out, const WireColumn& column,
                                const ValueContext& context, const Cell& cell) {
  return append_cell<Form::kSql>(out, column, context, cell);
}

Result<void> append_text(std::string& out, const WireColumn& column, const ValueContext& context,
                         const Cell& cell) {
  return append_cell<Form::kText>(out, column, context, cell);
}

}  // namespace tiderelay::protocol
