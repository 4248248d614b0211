#include "applier/statement_fate.h"

#include <algorithm>

#include "applier/schema_sql.h"

namespace tiderelay::applier {

namespace {

using Windows = std::map<TableName, TableWindow>;

enum class Place : std::uint8_t { kHeld, kInside, kBehind };

bool holds(const TableWindow& window, const DdlEvent& event) {
  return window.low.contains(event.id) ||
         (window.low_position && event.end <= *window.low_position);
}

Place place_in(const TableWindow& window, const DdlEvent& event) {
  if (holds(window, event)) return Place::kHeld;
  return event.begin >= window.high ? Place::kBehind : Place::kInside;
}

// A table that has no copy, in a statement from before every copy began: it is of the past.
bool before_all(const DdlEvent& event, const Windows& windows) {
  return !windows.empty() && std::ranges::all_of(windows, [&](const auto& entry) {
    return holds(entry.second, event);
  });
}

// Behind it the table has no row of before: the log has all that follow.
bool begins_empty(StatementKind kind) {
  return kind == StatementKind::kTruncateTable || kind == StatementKind::kDropTable ||
         kind == StatementKind::kDropDatabase || kind == StatementKind::kCreateTable ||
         kind == StatementKind::kCreateTableLike;
}

// CREATE TABLE ... LIKE: the table whose definition is taken.
TableName model_of(const DdlEvent& event, const DdlStatement& statement) {
  TableName model = statement.tables[1];
  if (model.schema.empty()) model.schema = event.schema;
  return model;
}

// Of a DROP DATABASE: all copies in it.
std::vector<TableName> copies_of(const std::string& schema, const Windows& windows) {
  std::vector<TableName> names;
  for (const auto& [name, window] : windows) {
    if (name.schema == schema) names.push_back(name);
  }
  return names;
}

}  // namespace

StatementFate fate_of(const DdlEvent& event, const DdlStatement& statement,
                      const std::vector<TableName>& taken, const Windows& windows) {
  std::vector<TableName> concerned = taken;
  if (statement.kind == StatementKind::kDropDatabase) {
    concerned = copies_of(statement.database.empty() ? event.schema : statement.database, windows);
  }
  StatementFate fate;
  bool model_changed = false;  // the tracker knows the model as it was later
  if (statement.kind == StatementKind::kCreateTableLike) {
    const TableName model = model_of(event, statement);
    std::erase(concerned, model);
    const auto window = windows.find(model);
    model_changed = window != windows.end() && holds(window->second, event);
  }
  std::size_t held = 0;
  bool inside = false;
  bool copied = false;
  for (const TableName& name : concerned) {
    const auto window = windows.find(name);
    const bool has_copy = window != windows.end();
    const Place place = has_copy ? place_in(window->second, event) : Place::kBehind;
    copied = copied || has_copy;
    if (place == Place::kHeld) {
      ++held;
      continue;
    }
    inside = inside || place == Place::kInside;
    fate.tables.push_back(name);
  }
  if (model_changed && held < concerned.size()) {
    fate.kind = StatementFate::Kind::kCopyAgain;
    return fate;
  }
  if (!copied) {
    fate.tables.clear();
    if (before_all(event, windows)) fate.kind = StatementFate::Kind::kPast;
    return fate;
  }
  if (held == concerned.size()) {
    fate.kind = StatementFate::Kind::kPast;
  } else if (held > 0 || (inside && !begins_empty(statement.kind))) {
    fate.kind = StatementFate::Kind::kCopyAgain;
  } else {
    fate.tables.clear();
  }
  return fate;
}

bool changes_nothing(const StatementEffects& effects) {
  return effects.databases.empty() &&
         std::ranges::all_of(effects.tables, [](const TableEffect& effect) {
           return effect.kind == TableEffect::Kind::kChanged && effect.before && effect.after &&
                  create_sql(*effect.before) == create_sql(*effect.after);
         });
}

}  // namespace tiderelay::applier
