// applier/statement_plan.cc: definitions before and after -> one change a statement.
#include "applier/statement_plan.h"

#include <algorithm>

#include "applier/ddl_lexer.h"
#include "applier/schema_sql.h"

namespace tiderelay::applier {

namespace {

class AlterPlan {
 public:
  AlterPlan(TableSchema before, TableSchema after, const Target& target, StatementPlan& plan)
      : before_(std::move(before)), after_(std::move(after)), target_(target), plan_(plan) {}

  void run(const TableEffect& effect) {
    drop_foreign_keys();
    rename_columns(effect.renamed_columns);
    flush(false);
    drop_keys();
    drop_columns();
    add_columns();
    change_columns(effect.rewritten_columns);
    add_keys();
    add_foreign_keys();
    change_table();
    // An AUTO_INCREMENT column and its key change together or not at all. Elsewhere one by one:
    // what the target has already, or lacks, does not keep the rest from being done.
    flush(target_.kind == TargetKind::kMysql && renumbers_);
  }

 private:
  void alter(std::string change) { changes_.push_back(std::move(change)); }

  void flush(bool at_once) {
    const std::string begin = "ALTER TABLE " + qualified_name(after_.name) + " ";
    std::string all;
    for (const std::string& change : changes_) {
      if (!at_once) plan_.sql.push_back(begin + change);
      all += (all.empty() ? "" : ", ") + change;
    }
    if (at_once && !all.empty()) plan_.sql.push_back(begin + all);
    changes_.clear();
  }

  static const Key* find_key(const TableSchema& table, const Key& like) {
    for (const Key& key : table.keys) {
      if (key.name == like.name) return &key;
    }
    return nullptr;
  }

  void rename_columns(const std::vector<std::pair<std::string, std::string>>& renamed) {
    for (const auto& [from, to] : renamed) {
      const bool rename_known = target_.kind != TargetKind::kMysql || target_.version >= 80000;
      const Column* column = after_.find_column(to);
      if (column == nullptr) continue;
      if (rename_known) {
        alter("RENAME COLUMN " + quoted_name(from) + " TO " + quoted_name(to));
      } else {
        alter("CHANGE COLUMN " + quoted_name(from) + " " + column_sql(*column));
      }
      for (Column& known : before_.columns) {
        if (same_word(known.name, from)) known.name = to;
      }
      for (Key& key : before_.keys) {
        for (KeyPart& part : key.parts) {
          if (same_word(part.column, from)) part.column = to;
        }
      }
    }
  }

  void drop_keys() {
    for (const Key& key : before_.keys) {
      const Key* kept = find_key(after_, key);
      if (kept != nullptr && kept->kind == key.kind && kept->parts == key.parts) continue;
      note_key(key);
      const bool primary = key.kind == KeyKind::kPrimary;
      alter(primary ? "DROP PRIMARY KEY" : "DROP INDEX " + quoted_name(key.name));
    }
  }

  void add_keys() {
    for (const Key& key : after_.keys) {
      const Key* was = find_key(before_, key);
      if (was != nullptr && was->kind == key.kind && was->parts == key.parts) {
        const bool visibility = was->invisible != key.invisible;
        if (visibility && key.kind != KeyKind::kPrimary) {
          alter("ALTER INDEX " + quoted_name(key.name) +
                (key.invisible ? " INVISIBLE" : " VISIBLE"));
        }
        continue;
      }
      note_key(key);
      alter("ADD " + key_sql(key));
    }
  }

  static bool counts(const TableSchema& table, const std::string& name) {
    const Column* column = table.find_column(name);
    return column != nullptr && column->auto_increment;
  }

  void note_key(const Key& key) {
    renumbers_ = renumbers_ || std::ranges::any_of(key.parts, [this](const KeyPart& part) {
                   return counts(before_, part.column) || counts(after_, part.column);
                 });
  }

  void drop_columns() {
    for (const Column& column : before_.columns) {
      if (after_.find_column(column.name) == nullptr) {
        alter("DROP COLUMN " + quoted_name(column.name));
      }
    }
  }

  [[nodiscard]] std::string place_of(std::size_t index) const {
    return index == 0 ? " FIRST" : " AFTER " + quoted_name(after_.columns[index - 1].name);
  }

  void add_columns() {
    for (std::size_t i = 0; i < after_.columns.size(); ++i) {
      const Column& column = after_.columns[i];
      if (before_.find_column(column.name) != nullptr) {
        order_.push_back(column.name);
        continue;
      }
      const bool last = i + 1 == after_.columns.size();
      alter("ADD COLUMN " + column_sql(column) + (last ? "" : place_of(i)));
      if (column.auto_increment) plan_.numbered.push_back(after_.name);
    }
  }

  // A column whose definition is another, or that stands elsewhere among those that stayed.
  void change_columns(const std::vector<std::string>& rewritten) {
    std::vector<std::string> was;
    for (const Column& column : before_.columns) {
      if (after_.find_column(column.name) != nullptr) was.push_back(column.name);
    }
    const bool moved = was != order_;
    for (std::size_t i = 0; i < after_.columns.size(); ++i) {
      const Column& column = after_.columns[i];
      const Column* old = before_.find_column(column.name);
      if (old == nullptr) continue;
      const bool named =
          std::any_of(rewritten.begin(), rewritten.end(),
                      [&](const std::string& name) { return same_word(name, column.name); });
      if (*old == column && !(moved && named)) continue;
      alter("MODIFY COLUMN " + column_sql(column) + (moved && named ? place_of(i) : ""));
    }
  }

  void drop_foreign_keys() {
    for (const ForeignKey& key : before_.foreign_keys) {
      const bool kept = std::find(after_.foreign_keys.begin(), after_.foreign_keys.end(), key) !=
                        after_.foreign_keys.end();
      if (!kept) alter("DROP FOREIGN KEY " + quoted_name(key.name));
    }
  }

  void add_foreign_keys() {
    for (const ForeignKey& key : after_.foreign_keys) {
      const bool was = std::find(before_.foreign_keys.begin(), before_.foreign_keys.end(), key) !=
                       before_.foreign_keys.end();
      if (!was) alter("ADD " + foreign_key_sql(key));
    }
  }

  void change_table() {
    if (before_.collation != after_.collation) {
      alter("DEFAULT CHARACTER SET " + after_.charset + " COLLATE " + after_.collation);
    }
    if (before_.comment != after_.comment) alter("COMMENT " + quoted_string(after_.comment));
  }

  TableSchema before_;
  const TableSchema after_;
  const Target& target_;
  StatementPlan& plan_;
  std::vector<std::string> order_;    // columns that stayed, in their new order
  std::vector<std::string> changes_;  // not in the plan yet
  bool renumbers_ = false;            // a key of an AUTO_INCREMENT column changes
};

void add_notes(StatementPlan& plan, const std::vector<TranslationNote>& notes) {
  for (const TranslationNote& note : notes) plan.notes.push_back(note.text);
}

Result<void> plan_alter(StatementPlan& plan, const DdlStatement& statement,
                        const TableEffect& effect, const TableName& name, const Target& target,
                        const RouteOf& route) {
  Result<TargetSchema> before = target_schema(*effect.before, name, target, route);
  if (!before) return before.error();
  Result<TargetSchema> after = target_schema(*effect.after, name, target, route);
  if (!after) return after.error();
  for (const TranslationNote& note : after->notes) {
    const bool known =
        std::find(before->notes.begin(), before->notes.end(), note) != before->notes.end();
    if (!known) plan.notes.push_back(note.text);
  }
  AlterPlan(std::move(before->schema), std::move(after->schema), target, plan).run(effect);
  for (const AlterClause& clause : statement.clauses) {
    const bool partitions = clause.kind == AlterKind::kPartition ||
                            clause.kind == AlterKind::kPartitionBy ||
                            clause.kind == AlterKind::kRemovePartitioning;
    if (!partitions) continue;
    plan.sql.push_back("ALTER TABLE " + qualified_name(name) + " " +
                       statement.text.substr(clause.begin, clause.end - clause.begin));
  }
  return {};
}

Result<void> plan_table(StatementPlan& plan, const DdlStatement& statement,
                        const TableEffect& effect, const Target& target, const RouteOf& route) {
  const std::optional<TableName> name = route(effect.name);
  const std::optional<TableName> new_name =
      effect.kind == TableEffect::Kind::kRenamed ? route(effect.new_name) : std::nullopt;
  if (name) plan.targets.push_back(*name);
  if (new_name) plan.targets.push_back(*new_name);
  switch (effect.kind) {
    case TableEffect::Kind::kCreated: {
      if (!name) return {};
      const Result<CreateTable> create =
          create_table_sql(*effect.after, *name, target, route, true);
      if (!create) return create.error();
      add_notes(plan, create->notes);
      plan.sql.push_back(create->sql);
      return {};
    }
    case TableEffect::Kind::kDropped:
      if (name) plan.sql.push_back("DROP TABLE IF EXISTS " + qualified_name(*name));
      return {};
    case TableEffect::Kind::kTruncated:
      if (name) plan.sql.push_back("TRUNCATE TABLE " + qualified_name(*name));
      return {};
    case TableEffect::Kind::kChanged:
      if (!name) return {};
      return plan_alter(plan, statement, effect, *name, target, route);
    case TableEffect::Kind::kRenamed:
      break;
  }
  if (name && new_name) {
    if (*name != *new_name) {
      plan.sql.push_back("RENAME TABLE " + qualified_name(*name) + " TO " +
                         qualified_name(*new_name));
    }
    if (effect.before && effect.after && statement.kind == StatementKind::kAlterTable) {
      return plan_alter(plan, statement, effect, *new_name, target, route);
    }
    return {};
  }
  if (!name && !new_name) return {};
  return Error(Errc::kUnsupported, "a rename into or out of the task: " + statement.text)
      .with_way_out(
          "do to the target by hand what should become of the table, then let a filter rule with "
          "its sql-pattern ignore the statement; a table that comes in has to be copied");
}

void plan_database(StatementPlan& plan, const DatabaseEffect& effect, const RouteOf& route) {
  // Where the schema's tables go: a routed schema is made by the tables' own CREATE.
  const std::optional<TableName> routed = route(TableName{effect.name, ""});
  if (!routed) return;
  const std::string name = quoted_name(routed->schema);
  switch (effect.kind) {
    case DatabaseEffect::Kind::kCreated:
      plan.sql.push_back("CREATE DATABASE IF NOT EXISTS " + name);
      return;
    case DatabaseEffect::Kind::kDropped:
      plan.sql.push_back("DROP DATABASE IF EXISTS " + name);
      return;
    case DatabaseEffect::Kind::kChanged:
      return;  // later tables carry their collations themselves
  }
}

}  // namespace

Result<StatementPlan> plan_statement(const DdlStatement& statement, const StatementEffects& effects,
                                     const Target& target, const RouteOf& route) {
  StatementPlan plan;
  for (const DatabaseEffect& effect : effects.databases) plan_database(plan, effect, route);
  for (const TableEffect& effect : effects.tables) {
    const Result<void> planned = plan_table(plan, statement, effect, target, route);
    if (!planned) return planned.error();
  }
  return plan;
}

}  // namespace tiderelay::applier
