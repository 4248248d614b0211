// conf/rule_options.cc: lists, routes and filters out of their keys.
#include "conf/rule_options.h"

#include "conf/words.h"

namespace tiderelay::conf {
namespace {

using applier::EventRuleOptions;
using applier::ExtractOptions;
using applier::RouteOptions;
using applier::TableFilterOptions;
using applier::TablePatternOptions;

constexpr std::uint32_t kDmEmptyListName = 20044;
constexpr std::uint32_t kDmBadFilter = 20037;

struct ExtractTable : ExtractOptions {};
struct ExtractSchema : ExtractOptions {};
struct ExtractSource : ExtractOptions {};

template <class T>
OptionTable<T> extract_table(const char* regex_key, const char* meaning) {
  OptionTable<T> table;
  table
      .template custom<std::string>(
          regex_key, meaning,
          [](Reader& reader, const Option& option, const YamlNode& node, T& into) {
            Value<std::string>::read(reader, option, node, into.regex);
          })
      .required();
  table
      .template custom<std::string>(
          "target-column", "the column that takes all its groups, joined",
          [](Reader& reader, const Option& option, const YamlNode& node, T& into) {
            Value<std::string>::read(reader, option, node, into.target_column);
          })
      .required();
  return table;
}

const OptionTable<ExtractTable>& option_table(Tag<ExtractTable>) {
  static const auto kTable =
      extract_table<ExtractTable>("table-regexp", "regex (RE2) on the upstream table's name");
  return kTable;
}
const OptionTable<ExtractSchema>& option_table(Tag<ExtractSchema>) {
  static const auto kTable =
      extract_table<ExtractSchema>("schema-regexp", "regex (RE2) on the upstream schema's name");
  return kTable;
}
const OptionTable<ExtractSource>& option_table(Tag<ExtractSource>) {
  static const auto kTable =
      extract_table<ExtractSource>("source-regexp", "regex (RE2) on the source's id");
  return kTable;
}

template <class Extract, auto Member>
void read_extract(Reader& reader, const Option& option, const YamlNode& node, RouteOptions& into) {
  Extract extract;
  Value<Extract>::read(reader, option, node, extract);
  into.*Member = extract;
}

}  // namespace

const OptionTable<TablePatternOptions>& option_table(Tag<TablePatternOptions>) {
  static const auto kTable =
      OptionTable<TablePatternOptions>()
          .field<&TablePatternOptions::schema>("db-name", "pattern of the schema")
          .required()
          .field<&TablePatternOptions::table>("tbl-name", "pattern of the table")
          .required();
  return kTable;
}

const OptionTable<TableFilterOptions>& option_table(Tag<TableFilterOptions>) {
  static const auto kTable =
      OptionTable<TableFilterOptions>()
          .field<&TableFilterOptions::do_schemas>(
              "do-dbs", "only these schemas; ignore-dbs is then not looked at")
          .field<&TableFilterOptions::ignore_schemas>("ignore-dbs", "not these schemas")
          .field<&TableFilterOptions::do_tables>(
              "do-tables", "only these tables (and schemas that can have one)")
          .field<&TableFilterOptions::ignore_tables>(
              "ignore-tables", "not these tables, unless do-tables names them");
  return kTable;
}

const OptionTable<RouteOptions>& option_table(Tag<RouteOptions>) {
  static const auto kTable =
      OptionTable<RouteOptions>()
          .field<&RouteOptions::schema_pattern>("schema-pattern", "pattern of upstream schemas")
          .required()
          .field<&RouteOptions::table_pattern>(
              "table-pattern", "pattern of upstream tables; without it a rule for whole schemas")
          .field<&RouteOptions::target_schema>("target-schema", "the downstream schema")
          .required()
          .field<&RouteOptions::target_table>("target-table",
                                              "the downstream table; without it the name stays")
          .custom<ExtractTable>("extract-table", "a column from the upstream table's name",
                                read_extract<ExtractTable, &RouteOptions::extract_table>)
          .custom<ExtractSchema>("extract-schema", "a column from the upstream schema's name",
                                 read_extract<ExtractSchema, &RouteOptions::extract_schema>)
          .custom<ExtractSource>("extract-source", "a column from the source's id",
                                 read_extract<ExtractSource, &RouteOptions::extract_source>);
  return kTable;
}

const OptionTable<EventRuleOptions>& option_table(Tag<EventRuleOptions>) {
  static const auto kTable =
      OptionTable<EventRuleOptions>()
          .field<&EventRuleOptions::schema_pattern>("schema-pattern",
                                                    "pattern of upstream schemas, no regex")
          .required()
          .field<&EventRuleOptions::table_pattern>(
              "table-pattern", "pattern of upstream tables; without it all of the schema")
          .field<&EventRuleOptions::events>("events", "kinds of changes and statements")
          .field<&EventRuleOptions::sql_patterns>("sql-pattern",
                                                  "regexes (RE2, any case) on a statement's text")
          .field<&EventRuleOptions::action>("action", "what becomes of those that match")
          .default_text("")
          .required();
  return kTable;
}

void check_route(Reader& reader, const YamlNode& at, const RouteOptions& rule,
                 bool case_sensitive) {
  if (rule.schema_pattern.empty() || rule.target_schema.empty()) return;  // reported as missing
  const auto router = applier::Router::make({rule}, case_sensitive);
  if (!router) reader.refuse(at, router.error().text());
}

void check_filter(Reader& reader, const YamlNode& at, const EventRuleOptions& rule,
                  bool case_sensitive) {
  if (rule.schema_pattern.empty()) return;  // reported as missing
  const auto filter = applier::EventFilter::make({rule}, case_sensitive);
  if (!filter) reader.refuse(at, filter.error().text(), kDmBadFilter);
}

void check_list(Reader& reader, const YamlNode& at, const TableFilterOptions& list,
                bool case_sensitive) {
  const auto filter = applier::TableFilter::make(list, case_sensitive);
  if (!filter) reader.refuse(at, filter.error().text(), kDmEmptyListName);
}

}  // namespace tiderelay::conf
