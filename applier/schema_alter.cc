#include "applier/schema_alter.h"

#include <algorithm>
#include <optional>

#include "applier/partition_text.h"

namespace tiderelay::applier {
namespace {

bool is_large(SqlType type) { return type >= SqlType::kTinyText && type <= SqlType::kLongBlob; }

// One column of the table that is being made.
struct Entry {
  std::string old_name;  // empty: new in this statement
  Column column;
  bool defined = false;          // by a clause of this statement
  bool default_dropped = false;  // likewise
};

class Alterer {
 public:
  Alterer(const TableSchema& before, const std::vector<AlterClause>& clauses,
          const SchemaContext& context)
      : before_(before), clauses_(clauses), context_(context) {
    out_.schema = before;
  }

  Result<AlteredTable> run() {
    for (const AlterClause& clause : clauses_) {
      if (clause.kind == AlterKind::kUnsupported)
        return Error(Errc::kUnsupported, clause.name + " is not supported");
    }
    if (const Result<void> done = table_options(); !done) return done.error();
    if (const Result<void> done = columns(); !done) return done.error();
    if (const Result<void> done = keys(); !done) return done.error();
    if (const Result<void> done = constraints(); !done) return done.error();
    if (const Result<void> done = partitions(); !done) return done.error();
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool maria() const { return context_.charsets.dialect == Dialect::kMariaDb; }
  [[nodiscard]] CharsetClause table_charset() const {
    return {out_.schema.charset, out_.schema.collation};
  }
  static Error missing(std::string_view what, const std::string& name) {
    return Error(Errc::kDiverged, "there is no " + std::string(what) + " " + quoted_name(name));
  }

  Result<void> table_options() {
    TableSchema& table = out_.schema;
    for (const AlterClause& clause : clauses_) {
      const bool converts = clause.kind == AlterKind::kConvertCharset;
      if (!converts && clause.kind != AlterKind::kTableOptions) continue;
      const CharsetClause& written = converts ? clause.charset : clause.options.charset;
      if (!written.empty()) {
        const Result<CharsetClause> charset = context_.charsets.resolve(written, context_.database);
        if (!charset) return charset.error();
        table.charset = charset->charset;
        table.collation = charset->collation;
        if (converts) converts_ = true;
      }
      if (converts) continue;
      if (clause.options.comment) table.comment = *clause.options.comment;
      for (const auto& option : clause.options.others) {
        const auto same =
            std::find_if(table.options.begin(), table.options.end(),
                         [&option](const auto& one) { return one.first == option.first; });
        if (same == table.options.end()) {
          table.options.push_back(option);
        } else {
          same->second = option.second;
        }
      }
    }
    return {};
  }

  // CONVERT TO: the same number of characters in the table's new charset.
  Result<void> convert(Column& column) const {
    if (!column.is_character() || column.charset == "binary") return {};
    const std::uint32_t old_bytes = std::max<std::uint32_t>(1, max_bytes_of(column.charset));
    ColumnDefinition definition;
    definition.column = column;
    definition.column.charset = out_.schema.charset;
    definition.column.collation = out_.schema.collation;
    definition.null_written = !column.not_null;
    if (column.type != SqlType::kLongText && is_large(column.type)) {
      const std::uint32_t capacity = column.type == SqlType::kTinyText ? 255U
                                     : column.type == SqlType::kText   ? 65535U
                                                                       : 16777215U;
      if (max_bytes_of(out_.schema.charset) > old_bytes) {
        definition.column.type = SqlType::kText;
        definition.column.length = (capacity + old_bytes - 1) / old_bytes;
      }
    }
    Result<Column> converted = build_column(definition, table_charset(), context_);
    if (!converted) return converted.error();
    column = std::move(*converted);
    return {};
  }

  [[nodiscard]] std::vector<Entry>::iterator find(const std::string& name) {
    return std::find_if(entries_.begin(), entries_.end(),
                        [&name](const Entry& e) { return same_word(e.column.name, name); });
  }

  [[nodiscard]] const AlterClause* drop_of(const std::string& column) const {
    for (const AlterClause& clause : clauses_)
      if (clause.kind == AlterKind::kDropColumn && same_word(clause.name, column)) return &clause;
    return nullptr;
  }

  Result<Column> defined(const ColumnDefinition& definition) {
    Result<Column> column = build_column(definition, table_charset(), context_);
    if (!column) return column.error();
    add_column_keys(definition, new_keys_);
    for (Check check : definition.checks) {
      if (maria() && check.name.empty()) check.name = column->name;
      new_checks_.push_back(std::move(check));
    }
    if (maria() && definition.column.type == SqlType::kJson && definition.checks.empty())
      new_checks_.push_back({column->name, "json_valid(" + quoted_name(column->name) + ")", true});
    const bool heeds = maria() || context_.charsets.server_version >= 90000;
    if (definition.references && heeds) new_foreign_keys_.push_back(*definition.references);
    return column;
  }

  // The clause that gives an existing column a new definition or name; null: none.
  Result<void> existing_column(const Column& old) {
    Entry entry{old.name, old, false, false};
    for (const AlterClause& clause : clauses_) {
      if (clause.kind == AlterKind::kModifyColumn && same_word(clause.name, old.name)) {
        Result<Column> column = defined(clause.column);
        if (!column) return column.error();
        entry.column = std::move(*column);
        entry.defined = true;
        out_.rewritten.push_back(entry.column.name);
        if (maria()) drop_column_check(old.name);
      }
    }
    for (const AlterClause& clause : clauses_) {
      if (!same_word(clause.name, old.name)) continue;
      if (clause.kind == AlterKind::kRenameColumn) {
        entry.column.name = clause.new_name;
      } else if (clause.kind == AlterKind::kSetDefault &&
                 entry.column.generated == Generated::kNo) {
        entry.column.default_sql = clause.default_sql;
        if (entry.column.default_sql == "NULL") entry.column.default_sql.reset();
        normalize_default(entry.column);
      } else if (clause.kind == AlterKind::kDropDefault) {
        entry.column.default_sql.reset();
        if (maria()) entry.column.on_update_sql.reset();
        entry.default_dropped = true;
      } else if (clause.kind == AlterKind::kSetColumnVisibility) {
        entry.column.invisible = !clause.visible;
      }
    }
    if (!same_word(entry.column.name, old.name) || entry.column.name != old.name)
      out_.renamed.emplace_back(old.name, entry.column.name);
    entries_.push_back(std::move(entry));
    return {};
  }

  void drop_column_check(const std::string& column) {
    auto& checks = out_.schema.checks;
    checks.erase(std::remove_if(checks.begin(), checks.end(),
                                [&column](const Check& c) { return same_word(c.name, column); }),
                 checks.end());
  }

  Result<void> place(Entry entry, const ColumnPosition& position) {
    if (position.kind == ColumnPosition::Kind::kFirst) {
      entries_.insert(entries_.begin(), std::move(entry));
    } else if (position.kind == ColumnPosition::Kind::kAfter) {
      const auto after = find(position.after);
      if (after == entries_.end()) return missing("column", position.after);
      entries_.insert(after + 1, std::move(entry));
    } else {
      entries_.push_back(std::move(entry));
    }
    return {};
  }

  Result<void> columns() {
    for (const AlterClause& clause : clauses_) {
      const bool uses =
          clause.kind == AlterKind::kDropColumn || clause.kind == AlterKind::kModifyColumn ||
          clause.kind == AlterKind::kRenameColumn || clause.kind == AlterKind::kSetDefault ||
          clause.kind == AlterKind::kDropDefault || clause.kind == AlterKind::kSetColumnVisibility;
      if (uses && !clause.if_exists && before_.find_column(clause.name) == nullptr)
        return missing("column", clause.name);
    }
    for (const Column& old : before_.columns) {
      if (drop_of(old.name) != nullptr) continue;
      if (const Result<void> done = existing_column(old); !done) return done.error();
    }
    for (const AlterClause& clause : clauses_) {
      if (clause.kind != AlterKind::kAddColumn && clause.kind != AlterKind::kModifyColumn) continue;
      if (const Result<void> done = new_or_moved(clause); !done) return done.error();
    }
    std::vector<Column>& columns = out_.schema.columns;
    columns.clear();
    std::vector<std::size_t> defined;
    bool dropped_timestamp = false;
    for (Entry& entry : entries_) {
      if (converts_) {
        if (const Result<void> done = convert(entry.column); !done) return done.error();
      }
      if (entry.defined) defined.push_back(columns.size());
      dropped_timestamp = dropped_timestamp || entry.default_dropped;
      columns.push_back(entry.column);
    }
    if (!dropped_timestamp) add_implicit_timestamps(columns, defined, context_);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (out_.schema.column_index(columns[i].name) != i)
        return Error(Errc::kDiverged, "two columns are named " + quoted_name(columns[i].name));
    }
    if (columns.empty()) return Error(Errc::kDiverged, "no column would be left");
    rename_in_expressions();
    return {};
  }

  Result<void> new_or_moved(const AlterClause& clause) {
    const ColumnPosition& position = clause.column.position;
    if (clause.kind == AlterKind::kModifyColumn) {
      if (position.kind == ColumnPosition::Kind::kUnchanged) return {};
      const auto from = find(clause.column.column.name);
      if (from == entries_.end()) return {};
      Entry entry = std::move(*from);
      entries_.erase(from);
      return place(std::move(entry), position);
    }
    const bool there = before_.find_column(clause.column.column.name) != nullptr &&
                       drop_of(clause.column.column.name) == nullptr;
    if (there && clause.if_not_exists) return {};
    Result<Column> column = defined(clause.column);
    if (!column) return column.error();
    return place(Entry{"", std::move(*column), true, false}, position);
  }

  void rename_in_expressions() {
    for (const auto& [from, to] : out_.renamed) {
      out_.schema.partition_sql = rename_in_expression(out_.schema.partition_sql, from, to);
      for (Column& column : out_.schema.columns)
        column.generated_expression = rename_in_expression(column.generated_expression, from, to);
      for (Check& check : out_.schema.checks) {
        check.expression = rename_in_expression(check.expression, from, to);
        if (maria() && same_word(check.name, from)) check.name = to;
      }
    }
  }

  // Where the column of a key part is now; null: dropped.
  [[nodiscard]] const Entry* now(const std::string& old_name) const {
    for (const Entry& entry : entries_)
      if (same_word(entry.old_name, old_name)) return &entry;
    return nullptr;
  }

  [[nodiscard]] bool drops_key(const Key& key) const {
    for (const AlterClause& clause : clauses_) {
      if (clause.kind == AlterKind::kDropPrimaryKey && key.kind == KeyKind::kPrimary) return true;
      const bool by_name = clause.kind == AlterKind::kDropKey ||
                           (clause.kind == AlterKind::kDropConstraint && key.unique());
      if (by_name && same_word(clause.name, key.name)) return true;
    }
    return false;
  }

  static void fit_prefix(KeyPart& part, const Column& old, const Column& column) {
    if (part.prefix_length == 0) return;
    const bool fits = takes_prefix(old.type) && takes_prefix(column.type) &&
                      (is_large(column.type) || column.length > part.prefix_length);
    if (!fits) part.prefix_length = 0;
  }

  void old_key(Key key) {
    std::vector<KeyPart> parts;
    for (KeyPart& part : key.parts) {
      if (part.column.empty()) {
        for (const auto& [from, to] : out_.renamed)
          part.expression = rename_in_expression(part.expression, from, to);
        parts.push_back(std::move(part));
        continue;
      }
      const Entry* entry = now(part.column);
      if (entry == nullptr) continue;
      fit_prefix(part, *before_.find_column(part.column), entry->column);
      part.column = entry->column.name;
      parts.push_back(std::move(part));
    }
    if (parts.empty()) return;
    key.parts = std::move(parts);
    for (const AlterClause& clause : clauses_) {
      if (!same_word(clause.name, key.name)) continue;
      if (clause.kind == AlterKind::kRenameKey) {
        key.name = clause.new_name;
        key.made_for_foreign_key = false;
        break;
      }
      if (clause.kind == AlterKind::kSetKeyVisibility) key.invisible = !clause.visible;
    }
    out_.schema.keys.push_back(std::move(key));
  }

  [[nodiscard]] bool has_key(const std::string& name) const {
    return std::any_of(before_.keys.begin(), before_.keys.end(),
                       [&name](const Key& key) { return same_word(key.name, name); });
  }

  Result<void> keys() {
    for (const AlterClause& clause : clauses_) {
      const bool uses = clause.kind == AlterKind::kDropKey ||
                        clause.kind == AlterKind::kRenameKey ||
                        clause.kind == AlterKind::kSetKeyVisibility;
      if (uses && !clause.if_exists && !has_key(clause.name)) return missing("key", clause.name);
    }
    out_.schema.keys.clear();
    for (const Key& key : before_.keys)
      if (!drops_key(key)) old_key(key);
    for (const AlterClause& clause : clauses_) {
      if (clause.kind != AlterKind::kAddKey) continue;
      if (clause.if_not_exists && has_key(clause.key.name)) continue;
      new_keys_.push_back(clause.key);
    }
    for (Key& key : new_keys_) {
      if (const Result<void> done = add_key(out_.schema, std::move(key)); !done)
        return done.error();
    }
    set_primary_not_null(out_.schema);
    if (maria()) add_automatic_prefixes(out_.schema);
    return {};
  }

  Result<void> foreign_keys() {
    std::vector<ForeignKey> kept;
    for (ForeignKey& key : out_.schema.foreign_keys) {
      const bool dropped = std::any_of(clauses_.begin(), clauses_.end(), [&](const AlterClause& c) {
        return (c.kind == AlterKind::kDropForeignKey || c.kind == AlterKind::kDropConstraint) &&
               same_word(c.name, key.name);
      });
      if (dropped) continue;
      const bool own = key.parent.schema.empty() && key.parent.table == before_.name.table;
      for (const auto& [from, to] : out_.renamed) {
        for (std::string& column : key.columns)
          if (same_word(column, from)) column = to;
        for (std::string& column : key.parent_columns)
          if (own && same_word(column, from)) column = to;
      }
      kept.push_back(std::move(key));
    }
    out_.schema.foreign_keys = std::move(kept);
    for (const AlterClause& clause : clauses_)
      if (clause.kind == AlterKind::kAddForeignKey) new_foreign_keys_.push_back(clause.foreign_key);
    for (ForeignKey& key : new_foreign_keys_) {
      if (const Result<void> done = add_foreign_key(out_.schema, std::move(key)); !done)
        return done.error();
    }
    drop_replaced_keys(out_.schema);
    return {};
  }

  [[nodiscard]] bool drops_check(const Check& check) const {
    for (const AlterClause& clause : clauses_) {
      const bool by_name =
          clause.kind == AlterKind::kDropCheck || clause.kind == AlterKind::kDropConstraint;
      if (by_name && same_word(clause.name, check.name)) return true;
      // A check cannot outlive a column that it names: the server drops it or refuses.
      if (clause.kind == AlterKind::kDropColumn && before_.find_column(clause.name) != nullptr &&
          now(clause.name) == nullptr && expression_names(check.expression, clause.name))
        return true;
    }
    return false;
  }

  Result<void> constraints() {
    if (const Result<void> done = foreign_keys(); !done) return done.error();
    std::vector<Check>& checks = out_.schema.checks;
    checks.erase(std::remove_if(checks.begin(), checks.end(),
                                [this](const Check& check) { return drops_check(check); }),
                 checks.end());
    for (const AlterClause& clause : clauses_) {
      if (clause.kind == AlterKind::kAddCheck) new_checks_.push_back(clause.check);
      if (clause.kind != AlterKind::kEnforceCheck) continue;
      for (Check& check : checks)
        if (same_word(check.name, clause.name)) check.enforced = clause.enforced;
    }
    for (Check& check : new_checks_) add_check(out_.schema, std::move(check), context_.charsets);
    return {};
  }

  Result<void> partitions() {
    std::string& sql = out_.schema.partition_sql;
    for (const AlterClause& clause : clauses_) {
      if (clause.kind == AlterKind::kPartitionBy) sql = clause.partition_sql;
      if (clause.kind == AlterKind::kRemovePartitioning) sql.clear();
      if (clause.kind != AlterKind::kPartition) continue;
      const Result<std::string> altered = alter_partitions(sql, clause);
      if (!altered) return altered.error();
      sql = *altered;
    }
    return {};
  }

  const TableSchema& before_;
  const std::vector<AlterClause>& clauses_;
  const SchemaContext& context_;
  AlteredTable out_;
  bool converts_ = false;
  std::vector<Entry> entries_;
  std::vector<Key> new_keys_;
  std::vector<ForeignKey> new_foreign_keys_;
  std::vector<Check> new_checks_;
};

// Calls `use` with each token that may be the column's name.
template <class Use>
void each_column_token(const std::string& expression, const std::string& column, Use use) {
  const Result<LexedText> text = lex(expression, {});
  if (!text) return;
  for (std::size_t i = 0; i + 1 < text->tokens.size(); ++i) {
    const Token& token = text->tokens[i];
    const bool name = token.kind == TokenKind::kQuotedName || token.kind == TokenKind::kWord;
    const bool call = token.kind == TokenKind::kWord && text->tokens[i + 1].text == "(" &&
                      text->tokens[i + 1].kind == TokenKind::kSymbol;
    if (name && !call && same_word(token.text, column)) use(token);
  }
}

}  // namespace

Result<AlteredTable> alter_table(const TableSchema& before, const std::vector<AlterClause>& clauses,
                                 const SchemaContext& context) {
  return Alterer(before, clauses, context).run();
}

std::string rename_in_expression(const std::string& expression, const std::string& from,
                                 const std::string& to) {
  std::string out;
  std::size_t copied = 0;
  each_column_token(expression, from, [&](const Token& token) {
    out += expression.substr(copied, token.begin - copied) + quoted_name(to);
    copied = token.end;
  });
  return out + expression.substr(copied);
}

bool expression_names(const std::string& expression, const std::string& column) {
  bool found = false;
  each_column_token(expression, column, [&found](const Token&) { found = true; });
  return found;
}

}  // namespace tiderelay::applier
