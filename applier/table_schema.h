// applier/table_schema.h: the definition of one table as the schema tracker, the planner and the
// dumper see it. A plain value: made by the DDL parser (from CREATE TABLE and by ALTERs), compared,
// fingerprinted and stored with the checkpoint.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tiderelay::applier {

struct TableName {
  std::string schema;
  std::string table;
  friend auto operator<=>(const TableName&, const TableName&) = default;
};

enum class Generated : std::uint8_t { kNo, kVirtual, kStored };

// Families of SQL types, as far as values, keys and statements differ.
enum class SqlType : std::uint8_t {
  kTinyInt,
  kSmallInt,
  kMediumInt,
  kInt,
  kBigInt,
  kDecimal,
  kFloat,
  kDouble,
  kBit,
  kYear,
  kDate,
  kTime,
  kDateTime,
  kTimestamp,
  kChar,
  kVarchar,
  kBinary,
  kVarbinary,
  kTinyText,
  kText,
  kMediumText,
  kLongText,
  kTinyBlob,
  kBlob,
  kMediumBlob,
  kLongBlob,
  kEnum,
  kSet,
  kJson,
  kGeometry,
  kVector,
  kUuid,
  kInet,
  kOther,
};

struct Column {
  std::string name;
  SqlType type = SqlType::kOther;
  std::string type_text;      // as written or as SHOW CREATE TABLE prints it, "decimal(10,2)"
  std::uint32_t length = 0;   // characters of CHAR/VARCHAR, bytes of BINARY, bits, precision
  std::uint8_t decimals = 0;  // scale, or fractional seconds
  bool is_unsigned = false;   // ZEROFILL implies it
  bool not_null = false;
  bool auto_increment = false;
  bool invisible = false;
  Generated generated = Generated::kNo;
  std::string generated_expression;
  std::string charset;    // character types, ENUM and SET only; resolved, never empty there
  std::string collation;  // likewise
  std::vector<std::string> elements;  // ENUM and SET, utf-8
  std::optional<std::string>
      default_sql;  // as it would be written: 'x', NULL, CURRENT_TIMESTAMP(3)
  std::optional<std::string> on_update_sql;
  std::optional<std::uint32_t> srid;  // geometry columns of MySQL 8.0 and later
  bool compressed = false;            // MariaDB's COMPRESSED
  std::string comment;
  friend bool operator==(const Column&, const Column&) = default;

  [[nodiscard]] bool is_character() const {
    return (type >= SqlType::kTinyText && type <= SqlType::kLongText) || type == SqlType::kChar ||
           type == SqlType::kVarchar || type == SqlType::kEnum || type == SqlType::kSet;
  }
};

enum class KeyKind : std::uint8_t { kPrimary, kUnique, kIndex, kFulltext, kSpatial, kVector };

struct KeyPart {
  std::string column;               // empty for an expression
  std::uint32_t prefix_length = 0;  // characters (bytes for binary types); 0: the whole column
  std::string expression;
  bool descending = false;
  friend bool operator==(const KeyPart&, const KeyPart&) = default;
};

struct Key {
  KeyKind kind = KeyKind::kIndex;
  std::string name;  // "PRIMARY" for the primary key
  std::vector<KeyPart> parts;
  bool invisible = false;
  std::string comment;
  std::string parser;                 // of a FULLTEXT key: WITH PARSER
  bool made_for_foreign_key = false;  // by the server; gives way to a key that can replace it
  friend bool operator==(const Key&, const Key&) = default;
  [[nodiscard]] bool unique() const {
    return kind == KeyKind::kPrimary || kind == KeyKind::kUnique;
  }
};

struct ForeignKey {
  std::string name;
  std::vector<std::string> columns;
  TableName parent;  // schema empty: the table's own
  std::vector<std::string> parent_columns;
  std::string on_delete;  // "", CASCADE, SET NULL, RESTRICT, NO ACTION, SET DEFAULT
  std::string on_update;
  friend bool operator==(const ForeignKey&, const ForeignKey&) = default;
};

struct Check {
  std::string name;
  std::string expression;  // without the outer parentheses
  bool enforced = true;
  friend bool operator==(const Check&, const Check&) = default;
};

struct TableSchema {
  TableName name;
  std::vector<Column> columns;  // in table order, hidden generated columns of the server excluded
  std::vector<Key> keys;
  std::vector<ForeignKey> foreign_keys;
  std::vector<Check> checks;
  std::string charset;
  std::string collation;
  std::string comment;
  std::string partition_sql;  // "PARTITION BY ..." as written, or empty
  std::vector<std::pair<std::string, std::string>>
      options;  // ENGINE, AUTO_INCREMENT, ...: as written
  friend bool operator==(const TableSchema&, const TableSchema&) = default;

  [[nodiscard]] const Column* find_column(const std::string& column) const;  // any case; null: none
  [[nodiscard]] std::optional<std::size_t> column_index(const std::string& column) const;
  // A unique key of NOT NULL whole columns: identifies each row. The primary key first, then the
  // one with the fewest columns. Null: the table is keyless (docs/exactly-once.md).
  [[nodiscard]] const Key* row_key() const;
};

}  // namespace tiderelay::applier
