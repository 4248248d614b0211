#include "applier/schema_builder.h"

#include <algorithm>
#include <cstdlib>

namespace tiderelay::applier {
namespace {

SqlType as_binary(SqlType type) {
  switch (type) {
    case SqlType::kChar:
      return SqlType::kBinary;
    case SqlType::kVarchar:
      return SqlType::kVarbinary;
    case SqlType::kTinyText:
      return SqlType::kTinyBlob;
    case SqlType::kText:
      return SqlType::kBlob;
    case SqlType::kMediumText:
      return SqlType::kMediumBlob;
    case SqlType::kLongText:
      return SqlType::kLongBlob;
    default:
      return type;
  }
}

// TEXT(n) and BLOB(n) choose the smallest type that holds n characters.
SqlType sized(SqlType smallest, std::uint64_t bytes) {
  const auto base = static_cast<std::uint8_t>(smallest);
  const int step = bytes < 256 ? 0 : bytes < 65536 ? 1 : bytes < (1U << 24U) ? 2 : 3;
  return static_cast<SqlType>(base + step);
}

void size_large_types(Column& column, const SchemaContext& context) {
  const std::uint64_t bytes =
      std::uint64_t{column.length} * std::max<std::uint32_t>(max_bytes_of(column.charset), 1);
  if (column.type == SqlType::kText && column.length > 0) {
    column.type = sized(SqlType::kTinyText, bytes);
    column.length = 0;
  } else if (column.type == SqlType::kBlob && column.length > 0) {
    column.type = sized(SqlType::kTinyBlob, bytes);
    column.length = 0;
  } else if (column.type == SqlType::kVarchar && bytes > 65535 && !context.strict) {
    column.type = sized(SqlType::kTinyText, bytes);
    column.length = 0;
  } else if (column.type == SqlType::kVarbinary && bytes > 65535 && !context.strict) {
    column.type = sized(SqlType::kTinyBlob, bytes);
    column.length = 0;
  }
}

void strip_trailing_spaces(std::string& text) {
  while (!text.empty() && text.back() == ' ') text.pop_back();
}

// CURRENT_TIMESTAMP has the column's fractional digits, whatever MariaDB lets one write.
void current_timestamp(std::optional<std::string>& sql, const Column& column) {
  if (!sql || !sql->starts_with("CURRENT_TIMESTAMP")) return;
  *sql = "CURRENT_TIMESTAMP";
  if (column.decimals > 0) *sql += "(" + std::to_string(column.decimals) + ")";
}

bool heeds_checks(const CharsetDefaults& server) {
  if (server.server_version == 0) return true;
  return server.server_version >= (server.dialect == Dialect::kMariaDb ? 100201U : 80016U);
}

std::string zero_timestamp(std::uint8_t decimals) {
  std::string text = "'0000-00-00 00:00:00";
  if (decimals > 0) text += "." + std::string(decimals, '0');
  return text + "'";
}

const Key* find_key(const std::vector<Key>& keys, std::string_view name) {
  for (const Key& key : keys) {
    if (same_word(key.name, name)) return &key;
  }
  return nullptr;
}

std::string free_key_name(const TableSchema& table, const Key& key) {
  std::string base = key.parts.empty() ? "" : key.parts[0].column;
  if (base.empty()) base = "functional_index";
  std::string name = base;
  for (int i = 2; find_key(table.keys, name) != nullptr || same_word(name, "PRIMARY"); ++i)
    name = base + "_" + std::to_string(i);
  return name;
}

bool begins_with(const Key& key, const std::vector<KeyPart>& parts) {
  if (key.kind > KeyKind::kIndex || key.parts.size() < parts.size()) return false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (key.parts[i].column.empty() || !same_word(key.parts[i].column, parts[i].column) ||
        key.parts[i].prefix_length != parts[i].prefix_length)
      return false;
  }
  return true;
}

// One more than the largest n of the names "<prefix>n".
template <class Items>
std::string next_name(const std::string& prefix, const Items& items) {
  std::uint64_t largest = 0;
  for (const auto& item : items) {
    if (item.name.size() <= prefix.size() || !same_word(item.name.substr(0, prefix.size()), prefix))
      continue;
    const std::string digits = item.name.substr(prefix.size());
    if (digits.find_first_not_of("0123456789") != std::string::npos || digits.size() > 10) continue;
    largest = std::max<std::uint64_t>(largest, std::strtoull(digits.c_str(), nullptr, 10));
  }
  return prefix + std::to_string(largest + 1);
}

Error at_column(const Error& error, const std::string& column) {
  return error.in("column " + quoted_name(column));
}

}  // namespace

// b'101' and x'4f' as the default of a number are numbers; a number as that of a BIT is bits.
void normalize_default(Column& column) {
  if (!column.default_sql || column.default_sql->size() < 3) return;
  std::string& sql = *column.default_sql;
  const bool bits = sql.starts_with("b'");
  const bool number = column.type <= SqlType::kDouble;
  if (number && (bits || sql.starts_with("x'"))) {
    const std::string digits = sql.substr(2, sql.size() - 3);
    sql = "'" + std::to_string(std::strtoull(digits.c_str(), nullptr, bits ? 2 : 16)) + "'";
  } else if (column.type == SqlType::kBit && sql[0] == '\'' &&
             sql.find_first_not_of("-0123456789", 1) == sql.size() - 1) {
    std::string text;
    const std::size_t sign = sql[1] == '-' ? 1 : 0;
    for (auto value = std::strtoull(sql.c_str() + 1 + sign, nullptr, 10); value > 0; value >>= 1U)
      text.insert(text.begin(), (value & 1U) != 0 ? '1' : '0');
    sql = "b'" + (text.empty() ? "0" : text) + "'";
  } else if (column.type == SqlType::kDate && sql == "'0'") {
    sql = "'0000-00-00'";
  } else if (column.type == SqlType::kYear && sql[0] == '\'' && sql.size() <= 4) {
    const auto year = std::strtoul(sql.c_str() + 1, nullptr, 10);
    if (year > 0) sql = "'" + std::to_string(year + (year < 70 ? 2000 : 1900)) + "'";
  } else if (column.type == SqlType::kTime && sql[0] == '\'' && sql.size() <= 8 &&
             sql.find_first_not_of("0123456789", 1) == sql.size() - 1) {
    const std::string digits = std::string(8 - sql.size(), '0') + sql.substr(1, sql.size() - 2);
    sql = "'" + digits.substr(0, 2) + ":" + digits.substr(2, 2) + ":" + digits.substr(4) + "'";
  } else if ((column.type == SqlType::kDateTime || column.type == SqlType::kTimestamp) &&
             sql == "'0'") {
    sql = "'0000-00-00 00:00:00'";
  }
  if (column.type == SqlType::kDateTime || column.type == SqlType::kTimestamp)
    current_timestamp(column.default_sql, column);
}

bool takes_prefix(SqlType type) {
  return type == SqlType::kChar || type == SqlType::kVarchar || type == SqlType::kBinary ||
         type == SqlType::kVarbinary || type == SqlType::kGeometry ||
         (type >= SqlType::kTinyText && type <= SqlType::kLongBlob);
}

std::string type_text_of(const Column& column) {
  const std::string length = "(" + std::to_string(column.length) + ")";
  switch (column.type) {
    case SqlType::kChar:
      return "char" + length;
    case SqlType::kVarchar:
      return "varchar" + length;
    case SqlType::kBinary:
      return "binary" + length;
    case SqlType::kVarbinary:
      return "varbinary" + length;
    case SqlType::kTinyText:
      return "tinytext";
    case SqlType::kText:
      return "text";
    case SqlType::kMediumText:
      return "mediumtext";
    case SqlType::kLongText:
      return "longtext";
    case SqlType::kTinyBlob:
      return "tinyblob";
    case SqlType::kBlob:
      return "blob";
    case SqlType::kMediumBlob:
      return "mediumblob";
    case SqlType::kLongBlob:
      return "longblob";
    case SqlType::kEnum:
    case SqlType::kSet: {
      std::string text = column.type == SqlType::kEnum ? "enum(" : "set(";
      for (std::size_t i = 0; i < column.elements.size(); ++i)
        text += (i == 0 ? "" : ",") + quoted_string(column.elements[i]);
      return text + ")";
    }
    default:
      return column.type_text;
  }
}

Result<Column> build_column(const ColumnDefinition& definition, const CharsetClause& table,
                            const SchemaContext& context) {
  Column column = definition.column;
  if (column.type == SqlType::kJson && context.charsets.dialect == Dialect::kMariaDb) {
    column.type = SqlType::kLongText;
    column.charset = "utf8mb4";
    column.collation = "utf8mb4_bin";
  }
  if (column.is_character()) {
    CharsetClause written{column.charset, column.collation};
    const Result<CharsetClause> charset = context.charsets.resolve(written, table);
    if (!charset) return at_column(charset.error(), column.name);
    if (charset->empty())
      return Error(Errc::kUnsupported, "column " + quoted_name(column.name) +
                                           ": the default character set of its database is not "
                                           "known")
          .with_way_out(
              "read the schema from the source again (binlog-schema update --from-source)");
    column.charset = charset->charset;
    column.collation = definition.binary_collation && definition.column.collation.empty()
                           ? binary_collation_of(column.charset)
                           : charset->collation;
    if (column.charset == "binary") column.type = as_binary(column.type);
  }
  size_large_types(column, context);
  if (column.charset != "binary")
    for (std::string& element : column.elements) strip_trailing_spaces(element);
  if (!column.is_character()) {
    column.charset.clear();
    column.collation.clear();
  }
  column.type_text = type_text_of(column);
  if (definition.serial) column.auto_increment = true;
  if (definition.primary || column.auto_increment) column.not_null = true;
  const bool implicit = column.type == SqlType::kTimestamp &&
                        !context.explicit_defaults_for_timestamp &&
                        column.generated == Generated::kNo;
  if (implicit && !definition.null_written) column.not_null = true;
  if (column.default_sql == "NULL") column.default_sql.reset();
  // A literal default of TEXT and BLOB is left out where strict mode does not refuse it.
  const bool large = column.type >= SqlType::kTinyText && column.type <= SqlType::kLongBlob;
  if (large && context.charsets.dialect == Dialect::kMySql && column.default_sql &&
      !column.default_sql->starts_with('('))
    column.default_sql.reset();
  normalize_default(column);
  current_timestamp(column.on_update_sql, column);
  return column;
}

void add_implicit_timestamps(std::vector<Column>& columns, const std::vector<std::size_t>& defined,
                             const SchemaContext& context) {
  if (context.explicit_defaults_for_timestamp) return;
  const auto bare = [](const Column& column) {
    return column.type == SqlType::kTimestamp && column.not_null && !column.default_sql &&
           !column.on_update_sql && column.generated == Generated::kNo;
  };
  const auto first = std::find_if(columns.begin(), columns.end(), [](const Column& column) {
    return column.type == SqlType::kTimestamp;
  });
  // MariaDB promotes at any ALTER TABLE, MySQL only a column that the statement defines.
  const bool promotes =
      context.charsets.dialect == Dialect::kMariaDb ||
      std::find(defined.begin(), defined.end(),
                static_cast<std::size_t>(first - columns.begin())) != defined.end();
  if (first != columns.end() && promotes && bare(*first)) {
    first->default_sql = "CURRENT_TIMESTAMP";
    current_timestamp(first->default_sql, *first);
    first->on_update_sql = first->default_sql;
  }
  for (const std::size_t index : defined)
    if (bare(columns[index])) columns[index].default_sql = zero_timestamp(columns[index].decimals);
}

void add_column_keys(const ColumnDefinition& column, std::vector<Key>& keys) {
  Key key;
  key.parts.resize(1);
  key.parts[0].column = column.column.name;
  if (column.primary) {
    key.kind = KeyKind::kPrimary;
    key.name = "PRIMARY";
    keys.push_back(key);
  }
  if (column.unique || column.serial) {
    key.kind = KeyKind::kUnique;
    key.name.clear();
    keys.push_back(key);
  }
}

void add_automatic_prefixes(TableSchema& table) {
  for (Key& key : table.keys) {
    if (key.kind != KeyKind::kIndex) continue;
    for (KeyPart& part : key.parts) {
      const Column* column = part.column.empty() ? nullptr : table.find_column(part.column);
      const bool large = column != nullptr && column->type >= SqlType::kTinyText &&
                         column->type <= SqlType::kLongBlob;
      if (!large) continue;
      const bool tiny = column->type == SqlType::kTinyText || column->type == SqlType::kTinyBlob;
      const std::uint32_t most =
          tiny ? 255 : 3072 / std::max<std::uint32_t>(1, max_bytes_of(column->charset));
      if (part.prefix_length == 0 || part.prefix_length > most) part.prefix_length = most;
    }
  }
}

Result<void> add_key(TableSchema& table, Key key) {
  for (KeyPart& part : key.parts) {
    if (part.column.empty()) continue;
    const Column* column = table.find_column(part.column);
    if (column == nullptr)
      return Error(Errc::kUnsupported, "a key uses the unknown column " + quoted_name(part.column));
    part.column = column->name;
    const bool cuts = takes_prefix(column->type);
    const bool whole = column->type == SqlType::kChar || column->type == SqlType::kVarchar ||
                       column->type == SqlType::kBinary || column->type == SqlType::kVarbinary;
    if (!cuts || (whole && part.prefix_length >= column->length)) part.prefix_length = 0;
  }
  if (!key.made_for_foreign_key)
    std::erase_if(table.keys, [&key](const Key& made) {
      return made.made_for_foreign_key && begins_with(key, made.parts);
    });
  if (key.name.empty()) key.name = free_key_name(table, key);
  if (find_key(table.keys, key.name) != nullptr)
    return Error(Errc::kUnsupported, "there are two keys named " + quoted_name(key.name));
  if (key.kind == KeyKind::kPrimary) {
    table.keys.insert(table.keys.begin(), std::move(key));
    set_primary_not_null(table);
  } else {
    table.keys.push_back(std::move(key));
  }
  return {};
}

void set_primary_not_null(TableSchema& table) {
  if (table.keys.empty() || table.keys[0].kind != KeyKind::kPrimary) return;
  for (const KeyPart& part : table.keys[0].parts) {
    const std::optional<std::size_t> index = table.column_index(part.column);
    if (index) table.columns[*index].not_null = true;
  }
}

void drop_replaced_keys(TableSchema& table) {
  for (std::size_t i = 0; i < table.keys.size();) {
    const Key& made = table.keys[i];
    const bool replaced =
        made.made_for_foreign_key &&
        std::any_of(table.keys.begin(), table.keys.end(), [&made](const Key& other) {
          return &other != &made && begins_with(other, made.parts);
        });
    if (replaced) {
      table.keys.erase(table.keys.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
}

Result<void> add_foreign_key(TableSchema& table, ForeignKey key) {
  Key index;
  index.made_for_foreign_key = true;
  index.name = key.name;
  for (std::string& column : key.columns) {
    const Column* found = table.find_column(column);
    if (found == nullptr)
      return Error(Errc::kUnsupported,
                   "a foreign key uses the unknown column " + quoted_name(column));
    column = found->name;
    KeyPart part;
    part.column = column;
    index.parts.push_back(std::move(part));
  }
  if (key.name.empty()) key.name = next_name(table.name.table + "_ibfk_", table.foreign_keys);
  if (key.parent_columns.empty()) key.parent_columns = key.columns;
  if (key.parent.schema == table.name.schema) key.parent.schema.clear();
  if (key.on_delete == "NO ACTION") key.on_delete.clear();
  if (key.on_update == "NO ACTION") key.on_update.clear();
  const bool served = std::any_of(table.keys.begin(), table.keys.end(), [&index](const Key& other) {
    return begins_with(other, index.parts);
  });
  table.foreign_keys.push_back(std::move(key));
  if (served) return {};
  if (find_key(table.keys, index.name) != nullptr) index.name.clear();
  return add_key(table, std::move(index));
}

void add_check(TableSchema& table, Check check, const CharsetDefaults& server) {
  if (!heeds_checks(server)) return;
  if (check.name.empty()) {
    const std::string prefix =
        server.dialect == Dialect::kMariaDb ? "CONSTRAINT_" : table.name.table + "_chk_";
    check.name = next_name(prefix, table.checks);
  }
  table.checks.push_back(std::move(check));
}

namespace {

Result<void> add_columns(TableSchema& out, const TableDefinition& table,
                         const SchemaContext& context, std::vector<Key>& keys,
                         std::vector<ForeignKey>& foreign_keys, std::vector<Check>& checks) {
  const CharsetClause charset{out.charset, out.collation};
  const bool maria = context.charsets.dialect == Dialect::kMariaDb;
  std::vector<std::size_t> defined;
  for (const ColumnDefinition& definition : table.columns) {
    Result<Column> column = build_column(definition, charset, context);
    if (!column) return column.error();
    if (out.find_column(column->name) != nullptr)
      return Error(Errc::kUnsupported, "two columns are named " + quoted_name(column->name));
    add_column_keys(definition, keys);
    for (Check check : definition.checks) {
      if (maria && check.name.empty()) check.name = column->name;
      checks.push_back(std::move(check));
    }
    if (maria && definition.column.type == SqlType::kJson && definition.checks.empty())
      checks.push_back(Check{column->name, "json_valid(" + quoted_name(column->name) + ")", true});
    const bool heeds = maria || context.charsets.server_version >= 90000;
    if (definition.references && heeds) foreign_keys.push_back(*definition.references);
    defined.push_back(out.columns.size());
    out.columns.push_back(std::move(*column));
  }
  add_implicit_timestamps(out.columns, defined, context);
  return {};
}

Result<TableSchema> build(const TableName& name, const TableDefinition& table,
                          const SchemaContext& context) {
  TableSchema out;
  out.name = name;
  const Result<CharsetClause> charset =
      context.charsets.resolve(table.options.charset, context.database);
  if (!charset) return charset.error();
  out.charset = charset->charset;
  out.collation = charset->collation;
  out.comment = table.options.comment.value_or("");
  out.options = table.options.others;
  out.partition_sql = table.partition_sql;
  std::vector<Key> keys;
  std::vector<ForeignKey> foreign_keys;
  std::vector<Check> checks;
  const Result<void> columns = add_columns(out, table, context, keys, foreign_keys, checks);
  if (!columns) return columns.error();
  if (out.columns.empty()) return Error(Errc::kUnsupported, "a table without columns");
  keys.insert(keys.end(), table.keys.begin(), table.keys.end());
  foreign_keys.insert(foreign_keys.end(), table.foreign_keys.begin(), table.foreign_keys.end());
  checks.insert(checks.end(), table.checks.begin(), table.checks.end());
  for (Key& key : keys) {
    const Result<void> added = add_key(out, std::move(key));
    if (!added) return added.error();
  }
  for (ForeignKey& key : foreign_keys) {
    const Result<void> added = add_foreign_key(out, std::move(key));
    if (!added) return added.error();
  }
  drop_replaced_keys(out);
  if (context.charsets.dialect == Dialect::kMariaDb) add_automatic_prefixes(out);
  for (Check& check : checks) add_check(out, std::move(check), context.charsets);
  return out;
}

}  // namespace

Result<TableSchema> build_table(const TableName& name, const TableDefinition& table,
                                const SchemaContext& context) {
  const std::string place = "table " + quoted_name(name.schema) + "." + quoted_name(name.table);
  if (table.system_versioned)
    return Error(Errc::kUnsupported, place + ": system-versioned tables are not supported")
        .with_way_out("leave the table out of the task, or drop system versioning at the source");
  Result<TableSchema> out = build(name, table, context);
  if (!out) return out.error().in(place);
  return out;
}

Result<TableSchema> parse_create_table(std::string_view sql, const std::string& schema,
                                       const SchemaContext& context, const ParseOptions& options) {
  Result<DdlStatement> statement = parse_statement(sql, options);
  if (!statement) return statement.error();
  if (statement->kind != StatementKind::kCreateTable || statement->tables.empty())
    return Error(Errc::kUnsupported,
                 "not a CREATE TABLE statement: " +
                     std::string(sql.substr(0, std::min<std::size_t>(sql.size(), 60))));
  TableName name = statement->tables[0];
  if (name.schema.empty()) name.schema = schema;
  SchemaContext written_out = context;
  written_out.explicit_defaults_for_timestamp = true;
  written_out.strict = true;
  return build_table(name, statement->table, written_out);
}

Result<TableSchema> parse_shown_table(std::string_view sql, const std::string& schema,
                                      Dialect dialect, std::uint32_t version) {
  SchemaContext context;
  context.charsets.dialect = dialect;
  context.charsets.server_version = version;
  ParseOptions options;
  options.lex.dialect = dialect;
  options.lex.server_version = dialect == Dialect::kTidb ? 0 : version;
  return parse_create_table(sql, schema, context, options);
}

}  // namespace tiderelay::applier
