// conf/values.cc: numbers with units, in both directions.
#include "conf/values.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace tiderelay::conf {
namespace {

constexpr std::uint64_t kSizeBytesMax = std::uint64_t{1} << 62U;
constexpr std::uint64_t kDurationMillisecondsMax = std::uint64_t{1000} * 366 * 86'400 * 1000;
constexpr std::size_t kFractionDigitsMax = 6;

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Number {  // 1.25 as 125 / 100
  std::uint64_t digits = 0;
  std::uint64_t scale = 1;
  bool ok = false;
};

// Takes "12" or "1.25" off the front.
Number take_number(std::string_view& text) {
  Number number;
  bool fraction = false;
  std::size_t fraction_digits = 0;
  while (!text.empty() && (is_digit(text.front()) || (text.front() == '.' && !fraction))) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '.') {
      fraction = true;
      continue;
    }
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (number.digits > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return {};
    number.digits = number.digits * 10 + digit;
    number.ok = true;
    if (fraction) {
      number.scale *= 10;
      if (++fraction_digits > kFractionDigitsMax) return {};
    }
  }
  return number;
}

std::string take_unit(std::string_view& text) {
  std::string unit;
  while (!text.empty() && !is_digit(text.front()) && text.front() != '.') {
    const char c = text.front();
    unit.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    text.remove_prefix(1);
  }
  return std::string(trimmed(unit));
}

// False: too large. A long double holds every 64-bit product exactly.
bool scaled(const Number& number, std::uint64_t unit, std::uint64_t most, std::uint64_t& to) {
  const long double product = static_cast<long double>(number.digits) *
                              static_cast<long double>(unit) /
                              static_cast<long double>(number.scale);
  if (product > static_cast<long double>(most)) return false;
  to = static_cast<std::uint64_t>(product);
  return true;
}

struct Unit {
  std::string_view name;
  std::uint64_t value;
};
constexpr auto kSizeUnits = std::to_array<Unit>({
    {"b", 1},
    {"k", std::uint64_t{1} << 10U},
    {"m", std::uint64_t{1} << 20U},
    {"g", std::uint64_t{1} << 30U},
    {"t", std::uint64_t{1} << 40U},
    {"p", std::uint64_t{1} << 50U},
});
constexpr auto kDurationUnits = std::to_array<Unit>({
    {"ms", 1},
    {"s", 1000},
    {"m", 60'000},
    {"h", 3'600'000},
    {"d", 86'400'000},
});

// "KiB", "KB" and "k" are all 1024 bytes, as in DM.
std::uint64_t size_unit(std::string_view name) {
  if (name.size() > 1 && name.ends_with("ib")) name.remove_suffix(2);
  if (name.size() > 1 && name.ends_with("b")) name.remove_suffix(1);
  const auto found = std::ranges::find(kSizeUnits, name, &Unit::name);
  return found == kSizeUnits.end() ? 0 : found->value;
}

Error wrong(const std::string& what, std::string_view text) {
  return Error(Errc::kConfig, "wants " + what + ", got \"" + std::string(text) + "\"");
}

}  // namespace

Result<ByteSize> parse_size(std::string_view text, std::uint64_t plain_unit) {
  const std::string wanted = "a size such as 512KiB, 64MiB or 10GiB";
  std::string_view rest = trimmed(text);
  const Number number = take_number(rest);
  const std::string unit_name = take_unit(rest);
  if (!number.ok || !rest.empty()) return wrong(wanted, text);
  std::uint64_t unit = plain_unit;
  if (!unit_name.empty()) unit = size_unit(unit_name);
  if (unit_name.empty() && number.digits == 0) return ByteSize{0};
  if (unit == 0) return wrong(wanted + (unit_name.empty() ? " (with its unit)" : ""), text);
  ByteSize size;
  if (!scaled(number, unit, kSizeBytesMax, size.bytes)) {
    return wrong("a size below 4 EiB", text);
  }
  return size;
}

Result<Duration> parse_duration(std::string_view text, Duration plain_unit) {
  const std::string wanted = "a duration such as 500ms, 30s, 5m, 12h or 7d";
  std::string_view rest = trimmed(text);
  std::uint64_t total = 0;
  if (rest.empty()) return wrong(wanted, text);
  for (bool first = true; !rest.empty(); first = false) {
    const Number number = take_number(rest);
    const std::string unit_name = take_unit(rest);
    if (!number.ok) return wrong(wanted, text);
    std::uint64_t unit = 0;
    if (unit_name.empty()) {
      if (!first || !rest.empty()) return wrong(wanted, text);
      if (number.digits == 0) return Duration(0);
      unit = static_cast<std::uint64_t>(plain_unit.count());
      if (unit == 0) return wrong(wanted + " (with its unit)", text);
    } else {
      const auto found = std::ranges::find(kDurationUnits, unit_name, &Unit::name);
      if (found == kDurationUnits.end()) return wrong(wanted, text);
      unit = found->value;
    }
    std::uint64_t part = 0;
    if (!scaled(number, unit, kDurationMillisecondsMax, part) ||
        total + part > kDurationMillisecondsMax) {
      return wrong("a duration below 1000 years", text);
    }
    total += part;
  }
  return Duration(static_cast<Duration::rep>(total));
}

Result<std::uint64_t> parse_unsigned(std::string_view text) {
  const std::string wanted = "a whole number";
  std::string_view digits = text;
  const bool hex = digits.starts_with("0x") || digits.starts_with("0X");
  if (hex) digits.remove_prefix(2);
  if (digits.empty() || (!hex && digits.size() > 1 && digits.front() == '0')) {
    return wrong(wanted, text);
  }
  const std::uint64_t base = hex ? 16 : 10;
  std::uint64_t value = 0;
  for (const char c : digits) {
    std::uint64_t digit = base;
    if (is_digit(c)) digit = static_cast<std::uint64_t>(c - '0');
    if (hex && c >= 'a' && c <= 'f') digit = static_cast<std::uint64_t>(c - 'a' + 10);
    if (hex && c >= 'A' && c <= 'F') digit = static_cast<std::uint64_t>(c - 'A' + 10);
    if (digit >= base) return wrong(wanted, text);
    if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / base) {
      return wrong(wanted + " below 2^64", text);
    }
    value = value * base + digit;
  }
  return value;
}

std::string to_text(ByteSize size) {
  static constexpr std::array<std::string_view, 6> kNames = {"", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::size_t unit = 0;
  std::uint64_t value = size.bytes;
  while (value != 0 && value % 1024 == 0 && unit + 1 < kNames.size()) {
    value /= 1024;
    ++unit;
  }
  return std::to_string(value) + std::string(kNames[unit]);
}

std::string to_text(Duration duration) {
  auto left = static_cast<std::uint64_t>(duration.count());
  if (left == 0) return "0s";
  std::string text;
  for (auto unit = kDurationUnits.rbegin(); unit != kDurationUnits.rend(); ++unit) {
    if (left < unit->value) continue;
    text += std::to_string(left / unit->value) + std::string(unit->name);
    left %= unit->value;
  }
  return text;
}

}  // namespace tiderelay::conf
