// protocol/number_text.h: numbers, dates and times as the text that SQL and JSON take, appended to
// a string without an allocation of their own.
//
// "Packed" dates and times are MySQL's 64-bit ones: fields from year to second in the upper 40
// bits, microseconds in the lower 24; a negative time is the negated number. Source: MySQL
// mysys/my_time.cc; strings/decimal.cc, bin2decimal.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace tiderelay::protocol {

template <class Integer>
inline void append_integer(std::string& out, Integer value) {
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out.append(text, static_cast<std::size_t>(end - text));
}

// The shortest text that reads back as the same double: "0.1", "1e+300". Not finite: false.
[[nodiscard]] bool append_double(std::string& out, double value);
[[nodiscard]] bool append_float(std::string& out, float value);  // likewise, as a float
// The same digits laid out as MySQL prints a DOUBLE: "1e20", "100000000000000", "0.00001".
[[nodiscard]] bool append_mysql_double(std::string& out, double value);
// The same as a literal that SQL never takes for an integer or a DECIMAL: "1e0", "0.1e0".
[[nodiscard]] bool append_double_literal(std::string& out, double value);

// MySQL's binary DECIMAL; false: not one (a group of digits out of range, or a wrong length).
[[nodiscard]] bool append_decimal(std::string& out, ByteView bytes, unsigned precision,
                                  unsigned scale);

// 0000-00-00 and other impossible dates are printed as they are. decimals: 0 to 6.
void append_date(std::string& out, unsigned year, unsigned month, unsigned day);
void append_packed_date(std::string& out, std::int64_t packed);
void append_packed_datetime(std::string& out, std::int64_t packed, unsigned decimals);
void append_packed_time(std::string& out, std::int64_t packed, unsigned decimals);
// Unix time as UTC; 0 is printed as 0000-00-00 00:00:00, which is what MySQL stores it for.
void append_timestamp(std::string& out, std::uint32_t seconds, std::uint32_t microseconds,
                      unsigned decimals);
void append_clock(std::string& out, unsigned hour, unsigned minute, unsigned second,
                  std::uint32_t microseconds, unsigned decimals);

void append_hex(std::string& out, ByteView bytes);  // lower-case digits, no prefix

}  // namespace tiderelay::protocol
