// applier/dump_selection.cc: each half of a table-filter rule becomes a regex on the whole name.
//
// Source of the syntax: TiDB, pkg/util/table-filter (its README), as dumpling's -f reads it.
#include "applier/dump_selection.h"

#include <re2/re2.h>

#include <algorithm>

namespace tiderelay::applier {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_name_character(char c) {
  return is_letter_or_digit(c) || c == '$' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

std::string quoted_for_regex(std::string_view literal) {
  return re2::RE2::QuoteMeta(re2::StringPiece(literal.data(), literal.size()));
}

Error syntax(const std::string& text) { return Error(Errc::kConfig, text); }

// Each takes its pattern off the front of `rest` and gives the regex.
Result<std::string> take_regex(std::string_view& rest) {
  std::size_t end = 1;
  while (end < rest.size() && rest[end] != '/') end += rest[end] == '\\' ? 2U : 1U;
  if (end >= rest.size() || end == 1) return syntax("a /regex/ is not closed or empty");
  std::string regex(rest.substr(1, end - 1));
  rest.remove_prefix(end + 1);
  return regex;
}

Result<std::string> take_quoted(std::string_view& rest) {
  const char quote = rest.front();
  std::string name;
  std::size_t at = 1;
  for (; at < rest.size(); ++at) {
    if (rest[at] == quote) {
      if (at + 1 >= rest.size() || rest[at + 1] != quote) break;
      ++at;
    }
    name.push_back(rest[at]);
  }
  if (at >= rest.size() || name.empty()) return syntax("a quoted name is not closed or empty");
  rest.remove_prefix(at + 1);
  return "^" + quoted_for_regex(name) + "$";
}

Result<std::string> take_set(std::string_view& rest) {
  std::size_t end = 1;
  if (end < rest.size() && rest[end] == '!') ++end;
  const std::size_t first = end;
  while (end < rest.size() && rest[end] != ']') end += rest[end] == '\\' ? 2U : 1U;
  if (end >= rest.size() || end == first) return syntax("a [set] is not closed or empty");
  std::string set = first == 2 ? "[^" : "[";
  if (rest[first] == '^') set += '\\';
  set.append(rest.substr(first, end + 1 - first));
  rest.remove_prefix(end + 1);
  return set;
}

Result<std::string> take_wildcards(std::string_view& rest) {
  std::string regex = "(?s)^";
  std::size_t taken = 0;
  while (!rest.empty() && rest.front() != '.') {
    const char c = rest.front();
    ++taken;
    if (c == '[') {
      const Result<std::string> set = take_set(rest);
      if (!set) return set.error();
      regex += *set;
      continue;
    }
    rest.remove_prefix(1);
    if (c == '*') {
      regex += ".*";
    } else if (c == '?') {
      regex += '.';
    } else if (c == '\\') {
      if (rest.empty()) return syntax("a \\ at the end escapes nothing");
      if (is_letter_or_digit(rest.front())) return syntax("\\ before a letter or digit");
      regex += quoted_for_regex(rest.substr(0, 1));
      rest.remove_prefix(1);
    } else if (is_name_character(c)) {
      regex += quoted_for_regex(std::string_view(&c, 1));
    } else {
      return syntax(std::string("unexpected character '") + c + "', quote the name or escape it");
    }
  }
  if (taken == 0) return syntax("a name or pattern is missing");
  return regex + "$";
}

Result<std::string> take_pattern(std::string_view& rest) {
  if (rest.empty()) return syntax("a name or pattern is missing");
  if (rest.front() == '/') return take_regex(rest);
  if (rest.front() == '"' || rest.front() == '`') return take_quoted(rest);
  return take_wildcards(rest);
}

}  // namespace

Result<DumpSelection::FilterRule> DumpSelection::compile(std::string_view rule,
                                                         bool case_sensitive) {
  FilterRule compiled;
  std::string_view rest = rule;
  if (!rest.empty() && rest.front() == '@') {
    return syntax("rules from a file (@) are not read; write them out, one -f each");
  }
  if (!rest.empty() && rest.front() == '!') {
    compiled.takes = false;
    rest.remove_prefix(1);
  }
  const Result<std::string> schema = take_pattern(rest);
  if (!schema) return schema.error();
  if (rest.empty() || rest.front() != '.') {
    return syntax("the '.' between schema and table is missing");
  }
  rest.remove_prefix(1);
  const Result<std::string> table = take_pattern(rest);
  if (!table) return table.error();
  if (!rest.empty()) return syntax("stray characters after the table's pattern");
  const auto schema_regex = compile_regex(*schema, case_sensitive);
  if (!schema_regex) return schema_regex.error();
  const auto table_regex = compile_regex(*table, case_sensitive);
  if (!table_regex) return table_regex.error();
  compiled.schema = *schema_regex;
  compiled.table = *table_regex;
  return compiled;
}

Result<DumpSelection> DumpSelection::make(const DumpSelectionOptions& options,
                                          bool case_sensitive) {
  DumpSelection selection;
  selection.case_sensitive_ = case_sensitive;
  for (const std::string& schema : options.schemas) {
    selection.schemas_.push_back(selection.folded(schema));
  }
  for (const TableName& table : options.tables) {
    if (table.schema.empty() && options.schemas.empty()) {
      return syntax("-T " + table.table + ": a bare table name needs -B with its schema");
    }
    selection.tables_.push_back({selection.folded(table.schema), selection.folded(table.table)});
  }
  for (const std::string& rule : options.filters) {
    if (rule.empty() || rule.front() == '#') continue;
    auto compiled = compile(rule, case_sensitive);
    if (!compiled) return compiled.error().in("-f " + rule);
    selection.filters_.push_back(std::move(*compiled));
  }
  if (!selection.filters_.empty() && std::ranges::none_of(selection.filters_, &FilterRule::takes)) {
    return syntax("-f: rules with ! alone select no table; put -f '*.*' before them");
  }
  if (!options.regex.empty()) {
    auto regex = compile_regex(options.regex, false);
    if (!regex) return regex.error().in("-x");
    selection.regex_ = *regex;
  }
  return selection;
}

std::string DumpSelection::folded(std::string_view name) const {
  return case_sensitive_ ? std::string(name) : lower_case_name(name);
}

bool DumpSelection::takes(const TableName& upstream) const {
  const TableName name{folded(upstream.schema), folded(upstream.table)};
  if (!schemas_.empty() && std::ranges::find(schemas_, name.schema) == schemas_.end()) return false;
  const auto same = [&name](const TableName& table) {
    return table.table == name.table && (table.schema.empty() || table.schema == name.schema);
  };
  if (!tables_.empty() && std::ranges::none_of(tables_, same)) return false;
  if (!filters_.empty()) {
    const auto last =
        std::find_if(filters_.rbegin(), filters_.rend(), [&upstream](const FilterRule& rule) {
          return regex_finds(*rule.schema, upstream.schema) &&
                 regex_finds(*rule.table, upstream.table);
        });
    if (last == filters_.rend() || !last->takes) return false;
  }
  return regex_ == nullptr || regex_finds(*regex_, upstream.schema + "." + upstream.table);
}

}  // namespace tiderelay::applier
