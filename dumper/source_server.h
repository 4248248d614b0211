// dumper/source_server.h: what kind of server the rows come from, and how its LOW is read there: a
// mark such that every transaction in it is visible to a SELECT that begins afterwards.
//
// Rules and measurements: docs/exactly-once.md, 2.
// Source: MySQL sql/rpl_gtid_state.cc; MariaDB sql/log.cc (Binlog_snapshot_*).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "relay/query_outcome.h"

namespace tiderelay::dumper {

// docs: how each is read stands above mark_queries().
enum class LowMethod : std::uint8_t {
  kGtidSet,            // MySQL 5.7 and later with gtid_mode=ON
  kGtidSetMinusOwned,  // MySQL 5.6 with gtid_mode=ON
  kSnapshot,           // MariaDB
  kTableLock,          // MySQL without GTID
  kUnlocked,           // the same with --no-locks: unproven
};

struct SourceServer {
  bool mariadb = false;
  std::uint32_t version = 0;  // 50729, 80031, 101118
  std::string server_uuid;    // MariaDB: "mariadb-<server id>"
  bool gtid_on = false;       // MySQL: gtid_mode=ON; MariaDB: always
  bool log_bin = false;
  int lower_case_table_names = 0;
  bool explicit_defaults_for_timestamp = true;

  [[nodiscard]] LowMethod low_method(bool no_locks) const;
  [[nodiscard]] const char* position_statement() const;  // SHOW MASTER STATUS, by its name there
};

// One statement, and what its rows say.
[[nodiscard]] std::string describe_source_sql();
[[nodiscard]] Result<SourceServer> describe_source(const std::string& server_version,
                                                   const relay::StatementResult& variables);

// "binlog.000003:4711" out of SHOW MASTER STATUS and SHOW STATUS LIKE 'Binlog_snapshot_%'.
[[nodiscard]] Result<std::string> position_of(const relay::StatementResult& status);
[[nodiscard]] Result<std::string> snapshot_position_of(const relay::StatementResult& status);

struct LowMark {
  std::string set;       // GTID set (MariaDB: GTID position); empty without GTID
  std::string position;  // "file:offset"; empty where only the set counts
};

// The first packet that reads a LOW by GTID. Its answers go to low_mark(); MariaDB needs
// snapshot_set_sql() and its answer, too.
[[nodiscard]] std::string low_mark_sql(const SourceServer& source);
struct LowReading {
  LowMark mark;
  bool prepared_xa = false;  // rows of a prepared transaction are invisible: the mark may not count
  bool xa_unknown = false;   // the account may not see prepared transactions
};
[[nodiscard]] Result<LowReading> low_mark(const SourceServer& source,
                                          const relay::QueryOutcome& answers);
[[nodiscard]] std::string snapshot_set_sql(const std::string& position);

// Which of two marks is at or before the other, part by part: what is in both. Positions are of the
// same server, or empty.
[[nodiscard]] Result<LowMark> earlier_mark(const SourceServer& source, const LowMark& a,
                                           const LowMark& b);
// Whether everything in `part` is also in `whole`: rows prepared after `part` lie in the log
// behind it.
[[nodiscard]] Result<bool> mark_contains(const SourceServer& source, const LowMark& whole,
                                         const LowMark& part);

}  // namespace tiderelay::dumper
