// applier/checkpoint.h: the rows in the target's meta schema that make applying exactly once: their
// tables, the takeover of a task, the fenced statements, and reading them back.
//
// Every statement that moves a row is fenced: `seq = IF(seq = N AND epoch = E AND ..., N + 1,
// NULL)` on a NOT NULL column in strict mode is error 1048 unless the row is as its owner believes,
// and nothing of the transaction commits. The epoch is the owner's: a takeover raises it in the
// coordinator's row and in all others, so what an older owner's connections still send, commits
// nothing. Rules: docs/exactly-once.md, 5.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "applier/applied_set.h"
#include "applier/target_info.h"
#include "base/error.h"
#include "relay/query_outcome.h"

namespace tiderelay::applier {

// Which rows: all tables are keyed by (task, source).
struct CheckpointScope {
  std::string meta_schema = "dm_meta";
  std::string task;
  std::string source;
};

// CREATE DATABASE and CREATE TABLE IF NOT EXISTS, one statement each.
std::vector<std::string> meta_tables_sql(const std::string& meta_schema);

struct SourceRow {  // tiderelay_source
  std::int64_t epoch = 0;
  std::int64_t seq = 0;
  std::string phase;         // new, full, sync
  std::string low_position;  // LogPosition as text; empty: nothing applied yet
  std::string low_set;
  std::string rules_fingerprint;
  std::string rules_since;
  std::string schema_snapshot;  // as stored
};

struct WorkerRow {  // tiderelay_checkpoint
  std::uint32_t worker = 0;
  std::int64_t epoch = 0;
  std::int64_t seq = 0;
  AppliedSet applied;
};

// Takeover: the epoch that is there (the row is made if it is missing), then one packet that raises
// exactly this one everywhere, then one that reads. A lost answer: begin again. Without the fence a
// takeover that commits late on a forgotten connection would take the task from its own process.
std::string current_epoch_sql(const CheckpointScope& scope);
Result<std::int64_t> current_epoch(const relay::QueryOutcome& outcome);
std::string takeover_sql(const CheckpointScope& scope, TargetKind target, std::int64_t epoch);

std::string read_rows_sql(const CheckpointScope& scope);
struct CheckpointRows {
  SourceRow source;
  std::vector<WorkerRow> workers;  // by worker number

  [[nodiscard]] AppliedSet applied() const;  // of all workers
};
// kFenced: the rows carry another epoch, somebody has taken over in between.
Result<CheckpointRows> read_rows(const relay::QueryOutcome& outcome, std::int64_t epoch);

// The coordinator's row under its owner.
struct SourceFence {
  std::int64_t epoch = 0;
  std::int64_t seq = 0;  // of the row now; each successful update makes it one more
};

// What an update of the coordinator's row changes; nullopt stays as it is.
struct SourceUpdate {
  std::optional<std::string> phase;
  std::optional<std::string> low_position;
  std::optional<std::string> low_set;
  std::optional<std::string> rules_fingerprint;
  std::optional<std::string> rules_since;
  std::optional<std::string> schema_snapshot;
};
// The fenced UPDATE alone: the first statement of any transaction of the coordinator (a DDL's done
// row, new worker rows, the low-water mark).
std::string source_update_sql(const CheckpointScope& scope, const SourceFence& fence,
                              const SourceUpdate& update);
// A whole packet: ROLLBACK; BEGIN; the fenced update; `statements`; COMMIT.
std::string source_transaction_sql(const CheckpointScope& scope, const SourceFence& fence,
                                   const SourceUpdate& update,
                                   const std::vector<std::string>& statements);
// INSERT of worker rows 0 .. count-1 that are missing: only inside source_transaction_sql().
std::string worker_rows_sql(const CheckpointScope& scope, std::uint32_t count, std::int64_t epoch);

// The fence of a batch: the statement before COMMIT. `condition`: more to be proved, or empty.
std::string batch_fence_sql(const CheckpointScope& scope, std::uint32_t worker, std::int64_t epoch,
                            std::int64_t seq, std::string_view condition,
                            const AppliedSet& applied);
std::string read_worker_sql(const CheckpointScope& scope, std::uint32_t worker);
// kFenced: the row is gone. The outcome's last result set.
Result<WorkerRow> read_worker(const relay::QueryOutcome& outcome);

}  // namespace tiderelay::applier
