// applier/schema_builder.h: turns what CREATE TABLE says into what the server makes of it: resolved
// charsets, key names, NOT NULL of key columns, implicit TIMESTAMP attributes.
//
// Source: MySQL sql/sql_table.cc, mysql_prepare_create_table, promote_first_timestamp_column.
#pragma once

#include <string_view>

#include "applier/charset_rules.h"
#include "applier/ddl_ast.h"
#include "applier/ddl_parser.h"

namespace tiderelay::applier {

struct SchemaContext {
  CharsetDefaults charsets;
  CharsetClause database;  // defaults of the table's database; empty: not known
  bool explicit_defaults_for_timestamp = true;
  bool strict = true;  // sql_mode STRICT_TRANS_TABLES or STRICT_ALL_TABLES
};

// `name` with its schema. Errors name the table and the column.
[[nodiscard]] Result<TableSchema> build_table(const TableName& name, const TableDefinition& table,
                                              const SchemaContext& context);

// What SHOW CREATE TABLE answered: of the server that `context` and `options` describe.
[[nodiscard]] Result<TableSchema> parse_create_table(std::string_view sql,
                                                     const std::string& schema,
                                                     const SchemaContext& context,
                                                     const ParseOptions& options);

// The same with that server's defaults; `version` of TiDB: any.
[[nodiscard]] Result<TableSchema> parse_shown_table(std::string_view sql, const std::string& schema,
                                                    Dialect dialect, std::uint32_t version);

// Parts that ALTER TABLE needs, too.
[[nodiscard]] Result<Column> build_column(const ColumnDefinition& definition,
                                          const CharsetClause& table, const SchemaContext& context);
// Spells a literal default as servers show it.
void normalize_default(Column& column);
// With explicit_defaults_for_timestamp off: the table's first TIMESTAMP, if NOT NULL and without a
// default, gets CURRENT_TIMESTAMP for both; the others in `defined` (indexes) get a zero default.
void add_implicit_timestamps(std::vector<Column>& columns, const std::vector<std::size_t>& defined,
                             const SchemaContext& context);
void add_column_keys(const ColumnDefinition& column, std::vector<Key>& keys);
// Names the key if it has none, puts prefixes that are whole columns right, and appends it.
[[nodiscard]] Result<void> add_key(TableSchema& table, Key key);
// MariaDB: an index over a whole TEXT or BLOB covers as much as fits.
void add_automatic_prefixes(TableSchema& table);
// Names it, and adds the index that the server makes when no other key serves.
[[nodiscard]] Result<void> add_foreign_key(TableSchema& table, ForeignKey key);
// Nothing on servers that ignore CHECK.
void add_check(TableSchema& table, Check check, const CharsetDefaults& server);
void set_primary_not_null(TableSchema& table);
// Drops indexes made for foreign keys that another key replaces.
void drop_replaced_keys(TableSchema& table);
[[nodiscard]] bool takes_prefix(SqlType type);                 // in a key
[[nodiscard]] std::string type_text_of(const Column& column);  // of character types, else as it is

}  // namespace tiderelay::applier
