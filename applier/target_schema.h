// applier/target_schema.h: turns a table of the source into the table that stands for it in the
// target: collations mapped, what the target lacks left out or replaced, each change noted.
//
// Source: TiDB manual, mysql-compatibility; tried against TiDB 8.5.3.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "applier/collation_map.h"
#include "applier/table_schema.h"
#include "base/error.h"

namespace tiderelay::applier {

struct TranslationNote {
  enum class Kind : std::uint8_t {
    kMapped,   // the same meaning, spelled otherwise
    kDropped,  // the target does without it
    kRisk,     // rows may be refused, or accepted that the source refuses
  };
  Kind kind = Kind::kMapped;
  std::string text;  // names table and column or key
  friend bool operator==(const TranslationNote&, const TranslationNote&) = default;
};

// A column whose equality differs between source and target.
struct CollationChange {
  std::string column;
  std::string source;
  std::string target;
  bool in_unique_key = false;
  bool merges = false;
  bool splits = false;
  friend bool operator==(const CollationChange&, const CollationChange&) = default;
};

struct TargetSchema {
  TableSchema schema;  // names as the target spells them
  std::vector<TranslationNote> notes;
  std::vector<CollationChange> collations;
};

// Where the rows of a source table go; nullopt: not replicated. Empty function: the same name.
using RouteOf = std::function<std::optional<TableName>(const TableName&)>;

// kUnsupported with a way out where no table of the target can hold the rows.
[[nodiscard]] Result<TargetSchema> target_schema(const TableSchema& source, const TableName& name,
                                                 const Target& target, const RouteOf& route);

struct CreateTable {
  std::string sql;  // one statement, qualified; IF NOT EXISTS where asked for
  std::vector<TranslationNote> notes;
  std::vector<CollationChange> collations;
};
// Run it with foreign_key_checks=0, and with a sql_mode without NO_ZERO_DATE, NO_ZERO_IN_DATE and
// NO_BACKSLASH_ESCAPES.
[[nodiscard]] Result<CreateTable> create_table_sql(const TableSchema& source, const TableName& name,
                                                   const Target& target, const RouteOf& route = {},
                                                   bool if_not_exists = false);

// For the source: rows that would be equal in the target's unique key; no rows is good. Empty: the
// key keeps its meaning, or cannot be asked about.
[[nodiscard]] std::string duplicate_check_sql(const TableSchema& source, const Key& key,
                                              const Target& target);

}  // namespace tiderelay::applier
