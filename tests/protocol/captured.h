// tests/protocol/captured.h: binlogs that real servers wrote (tests/protocol/data), read as an
// applier reads them, and what the same servers printed for the rows in them.
#pragma once

#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "protocol/event.h"
#include "protocol/format_description.h"

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

}  // namespace tiderelay::protocol::tests
