// tests/protocol/captured.h: binlogs that real servers wrote (tests/protocol/data), read as an
// applier reads them, and what the same servers printed for the rows in them.
#pragma once

#include <bit>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "protocol/event.h"
#include "protocol/format_description.h"
#include "protocol/value_text.h"
#include "tests/protocol/binlog_maker.h"

namespace tiderelay::protocol::tests {

inline std::string read_data(const std::string& name) {
  std::ifstream file(std::string(TIDERELAY_TEST_DATA) + "/" + name, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

// The events of a binlog file, whole, in order.
inline std::vector<std::string> events_of(const std::string& name) {
  const std::string file = read_data(name);
  EXPECT_EQ(file.substr(0, 4), kBinlogMagic);
  std::vector<std::string> events;
  for (std::size_t at = 4; at + kEventHeaderBytes <= file.size();) {
    const EventHeader header = load_event_header(as_bytes(file).subspan(at));
    events.push_back(file.substr(at, header.event_size_bytes));
    at += header.event_size_bytes;
    EXPECT_EQ(header.end_position, at) << "event " << events.size() << " of " << name;
  }
  return events;
}

inline FormatDescription format_of(const std::vector<std::string>& events) {
  const auto format = decode_format_description(as_bytes(events.at(0)));
  EXPECT_TRUE(format.has_value());
  return format ? *format : FormatDescription{};
}

// What the server printed: see tests/protocol/data/capture.py.
struct PrintedTable {
  std::vector<std::string> readings;  // how each column's text is to be read
  std::vector<std::vector<std::string>> rows;
};

inline std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

inline std::map<std::string, PrintedTable> printed_tables(const std::string& name) {
  std::map<std::string, PrintedTable> tables;
  PrintedTable* table = nullptr;
  for (const std::string& line : split(read_data(name), '\n')) {
    if (line.empty()) continue;
    std::vector<std::string> parts = split(line, '\t');
    if (line[0] != '#') {
      table->rows.push_back(std::move(parts));
      continue;
    }
    table = &tables[parts[0].substr(1)];
    table->readings.assign(parts.begin() + 1, parts.end());
  }
  return tables;
}

inline std::string hex_upper(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

// Long values stand as their length and CRC.
inline std::string shown(std::string_view raw) {
  if (raw.size() * 2 <= 200) return hex_upper(raw);
  return "~" + std::to_string(raw.size()) + ":" + std::to_string(crc32(0, as_bytes(raw)));
}

inline ValueContext context_of(const std::string& reading) {
  ValueContext context;
  context.is_unsigned = reading == "u";
  context.binary = reading == "b";
  context.vector_as_bytes = reading == "v";
  if (reading == "uuid") context.meaning = ValueContext::Meaning::kUuid;
  if (reading == "inet4") context.meaning = ValueContext::Meaning::kInet4;
  if (reading == "inet6") context.meaning = ValueContext::Meaning::kInet6;
  return context;
}

inline std::string text_of(const WireColumn& column, const std::string& reading, const Cell& cell) {
  std::string text;
  ValueContext context = context_of(reading);
  const auto converter = open_converter(reading[0] == 'c' ? reading.substr(2) : "utf8mb4");
  if (!converter) return "error: " + converter.error().text();
  context.converter = converter->get();
  const bool real = reading == "f" || reading == "r";
  const auto appended = real ? append_sql_literal(text, column, context, cell)
                             : append_text(text, column, context, cell);
  if (!appended) return "error: " + appended.error().text();
  if (cell.is_null()) return "\\N";
  if (reading == "j" || reading[0] == 'c') return shown(text);
  if (reading == "b" || reading == "v") return shown(from_hex(text.substr(2)));
  return text;
}

// 5.7 prints the JSON double 1.0 as 1.
inline bool same_but_for_point_zero(const std::string& ours, const std::string& server) {
  return ours == server + hex_upper(".0");
}

inline bool same_text(const std::string& reading, const std::string& ours,
                      const std::string& server) {
  if (ours == server) return true;
  if (reading == "j") return same_but_for_point_zero(ours, server);
  if ((reading == "f" || reading == "r") && server != "\\N") {
    return std::bit_cast<std::uint64_t>(std::strtod(ours.c_str(), nullptr)) ==
           std::bit_cast<std::uint64_t>(std::strtod(server.c_str(), nullptr));
  }
  return false;
}

}  // namespace tiderelay::protocol::tests
