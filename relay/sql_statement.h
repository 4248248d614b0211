// relay/sql_statement.h: the small grammar of what replicas and binlog tools ask a server.
//
//   SET item, ...                 item = @user = value | [scope] name = value | NAMES ... |
//                                        CHARACTER SET ... | TRANSACTION ...
//   SELECT value [AS name], ... [FROM DUAL] [LIMIT n]
//   SHOW ...                      the kinds below; LIKE, WHERE Variable_name = | IN | LIKE
//   KILL [CONNECTION|QUERY] id; USE name; BEGIN, COMMIT, ROLLBACK, nothing at all
//
//   value = literal | @user | @@[scope.]name | function(value, ...)
// Comments are skipped. Errors carry MySQL's number and SQLSTATE (kServer): 1064 for what is not
// understood, 1290 and 1142 for what reads or changes tables.
// Limits: a statement of 1 MiB, 64 items, values nested 8 deep.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tiderelay::relay {

struct SqlValue {
  enum class Kind : std::uint8_t { kNull, kText, kNumber, kUserVariable, kSystemVariable, kCall };
  Kind kind = Kind::kNull;
  std::string text;  // the literal, or the name in lower case
  std::vector<SqlValue> arguments;
};

struct SqlItem {
  SqlValue value;
  std::string name;     // SELECT: as the column is called; SET: what is set, in lower case
  bool user = false;    // SET @name
  bool global = false;  // SET GLOBAL name
};

// Names that LIKE, = or IN of a WHERE let through.
struct NameFilter {
  std::optional<std::string> like;
  std::vector<std::string> names;  // lower case
  bool by_names = false;
  [[nodiscard]] bool takes(std::string_view name) const;
};

struct SqlStatement {
  enum class Kind : std::uint8_t {
    kNothing,  // OK, and that is all
    kSet,
    kSelect,
    kShowVariables,
    kShowStatus,
    kShowLogStatus,      // MASTER STATUS, BINARY LOG STATUS
    kShowLogs,           // BINARY LOGS, MASTER LOGS
    kShowEvents,         // BINLOG EVENTS
    kShowReplicas,       // SLAVE HOSTS, REPLICAS
    kShowReplicaStatus,  // SLAVE STATUS, REPLICA STATUS
    kShowGrants,
    kShowWarnings,
    kShowProcesses,
    kShowDatabases,
    kKill,
    kUse,
  };
  Kind kind = Kind::kNothing;
  std::vector<SqlItem> items;
  NameFilter filter;
  std::string name;             // kUse; kShowEvents: the file
  std::uint64_t number = 0;     // kKill: the id; kShowEvents: the position
  std::uint64_t skip_rows = 0;  // LIMIT
  std::optional<std::uint64_t> limit_rows;
};

[[nodiscard]] Result<SqlStatement> parse_statement(std::string_view sql);

// SQL's LIKE: % and _, \ before either; without regard to ASCII case.
[[nodiscard]] bool sql_like(std::string_view text, std::string_view pattern);

}  // namespace tiderelay::relay
