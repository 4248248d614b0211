// applier/event_filter.h: which row changes and statements of a selected table pass: DM's filters.
//
// All matching rules are asked, schema rules first (they apply to every table beneath, too), then
// table rules, each in the order given; the first decision wins, and without one the event passes.
//
//   test                                    rule says   Ignore    Error    Do
//   kind of event known                     in events   drop      pause    go on
//                                           not in      go on     go on    DROP
//   SQL text there and sql_patterns given   one matches drop      pause    go on
//                                           none        go on     go on    DROP
//
// So a Do rule with both lists demands both, and one with empty events drops everything. Within
// events the first hit decides; `none`, `none ddl`, `none dml` end the search with "no".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "applier/event_kind.h"
#include "applier/name_pattern.h"
#include "applier/table_schema.h"
#include "base/error.h"

namespace tiderelay::applier {

enum class FilterAction : std::uint8_t { kIgnore, kError, kDo };

struct EventRuleOptions {
  std::string name;            // of the rule, for messages
  std::string schema_pattern;  // wildcards only
  std::string table_pattern;   // empty: a schema rule
  std::vector<std::string> events;
  std::vector<std::string> sql_patterns;  // RE2, any case, unanchored
  FilterAction action = FilterAction::kIgnore;
};

class EventFilter {
 public:
  enum class Fate : std::uint8_t { kPass, kDrop, kPause };
  struct Decision {
    Fate fate = Fate::kPass;
    const std::string* rule = nullptr;  // its name; null when no rule decided; lives as the filter
  };

  EventFilter() = default;  // everything passes
  [[nodiscard]] static Result<EventFilter> make(const std::vector<EventRuleOptions>& rules,
                                                bool case_sensitive);

  // Of a row change. REQUIRES: kind is kInsert, kUpdate or kDelete.
  [[nodiscard]] Decision judge_rows(const TableName& upstream, EventKind kind) const;
  // Of one single statement with upstream names. `upstream.table` is empty for CREATE DATABASE and
  // the like; both names are empty and kind is kUnknown for a text that does not parse.
  [[nodiscard]] Decision judge_statement(const TableName& upstream, EventKind kind,
                                         std::string_view sql) const;
  // The rule that drops inserts, updates and deletes alike, so that no row of the table can ever
  // pass (typically a schema-wide Do rule for statements); null: some rows pass.
  [[nodiscard]] const std::string* never_passes_rows(const TableName& upstream) const;

 private:
  struct Rule {
    EventRuleOptions options;
    NamePattern schema;
    std::optional<NamePattern> table;
    std::vector<EventName> events;
    std::shared_ptr<const re2::RE2> sql;  // null: no sql_patterns
  };
  [[nodiscard]] static Result<Rule> compile(const EventRuleOptions& options, bool case_sensitive);
  [[nodiscard]] Decision judge(const TableName& upstream, EventKind kind,
                               std::string_view sql) const;
  [[nodiscard]] static std::optional<Fate> ask(const Rule& rule, EventKind kind,
                                               std::string_view sql);

  std::vector<Rule> schema_rules_;
  std::vector<Rule> table_rules_;
};

}  // namespace tiderelay::applier
