// dumper/ledger.h: the full phase's rows in the target's meta schema: a row per table, a row per
// chunk. What a crash leaves there is what the next run begins with.
//
// A chunk's row says `done` only by the transaction that loads its rows:
//     state = IF(state = 'planned' AND epoch = E, 'done', NULL)       (NOT NULL column, strict
//     mode)
// so that a connection which was given up and commits late commits nothing (1048, or a write
// conflict). Bounds never change. Planning a table anew makes its old rows `void` and takes new
// chunk numbers: an old connection finds a void row, never a new one of its own number.
// The tables themselves are made by applier/checkpoint.h. Rules: docs/exactly-once.md, 3 and 5.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "dumper/chunk_bounds.h"
#include "dumper/dump_options.h"
#include "dumper/source_server.h"
#include "relay/query_outcome.h"

namespace tiderelay::dumper {

enum class TableState : std::uint8_t {
  kPlanned,  // nothing of it is in the target
  kLoading,  // chunks are planned and loaded
  kStaged,   // keyless: all rows are in the staging table, parts are moved
  kLoaded,   // LOW and HIGH are known; the applier's from here (replay, strict)
  kAgain,    // it was loaded, and is to be copied anew: the target holds rows of the old copy
};
[[nodiscard]] const char* state_text(TableState state);

struct ChunkRow {
  std::uint32_t chunk = 0;
  Bound lower;
  Bound upper;
  bool done = false;
  std::uint64_t rows_done = 0;
  LowMark low;
  std::string server_uuid;             // of the source that `low` was read from
  std::vector<std::string> displaced;  // bounds of rows that gave way to this chunk's
};

struct TableRow {
  TableName source;
  TableState state = TableState::kPlanned;
  bool keyless = false;
  bool created = false;  // the dumper made the target's table
  LowMark low;
  std::string low_uuid;  // while it is loading: of the server that low.position belongs to
  std::string high_position;
  std::string schema_sql;  // CREATE TABLE at LOW; empty when loaded: there was no such table
  std::string note;
  std::uint64_t seq = 0;         // of updates, so that one which commits late finds a later one
  std::uint32_t next_chunk = 0;  // above all numbers ever given, void ones included
  std::vector<ChunkRow> chunks;  // planned and done, by number
};

// What the ledger says of one chunk.
struct ChunkFate {
  std::string state;  // empty: it has no row
  std::uint64_t epoch = 0;
  std::uint64_t rows_done = 0;
  std::vector<std::string> displaced;
};

// What moves a table on.
struct TableUpdate {
  TableState state = TableState::kLoading;
  bool keyless = false;
  bool created = false;
  LowMark low;
  std::string low_uuid;
  std::string high_position;
  std::string schema_sql;
  std::string note;
};

class Ledger {
 public:
  Ledger(const DumpOptions& options, bool pessimistic_keyword);  // TiDB: BEGIN PESSIMISTIC

  // One packet: fences the coordinator's row, takes all open rows over. The answers to it must pass
  // check_fenced() with fence_result.
  [[nodiscard]] std::string takeover_sql() const;
  static constexpr std::size_t kFenceResult = 1;
  [[nodiscard]] static Result<void> check_fenced(const relay::QueryOutcome& answers);

  [[nodiscard]] std::string read_tables_sql() const;
  [[nodiscard]] std::string read_chunks_sql() const;
  [[nodiscard]] std::string read_chunks_sql(const TableName& table) const;
  [[nodiscard]] static Result<std::vector<TableRow>> read_tables(
      const relay::StatementResult& rows);
  // Adds the chunks to their tables; rows of unknown tables are an error.
  [[nodiscard]] static Result<void> read_chunks(const relay::StatementResult& rows,
                                                std::vector<TableRow>& tables);

  // Packets of their own, each fenced by the table's row or the coordinator's: check_fenced().
  [[nodiscard]] std::string add_tables_sql(const std::vector<DumpTable>& tables) const;
  // `row`: what the table's row is now; its seq is one higher afterwards.
  [[nodiscard]] std::string update_table_sql(const TableRow& row, const TableUpdate& update) const;
  [[nodiscard]] std::string add_chunks_sql(const TableName& table,
                                           const std::vector<ChunkRow>& chunks) const;
  // Both at once: keyless tables.
  [[nodiscard]] std::string staged_sql(const TableRow& row, const TableUpdate& update,
                                       const std::vector<ChunkRow>& chunks) const;
  [[nodiscard]] std::string void_chunks_sql(const TableRow& row) const;  // all there are
  // For a transaction that fences the coordinator's row: the tables are to be copied, again or for
  // the first time.
  [[nodiscard]] std::vector<std::string> copy_again_sql(const std::vector<DumpTable>& tables) const;

  // Inside the transaction that loads the chunk, before its COMMIT: matches one row.
  [[nodiscard]] std::string chunk_done_sql(const TableName& table, const ChunkRow& chunk) const;
  // Inside the transaction that puts a displaced row right, before its COMMIT: it counts only while
  // the table is loading, and rows that it displaced in turn are noted with the chunk.
  [[nodiscard]] std::string repair_fence_sql(const TableName& table, std::uint32_t chunk,
                                             const std::vector<std::string>& displaced) const;
  [[nodiscard]] std::string read_chunk_sql(const TableName& table, std::uint32_t chunk) const;
  [[nodiscard]] static Result<ChunkFate> read_fate(const relay::StatementResult& rows);

 private:
  [[nodiscard]] std::string table_name(const char* name) const;
  [[nodiscard]] std::string scope() const;
  [[nodiscard]] std::string scope(const TableName& table) const;
  [[nodiscard]] std::string begin() const;
  [[nodiscard]] std::string fence_table(const TableName& table) const;
  [[nodiscard]] std::string low_columns(const LowMark& low) const;
  [[nodiscard]] std::string set_table(const TableRow& row, const TableUpdate& update) const;
  [[nodiscard]] std::string insert_tables(const std::vector<DumpTable>& tables) const;
  [[nodiscard]] std::string insert_chunks(const TableName& table,
                                          const std::vector<ChunkRow>& chunks) const;

  const DumpOptions options_;
  const bool pessimistic_keyword_;
};

}  // namespace tiderelay::dumper
