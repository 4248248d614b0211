// applier/checkpoint.cc: SQL of the meta schema.
#include "applier/checkpoint.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>

#include "applier/sql_text.h"
#include "applier/statement_order.h"
#include "protocol/sql_text.h"

namespace tiderelay::applier {
namespace {

// Names compare byte by byte; 190 characters stay below the 767 bytes of MySQL 5.6's keys.
constexpr const char* kName = "VARCHAR(190) NOT NULL";
constexpr const char* kTableEnd = "DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

std::string table(const std::string& meta_schema, const char* name) {
  return quoted_name(meta_schema) + "." + name;
}

std::string where(const CheckpointScope& scope) {
  return " WHERE task=" + quoted_text(scope.task) + " AND source=" + quoted_text(scope.source);
}

std::string fence(std::int64_t seq, std::int64_t epoch, std::string_view condition) {
  return fmt::format("seq=IF(seq={} AND epoch={}{}{},{},NULL)", seq, epoch,
                     condition.empty() ? "" : " AND ", condition, seq + 1);
}

const char* locking_begin(TargetKind target) {
  return target == TargetKind::kTidb ? "BEGIN PESSIMISTIC" : "BEGIN";
}

Error unreadable(const std::string& what) {
  return Error(Errc::kCorrupt, "the checkpoint in the target cannot be read: " + what);
}

Result<std::int64_t> number(const relay::TextValue& value, const char* column) {
  std::int64_t parsed = 0;
  if (value) {
    const char* const end = value->data() + value->size();
    const auto read = std::from_chars(value->data(), end, parsed);
    if (read.ec == std::errc() && read.ptr == end && !value->empty()) return parsed;
  }
  return unreadable(fmt::format("{} is '{}'", column, value.value_or("NULL")));
}

// The result set with this first column, the last one of that kind.
const relay::StatementResult* result_set(const relay::QueryOutcome& outcome,
                                         std::string_view first_column) {
  const relay::StatementResult* found = nullptr;
  for (const relay::StatementResult& result : outcome.results) {
    if (!result.columns.empty() && result.columns.front().name == first_column) found = &result;
  }
  return found;
}

constexpr const char* kWorkerColumns = "worker,epoch,seq,applied";

Result<WorkerRow> worker_row(const std::vector<relay::TextValue>& values) {
  if (values.size() != 4) return unreadable("a worker's row has other columns");
  const auto worker = number(values[0], "worker");
  if (!worker) return worker.error();
  const auto epoch = number(values[1], "epoch");
  if (!epoch) return epoch.error();
  const auto seq = number(values[2], "seq");
  if (!seq) return seq.error();
  const auto applied = AppliedSet::parse(values[3].value_or(""));
  if (!applied) return applied.error().in("column applied of tiderelay_checkpoint");
  WorkerRow row;
  row.worker = static_cast<std::uint32_t>(*worker);
  row.epoch = *epoch;
  row.seq = *seq;
  row.applied = *applied;
  return row;
}

}  // namespace

std::vector<std::string> meta_tables_sql(const std::string& meta_schema) {
  const auto create = [&](const char* name, const std::string& columns) {
    return fmt::format("CREATE TABLE IF NOT EXISTS {} (task {},source {},{}) {}",
                       table(meta_schema, name), kName, kName, columns, kTableEnd);
  };
  constexpr const char* kUpdated =
      "updated TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)";
  constexpr const char* kTable = "schema_name VARCHAR(64) NOT NULL,table_name VARCHAR(64) NOT NULL";
  return {
      "CREATE DATABASE IF NOT EXISTS " + quoted_name(meta_schema),
      create("tiderelay_source",
             fmt::format("epoch BIGINT NOT NULL,seq BIGINT NOT NULL,phase VARCHAR(16) NOT NULL,"
                         "low_position VARCHAR(255) NOT NULL,low_set LONGTEXT NOT NULL,"
                         "rules_fingerprint VARCHAR(64) NOT NULL,rules_since VARCHAR(255) NOT NULL,"
                         "schema_snapshot LONGBLOB NOT NULL,{},PRIMARY KEY(task,source)",
                         kUpdated)),
      create("tiderelay_checkpoint",
             fmt::format("worker INT NOT NULL,epoch BIGINT NOT NULL,seq BIGINT NOT NULL,"
                         "applied LONGTEXT NOT NULL,{},PRIMARY KEY(task,source,worker)",
                         kUpdated)),
      create(
          "tiderelay_table",
          fmt::format("{},target_schema VARCHAR(64) NOT NULL,target_table VARCHAR(64) NOT NULL,"
                      "state VARCHAR(16) NOT NULL,keyless TINYINT NOT NULL,"
                      "low_set LONGTEXT NOT NULL,low_position VARCHAR(255) NOT NULL,"
                      "high_position VARCHAR(255) NOT NULL,schema_sql LONGTEXT NOT NULL,"
                      "epoch BIGINT NOT NULL,seq BIGINT NOT NULL DEFAULT 0,note LONGTEXT NOT NULL,"
                      "PRIMARY KEY(task,source,schema_name,table_name)",
                      kTable)),
      create("tiderelay_chunk",
             fmt::format("{},chunk INT NOT NULL,lower_bound LONGBLOB,upper_bound LONGBLOB,"
                         "state VARCHAR(16) NOT NULL,epoch BIGINT NOT NULL,"
                         "rows_done BIGINT NOT NULL,low_set LONGTEXT NOT NULL,"
                         "low_position VARCHAR(255) NOT NULL,displaced LONGTEXT NOT NULL,"
                         "PRIMARY KEY(task,source,schema_name,table_name,chunk)",
                         kTable)),
      create("tiderelay_ddl",
             "position VARCHAR(190) NOT NULL,statement LONGTEXT NOT NULL,"
             "target_sql LONGTEXT NOT NULL,step INT NOT NULL,"
             "fingerprint_before VARCHAR(64) NOT NULL,fingerprint_after VARCHAR(64) NOT NULL,"
             "connection_id BIGINT NOT NULL,state VARCHAR(16) NOT NULL,"
             "made TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),"
             "PRIMARY KEY(task,source,position,step)"),
      order_table_sql(meta_schema),
  };
}

std::string current_epoch_sql(const CheckpointScope& scope) {
  const std::string source = table(scope.meta_schema, "tiderelay_source");
  return fmt::format(
      "ROLLBACK;INSERT INTO {} (task,source,epoch,seq,phase,low_position,low_set,"
      "rules_fingerprint,rules_since,schema_snapshot) VALUES ({},{},0,0,'new','','','','','') "
      "ON DUPLICATE KEY UPDATE epoch=epoch;COMMIT;SELECT epoch AS current_epoch FROM {}{};ROLLBACK",
      source, quoted_text(scope.task), quoted_text(scope.source), source, where(scope));
}

Result<std::int64_t> current_epoch(const relay::QueryOutcome& outcome) {
  if (outcome.error) return *outcome.error;
  const relay::StatementResult* const answer = result_set(outcome, "current_epoch");
  if (answer == nullptr || answer->rows.size() != 1) return unreadable("it has no epoch");
  return number(answer->rows[0][0], "epoch");
}

std::string takeover_sql(const CheckpointScope& scope, TargetKind target, std::int64_t epoch) {
  const std::string mine = where(scope);
  std::string sql =
      fmt::format("ROLLBACK;{};UPDATE {} SET epoch=IF(epoch={},{},NULL){}", locking_begin(target),
                  table(scope.meta_schema, "tiderelay_source"), epoch, epoch + 1, mine);
  for (const char* const name : {"tiderelay_checkpoint", "tiderelay_table", "tiderelay_chunk"}) {
    sql +=
        fmt::format(";UPDATE {} SET epoch={}{}", table(scope.meta_schema, name), epoch + 1, mine);
  }
  return sql + ";COMMIT";
}

std::string read_rows_sql(const CheckpointScope& scope) {
  return fmt::format(
      "ROLLBACK;SELECT epoch,seq,phase,low_position,low_set,rules_fingerprint,rules_since,"
      "schema_snapshot FROM {}{};SELECT {} FROM {}{} ORDER BY worker;ROLLBACK",
      table(scope.meta_schema, "tiderelay_source"), where(scope), kWorkerColumns,
      table(scope.meta_schema, "tiderelay_checkpoint"), where(scope));
}

Result<CheckpointRows> read_rows(const relay::QueryOutcome& outcome, std::int64_t epoch) {
  if (outcome.error) return *outcome.error;
  const relay::StatementResult* const source = result_set(outcome, "epoch");
  const relay::StatementResult* const workers = result_set(outcome, "worker");
  if (source == nullptr || workers == nullptr || source->rows.size() != 1) {
    return unreadable("the row of tiderelay_source is missing");
  }
  const auto& values = source->rows[0];
  CheckpointRows rows;
  const auto found_epoch = number(values[0], "epoch");
  if (!found_epoch) return found_epoch.error();
  const auto seq = number(values[1], "seq");
  if (!seq) return seq.error();
  if (*found_epoch != epoch) {
    return Error(Errc::kFenced, fmt::format("another process has taken over the task (epoch {} "
                                            "after {})",
                                            *found_epoch, epoch));
  }
  rows.source.epoch = *found_epoch;
  rows.source.seq = *seq;
  std::string* const texts[] = {&rows.source.phase,       &rows.source.low_position,
                                &rows.source.low_set,     &rows.source.rules_fingerprint,
                                &rows.source.rules_since, &rows.source.schema_snapshot};
  for (std::size_t i = 0; i < std::size(texts); ++i) *texts[i] = values[i + 2].value_or("");
  for (const auto& row : workers->rows) {
    const Result<WorkerRow> worker = worker_row(row);
    if (!worker) return worker.error();
    if (worker->epoch != epoch) {
      return Error(Errc::kFenced, fmt::format("worker {} has epoch {}, not {}", worker->worker,
                                              worker->epoch, epoch));
    }
    rows.workers.push_back(*worker);
  }
  return rows;
}

AppliedSet CheckpointRows::applied() const {
  AppliedSet all;
  for (const WorkerRow& worker : workers) all.merge(worker.applied);
  return all;
}

std::string source_update_sql(const CheckpointScope& scope, const SourceFence& owner,
                              const SourceUpdate& update) {
  std::string sql = fmt::format("UPDATE {} SET {}", table(scope.meta_schema, "tiderelay_source"),
                                fence(owner.seq, owner.epoch, ""));
  const auto set = [&sql](const char* column, const std::optional<std::string>& value) {
    if (value) sql += fmt::format(",{}={}", column, quoted_text(*value));
  };
  set("phase", update.phase);
  set("low_position", update.low_position);
  set("low_set", update.low_set);
  set("rules_fingerprint", update.rules_fingerprint);
  set("rules_since", update.rules_since);
  if (update.schema_snapshot) {
    sql += ",schema_snapshot=";
    protocol::append_binary_literal(sql, as_bytes(*update.schema_snapshot), 0, true);
  }
  return sql + where(scope);
}

std::string source_transaction_sql(const CheckpointScope& scope, const SourceFence& owner,
                                   const SourceUpdate& update,
                                   const std::vector<std::string>& statements) {
  std::string sql = "ROLLBACK;BEGIN;" + source_update_sql(scope, owner, update);
  for (const std::string& statement : statements) sql += ";" + statement;
  return sql + ";COMMIT";
}

std::string worker_rows_sql(const CheckpointScope& scope, std::uint32_t count, std::int64_t epoch) {
  std::string sql = "INSERT INTO " + table(scope.meta_schema, "tiderelay_checkpoint") +
                    " (task,source,worker,epoch,seq,applied) VALUES ";
  for (std::uint32_t worker = 0; worker < count; ++worker) {
    fmt::format_to(std::back_inserter(sql), "{}({},{},{},{},0,'')", worker == 0 ? "" : ",",
                   quoted_text(scope.task), quoted_text(scope.source), worker, epoch);
  }
  return sql + " ON DUPLICATE KEY UPDATE worker=VALUES(worker)";
}

std::string batch_fence_sql(const CheckpointScope& scope, std::uint32_t worker, std::int64_t epoch,
                            std::int64_t seq, std::string_view condition,
                            const AppliedSet& applied) {
  return fmt::format("UPDATE {} SET {},applied={}{} AND worker={}",
                     table(scope.meta_schema, "tiderelay_checkpoint"), fence(seq, epoch, condition),
                     quoted_text(applied.text()), where(scope), worker);
}

std::string read_worker_sql(const CheckpointScope& scope, std::uint32_t worker) {
  return fmt::format("ROLLBACK;SELECT {} FROM {}{} AND worker={};ROLLBACK", kWorkerColumns,
                     table(scope.meta_schema, "tiderelay_checkpoint"), where(scope), worker);
}

Result<WorkerRow> read_worker(const relay::QueryOutcome& outcome) {
  if (outcome.error) return *outcome.error;
  const relay::StatementResult* const answer = result_set(outcome, "worker");
  if (answer == nullptr) return unreadable("the worker's row was not answered");
  if (answer->rows.size() != 1) {
    return Error(Errc::kFenced, "the worker's row in tiderelay_checkpoint is gone")
        .with_way_out(
            "stop-task, then start-task; if somebody cleaned the meta schema, copy the "
            "tables again");
  }
  return worker_row(answer->rows[0]);
}

}  // namespace tiderelay::applier
