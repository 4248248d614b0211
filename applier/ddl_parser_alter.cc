#include "applier/ddl_parser_impl.h"

namespace tiderelay::applier {

void DdlParser::push(AlterClause clause) {
  clause.end = at_ > 0 ? tokens_[at_ - 1].end : 0;
  out_.clauses.push_back(std::move(clause));
}

void DdlParser::alter_table() {
  out_.kind = StatementKind::kAlterTable;
  out_.event = EventKind::kAlterTable;
  out_.if_exists = if_exists();
  out_.tables.push_back(table_name());
  lock_wait();
  if (at_end()) return;
  do {
    alter_clause();
    // PARTITION BY and REMOVE PARTITIONING follow the other clauses without a comma.
    if (is("PARTITION") && is("BY", 1)) alter_clause();
    if (is("REMOVE") && is("PARTITIONING", 1)) alter_clause();
  } while (accept_symbol(','));
}

void DdlParser::alter_clause() {
  AlterClause clause;
  clause.begin = peek().begin;
  if (row_partition_clause(clause) || clause_without_effect(clause)) return push(std::move(clause));
  if (accept("ADD")) return add_clause(std::move(clause));
  if (accept("DROP")) return drop_clause(std::move(clause));
  if (accept("MODIFY")) return modify_clause(std::move(clause), false);
  if (accept("CHANGE")) return modify_clause(std::move(clause), true);
  if (accept("ALTER")) return alter_column_clause(std::move(clause));
  if (accept("RENAME")) return rename_clause(std::move(clause));
  if (accept("CONVERT")) {
    if (accept("PARTITION")) {
      clause.kind = AlterKind::kUnsupported;
      clause.name = "CONVERT PARTITION";
      while (!at_end() && !is_symbol(',')) take();
      return push(std::move(clause));
    }
    expect("TO");
    if (!accept("CHARSET") && !accept({"CHAR", "SET"})) {
      expect("CHARACTER");
      expect("SET");
    }
    clause.kind = AlterKind::kConvertCharset;
    accept_symbol('=');
    clause.charset.charset = charset_name();
    if (accept("COLLATE")) {
      accept_symbol('=');
      clause.charset.collation = charset_name();
    }
    return push(std::move(clause));
  }
  if (accept("ORDER")) {
    expect("BY");
    clause.kind = AlterKind::kOrderBy;
    do {  // "a, b DESC": the names go on as long as no clause begins
      name("a column name");
      while (accept_symbol('.')) name("a column name");
      accept_any({"ASC", "DESC"});
    } while (is_symbol(',') && is_name(1) &&
             (peek(2).kind == TokenKind::kEnd || is_symbol(',', 2) || is("ASC", 2) ||
              is("DESC", 2) || is_symbol(';', 2)) &&
             accept_symbol(','));
    return push(std::move(clause));
  }
  options_clause(std::move(clause));
}

void DdlParser::options_clause(AlterClause clause) {
  clause.kind = AlterKind::kTableOptions;
  if (!table_option(clause.options)) return fail("expected an ALTER TABLE clause");
  while (!failed() && table_option(clause.options)) {
  }
  push(std::move(clause));
}

ColumnPosition DdlParser::position() {
  ColumnPosition position;
  if (accept("FIRST")) {
    position.kind = ColumnPosition::Kind::kFirst;
  } else if (accept("AFTER")) {
    position.kind = ColumnPosition::Kind::kAfter;
    position.after = name("a column name");
  }
  return position;
}

void DdlParser::add_columns(AlterClause clause) {
  expect_symbol('(');
  do {
    AlterClause one = clause;
    one.begin = peek().begin;
    TableDefinition element;
    table_element(element);
    if (!element.columns.empty()) {
      one.kind = AlterKind::kAddColumn;
      one.column = std::move(element.columns[0]);
    } else if (!element.keys.empty()) {
      one.kind = AlterKind::kAddKey;
      one.key = std::move(element.keys[0]);
    } else if (!element.foreign_keys.empty()) {
      one.kind = AlterKind::kAddForeignKey;
      one.foreign_key = std::move(element.foreign_keys[0]);
    } else if (!element.checks.empty()) {
      one.kind = AlterKind::kAddCheck;
      one.check = std::move(element.checks[0]);
    }
    push(std::move(one));
  } while (accept_symbol(','));
  expect_symbol(')');
}

void DdlParser::add_clause(AlterClause clause) {
  if (is("PARTITION") && !is("BY", 1) &&
      (is_symbol('(', 1) || is("PARTITIONS", 1) || is("IF", 1) || is("LOCAL", 1) ||
       is("NO_WRITE_TO_BINLOG", 1))) {
    if (partition_clause(clause)) push(std::move(clause));
    return;
  }
  if (accept({"SYSTEM", "VERSIONING"})) {
    clause.kind = AlterKind::kUnsupported;
    clause.name = "ADD SYSTEM VERSIONING";
    return push(std::move(clause));
  }
  // The names of keys and constraints may be guarded: ADD INDEX IF NOT EXISTS.
  if (at_key() && !is("COLUMN")) {
    for (std::size_t i = 0; i < 5; ++i) {
      if (is("IF", i) && is("NOT", i + 1) && is("EXISTS", i + 2)) clause.if_not_exists = true;
      if (is_symbol('(', i)) break;
    }
    TableDefinition element;
    if (!key_or_constraint(element)) return fail("expected a key or a constraint");
    if (!element.keys.empty()) {
      clause.kind = AlterKind::kAddKey;
      clause.key = std::move(element.keys[0]);
    } else if (!element.foreign_keys.empty()) {
      clause.kind = AlterKind::kAddForeignKey;
      clause.foreign_key = std::move(element.foreign_keys[0]);
    } else if (!element.checks.empty()) {
      clause.kind = AlterKind::kAddCheck;
      clause.check = std::move(element.checks[0]);
    } else {
      clause.kind = AlterKind::kUnsupported;
      clause.name = "ADD PERIOD";
    }
    return push(std::move(clause));
  }
  accept("COLUMN");
  clause.if_not_exists = if_not_exists();
  if (is_symbol('(')) return add_columns(std::move(clause));
  clause.kind = AlterKind::kAddColumn;
  clause.column = column_definition(name("a column name"));
  clause.column.position = position();
  push(std::move(clause));
}

void DdlParser::drop_clause(AlterClause clause) {
  if (is("PARTITION") && (is_name(1) || is("IF", 1))) {
    if (partition_clause(clause)) push(std::move(clause));
    return;
  }
  if (accept({"PRIMARY", "KEY"})) {
    clause.kind = AlterKind::kDropPrimaryKey;
    return push(std::move(clause));
  }
  if (accept({"SYSTEM", "VERSIONING"})) {
    clause.kind = AlterKind::kUnsupported;
    clause.name = "DROP SYSTEM VERSIONING";
    return push(std::move(clause));
  }
  if (accept({"FOREIGN", "KEY"})) {
    clause.kind = AlterKind::kDropForeignKey;
  } else if (accept_any({"INDEX", "KEY"})) {
    clause.kind = AlterKind::kDropKey;
  } else if (is("CHECK") && is_name(1)) {
    take();
    clause.kind = AlterKind::kDropCheck;
  } else if (is("CONSTRAINT") && is_name(1)) {
    take();
    clause.kind = AlterKind::kDropConstraint;
  } else {
    accept("COLUMN");
    clause.kind = AlterKind::kDropColumn;
  }
  clause.if_exists = if_exists();
  clause.name = name("a name");
  if (clause.kind == AlterKind::kDropKey && same_word(clause.name, "PRIMARY"))
    clause.kind = AlterKind::kDropPrimaryKey;
  if (clause.kind == AlterKind::kDropColumn) accept_any({"RESTRICT", "CASCADE"});
  push(std::move(clause));
}

void DdlParser::modify_clause(AlterClause clause, bool change) {
  accept("COLUMN");
  clause.kind = AlterKind::kModifyColumn;
  clause.if_exists = if_exists();
  clause.name = name("a column name");
  clause.column = column_definition(change ? name("a column name") : clause.name);
  clause.column.position = position();
  push(std::move(clause));
}

void DdlParser::alter_column_clause(AlterClause clause) {
  if (accept_any({"INDEX", "KEY"})) {
    clause.kind = AlterKind::kSetKeyVisibility;
    clause.if_exists = if_exists();
    clause.name = name("an index name");
    clause.visible = accept("VISIBLE") || accept({"NOT", "IGNORED"});
    if (!clause.visible && !accept("INVISIBLE")) expect("IGNORED");
    return push(std::move(clause));
  }
  if (is("CHECK") || is("CONSTRAINT")) {
    take();
    clause.kind = AlterKind::kEnforceCheck;
    clause.name = name("a constraint name");
    clause.enforced = !accept("NOT");
    expect("ENFORCED");
    return push(std::move(clause));
  }
  accept("COLUMN");
  clause.if_exists = if_exists();
  clause.name = name("a column name");
  if (accept({"SET", "DEFAULT"})) {
    clause.kind = AlterKind::kSetDefault;
    clause.default_sql = default_value();
  } else if (accept({"DROP", "DEFAULT"})) {
    clause.kind = AlterKind::kDropDefault;
  } else {
    expect("SET");
    clause.kind = AlterKind::kSetColumnVisibility;
    clause.visible = accept("VISIBLE");
    if (!clause.visible) expect("INVISIBLE");
  }
  push(std::move(clause));
}

void DdlParser::rename_clause(AlterClause clause) {
  if (is("COLUMN") && !is_symbol('.', 1)) {
    take();
    clause.kind = AlterKind::kRenameColumn;
  } else if ((is("INDEX") || is("KEY")) && !is_symbol('.', 1)) {
    take();
    clause.kind = AlterKind::kRenameKey;
  } else {
    if (!accept("TO") && !accept("AS")) accept_symbol('=');
    clause.kind = AlterKind::kRenameTable;
    clause.table = table_name();
    return push(std::move(clause));
  }
  clause.if_exists = if_exists();
  clause.name = name("a name");
  expect("TO");
  clause.new_name = name("a name");
  push(std::move(clause));
}

void DdlParser::partition_names(AlterClause& clause) {
  accept_any({"NO_WRITE_TO_BINLOG", "LOCAL"});
  if (accept("ALL")) {
    clause.all_partitions = true;
    return;
  }
  do {
    clause.partitions.push_back(name("a partition name"));
  } while (accept_symbol(','));
}

// ADD PARTITION and DROP PARTITION; the word before is consumed.
bool DdlParser::partition_clause(AlterClause& clause) {
  const bool adds = same_word(tokens_[at_ - 1].text, "ADD");
  expect("PARTITION");
  clause.kind = AlterKind::kPartition;
  clause.if_exists = if_exists();
  clause.if_not_exists = if_not_exists();
  if (!adds) {
    clause.partition_verb = PartitionVerb::kDrop;
    partition_names(clause);
    return true;
  }
  accept_any({"NO_WRITE_TO_BINLOG", "LOCAL"});
  clause.partition_verb = PartitionVerb::kAdd;
  if (accept("PARTITIONS")) {
    clause.partition_count = number("a number of partitions");
  } else {
    clause.partition_sql = balanced();
  }
  return true;
}

bool DdlParser::row_partition_clause(AlterClause& clause) {
  struct Row {
    std::string_view word;
    PartitionVerb verb;
  };
  static constexpr Row kRows[] = {
      {"TRUNCATE", PartitionVerb::kTruncate}, {"REORGANIZE", PartitionVerb::kReorganize},
      {"COALESCE", PartitionVerb::kCoalesce}, {"EXCHANGE", PartitionVerb::kExchange},
      {"REBUILD", PartitionVerb::kRebuild},   {"OPTIMIZE", PartitionVerb::kRebuild},
      {"ANALYZE", PartitionVerb::kRebuild},   {"CHECK", PartitionVerb::kRebuild},
      {"REPAIR", PartitionVerb::kRebuild},    {"DISCARD", PartitionVerb::kRebuild},
      {"IMPORT", PartitionVerb::kRebuild},
  };
  if (is("PARTITION") && is("BY", 1)) {
    clause.kind = AlterKind::kPartitionBy;
    clause.partition_sql = partition_text();
    return true;
  }
  if (accept({"REMOVE", "PARTITIONING"})) {
    clause.kind = AlterKind::kRemovePartitioning;
    return true;
  }
  for (const Row& row : kRows) {
    if (!is(row.word) || !is("PARTITION", 1)) continue;
    at_ += 2;
    clause.kind = AlterKind::kPartition;
    clause.partition_verb = row.verb;
    if (row.verb == PartitionVerb::kCoalesce) {
      accept_any({"NO_WRITE_TO_BINLOG", "LOCAL"});
      clause.partition_count = number("a number of partitions");
      return true;
    }
    if (row.verb != PartitionVerb::kReorganize || is_name()) partition_names(clause);
    if (row.verb == PartitionVerb::kReorganize && accept("INTO")) clause.partition_sql = balanced();
    if (row.verb == PartitionVerb::kExchange) {
      expect("WITH");
      expect("TABLE");
      clause.table = table_name();
      if (accept_any({"WITH", "WITHOUT"})) expect("VALIDATION");
    }
    while (row.verb == PartitionVerb::kRebuild && is_name()) take();  // options of the check
    return true;
  }
  return false;
}

bool DdlParser::clause_without_effect(AlterClause& clause) {
  clause.kind = AlterKind::kWithoutEffect;
  if (accept("ALGORITHM") || accept("LOCK")) {
    accept_symbol('=');
    take();
    return true;
  }
  if (accept("FORCE") || accept({"ENABLE", "KEYS"}) || accept({"DISABLE", "KEYS"}) ||
      accept({"WITH", "VALIDATION"}) || accept({"WITHOUT", "VALIDATION"}) ||
      accept({"DISCARD", "TABLESPACE"}) || accept({"IMPORT", "TABLESPACE"}) ||
      accept("SECONDARY_LOAD") || accept("SECONDARY_UNLOAD") || accept("NOCACHE") ||
      accept("CACHE"))
    return true;
  if (is("ONLINE") || is("OFFLINE") || is("NOWAIT")) {
    take();
    return true;
  }
  if (is("SET") && is("TIFLASH", 1)) {
    while (!at_end() && !is_symbol(',')) take();
    return true;
  }
  return false;
}

}  // namespace tiderelay::applier
