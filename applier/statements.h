// applier/statements.h: the net changes of a batch -> few SQL statements in packets.
//
// Which shape serves which change is one table, shape_for() in statements.cc. Measured on TiDB
// 8.5.3, MySQL 5.7.29 and 8.0.31 and MariaDB 10.11 under CLIENT_FOUND_ROWS, ROW_COUNT() equal to
// the OK packet's count everywhere:
//   INSERT                        refuses as a whole, needs no count
//   DELETE ... IN                 rows that were there
//   UPDATE by key                 rows that matched, changed or not
//   INSERT ... ON DUPLICATE KEY   2 per row that was there and changed, 1 per row that was there
//   and
//                                 stayed as it was, 1 per row that was missing. So n rows are
//                                 proved by 2n and by nothing else; any other count is looked into
//                                 row by row.
// Counts are proved inside the transaction: `SET @nI = ROW_COUNT()` behind each counted statement,
// and the checkpoint statement compares them (checkpoint.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "applier/net_effect.h"
#include "applier/planner.h"
#include "base/error.h"

namespace tiderelay::applier {

enum class Shape : std::uint8_t {
  kInsert,          // INSERT INTO t (...) VALUES (...), ...
  kDelete,          // DELETE FROM t WHERE key IN (...)
  kReplayDelete,    // the same, uncounted
  kUpsertUpdate,    // INSERT ... ON DUPLICATE KEY UPDATE of rows that are there
  kPointUpdate,     // UPDATE t SET changed columns WHERE key = ...
  kReplayUpsert,    // INSERT ... ON DUPLICATE KEY UPDATE of rows that may be there
  kReplayReplace,   // REPLACE: the table has more unique keys, stale rows give way
  kReplayRewrite,   // DELETE by key, then INSERT: as above where no other row may give way
  kKeylessDelete,   // DELETE FROM t WHERE every column <=> ... LIMIT 1
  kKeylessDeletes,  // DELETE FROM t WHERE one column IN (...) AND (every column <=> ... OR ...)
  kKeylessUpdate,   // UPDATE t SET ... WHERE every column <=> ... LIMIT 1
};

struct StatementOptions {
  std::size_t rows_max = 500;                // of one statement
  std::size_t keyless_rows_max = 64;         // of one kKeylessDeletes: each costs a look at a row
  std::size_t bytes_max = 512U << 10;        // likewise; a single row may be larger
  std::size_t packet_bytes_max = 16U << 20;  // below the target's max_allowed_packet
  std::size_t statement_bytes_max = 0;       // what the target takes at all; 0: not known
};

struct Statement {
  Shape shape = Shape::kInsert;
  const TableBinding* binding = nullptr;
  std::uint32_t first_row = 0;  // in BatchSql::rows
  std::uint32_t row_count = 0;
  std::optional<std::uint64_t> expected;  // affected rows; nullopt: not counted
};

struct BodyPacket {
  static constexpr std::uint32_t kNoStatement = UINT32_MAX;
  std::string sql;
  std::vector<std::uint32_t> statement_of_answer;  // by answer; kNoStatement: SET and the like
};

struct BatchSql {
  NetEffect net;
  std::vector<std::uint32_t> rows;  // indices of net.changes, statement by statement
  std::vector<Statement> statements;
  std::vector<BodyPacket> packets;  // without checkpoint and COMMIT
  bool single = false;              // one change a statement, counts read from the answers

  // "@n0 = 2 AND @n1 = 40", or empty.
  [[nodiscard]] std::string count_condition() const;
  // "UPDATE of s.t (id = 5), row 3 of transaction uuid:17": of a statement's first rows.
  [[nodiscard]] std::string describe(const Batch& batch, std::uint32_t statement) const;
};

// Few statements, counts proved inside. Errors: kData, a value that cannot be written.
Result<BatchSql> batch_sql(const Batch& batch, const StatementOptions& options);

// One statement per change in log order: which one fails names the row. For the second try.
Result<BatchSql> single_sql(const Batch& batch, const StatementOptions& options);

}  // namespace tiderelay::applier
