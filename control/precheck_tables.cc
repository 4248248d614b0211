// control/precheck_tables.cc: rows about the task's tables, and about what they are written to.
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <set>

#include "applier/schema_builder.h"
#include "applier/schema_compare.h"
#include "applier/target_schema.h"
#include "applier/target_table.h"
#include "control/precheck_rows.h"

namespace tiderelay::control {

namespace {

using applier::TableName;
using applier::TableSchema;

constexpr const char* kNewTarget = "or let tiderelay make the table: rename the one in the target";

TableName name_of(const std::string& dotted) {
  const std::size_t dot = dotted.find('.');
  return {dotted.substr(0, dot), dotted.substr(dot + 1)};
}

applier::Target translation_for(const TargetFacts& target) {
  applier::Target translation;
  translation.kind = target.server.kind;
  translation.version = target.server.version;
  return translation;
}

// What the target makes of a table that it has not yet.
void add_translation(CheckRow& row, const TableSchema& schema, const TableFacts& table,
                     const TargetFacts& target) {
  const auto made =
      applier::create_table_sql(schema, name_of(table.target), translation_for(target));
  if (!made) {
    add_error(row, made.error(), "leave the table out with the block-allow-list", table.source);
    return;
  }
  for (const applier::TranslationNote& note : made->notes) {
    if (note.kind == applier::TranslationNote::Kind::kMapped) continue;
    add_issue(row, CheckState::kWarn, note.text,
              "nothing has to be done where this is fine; else make the table in the target "
              "yourself before the task starts",
              table.source, table.target);
  }
  for (const applier::CollationChange& change : made->collations) {
    if (!change.in_unique_key || !change.merges) continue;
    add_issue(row, CheckState::kWarn,
              fmt::format("{}: {} becomes {}, in which values of a unique key that differ at the "
                          "source may be equal: the copy would pause with 1062",
                          change.column, change.source, change.target),
              "look for such values at the source before the start", table.source, table.target);
  }
}

// Whether a table that is there can take the rows.
// statements_follow: a difference may be a statement that the log has and the target not yet.
void add_comparison(CheckRow& row, const TableSchema& schema, const TableFacts& table,
                    const std::string& there, const TargetFacts& target, bool statements_follow) {
  const Result<TableSchema> other =
      applier::parse_shown_table(there, name_of(table.target).schema,
                                 applier::dialect_of(target.server.kind), target.server.version);
  if (!other) {
    add_issue(row, CheckState::kWarn, other.error().text(), "", table.source, table.target);
    return;
  }
  const auto fits = applier::compare_with_target(schema, *other, translation_for(target));
  if (!fits) {
    add_error(row, fits.error(), kNewTarget, table.source);
    return;
  }
  for (const std::string& text : fits->errors) {
    add_issue(row, statements_follow ? CheckState::kWarn : CheckState::kFail, text,
              "change the table in the target, " + std::string(kNewTarget), table.source,
              table.target);
  }
  for (const std::string& text : fits->warnings) {
    add_issue(row, CheckState::kWarn, text, "", table.source, table.target);
  }
}

// Behind a complete copy, or where an incremental task begins at a place of the past.
bool statements_follow(const conf::TaskConfig& task, const SourceFacts& facts,
                       const TargetFacts& target) {
  const conf::InstanceConfig* instance = task.find_instance(facts.source_id);
  const bool begins_before =
      task.mode == conf::TaskMode::kIncremental && instance != nullptr && instance->start.given();
  return begins_before || target.synced.contains(facts.source_id);
}

CheckRow check_tables(const conf::TaskConfig& task, const SourceFacts& facts,
                      const TargetFacts& target) {
  CheckRow row = new_row("table_schema", "table structure compatibility check",
                         "check compatibility of table structure", facts.address);
  if (facts.tables.empty() && !facts.tables_unknown) {
    add_issue(row, CheckState::kWarn, "the task's lists take no table that this account can see",
              "look at the lists; a table without any privilege of the account is invisible to it");
  }
  const auto dialect = facts.mariadb ? applier::Dialect::kMariaDb : applier::Dialect::kMySql;
  for (const TableFacts& table : facts.tables) {
    if (!table.has_key) {
      add_issue(row, CheckState::kWarn, "primary/unique key does not exist",
                "give the table a primary key; without one it is copied under a short lock and its "
                "changes are applied one by one",
                table.source);
    }
    if (table.create_sql.empty() || target.unreachable) continue;
    const Result<TableSchema> schema = applier::parse_shown_table(
        table.create_sql, name_of(table.source).schema, dialect, version_number(facts.version));
    if (!schema) {
      add_error(row, schema.error(), "leave the table out with the block-allow-list", table.source);
      continue;
    }
    const auto there = target.tables.find(table.target);
    if (there == target.tables.end()) {
      add_translation(row, *schema, table, target);
    } else {
      add_comparison(row, *schema, table, there->second, target,
                     statements_follow(task, facts, target));
    }
  }
  return row;
}

// Cascades are in the log where the server itself, not InnoDB, does them: MySQL from 9.6 on with
// innodb_native_foreign_keys=OFF, which is its default there (measured on 9.7.4, both ways).
CheckRow check_cascades(const SourceFacts& facts) {
  CheckRow row =
      new_row("foreign_key", "cascading foreign key checker",
              "check whether changes cascade that the binlog does not have", facts.address);
  if (facts.variable("innodb_native_foreign_keys") == "OFF") return row;
  const bool switchable = !facts.variable("innodb_native_foreign_keys").empty();
  for (const TableFacts& table : facts.tables) {
    for (const std::string& key : table.cascades) {
      add_issue(
          row, CheckState::kFail, "changes of its parent cascade, unseen by the binlog: " + key,
          std::string(switchable ? "start the source with innodb_native_foreign_keys=OFF, then it "
                                   "logs them; or "
                                 : "") +
              "leave the table out, make the key RESTRICT, or, where no change ever "
              "cascades, set tiderelay.assume-no-cascade: true in the task file",
          table.source);
    }
  }
  return row;
}

CheckRow check_shadow_tables(const conf::TaskConfig& task, const SourceFacts& facts) {
  CheckRow row =
      new_row("online_ddl", "online ddl checker",
              "check whether a schema change by gh-ost or pt-osc is under way", facts.address);
  for (const std::string& rule : task.shadow_table_rules) {
    const re2::RE2 pattern(rule, re2::RE2::Quiet);
    for (const TableFacts& table : facts.tables) {
      const TableName name = name_of(table.source);
      std::string real;
      if (!pattern.ok() || !re2::RE2::FullMatch(name.table, pattern, &real)) continue;
      const bool there = std::ranges::any_of(facts.tables, [&](const TableFacts& other) {
        return other.source == name.schema + "." + real;
      });
      if (!there) continue;
      add_issue(row, CheckState::kFail, "your ddl is in pt/ghost online-ddl",
                "wait until the tool has ended and drop what it left, or leave the table out; is "
                "it an ordinary table, set online-ddl: false",
                table.source, name.schema + "." + real);
    }
  }
  return row;
}

CheckRow check_rights(const conf::TaskConfig& task, const TargetFacts& facts) {
  CheckRow row = new_row("target_privilege", "target db privilege checker",
                         "check whether the target can be written", facts.address);
  for (const char* const name : {"read_only", "super_read_only", "tidb_restricted_read_only"}) {
    const auto value = facts.variables.find(name);
    if (value == facts.variables.end() || (value->second != "ON" && value->second != "1")) continue;
    add_issue(row, CheckState::kFail, std::string(name) + " is ON: the target takes no rows",
              "name a target that is written to, or SET GLOBAL " + std::string(name) + " = OFF");
  }
  for (const RefusedRight& refused : facts.meta_rights) {
    add_issue(row, CheckState::kFail, refused.error.text(),
              "GRANT " + refused.right + " ON " + refused.on +
                  " to the account, or name another schema with meta-schema",
              task.meta_schema);
  }
  for (const RefusedRight& refused : facts.rights) {
    const bool later =
        refused.right == "ALTER" || refused.right == "INDEX" || refused.right == "DROP";
    add_issue(row, later ? CheckState::kWarn : CheckState::kFail,
              refused.error.text() +
                  (later ? ": a statement of the source that needs it will pause the task" : ""),
              "GRANT " + refused.right + " ON " + refused.on + " to the account", refused.on);
  }
  return row;
}

CheckRow check_triggers(const TargetFacts& facts) {
  CheckRow row = new_row("target_triggers", "target trigger checker",
                         "check whether triggers of the target would write rows", facts.address);
  if (facts.triggers_unknown) add_error(row, *facts.triggers_unknown, "");
  for (const std::string& trigger : facts.triggers) {
    add_issue(row, CheckState::kFail, "a trigger would write what the log has already",
              "DROP TRIGGER it at the target", trigger);
  }
  return row;
}

CheckRow check_target_connections(const conf::TaskConfig& task, const TargetFacts& facts) {
  CheckRow row = new_row("conn_number", "loader_conn_number_checker",
                         "check whether the target allows enough connections", facts.address);
  const auto most = facts.variables.find("max_connections");
  std::uint64_t limit = 0;
  if (most != facts.variables.end()) limit = std::strtoull(most->second.c_str(), nullptr, 10);
  std::uint64_t wanted = 0;
  for (const conf::InstanceConfig& instance : task.instances) {
    wanted += 1 + std::max(instance.load.pool_size, instance.sync.worker_count);
  }
  if (limit == 0 || wanted <= limit - std::min(limit, facts.connections.value_or(0))) return row;
  add_issue(row, CheckState::kWarn,
            fmt::format("max_connections is {}, {} are in use, the task needs {}", limit,
                        facts.connections.value_or(0), wanted),
            "raise max_connections at the target, or lower pool-size and worker-count");
  return row;
}

// Several source tables into one: who writes it, in the order of the sources.
CheckRow check_merging(const conf::TaskConfig& task, const std::vector<SourceFacts>& sources,
                       const TargetFacts& target) {
  CheckRow row = new_row("schema_of_shard_tables", "sharding table consistency checking",
                         "check what several tables that become one need", target.address);
  std::map<std::string, std::vector<std::string>> writers;
  std::set<std::string> numbered;
  for (const SourceFacts& facts : sources) {
    for (const TableFacts& table : facts.tables) {
      writers[table.target].push_back(facts.source_id + ": " + table.source);
      if (table.create_sql.find("AUTO_INCREMENT") != std::string::npos)
        numbered.insert(table.target);
    }
  }
  for (const auto& [name, from] : writers) {
    if (from.size() < 2) continue;
    const std::string all = fmt::format("{}", fmt::join(from, ", "));
    if (task.shard_mode == conf::ShardMode::kNone) {
      add_issue(row, CheckState::kWarn,
                "several tables are written into one without shard-mode: a statement that changes "
                "one of them is executed when its source sends it, equal keys pause the task",
                "make sure that their keys never meet, and change them one after the other", name,
                all);
    }
    if (numbered.contains(name)) {
      add_issue(row, CheckState::kWarn, "they count with AUTO_INCREMENT: their keys may meet",
                "give each source its own auto_increment_offset, or extract the source into a "
                "column of the key",
                name, all);
    }
  }
  return row;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

CheckRow check_case(const std::vector<SourceFacts>& sources, const TargetFacts& target) {
  CheckRow row = new_row("name_case", "name case checker",
                         "check whether names differ only in case", target.address);
  std::map<std::string, std::string> seen;
  for (const SourceFacts& facts : sources) {
    for (const TableFacts& table : facts.tables) {
      const auto [at, added] = seen.emplace(lower(table.target), table.target);
      if (added || at->second == table.target) continue;
      add_issue(row, CheckState::kFail, "two target tables differ only in case",
                "route one of them elsewhere, or to the same spelling", at->second, table.target);
    }
  }
  return row;
}

}  // namespace

void add_table_rows(const conf::TaskConfig& task, const SourceFacts& facts,
                    const TargetFacts& target, std::vector<CheckRow>& rows) {
  rows.push_back(check_tables(task, facts, target));
  if (!task.tiderelay.assume_no_cascade) rows.push_back(check_cascades(facts));
  if (task.online_ddl && task.mode != conf::TaskMode::kFull) {
    rows.push_back(check_shadow_tables(task, facts));
  }
}

void add_target_rows(const conf::TaskConfig& task, const std::vector<SourceFacts>& sources,
                     const TargetFacts& target, std::vector<CheckRow>& rows) {
  if (target.unreachable) {
    CheckRow row = new_row("target_privilege", "target db privilege checker",
                           "check whether the target can be written", target.address);
    add_error(row, *target.unreachable, "look at target-database in the task file");
    rows.push_back(std::move(row));
  } else {
    rows.push_back(check_rights(task, target));
    rows.push_back(check_target_connections(task, target));
    rows.push_back(check_triggers(target));
  }
  rows.push_back(check_merging(task, sources, target));
  rows.push_back(check_case(sources, target));
}

}  // namespace tiderelay::control
