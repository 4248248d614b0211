// applier/session_setup.h: what every session on a target sets before its first row, and the check
// that it took.
//
// The fence needs STRICT_TRANS_TABLES: without it MySQL and MariaDB store 0 instead of refusing
// NULL.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "applier/target_info.h"
#include "base/error.h"
#include "relay/query_outcome.h"

namespace tiderelay::applier {

struct SessionOptions {
  bool optimistic = true;  // TiDB: one commit round, no locks; the planner keeps keys apart
  std::chrono::seconds lock_wait{10};
  std::uint64_t row_bytes_max = 0;  // TiDB's tidb_txn_entry_size_limit; 0: the server's own
  std::vector<std::pair<std::string, std::string>> variables;  // the task's own, set last;
  // those that the statements rely on (sql_mode, time_zone, autocommit, ...) are left as they are
  // set
};

// One packet: SETs, then one SELECT that session_is_ready() judges.
std::string session_setup_sql(const TargetInfo& target, const SessionOptions& options);

// Around a statement that changes the schema: its own moment, time zone and strictness, and strings
// with backslash escapes. Each is a packet of its own, for TiDB reads a packet whole before it runs
// any of it. No errors of dates: the source has judged them.
struct StatementMoment {
  std::uint32_t seconds = 0;
  std::uint32_t microseconds = 0;
  std::string time_zone;  // empty: it does not matter
  bool strict = true;
};
std::string before_statement_sql(const StatementMoment& moment);
std::string after_statement_sql();

struct SessionFacts {
  std::uint64_t max_allowed_packet_bytes = 0;
};
// kConfig: a variable that exactly-once depends on has another value; says which.
Result<SessionFacts> session_is_ready(const relay::QueryOutcome& outcome);

}  // namespace tiderelay::applier
