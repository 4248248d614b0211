// applier/ddl_ast.h: what a statement says, before anything is looked up: charsets, key names and
// NOT NULL of key columns are still as written (schema_builder.h resolves them).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "applier/event_kind.h"
#include "applier/table_schema.h"

namespace tiderelay::applier {

// Charset and collation as written; empty: not written.
struct CharsetClause {
  std::string charset;
  std::string collation;
  [[nodiscard]] bool empty() const { return charset.empty() && collation.empty(); }
  friend bool operator==(const CharsetClause&, const CharsetClause&) = default;
};

struct ColumnPosition {
  enum class Kind : std::uint8_t { kUnchanged, kFirst, kAfter };
  Kind kind = Kind::kUnchanged;
  std::string after;
};

struct ColumnDefinition {
  Column column;                  // charset, collation: as written
  bool null_written = false;      // NULL
  bool binary_collation = false;  // BINARY behind a character type: the charset's _bin
  bool primary = false;
  bool unique = false;
  bool serial = false;  // SERIAL or SERIAL DEFAULT VALUE
  std::vector<Check> checks;
  std::optional<ForeignKey> references;  // inline: only MariaDB and MySQL 9 heed it
  ColumnPosition position;
};

struct TableOptions {
  CharsetClause charset;
  std::optional<std::string> comment;
  std::vector<std::pair<std::string, std::string>> others;  // ENGINE -> InnoDB, upper-case names
};

struct TableDefinition {
  std::vector<ColumnDefinition> columns;
  std::vector<Key> keys;  // names empty where not written
  std::vector<ForeignKey> foreign_keys;
  std::vector<Check> checks;
  TableOptions options;
  std::string partition_sql;
  bool has_select = false;         // CREATE TABLE ... SELECT: columns of the query are not known
  bool start_transaction = false;  // 8.0.21's CREATE TABLE ... START TRANSACTION: rows follow
  bool system_versioned = false;   // MariaDB
};

enum class AlterKind : std::uint8_t {
  kAddColumn,
  kDropColumn,
  kModifyColumn,  // also CHANGE: name is the old one, column.column.name the new one
  kRenameColumn,
  kSetDefault,
  kDropDefault,
  kSetColumnVisibility,
  kAddKey,
  kDropKey,
  kDropPrimaryKey,
  kRenameKey,
  kSetKeyVisibility,
  kAddForeignKey,
  kDropForeignKey,
  kAddCheck,
  kDropCheck,  // and DROP CONSTRAINT, whatever it names
  kDropConstraint,
  kEnforceCheck,
  kRenameTable,
  kConvertCharset,
  kTableOptions,
  kPartitionBy,
  kRemovePartitioning,
  kPartition,  // ADD, DROP, TRUNCATE, ... PARTITION: partition_verb says which
  kOrderBy,
  kWithoutEffect,  // FORCE, ENABLE KEYS, ALGORITHM, LOCK, VALIDATION, DISCARD TABLESPACE, ...
  kUnsupported,    // parsed, but the tracker cannot follow: name says what
};

enum class PartitionVerb : std::uint8_t {
  kAdd,
  kDrop,
  kTruncate,
  kReorganize,
  kCoalesce,
  kExchange,
  kRebuild,  // and OPTIMIZE, ANALYZE, CHECK, REPAIR, DISCARD, IMPORT: rows stay as they are
};

struct AlterClause {
  AlterKind kind = AlterKind::kWithoutEffect;
  std::size_t begin = 0;  // range in the statement's text
  std::size_t end = 0;
  std::string name;      // column, key or constraint
  std::string new_name;  // RENAME
  bool if_exists = false;
  bool if_not_exists = false;
  bool visible = true;
  bool enforced = true;
  ColumnDefinition column;
  Key key;
  ForeignKey foreign_key;
  Check check;
  std::optional<std::string> default_sql;
  CharsetClause charset;  // CONVERT TO; charset "default": the database's
  TableOptions options;
  TableName table;  // RENAME TO, EXCHANGE PARTITION WITH TABLE
  PartitionVerb partition_verb = PartitionVerb::kAdd;
  std::vector<std::string> partitions;  // names; empty with ALL or where the text says more
  std::optional<std::uint64_t> partition_count;  // ADD PARTITION PARTITIONS n, COALESCE PARTITION n
  std::string partition_sql;                     // definitions, or the whole PARTITION BY
  bool all_partitions = false;
};

enum class StatementKind : std::uint8_t {
  kCreateTable,
  kCreateTableLike,  // tables: the new one, the model
  kAlterTable,
  kDropTable,
  kRenameTable,  // tables: from, to, from, to, ...
  kTruncateTable,
  kCreateIndex,  // as an ALTER TABLE with one clause
  kDropIndex,    // likewise
  kCreateDatabase,
  kAlterDatabase,
  kDropDatabase,
  kSkipped,  // understood, and nothing that a table's rows or columns depend on: see skipped
  kUnknown,
};

struct DdlStatement {
  StatementKind kind = StatementKind::kUnknown;
  std::string text;  // without comments, the same places as the source text
  // kSkipped: "view", "trigger", "routine", "event", "account", "maintenance", "transaction",
  // "temporary table", "rows" (INSERT and the like), "set", "xa", "tablespace", "sequence",
  // "other".
  std::string skipped;
  EventKind event = EventKind::kUnknown;  // kAlterTable of any ALTER TABLE: see ddl_event_kind.h
  std::vector<TableName> tables;          // schema empty: the session's default
  std::string database;                   // CREATE, ALTER, DROP DATABASE; empty: the default
  bool if_exists = false;
  bool if_not_exists = false;
  bool or_replace = false;
  bool temporary = false;
  CharsetClause charset;  // CREATE and ALTER DATABASE
  TableDefinition table;
  std::vector<AlterClause> clauses;
};

}  // namespace tiderelay::applier
