// applier/router.h: the downstream name of an upstream table or schema: DM's routes.
//
// A rule without table_pattern is a schema rule, with it a table rule. Table rules win over schema
// rules; two matching table rules, or, where no table rule matches, two matching schema rules, are
// an error that names both. No match: the name stays. Statements on a schema use schema rules only.
// Targets are literal; an empty target_table keeps the table's name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "applier/name_pattern.h"
#include "applier/table_schema.h"
#include "base/error.h"

namespace tiderelay::applier {

struct ExtractOptions {  // all capture groups of the regex, concatenated, become a column's value
  std::string regex;
  std::string target_column;
};

struct RouteOptions {
  std::string name;  // of the rule, for messages
  std::string schema_pattern;
  std::string table_pattern;  // empty: a schema rule
  std::string target_schema;
  std::string target_table;
  std::optional<ExtractOptions> extract_table;
  std::optional<ExtractOptions> extract_schema;
  std::optional<ExtractOptions> extract_source;
};

struct ExtractedColumn {
  std::string target_column;
  std::string value;  // empty where the regex does not match
};

class Router {
 public:
  Router() = default;  // every name stays
  [[nodiscard]] static Result<Router> make(const std::vector<RouteOptions>& rules,
                                           bool case_sensitive);

  [[nodiscard]] Result<TableName> route(const TableName& upstream) const;
  [[nodiscard]] Result<std::string> route_schema(const std::string& upstream) const;
  [[nodiscard]] Result<std::vector<ExtractedColumn>> extract(const TableName& upstream,
                                                             std::string_view source_id) const;

 private:
  struct Extract {
    std::shared_ptr<const re2::RE2> regex;
    std::string target_column;
  };
  struct Rule {
    RouteOptions options;
    NamePattern schema;
    std::optional<NamePattern> table;
    std::optional<Extract> extract_table;
    std::optional<Extract> extract_schema;
    std::optional<Extract> extract_source;
  };
  [[nodiscard]] static Result<Rule> compile(const RouteOptions& options, bool case_sensitive);
  [[nodiscard]] Result<const Rule*> schema_rule(std::string_view schema) const;  // null: none
  [[nodiscard]] Result<const Rule*> rule_of(const TableName& upstream) const;

  std::vector<Rule> schema_rules_;
  std::vector<Rule> table_rules_;
};

// For a target that takes names of another case for the same: kUnsupported where two of these
// tables differ in nothing else.
[[nodiscard]] Result<void> check_case(const std::vector<TableName>& targets);

}  // namespace tiderelay::applier
