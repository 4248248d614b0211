// applier/schema_tracker.h: the tables of one source as they are at the place of the log that is
// being read: every statement passes, applied or not.
//
// In:     tables as SHOW CREATE TABLE tells them at the start, then each statement of the log.
// Out:    what a statement did to which table.
// Errors: a statement that cannot be followed leaves everything as it was and names the way out;
//         kCopyAgain: it is about a table that came from outside.
// Names:  with lower_case_table_names other than 0 they are kept in lower case.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "applier/ddl_parser.h"
#include "applier/schema_alter.h"

namespace tiderelay::applier {

// What the session of a statement says (status variables of QUERY).
struct StatementSession {
  std::string schema;            // default database
  std::string server_collation;  // collation_server; empty: the server's default
  std::map<std::string, std::string> default_collations;  // see CharsetDefaults::collations
  bool explicit_defaults_for_timestamp = true;
  bool strict = true;
};

struct TableEffect {
  enum class Kind : std::uint8_t {
    kCreated,
    kChanged,  // also "changed in nothing": the statement ran
    kRenamed,  // by RENAME TABLE, or an ALTER TABLE ... RENAME TO that may change it, too
    kDropped,
    kTruncated,
  };
  Kind kind = Kind::kChanged;
  TableName name;
  TableName new_name;                         // kRenamed
  std::shared_ptr<const TableSchema> before;  // null: kCreated
  std::shared_ptr<const TableSchema> after;   // null: kDropped
  std::vector<std::pair<std::string, std::string>> renamed_columns;
  std::vector<std::string> rewritten_columns;  // MODIFY, CHANGE: new names
};

struct DatabaseEffect {
  enum class Kind : std::uint8_t { kCreated, kChanged, kDropped };
  Kind kind = Kind::kCreated;
  std::string name;
  CharsetClause charset;  // after the statement
};

struct StatementEffects {
  std::vector<TableEffect> tables;
  std::vector<DatabaseEffect> databases;
};

struct TrackerOptions {
  Dialect dialect = Dialect::kMySql;
  std::uint32_t server_version = 80031;
  int lower_case_table_names = 0;
  bool explicit_defaults_for_timestamp = true;  // where a statement's event does not say
};

class SchemaTracker {
 public:
  explicit SchemaTracker(TrackerOptions options) : options_(options) {}

  // Tables outside the scope are not kept, and statements on them have no effect. Default: all but
  // the system schemas. What `in_scope` captures outlives the tracker.
  void set_scope(std::function<bool(const TableName&)> in_scope) {
    in_scope_ = std::move(in_scope);
  }

  void set_database(const std::string& name, const CharsetClause& charset);
  void set_table(TableSchema table);
  void forget_table(const TableName& name);
  // What SHOW CREATE TABLE answered.
  [[nodiscard]] Result<void> read_table(const std::string& schema, std::string_view show_create);
  // What SHOW CREATE DATABASE answered.
  [[nodiscard]] Result<void> read_database(std::string_view show_create);

  [[nodiscard]] Result<StatementEffects> apply(const DdlStatement& statement,
                                               const StatementSession& session);

  [[nodiscard]] std::shared_ptr<const TableSchema> find(const TableName& name) const;
  [[nodiscard]] std::vector<TableName> tables() const;
  [[nodiscard]] std::optional<CharsetClause> database(const std::string& name) const;
  [[nodiscard]] const TrackerOptions& options() const { return options_; }

  // JSON text of all tables and databases; restore() reads it back. The scope is not part of it.
  [[nodiscard]] std::string snapshot() const;
  [[nodiscard]] Result<void> restore(std::string_view snapshot);

 private:
  using Tables = std::map<TableName, std::shared_ptr<const TableSchema>>;
  struct State {
    std::map<std::string, CharsetClause> databases;
    Tables tables;
  };
  class Change;  // one statement being applied to a copy of the state

  [[nodiscard]] std::string folded(const std::string& name) const;
  [[nodiscard]] TableName folded(const TableName& name) const;
  [[nodiscard]] bool in_scope(const TableName& name) const;

  TrackerOptions options_;
  std::function<bool(const TableName&)> in_scope_;
  State state_;
};

}  // namespace tiderelay::applier
