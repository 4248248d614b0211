// applier/event_filter.cc: the evaluation table of the header, rule by rule.
#include "applier/event_filter.h"

#include <set>
#include <utility>

namespace tiderelay::applier {
namespace {

bool kind_in(const std::vector<EventName>& events, EventKind kind) {
  const EventClass kind_class = class_of(kind);
  const bool is_rows = kind_class == EventClass::kRows;
  for (const EventName& name : events) {
    switch (name.set) {
      case EventSet::kAll:
        return true;
      case EventSet::kNone:
        return false;
      case EventSet::kAllRows:
        if (is_rows) return true;
        break;
      case EventSet::kNoRows:
        if (is_rows) return false;
        break;
      case EventSet::kAllStatements:
        if (!is_rows) return true;
        break;
      case EventSet::kNoStatements:
        if (!is_rows) return false;
        break;
      case EventSet::kIncompatible:
        if (kind_class == EventClass::kIncompatible) return true;
        break;
      case EventSet::kOne:
        if (name.kind == kind) return true;
        break;
    }
  }
  return false;
}

std::optional<EventFilter::Fate> fate_of(FilterAction action, bool matches) {
  if (action == FilterAction::kDo) {
    return matches ? std::nullopt : std::optional(EventFilter::Fate::kDrop);
  }
  if (!matches) return std::nullopt;
  return action == FilterAction::kIgnore ? EventFilter::Fate::kDrop : EventFilter::Fate::kPause;
}

std::string joined(const std::vector<std::string>& patterns) {
  std::string all;
  for (const std::string& pattern : patterns) all += (all.empty() ? "" : "|") + pattern;
  return all;
}

}  // namespace

Result<EventFilter::Rule> EventFilter::compile(const EventRuleOptions& options,
                                               bool case_sensitive) {
  Rule rule;
  rule.options = options;
  auto schema =
      NamePattern::make(options.schema_pattern, NamePattern::Regexes::kRefused, case_sensitive);
  if (!schema) return schema.error().in("schema-pattern");
  rule.schema = std::move(*schema);
  if (!options.table_pattern.empty()) {
    auto table =
        NamePattern::make(options.table_pattern, NamePattern::Regexes::kRefused, case_sensitive);
    if (!table) return table.error().in("table-pattern");
    rule.table = std::move(*table);
  }
  for (const std::string& text : options.events) {
    const std::optional<EventName> name = parse_event_name(text);
    if (!name) {
      const std::string_view near = nearest_event_name(text);
      return Error(Errc::kConfig,
                   "events: unknown event \"" + text + "\"" +
                       (near.empty() ? "" : "; did you mean \"" + std::string(near) + "\"?"));
    }
    rule.events.push_back(*name);
  }
  for (const std::string& text : options.sql_patterns) {
    const auto alone = compile_regex(text, false);  // so that the message names the wrong one
    if (!alone) return alone.error().in("sql-pattern");
  }
  if (!options.sql_patterns.empty()) {
    auto sql = compile_regex(joined(options.sql_patterns), false);
    if (!sql) return sql.error().in("sql-pattern");
    rule.sql = std::move(*sql);
  }
  return rule;
}

Result<EventFilter> EventFilter::make(const std::vector<EventRuleOptions>& rules,
                                      bool case_sensitive) {
  EventFilter filter;
  std::set<std::pair<std::string, std::string>> seen;
  for (const EventRuleOptions& options : rules) {
    auto rule = compile(options, case_sensitive);
    if (!rule) return rule.error().in("filter \"" + options.name + "\"");
    if (!seen.emplace(rule->schema.key(), rule->table ? rule->table->key() : "").second) {
      return Error(Errc::kConfig, "filter \"" + options.name +
                                      "\": another filter has the same patterns already (" +
                                      options.schema_pattern +
                                      (rule->table ? "." + options.table_pattern : "") +
                                      "); join the two");
    }
    (rule->table ? filter.table_rules_ : filter.schema_rules_).push_back(std::move(*rule));
  }
  return filter;
}

std::optional<EventFilter::Fate> EventFilter::ask(const Rule& rule, EventKind kind,
                                                  std::string_view sql) {
  if (kind != EventKind::kUnknown) {
    const auto fate = fate_of(rule.options.action, kind_in(rule.events, kind));
    if (fate) return fate;
  }
  if (sql.empty() || !rule.sql) return std::nullopt;
  return fate_of(rule.options.action, regex_finds(*rule.sql, sql));
}

EventFilter::Decision EventFilter::judge(const TableName& upstream, EventKind kind,
                                         std::string_view sql) const {
  for (const Rule& rule : schema_rules_) {
    if (!rule.schema.matches(upstream.schema)) continue;
    const std::optional<Fate> fate = ask(rule, kind, sql);
    if (fate) return {*fate, &rule.options.name};
  }
  for (const Rule& rule : table_rules_) {
    if (!rule.schema.matches(upstream.schema) || !rule.table->matches(upstream.table)) continue;
    const std::optional<Fate> fate = ask(rule, kind, sql);
    if (fate) return {*fate, &rule.options.name};
  }
  return {};
}

EventFilter::Decision EventFilter::judge_rows(const TableName& upstream, EventKind kind) const {
  return judge(upstream, kind, {});
}

EventFilter::Decision EventFilter::judge_statement(const TableName& upstream, EventKind kind,
                                                   std::string_view sql) const {
  return judge(upstream, kind, sql);
}

const std::string* EventFilter::never_passes_rows(const TableName& upstream) const {
  const std::string* rule = nullptr;
  for (const EventKind kind : {EventKind::kInsert, EventKind::kUpdate, EventKind::kDelete}) {
    const Decision decision = judge_rows(upstream, kind);
    if (decision.fate == Fate::kPass) return nullptr;
    rule = decision.rule;
  }
  return rule;
}

}  // namespace tiderelay::applier
