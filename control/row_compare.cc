// control/row_compare.cc: see row_compare.h.
#include "control/row_compare.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <map>

namespace tiderelay::control {

namespace json = boost::json;

namespace {

template <class Number>
std::string nearest_text(Number value) {
  if (value == 0) return "0";  // -0 is 0
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

std::string number_text(const std::string& text, bool single) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || *end != '\0') return text;
  return single ? nearest_text(static_cast<float>(value)) : nearest_text(value);
}

// 1 and 1.0 are told apart by MySQL's JSON and not by TiDB's: the number counts.
std::string json_number(double value) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (std::trunc(value) == value && std::fabs(value) < kExact) {
    return std::to_string(static_cast<std::int64_t>(value));
  }
  return nearest_text(value);
}

void append_json(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::object: {
      std::map<std::string_view, const json::value*> members;
      for (const auto& member : value.get_object()) members[member.key()] = &member.value();
      out += '{';
      for (const auto& [name, member] : members) {
        if (name != members.begin()->first) out += ',';
        out += json::serialize(json::string(name)) + ':';
        append_json(out, *member);
      }
      out += '}';
      break;
    }
    case json::kind::array:
      out += '[';
      for (const json::value& element : value.get_array()) {
        if (&element != value.get_array().data()) out += ',';
        append_json(out, element);
      }
      out += ']';
      break;
    case json::kind::double_:
      out += json_number(value.get_double());
      break;
    default:
      out += json::serialize(value);
  }
}

std::string comparable(const dumper::PlannedColumn& column, std::string_view value) {
  switch (column.type) {
    case applier::SqlType::kFloat:
      return number_text(std::string(value), true);
    case applier::SqlType::kDouble:
      return number_text(std::string(value), false);
    case applier::SqlType::kJson:
      return comparable_json(value);
    default:
      return std::string(value);
  }
}

}  // namespace

std::string comparable_json(std::string_view text) {
  json::error_code failure;
  json::parse_options options;
  options.max_depth = 128;
  const json::value value =
      json::parse(json::string_view(text.data(), text.size()), failure, {}, options);
  if (failure) return std::string(text);
  std::string out;
  append_json(out, value);
  return out;
}

Result<RowValues> comparable_values(const std::vector<dumper::PlannedColumn>& columns,
                                    ByteView row) {
  ByteReader reader(row);
  RowValues values;
  values.reserve(columns.size());
  for (const dumper::PlannedColumn& column : columns) {
    if (reader.left() > 0 && reader.rest().front() == std::byte{0xfb}) {
      reader.skip(1);
      values.emplace_back();
      continue;
    }
    values.emplace_back(comparable(column, reader.lenenc_text()));
  }
  if (!reader.ok() || reader.left() != 0) {
    return Error(Errc::kCorrupt, "a row does not hold its columns");
  }
  return values;
}

std::string values_text(const RowValues& values) {
  std::string text;
  for (const std::optional<std::string>& value : values) {
    text += value ? std::to_string(value->size()) + ':' + *value : std::string("N");
    text += ',';
  }
  return text;
}

std::string key_text(const dumper::TablePlan& plan, const RowValues& values) {
  RowValues key;
  for (const dumper::KeyColumn& column : plan.key) key.push_back(values.at(column.column));
  return values_text(key);
}

}  // namespace tiderelay::control
