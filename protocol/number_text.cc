// protocol/number_text.cc: numbers, dates and times as text.
#include "protocol/number_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string_view>

namespace tiderelay::protocol {
namespace {

constexpr std::uint8_t kBytesOfDigits[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
constexpr std::uint32_t kPowersOfTen[] = {1,      10,      100,      1000,      10000,
                                          100000, 1000000, 10000000, 100000000, 1000000000};
constexpr unsigned kMaxDecimalBytes = 40;
constexpr unsigned kMaxDecimalPrecision = 81;

constexpr std::array<char, 200> kTwoDigits = [] {
  std::array<char, 200> digits{};
  for (unsigned i = 0; i < 100; ++i) {
    digits[i * 2] = static_cast<char>('0' + i / 10);
    digits[i * 2 + 1] = static_cast<char>('0' + i % 10);
  }
  return digits;
}();

constexpr std::array<char, 512> kHexPairs = [] {
  constexpr char kDigits[] = "0123456789abcdef";
  std::array<char, 512> pairs{};
  for (unsigned i = 0; i < 256; ++i) {
    pairs[i * 2] = kDigits[i >> 4];
    pairs[i * 2 + 1] = kDigits[i & 15];
  }
  return pairs;
}();

char* put_two(char* at, unsigned value) {
  std::memcpy(at, &kTwoDigits[value % 100 * 2], 2);
  return at + 2;
}

char* put_four(char* at, unsigned value) { return put_two(put_two(at, value / 100), value); }

// value as exactly `digits` digits.
char* put_padded(char* at, std::uint32_t value, unsigned digits) {
  for (unsigned i = digits; i > 0; --i) {
    at[i - 1] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return at + digits;
}

char* put_fraction(char* at, std::uint32_t microseconds, unsigned decimals) {
  if (decimals == 0) return at;
  *at++ = '.';
  return put_padded(at, microseconds / kPowersOfTen[6 - decimals], decimals);
}

char* put_date(char* at, unsigned year, unsigned month, unsigned day) {
  at = put_four(at, year);
  *at++ = '-';
  at = put_two(at, month);
  *at++ = '-';
  return put_two(at, day);
}

char* put_clock(char* at, unsigned hour, unsigned minute, unsigned second) {
  if (hour > 99) *at++ = static_cast<char>('0' + hour / 100 % 10);
  at = put_two(at, hour);
  *at++ = ':';
  at = put_two(at, minute);
  *at++ = ':';
  return put_two(at, second);
}

void append_between(std::string& out, const char* begin, const char* end) {
  out.append(begin, static_cast<std::size_t>(end - begin));
}

template <class Real>
bool append_real(std::string& out, Real value) {
  if (!std::isfinite(value)) return false;
  char text[64];
  append_between(out, text, std::to_chars(text, text + sizeof text, value).ptr);
  return true;
}

std::uint32_t load_group(const std::byte* from, unsigned bytes) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < bytes; ++i) value = value << 8 | std::to_integer<std::uint32_t>(from[i]);
  return value;
}

}  // namespace

bool append_double(std::string& out, double value) { return append_real(out, value); }
bool append_float(std::string& out, float value) { return append_real(out, value); }

bool append_double_literal(std::string& out, double value) {
  const std::size_t start = out.size();
  if (!append_double(out, value)) return false;
  if (std::string_view(out).substr(start).find('e') == std::string_view::npos) out += "e0";
  return true;
}

// Source: MySQL strings/dtoa.cc, my_gcvt: up to 15 digits before the point are written out.
bool append_mysql_double(std::string& out, double value) {
  if (!std::isfinite(value)) return false;
  char text[64];
  const char* const end =
      std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  const char* const mark = std::find<const char*>(text, end, 'e');
  int exponent = 0;
  std::from_chars(mark + (mark[1] == '+' ? 2 : 1), end, exponent);
  const char* digits = text;
  if (*digits == '-') out += *digits++;
  std::string_view mantissa(digits, static_cast<std::size_t>(mark - digits));
  if (exponent < -15 || exponent > 14) {
    out.append(mantissa);
    out += 'e';
    append_integer(out, exponent);
    return true;
  }
  char plain[24];
  std::size_t count = 0;
  for (const char c : mantissa) {
    if (c != '.') plain[count++] = c;
  }
  const std::string_view all(plain, count);
  const auto before_point = static_cast<std::size_t>(std::max(exponent + 1, 0));
  if (exponent < 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-exponent - 1), '0');
    out.append(all);
  } else if (before_point >= count) {
    out.append(all);
    out.append(before_point - count, '0');
  } else {
    out.append(all.substr(0, before_point));
    out += '.';
    out.append(all.substr(before_point));
  }
  return true;
}

bool append_decimal(std::string& out, ByteView bytes, unsigned precision, unsigned scale) {
  if (precision == 0 || precision > kMaxDecimalPrecision || scale > precision) return false;
  const unsigned whole = precision - scale;
  const unsigned size =
      whole / 9 * 4 + kBytesOfDigits[whole % 9] + scale / 9 * 4 + kBytesOfDigits[scale % 9];
  if (bytes.size() != size || size > kMaxDecimalBytes) return false;
  std::byte flipped[kMaxDecimalBytes] = {};
  const bool negative = (bytes[0] & std::byte{0x80}) == std::byte{0};
  const std::byte mask = negative ? std::byte{0xff} : std::byte{0};
  for (unsigned i = 0; i < size; ++i) flipped[i] = bytes[i] ^ mask;
  flipped[0] ^= std::byte{0x80};

  char text[kMaxDecimalPrecision + 4];
  char* at = text;
  const std::byte* from = flipped;
  std::uint32_t seen = 0;  // any digit that is not 0
  const auto group = [&](unsigned digits) {
    const unsigned group_bytes = kBytesOfDigits[digits];
    const std::uint32_t value = load_group(from, group_bytes);
    from += group_bytes;
    if (value >= kPowersOfTen[digits]) return false;
    seen |= value;
    at = put_padded(at, value, digits);
    return true;
  };
  if (!group(whole % 9)) return false;
  for (unsigned i = 0; i < whole / 9; ++i) {
    if (!group(9)) return false;
  }
  const char* first = text;
  while (first + 1 < at && *first == '0') ++first;
  if (whole == 0) *at++ = '0';
  if (scale > 0) *at++ = '.';
  for (unsigned i = 0; i < scale / 9; ++i) {
    if (!group(9)) return false;
  }
  if (!group(scale % 9)) return false;
  if (negative && seen != 0) out += '-';
  append_between(out, first, at);
  return true;
}

void append_date(std::string& out, unsigned year, unsigned month, unsigned day) {
  char text[16];
  append_between(out, text, put_date(text, year, month, day));
}

void append_clock(std::string& out, unsigned hour, unsigned minute, unsigned second,
                  std::uint32_t microseconds, unsigned decimals) {
  char text[24];
  append_between(out, text,
                 put_fraction(put_clock(text, hour, minute, second), microseconds, decimals));
}

void append_packed_date(std::string& out, std::int64_t packed) {
  const auto ymd = static_cast<std::uint64_t>(packed) >> 41;
  const auto year_month = static_cast<unsigned>(ymd >> 5);
  append_date(out, year_month / 13, year_month % 13, static_cast<unsigned>(ymd & 31));
}

void append_packed_datetime(std::string& out, std::int64_t packed, unsigned decimals) {
  const auto fields = static_cast<std::uint64_t>(packed) >> 24;
  const auto year_month = static_cast<unsigned>(fields >> 22);
  char text[40];
  char* at =
      put_date(text, year_month / 13, year_month % 13, static_cast<unsigned>(fields >> 17 & 31));
  *at++ = ' ';
  at = put_clock(at, static_cast<unsigned>(fields >> 12 & 31),
                 static_cast<unsigned>(fields >> 6 & 63), static_cast<unsigned>(fields & 63));
  append_between(out, text,
                 put_fraction(at, static_cast<std::uint32_t>(packed & 0xffffff), decimals));
}

void append_packed_time(std::string& out, std::int64_t packed, unsigned decimals) {
  if (packed < 0) {
    out += '-';
    packed = -packed;
  }
  const auto fields = static_cast<std::uint64_t>(packed) >> 24;
  append_clock(out, static_cast<unsigned>(fields >> 12 & 1023),
               static_cast<unsigned>(fields >> 6 & 63), static_cast<unsigned>(fields & 63),
               static_cast<std::uint32_t>(packed & 0xffffff), decimals);
}

void append_timestamp(std::string& out, std::uint32_t seconds, std::uint32_t microseconds,
                      unsigned decimals) {
  unsigned year = 0;
  unsigned month = 0;
  unsigned day = 0;
  if (seconds != 0) {  // days since 0000-03-01, in eras of 400 years
    const unsigned days = seconds / 86400 + 719468;
    const unsigned era = days / 146097;
    const unsigned day_of_era = days % 146097;
    const unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const unsigned day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned shifted_month = (5 * day_of_year + 2) / 153;
    day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);
  }
  const unsigned clock = seconds % 86400;
  char text[40];
  char* at = put_date(text, year, month, day);
  *at++ = ' ';
  at = put_clock(at, clock / 3600, clock / 60 % 60, clock % 60);
  append_between(out, text, put_fraction(at, microseconds, decimals));
}

void append_hex(std::string& out, ByteView bytes) {
  const std::size_t start = out.size();
  out.resize(start + bytes.size() * 2);
  char* at = out.data() + start;
  for (const std::byte byte : bytes) {
    std::memcpy(at, &kHexPairs[std::to_integer<std::size_t>(byte) * 2], 2);
    at += 2;
  }
}

}  // namespace tiderelay::protocol
