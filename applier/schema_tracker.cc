#include "applier/schema_tracker.h"

#include <algorithm>
#include <boost/json.hpp>

#include "applier/schema_sql.h"

namespace tiderelay::applier {
namespace {

constexpr std::string_view kWayOut =
    "read the table's definition from the source again (binlog-schema update --from-source), or "
    "skip or replace the statement (binlog skip, binlog replace)";

bool is_system_schema(const std::string& name) {
  for (const std::string_view one : {"mysql", "information_schema", "performance_schema", "sys"})
    if (same_word(name, one)) return true;
  return false;
}

// "t_ibfk_1" of table t becomes "u_ibfk_1" when t is renamed to u.
void rename_automatic(std::string& name, const std::string& kind, const std::string& from,
                      const std::string& to) {
  const std::string prefix = from + kind;
  if (name.size() <= prefix.size() || !name.starts_with(prefix) ||
      name.find_first_not_of("0123456789", prefix.size()) != std::string::npos)
    return;
  name = to + name.substr(from.size());
}

}  // namespace

// Applies one statement to a copy of the state.
class SchemaTracker::Change {
 public:
  Change(const SchemaTracker& tracker, const DdlStatement& statement,
         const StatementSession& session)
      : tracker_(tracker), statement_(statement), session_(session), state_(tracker.state_) {}

  Result<void> run() {
    switch (statement_.kind) {
      case StatementKind::kCreateTable:
        return create();
      case StatementKind::kCreateTableLike:
        return create_like();
      case StatementKind::kAlterTable:
      case StatementKind::kCreateIndex:
      case StatementKind::kDropIndex:
        return alter();
      case StatementKind::kDropTable:
        return drop();
      case StatementKind::kRenameTable:
        return rename();
      case StatementKind::kTruncateTable:
        return truncate();
      case StatementKind::kCreateDatabase:
      case StatementKind::kAlterDatabase:
        return database();
      case StatementKind::kDropDatabase:
        return drop_database();
      case StatementKind::kSkipped:
        return {};
      case StatementKind::kUnknown:
        break;
    }
    return Error(Errc::kUnsupported, "the statement is not known");
  }

  State state_after() { return std::move(state_); }
  StatementEffects effects() { return std::move(effects_); }

 private:
  [[nodiscard]] TableName named(const TableName& written) const {
    TableName name = written;
    if (name.schema.empty()) name.schema = session_.schema;
    return tracker_.folded(name);
  }

  [[nodiscard]] SchemaContext context(const std::string& schema) const {
    SchemaContext out;
    out.charsets.dialect = tracker_.options_.dialect;
    out.charsets.server_version = tracker_.options_.server_version;
    out.charsets.collations = session_.default_collations;
    out.explicit_defaults_for_timestamp = session_.explicit_defaults_for_timestamp;
    out.strict = session_.strict;
    const auto found = state_.databases.find(schema);
    if (found != state_.databases.end()) out.database = found->second;
    return out;
  }

  static Error unknown_table(const TableName& name) {
    return Error(Errc::kCopyAgain, "table " + qualified_name(name) + " is not known here");
  }

  std::shared_ptr<const TableSchema> find(const TableName& name) const {
    const auto found = state_.tables.find(name);
    return found == state_.tables.end() ? nullptr : found->second;
  }

  void put(const TableName& name, TableSchema table) {
    table.name = name;
    for (ForeignKey& key : table.foreign_keys) {
      key.parent = tracker_.folded(key.parent);
      if (key.parent.schema == name.schema) key.parent.schema.clear();
    }
    state_.tables[name] = std::make_shared<const TableSchema>(std::move(table));
  }

  void effect(TableEffect::Kind kind, const TableName& name,
              std::shared_ptr<const TableSchema> before) {
    TableEffect out;
    out.kind = kind;
    out.name = name;
    out.before = std::move(before);
    out.after = find(name);
    effects_.tables.push_back(std::move(out));
  }

  // True: there is nothing to create.
  Result<bool> make_room(const TableName& name) {
    std::shared_ptr<const TableSchema> old = find(name);
    if (old == nullptr) return false;
    if (statement_.or_replace) {
      state_.tables.erase(name);
      effect(TableEffect::Kind::kDropped, name, old);
      return false;
    }
    if (statement_.if_not_exists) return true;
    return Error(Errc::kDiverged, "table " + qualified_name(name) + " exists already");
  }

  Result<void> create() {
    const TableName name = named(statement_.tables[0]);
    if (!tracker_.in_scope(name)) return {};
    if (statement_.table.has_select)
      return Error(Errc::kUnsupported,
                   "CREATE TABLE ... SELECT does not say its columns; it is in the log only with "
                   "binlog_format other than ROW");
    const Result<bool> there = make_room(name);
    if (!there) return there.error();
    if (*there) return {};
    Result<TableSchema> table = build_table(name, statement_.table, context(name.schema));
    if (!table) return table.error();
    put(name, std::move(*table));
    effect(TableEffect::Kind::kCreated, name, nullptr);
    return {};
  }

  Result<void> create_like() {
    const TableName name = named(statement_.tables[0]);
    if (!tracker_.in_scope(name)) return {};
    const Result<bool> there = make_room(name);
    if (!there) return there.error();
    if (*there) return {};
    const TableName model_name = named(statement_.tables[1]);
    const auto model = find(model_name);
    if (model == nullptr) return unknown_table(model_name);
    TableSchema table = *model;
    table.foreign_keys.clear();
    std::erase_if(table.options, [](const auto& option) {
      return option.first == "AUTO_INCREMENT" || option.first == "DATA DIRECTORY" ||
             option.first == "INDEX DIRECTORY";
    });
    if (tracker_.options_.dialect == Dialect::kMySql) {
      const std::string prefix = name.table + "_chk_";
      for (std::size_t i = 0; i < table.checks.size(); ++i)
        table.checks[i].name = prefix + std::to_string(i + 1);
    }
    put(name, std::move(table));
    effect(TableEffect::Kind::kCreated, name, nullptr);
    return {};
  }

  Result<void> alter() {
    const TableName name = named(statement_.tables[0]);
    const auto before = find(name);
    const AlterClause* rename = nullptr;
    for (const AlterClause& clause : statement_.clauses)
      if (clause.kind == AlterKind::kRenameTable) rename = &clause;
    if (before == nullptr) {
      const bool concerns =
          tracker_.in_scope(name) || (rename != nullptr && tracker_.in_scope(named(rename->table)));
      if (!concerns || statement_.if_exists) return {};
      return unknown_table(name);
    }
    Result<AlteredTable> altered = alter_table(*before, statement_.clauses, context(name.schema));
    if (!altered) return altered.error().in("table " + qualified_name(name));
    put(name, std::move(altered->schema));
    rename_parent_columns(name, altered->renamed);
    effect(TableEffect::Kind::kChanged, name, before);
    effects_.tables.back().renamed_columns = std::move(altered->renamed);
    effects_.tables.back().rewritten_columns = std::move(altered->rewritten);
    if (rename == nullptr) return {};
    const TableName to = named(rename->table);
    if (to == name) return {};
    if (const Result<void> moved = move(name, to); !moved) return moved.error();
    TableEffect& out = effects_.tables.back();
    out.kind = TableEffect::Kind::kRenamed;
    out.new_name = to;
    out.after = find(to);
    return {};
  }

  // Foreign keys of other tables name the columns of their parent.
  void rename_parent_columns(const TableName& parent,
                             const std::vector<std::pair<std::string, std::string>>& renamed) {
    if (renamed.empty()) return;
    each_child(parent, [&renamed](ForeignKey& key) {
      for (std::string& column : key.parent_columns)
        for (const auto& [from, to] : renamed)
          if (same_word(column, from)) {
            column = to;
            break;
          }
    });
  }

  template <class Edit>
  void each_child(const TableName& parent, Edit edit) {
    for (auto& [name, table] : state_.tables) {
      if (name == parent) continue;
      std::optional<TableSchema> copy;
      for (std::size_t i = 0; i < table->foreign_keys.size(); ++i) {
        TableName of = table->foreign_keys[i].parent;
        if (of.schema.empty()) of.schema = name.schema;
        if (of != parent) continue;
        if (!copy) copy = *table;
        ForeignKey& key = copy->foreign_keys[i];
        edit(key);
        if (key.parent.schema == name.schema) key.parent.schema.clear();
      }
      if (copy) table = std::make_shared<const TableSchema>(std::move(*copy));
    }
  }

  Result<void> move(const TableName& from, const TableName& to) {
    const auto table = find(from);
    if (table == nullptr) return unknown_table(from);
    if (find(to) != nullptr)
      return Error(Errc::kDiverged, "table " + qualified_name(to) + " exists already");
    TableSchema moved = *table;
    for (ForeignKey& key : moved.foreign_keys) {
      rename_automatic(key.name, "_ibfk_", from.table, to.table);
      if (key.parent.schema.empty()) key.parent.schema = from.schema;
      if (key.parent == from) key.parent = to;
    }
    for (Check& check : moved.checks) rename_automatic(check.name, "_chk_", from.table, to.table);
    state_.tables.erase(from);
    each_child(from, [&to](ForeignKey& key) { key.parent = to; });
    if (tracker_.in_scope(to)) put(to, std::move(moved));
    return {};
  }

  Result<void> rename() {
    for (std::size_t i = 0; i + 1 < statement_.tables.size(); i += 2) {
      const TableName from = named(statement_.tables[i]);
      const TableName to = named(statement_.tables[i + 1]);
      const auto before = find(from);
      if (before == nullptr) {
        if (statement_.if_exists || (!tracker_.in_scope(from) && !tracker_.in_scope(to))) continue;
        return unknown_table(from);
      }
      if (const Result<void> moved = move(from, to); !moved) return moved.error();
      effect(TableEffect::Kind::kRenamed, from, before);
      effects_.tables.back().new_name = to;
      effects_.tables.back().after = find(to);
    }
    return {};
  }

  // DROP TABLE of a table that is not known loses nothing.
  Result<void> drop() {
    for (const TableName& written : statement_.tables) {
      const TableName name = named(written);
      const auto before = find(name);
      if (before == nullptr) continue;
      state_.tables.erase(name);
      effect(TableEffect::Kind::kDropped, name, before);
    }
    return {};
  }

  Result<void> truncate() {
    const TableName name = named(statement_.tables[0]);
    const auto table = find(name);
    if (table == nullptr) {
      if (!tracker_.in_scope(name)) return {};
      return unknown_table(name);
    }
    effect(TableEffect::Kind::kTruncated, name, table);
    return {};
  }

  Result<void> database() {
    const std::string name =
        tracker_.folded(statement_.database.empty() ? session_.schema : statement_.database);
    const bool creates = statement_.kind == StatementKind::kCreateDatabase;
    const auto known = state_.databases.find(name);
    if (creates && known != state_.databases.end()) {
      if (statement_.if_not_exists) return {};
    }
    CharsetClause otherwise;
    otherwise.collation = canonical_collation(session_.server_collation);
    if (!otherwise.collation.empty()) otherwise.charset = charset_of(otherwise.collation);
    if (!creates && known != state_.databases.end()) otherwise = known->second;
    const Result<CharsetClause> charset =
        context(name).charsets.resolve(statement_.charset, otherwise);
    if (!charset) return charset.error();
    state_.databases[name] = *charset;
    effects_.databases.push_back(
        {creates ? DatabaseEffect::Kind::kCreated : DatabaseEffect::Kind::kChanged, name,
         *charset});
    return {};
  }

  Result<void> drop_database() {
    const std::string name = tracker_.folded(statement_.database);
    std::vector<TableName> gone;
    for (const auto& [table, schema] : state_.tables)
      if (table.schema == name) gone.push_back(table);
    for (const TableName& table : gone) {
      const auto before = find(table);
      state_.tables.erase(table);
      effect(TableEffect::Kind::kDropped, table, before);
    }
    state_.databases.erase(name);
    effects_.databases.push_back({DatabaseEffect::Kind::kDropped, name, {}});
    return {};
  }

  const SchemaTracker& tracker_;
  const DdlStatement& statement_;
  const StatementSession& session_;
  State state_;
  StatementEffects effects_;
};

std::string SchemaTracker::folded(const std::string& name) const {
  return options_.lower_case_table_names == 0 ? name : lower_case(name);
}

TableName SchemaTracker::folded(const TableName& name) const {
  return {folded(name.schema), folded(name.table)};
}

bool SchemaTracker::in_scope(const TableName& name) const {
  if (in_scope_) return in_scope_(name);
  return !is_system_schema(name.schema);
}

void SchemaTracker::set_database(const std::string& name, const CharsetClause& charset) {
  state_.databases[folded(name)] = {canonical_charset(charset.charset),
                                    canonical_collation(charset.collation)};
}

void SchemaTracker::set_table(TableSchema table) {
  table.name = folded(table.name);
  const TableName name = table.name;
  state_.tables[name] = std::make_shared<const TableSchema>(std::move(table));
}

void SchemaTracker::forget_table(const TableName& name) { state_.tables.erase(folded(name)); }

Result<void> SchemaTracker::read_table(const std::string& schema, std::string_view show_create) {
  SchemaContext context;
  context.charsets.dialect = options_.dialect;
  context.charsets.server_version = options_.server_version;
  ParseOptions options;
  options.lex.dialect = options_.dialect;
  Result<TableSchema> table = parse_create_table(show_create, schema, context, options);
  if (!table) return table.error();
  set_table(std::move(*table));
  return {};
}

Result<void> SchemaTracker::read_database(std::string_view show_create) {
  ParseOptions options;
  options.lex.dialect = options_.dialect;
  const Result<DdlStatement> statement = parse_statement(show_create, options);
  if (!statement) return statement.error();
  if (statement->kind != StatementKind::kCreateDatabase)
    return Error(Errc::kUnsupported, "not a CREATE DATABASE statement: " + statement->text);
  CharsetDefaults defaults;
  defaults.dialect = options_.dialect;
  defaults.server_version = options_.server_version;
  const Result<CharsetClause> charset = defaults.resolve(statement->charset, {});
  if (!charset) return charset.error();
  set_database(statement->database, *charset);
  return {};
}

Result<StatementEffects> SchemaTracker::apply(const DdlStatement& statement,
                                              const StatementSession& session) {
  Change change(*this, statement, session);
  const Result<void> done = change.run();
  if (!done) {
    std::string text = statement.text.substr(0, 300);
    if (text.size() < statement.text.size()) text += "...";
    Error error = done.error().in("cannot follow the statement \"" + text + "\"");
    return error.way_out().empty() ? error.with_way_out(std::string(kWayOut)) : error;
  }
  state_ = change.state_after();
  return change.effects();
}

std::shared_ptr<const TableSchema> SchemaTracker::find(const TableName& name) const {
  const auto found = state_.tables.find(folded(name));
  return found == state_.tables.end() ? nullptr : found->second;
}

std::vector<TableName> SchemaTracker::tables() const {
  std::vector<TableName> out;
  for (const auto& [name, table] : state_.tables) out.push_back(name);
  return out;
}

std::optional<CharsetClause> SchemaTracker::database(const std::string& name) const {
  const auto found = state_.databases.find(folded(name));
  if (found == state_.databases.end()) return std::nullopt;
  return found->second;
}

std::string SchemaTracker::snapshot() const {
  boost::json::array databases;
  for (const auto& [name, charset] : state_.databases)
    databases.push_back(boost::json::object{
        {"name", name}, {"charset", charset.charset}, {"collation", charset.collation}});
  boost::json::array tables;
  for (const auto& [name, table] : state_.tables) {
    boost::json::array made;
    for (const Key& key : table->keys)
      if (key.made_for_foreign_key) made.push_back(boost::json::string(key.name));
    tables.push_back(boost::json::object{
        {"schema", name.schema}, {"sql", create_sql(*table)}, {"made_keys", std::move(made)}});
  }
  return boost::json::serialize(boost::json::object{
      {"version", 1}, {"databases", std::move(databases)}, {"tables", std::move(tables)}});
}

namespace {

Result<TableSchema> table_from(const boost::json::object& entry, const TrackerOptions& server) {
  const std::string schema(entry.at("schema").as_string());
  ParseOptions options;
  SchemaContext context;
  context.charsets.dialect = server.dialect;
  context.charsets.server_version = server.server_version;
  const std::string_view sql(entry.at("sql").as_string());
  Result<TableSchema> table = parse_create_table(sql, schema, context, options);
  if (!table) return table.error();
  for (const boost::json::value& name : entry.at("made_keys").as_array())
    for (Key& key : table->keys)
      if (key.name == std::string_view(name.as_string())) key.made_for_foreign_key = true;
  return table;
}

}  // namespace

Result<void> SchemaTracker::restore(std::string_view snapshot) {
  try {
    const boost::json::object root = boost::json::parse(snapshot).as_object();
    if (root.at("version").to_number<int>() != 1)
      return Error(Errc::kUnsupported, "a schema snapshot of an unknown version");
    State state;
    for (const boost::json::value& value : root.at("databases").as_array()) {
      const boost::json::object& entry = value.as_object();
      state.databases[std::string(entry.at("name").as_string())] = {
          std::string(entry.at("charset").as_string()),
          std::string(entry.at("collation").as_string())};
    }
    for (const boost::json::value& value : root.at("tables").as_array()) {
      Result<TableSchema> table = table_from(value.as_object(), options_);
      if (!table) return table.error().in("schema snapshot");
      const TableName name = table->name;
      state.tables[name] = std::make_shared<const TableSchema>(std::move(*table));
    }
    state_ = std::move(state);
    return {};
  } catch (const std::exception& problem) {
    return Error(Errc::kCorrupt, std::string("schema snapshot: ") + problem.what());
  }
}

}  // namespace tiderelay::applier
