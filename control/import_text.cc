// control/import_text.cc: the two old formats, as far as DM's files use them.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "control/import_files.h"

namespace tiderelay::control {

namespace {

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\xef\xbb\xbf");
  const std::size_t end = text.find_last_not_of(" \t\r");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

Error wrong(const NamedText& file, int line, const std::string& text) {
  return Error(Errc::kConfig, fmt::format("{}:{}: {}", file.name, line, text));
}

// Up to a '#' outside of quotes.
std::string without_comment(const std::string& line) {
  char quote = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (quote != 0) {
      if (line[at] == '\\' && quote == '"') {
        ++at;
      } else if (line[at] == quote) {
        quote = 0;
      }
    } else if (line[at] == '"' || line[at] == '\'') {
      quote = line[at];
    } else if (line[at] == '#') {
      return line.substr(0, at);
    }
  }
  return line;
}

std::string unquoted(const std::string& text) {
  if (text.size() < 2 || text.front() != text.back()) return text;
  if (text.front() == '\'') return text.substr(1, text.size() - 2);
  if (text.front() != '"') return text;
  std::string plain;
  for (std::size_t at = 1; at + 1 < text.size(); ++at) {
    if (text[at] == '\\' && at + 2 < text.size()) ++at;
    plain += text[at];
  }
  return plain;
}

// Words of a host's line: name, then key=value with quotes around a value.
std::vector<std::string> host_words(const std::string& line) {
  std::vector<std::string> words;
  bool inside = false;
  char quote = 0;
  for (const char c : line) {
    if (quote == 0 && (c == ' ' || c == '\t')) {
      inside = false;
      continue;
    }
    if (!inside) words.emplace_back();
    inside = true;
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else {
      words.back() += c;
    }
  }
  return words;
}

}  // namespace

Result<std::vector<InventoryHost>> read_inventory(const NamedText& file) {
  std::vector<InventoryHost> hosts;
  std::map<std::string, std::map<std::string, std::string>> of_group;  // [group:vars]
  std::string group;
  std::istringstream lines(file.text);
  std::string raw;
  for (int number = 1; std::getline(lines, raw); ++number) {
    std::string line = trimmed(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      if (line.back() != ']') return wrong(file, number, "a group is written as [name]");
      group = line.substr(1, line.size() - 2);
      continue;
    }
    const std::size_t comment = line.find(" #");
    if (comment != std::string::npos) line = trimmed(line.substr(0, comment));
    if (group.ends_with(":vars")) {
      const std::size_t equals = line.find('=');
      if (equals == std::string::npos) return wrong(file, number, "key = value is expected");
      of_group[group.substr(0, group.size() - 5)][trimmed(line.substr(0, equals))] =
          unquoted(trimmed(line.substr(equals + 1)));
      continue;
    }
    InventoryHost host;
    host.group = group;
    for (const std::string& word : host_words(line)) {
      const std::size_t equals = word.find('=');
      if (host.name.empty()) {
        host.name = word;
      } else if (equals == std::string::npos) {
        return wrong(file, number, "\"" + word + "\" is no key=value");
      } else {
        host.variables[word.substr(0, equals)] = word.substr(equals + 1);
      }
    }
    hosts.push_back(std::move(host));
  }
  for (InventoryHost& host : hosts) {
    for (const std::string& name : {host.group, std::string("all")}) {
      for (const auto& [key, value] : of_group[name]) host.variables.try_emplace(key, value);
    }
  }
  return hosts;
}

Result<std::vector<TomlTable>> read_toml(const NamedText& file) {
  std::vector<TomlTable> tables(1);
  std::istringstream lines(file.text);
  std::string raw;
  for (int number = 1; std::getline(lines, raw); ++number) {
    const std::string line = trimmed(without_comment(raw));
    if (line.empty()) continue;
    if (line.front() == '[') {
      const std::size_t brackets = line.starts_with("[[") ? 2 : 1;
      const bool closed = line.size() > 2 * brackets && line.ends_with(brackets == 2 ? "]]" : "]");
      if (!closed) return wrong(file, number, "a table is written as [name] or [[name]]");
      TomlTable table;
      table.table = trimmed(line.substr(brackets, line.size() - 2 * brackets));
      table.line = number;
      tables.push_back(std::move(table));
      continue;
    }
    const std::size_t equals = line.find('=');
    const std::string value = equals == std::string::npos ? "" : trimmed(line.substr(equals + 1));
    if (value.empty()) return wrong(file, number, "key = value is expected");
    const bool open = (value.front() == '"' || value.front() == '\'') &&
                      (value.size() < 2 || value.back() != value.front());
    if (open) return wrong(file, number, "a quote is not closed");
    tables.back().values[unquoted(trimmed(line.substr(0, equals)))] = unquoted(value);
  }
  return tables;
}

}  // namespace tiderelay::control
