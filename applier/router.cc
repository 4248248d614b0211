// applier/router.cc: rules are compiled once; a lookup asks them all, for two matches are an error.
#include "applier/router.h"

#include <re2/re2.h>

#include <map>
#include <set>
#include <utility>

namespace tiderelay::applier {
namespace {

std::string described(const RouteOptions& rule) {
  return "\"" + rule.name + "\" (" + rule.schema_pattern +
         (rule.table_pattern.empty() ? "" : "." + rule.table_pattern) + ")";
}

Error ambiguous(const std::string& what, const RouteOptions& first, const RouteOptions& second) {
  return Error(Errc::kConfig, what + " matches more than one route: " + described(first) + " and " +
                                  described(second))
      .with_way_out("narrow one of the two patterns, or give the table a rule of its own");
}

std::string captured(const re2::RE2& regex, std::string_view text) {
  const auto groups = static_cast<std::size_t>(regex.NumberOfCapturingGroups());
  std::vector<re2::StringPiece> found(groups + 1);
  const re2::StringPiece input(text.data(), text.size());
  if (!regex.Match(input, 0, text.size(), re2::RE2::UNANCHORED, found.data(),
                   static_cast<int>(found.size()))) {
    return "";
  }
  std::string value;
  for (std::size_t i = 1; i < found.size(); ++i) value.append(found[i].data(), found[i].size());
  return value;
}

}  // namespace

Result<Router::Rule> Router::compile(const RouteOptions& options, bool case_sensitive) {
  Rule rule;
  rule.options = options;
  auto schema =
      NamePattern::make(options.schema_pattern, NamePattern::Regexes::kAllowed, case_sensitive);
  if (!schema) return schema.error().in("schema-pattern");
  rule.schema = std::move(*schema);
  if (!options.table_pattern.empty()) {
    auto table =
        NamePattern::make(options.table_pattern, NamePattern::Regexes::kAllowed, case_sensitive);
    if (!table) return table.error().in("table-pattern");
    rule.table = std::move(*table);
  }
  if (options.target_schema.empty()) return Error(Errc::kConfig, "target-schema is missing");
  const auto add = [](const std::optional<ExtractOptions>& from, const char* key,
                      std::optional<Extract>& to) -> Result<void> {
    if (!from) return {};
    if (from->target_column.empty()) {
      return Error(Errc::kConfig, std::string(key) + ": target-column is missing");
    }
    auto regex = compile_regex(from->regex, true);
    if (!regex) return regex.error().in(key);
    to = Extract{*regex, from->target_column};
    return {};
  };
  const Result<void> from_table = add(options.extract_table, "extract-table", rule.extract_table);
  if (!from_table) return from_table.error();
  const Result<void> from_schema =
      add(options.extract_schema, "extract-schema", rule.extract_schema);
  if (!from_schema) return from_schema.error();
  const Result<void> from_source =
      add(options.extract_source, "extract-source", rule.extract_source);
  if (!from_source) return from_source.error();
  return rule;
}

Result<Router> Router::make(const std::vector<RouteOptions>& rules, bool case_sensitive) {
  Router router;
  std::set<std::pair<std::string, std::string>> seen;
  for (const RouteOptions& options : rules) {
    auto rule = compile(options, case_sensitive);
    if (!rule) return rule.error().in("route \"" + options.name + "\"");
    if (!seen.emplace(rule->schema.key(), rule->table ? rule->table->key() : "").second) {
      return Error(Errc::kConfig,
                   "route " + described(options) + ": another route has the same patterns already");
    }
    (rule->table ? router.table_rules_ : router.schema_rules_).push_back(std::move(*rule));
  }
  return router;
}

Result<const Router::Rule*> Router::schema_rule(std::string_view schema) const {
  const Rule* found = nullptr;
  for (const Rule& rule : schema_rules_) {
    if (!rule.schema.matches(schema)) continue;
    if (found != nullptr) {
      return ambiguous("schema `" + std::string(schema) + "`", found->options, rule.options);
    }
    found = &rule;
  }
  return found;
}

Result<const Router::Rule*> Router::rule_of(const TableName& upstream) const {
  const Rule* found = nullptr;
  for (const Rule& rule : table_rules_) {
    if (!rule.schema.matches(upstream.schema) || !rule.table->matches(upstream.table)) continue;
    if (found != nullptr) {
      return ambiguous("table `" + upstream.schema + "`.`" + upstream.table + "`", found->options,
                       rule.options);
    }
    found = &rule;
  }
  if (found != nullptr) return found;
  return schema_rule(upstream.schema);
}

Result<TableName> Router::route(const TableName& upstream) const {
  const Result<const Rule*> rule = rule_of(upstream);
  if (!rule) return rule.error();
  if (*rule == nullptr) return upstream;
  const RouteOptions& options = (*rule)->options;
  return TableName{options.target_schema,
                   options.target_table.empty() ? upstream.table : options.target_table};
}

Result<std::string> Router::route_schema(const std::string& upstream) const {
  const Result<const Rule*> rule = schema_rule(upstream);
  if (!rule) return rule.error();
  return *rule == nullptr ? upstream : (*rule)->options.target_schema;
}

Result<std::vector<ExtractedColumn>> Router::extract(const TableName& upstream,
                                                     std::string_view source_id) const {
  const Result<const Rule*> rule = rule_of(upstream);
  if (!rule) return rule.error();
  std::vector<ExtractedColumn> columns;
  if (*rule == nullptr) return columns;
  const auto add = [&columns](const std::optional<Extract>& extract, std::string_view from) {
    if (extract) columns.push_back({extract->target_column, captured(*extract->regex, from)});
  };
  add((*rule)->extract_table, upstream.table);
  add((*rule)->extract_schema, upstream.schema);
  add((*rule)->extract_source, source_id);
  return columns;
}

Result<void> check_case(const std::vector<TableName>& targets) {
  std::map<TableName, const TableName*> seen;
  for (const TableName& name : targets) {
    const TableName folded{lower_case_name(name.schema), lower_case_name(name.table)};
    const auto [at, added] = seen.emplace(folded, &name);
    if (added || *at->second == name) continue;
    const TableName& other = *at->second;
    return Error(Errc::kUnsupported, "the target takes " + other.schema + "." + other.table +
                                         " and " + name.schema + "." + name.table +
                                         " for one table: they differ in case alone")
        .with_way_out("route one of them to another name, or leave it out of the list");
  }
  return {};
}

}  // namespace tiderelay::applier
