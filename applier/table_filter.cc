// applier/table_filter.cc: the two levels of the block/allow list, and what DM makes of them.
#include "applier/table_filter.h"

#include <algorithm>
#include <array>

namespace tiderelay::applier {
namespace {

Result<std::vector<NamePattern>> patterns(const std::vector<std::string>& from, const char* list,
                                          bool case_sensitive) {
  std::vector<NamePattern> compiled;
  for (const std::string& text : from) {
    auto pattern = NamePattern::make(text, NamePattern::Regexes::kAllowed, case_sensitive);
    if (!pattern) return pattern.error().in(list);
    compiled.push_back(std::move(*pattern));
  }
  return compiled;
}

bool any_pattern(const std::vector<NamePattern>& patterns, std::string_view name) {
  return std::ranges::any_of(patterns,
                             [name](const NamePattern& pattern) { return pattern.matches(name); });
}

}  // namespace

bool is_system_schema(std::string_view schema) {
  static constexpr std::array<std::string_view, 7> kSystemSchemas = {
      "mysql",          "information_schema", "performance_schema", "sys",
      "metrics_schema", "inspection_schema",  "dm_heartbeat"};
  const std::string lowered = lower_case_name(schema);
  return std::ranges::find(kSystemSchemas, lowered) != kSystemSchemas.end();
}

Result<std::vector<TableFilter::Pair>> TableFilter::pairs(
    const std::vector<TablePatternOptions>& from, bool case_sensitive) {
  std::vector<Pair> compiled;
  for (const TablePatternOptions& entry : from) {
    auto schema = NamePattern::make(entry.schema, NamePattern::Regexes::kAllowed, case_sensitive);
    if (!schema) return schema.error().in("db-name");
    auto table = NamePattern::make(entry.table, NamePattern::Regexes::kAllowed, case_sensitive);
    if (!table) return table.error().in("tbl-name");
    compiled.push_back({std::move(*schema), std::move(*table)});
  }
  return compiled;
}

Result<TableFilter> TableFilter::make(const TableFilterOptions& options, bool case_sensitive) {
  auto do_schemas = patterns(options.do_schemas, "do-dbs", case_sensitive);
  if (!do_schemas) return do_schemas.error();
  auto ignore_schemas = patterns(options.ignore_schemas, "ignore-dbs", case_sensitive);
  if (!ignore_schemas) return ignore_schemas.error();
  auto do_tables = pairs(options.do_tables, case_sensitive);
  if (!do_tables) return do_tables.error().in("do-tables");
  auto ignore_tables = pairs(options.ignore_tables, case_sensitive);
  if (!ignore_tables) return ignore_tables.error().in("ignore-tables");
  TableFilter filter;
  filter.do_schemas_ = std::move(*do_schemas);
  filter.ignore_schemas_ = std::move(*ignore_schemas);
  filter.do_tables_ = std::move(*do_tables);
  filter.ignore_tables_ = std::move(*ignore_tables);
  return filter;
}

bool TableFilter::passes_schema_level(std::string_view schema) const {
  if (is_system_schema(schema)) return false;
  if (!do_schemas_.empty()) return any_pattern(do_schemas_, schema);
  return !any_pattern(ignore_schemas_, schema);
}

bool TableFilter::any(const std::vector<Pair>& pairs, const TableName& name) {
  return std::ranges::any_of(pairs, [&name](const Pair& pair) {
    return pair.schema.matches(name.schema) && pair.table.matches(name.table);
  });
}

bool TableFilter::takes(const TableName& upstream) const {
  if (!passes_schema_level(upstream.schema)) return false;
  if (any(do_tables_, upstream)) return true;
  if (any(ignore_tables_, upstream)) return false;
  return do_tables_.empty();
}

bool TableFilter::takes_schema(std::string_view upstream) const {
  if (!passes_schema_level(upstream)) return false;
  return do_tables_.empty() || std::ranges::any_of(do_tables_, [upstream](const Pair& pair) {
           return pair.schema.matches(upstream);
         });
}

// DM keeps the plain table names of all entries with a regex schema in one trie: once any of these
// schemas matches, the table name of any other will do.
bool TableFilter::dm_any(const std::vector<Pair>& pairs, const TableName& name) {
  if (any(pairs, name)) return true;
  const auto mixed = [](const Pair& pair) {
    return pair.schema.is_regex() && !pair.table.is_regex();
  };
  const bool schema_matches = std::ranges::any_of(
      pairs, [&](const Pair& pair) { return mixed(pair) && pair.schema.matches(name.schema); });
  return schema_matches && std::ranges::any_of(pairs, [&](const Pair& pair) {
           return mixed(pair) && pair.table.matches(name.table);
         });
}

bool TableFilter::dm_takes(const TableName& upstream) const {
  if (!passes_schema_level(upstream.schema)) return false;
  if (dm_any(do_tables_, upstream)) return true;
  if (dm_any(ignore_tables_, upstream)) return false;
  return do_tables_.empty();
}

}  // namespace tiderelay::applier
