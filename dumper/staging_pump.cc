// dumper/staging_pump.cc: rows of a table without a key into its staging table, part by part, and
// from there into the target.
#include <algorithm>
#include <utility>

#include "applier/error_class.h"
#include "applier/sql_text.h"
#include "base/check.h"
#include "dumper/dump_impl.h"

namespace tiderelay::dumper {
namespace {

using applier::quoted_name;
using applier::quoted_table;
using relay::Awaitable;
using relay::StatementResult;

constexpr std::size_t kBlockBytes = std::size_t{256} << 10U;

}  // namespace

// The next row of the stream, or nothing at its end.
Awaitable<std::optional<ByteView>> DumpPump::Impl::next_row(Session& reader, Staging& staging) {
  if (staging.at == staging.rows.size()) {
    const auto rows = co_await reader.connection().next_rows();
    if (!rows) co_return rows.error().in("reading the source");
    staging.rows = *rows;
    staging.at = 0;
    if (staging.rows.empty()) co_return std::optional<ByteView>();
  }
  co_return std::optional<ByteView>(staging.rows[staging.at++]);
}

// True: a part was loaded and there may be more.
Awaitable<bool> DumpPump::Impl::stage_part(Hand& hand, TableTask& table, Staging& staging) {
  Result<std::optional<ByteView>> row = co_await next_row(hand.source, staging);
  if (!row) co_return row.error();
  if (!*row) co_return false;
  if (staging.part == 0) staging.first_chunk = table.row.next_chunk;
  const std::uint32_t chunk = table.row.next_chunk++;
  const Result<void> begun = co_await begin(hand.target, load_refused || table.staged_by_insert);
  if (!begun) co_return begun.error();
  Loaded loaded;
  Result<void> sent = Result<void>();
  if (load_refused || table.staged_by_insert) {
    sent = co_await insert_part(hand, table, staging, chunk, **row, loaded);
  } else {
    sent = co_await load_part(hand, table, staging, chunk, **row, loaded);
  }
  if (!sent) co_return sent.error();
  if (!loaded.proved()) {  // the rows are gone: once more, with statements that name what is wrong
    table.staged_by_insert = true;
    co_return Error(Errc::kConnection, "a part was not taken as it is, INSERT will tell why");
  }
  const Result<StatementResult> committed = co_await hand.target.execute("COMMIT");
  if (!committed) co_return committed.error();
  ++staging.part;
  note_progress(table, loaded.rows, loaded.bytes);
  ++table.status.chunks_total;
  co_return true;
}

Awaitable<void> DumpPump::Impl::load_part(Hand& hand, TableTask& table, Staging& staging,
                                          std::uint32_t chunk, ByteView row, Loaded& loaded) {
  relay::Connection& target_connection = hand.target.connection();
  const Result<void> begun = co_await target_connection.load_begin(
      load_sql(table.plan, table.staging, std::to_string(chunk)));
  if (!begun && load_is_refused(begun.error())) {
    note_load_refused();
    co_return Error(Errc::kConnection, begun.error().text());
  }
  if (!begun) co_return begun.error();
  Block block(kBlockBytes);
  LoadEncoder encoder(table.plan.columns);
  for (;;) {
    ++loaded.rows;
    loaded.bytes += row.size();
    encoder.start(row);
    for (;;) {
      const Result<bool> complete = encoder.encode(block);
      if (!complete) co_return complete.error();
      if (*complete) break;
      const Result<void> sent = co_await target_connection.load_block(block.view());
      if (!sent) co_return sent.error();
      block.clear();
    }
    if (loaded.bytes >= options.chunk_bytes || loaded.rows >= options.chunk_rows_max) break;
    const Result<std::optional<ByteView>> next = co_await next_row(hand.source, staging);
    if (!next) co_return next.error();
    if (!*next) break;
    row = **next;
  }
  const Result<void> sent = co_await target_connection.load_block(block.view());
  if (!sent) co_return sent.error();
  const Result<StatementResult> answer = co_await target_connection.load_end();
  if (!answer) co_return answer.error();
  loaded.affected = answer->affected_rows;
  loaded.warnings = answer->warnings;
  co_return Result<void>();
}

Awaitable<void> DumpPump::Impl::insert_part(Hand& hand, TableTask& table, Staging& staging,
                                            std::uint32_t chunk, ByteView row, Loaded& loaded) {
  Batch batch;
  std::vector<std::string> displaced;
  for (;;) {
    ++loaded.rows;
    loaded.bytes += row.size();
    const Result<void> added = add_to_batch(table, batch, row, chunk);
    if (!added) co_return added.error();
    if (batch.sql.size() >= options.statement_bytes) {
      const Result<void> inserted = co_await insert_batch(hand.target, table, batch, displaced);
      if (!inserted) co_return inserted.error();
    }
    if (loaded.bytes >= options.chunk_bytes || loaded.rows >= options.chunk_rows_max) break;
    const Result<std::optional<ByteView>> next = co_await next_row(hand.source, staging);
    if (!next) co_return next.error();
    if (!*next) break;
    row = **next;
  }
  const Result<void> inserted = co_await insert_batch(hand.target, table, batch, displaced);
  if (!inserted) co_return inserted.error();
  loaded.affected = loaded.rows;
  co_return Result<void>();
}

Awaitable<void> DumpPump::Impl::move_parts(Hand& hand, TableTask& table) {
  std::uint64_t rows_done = 0;
  table.status.chunks_total = table.row.chunks.size();
  table.status.chunks_done = 0;
  for (std::size_t i = 0; i < table.row.chunks.size(); ++i) {
    ChunkRow& chunk = table.row.chunks[i];
    if (!chunk.done) {
      if (!chunk.lower) co_return Error(Errc::kCorrupt, "a part lacks its staging table");
      table.staging = *chunk.lower;
      const Result<void> moved = co_await move_part(hand, table, chunk);
      if (!moved) co_return moved.error();
    }
    chunk.done = true;
    rows_done += chunk.rows_done;
    ++table.status.chunks_done;
  }
  table.status.rows_done = rows_done;
  TableUpdate update;
  update.state = TableState::kLoaded;
  update.keyless = true;
  update.created = table.row.created;
  update.low = table.row.low;
  update.high_position = table.row.high_position;
  update.schema_sql = table.row.schema_sql;
  const Result<void> stored =
      co_await store_table(hand, table, ledger->update_table_sql(table.row, update));
  if (!stored) co_return stored.error();
  if (!table.row.chunks.empty()) {
    const Result<relay::QueryOutcome> dropped = co_await persist(
        hand, hand.target, "DROP TABLE IF EXISTS " + *table.row.chunks.front().lower);
    if (!dropped) co_return dropped.error();
    if (dropped->error) note("a staging table remains: " + dropped->error->text());
  }
  co_return Result<void>();
}

Awaitable<void> DumpPump::Impl::move_part(Hand& hand, TableTask& table, ChunkRow& chunk) {
  hand.backoff.reset();
  for (;;) {
    const Result<void> moved = co_await move_once(hand, table, chunk);
    if (moved) co_return moved;
    hand.target.drop();
    if (ending()) co_return Error(Errc::kStopped, "the full phase is stopped");
    if (moved.error().code() == Errc::kData) {
      // The rows in the way may be those of a try before, whose commit came late.
      const Result<void> resolved = co_await resolve_chunk(hand, table, chunk);
      if (resolved || resolved.error().code() == Errc::kFenced) co_return resolved;
    }
    if (!is_passing(moved.error()) || hand.backoff.lasted(options.retry_for)) {
      co_return moved.error();
    }
    const Result<void> paused = co_await pause(hand);
    if (!paused) co_return paused.error();
  }
}

Awaitable<void> DumpPump::Impl::move_once(Hand& hand, TableTask& table, ChunkRow& chunk) {
  const Result<void> begun = co_await begin(hand.target, true);
  if (!begun) co_return begun.error();
  const std::string from = " FROM " + table.staging + " WHERE " + quoted_name(kPartColumn) + " = " +
                           std::to_string(chunk.chunk);
  const Result<StatementResult> counted = co_await hand.target.execute("SELECT COUNT(*)" + from);
  if (!counted) co_return counted.error();
  const std::string columns = target_columns(table.plan);
  const Result<StatementResult> moved =
      co_await hand.target.execute("INSERT INTO " + quoted_table(table.table.target) + " (" +
                                   columns + ") SELECT " + columns + from);
  if (!moved) {
    const Error error = moved.error();
    if (error.code() != Errc::kServer || is_passing(error)) co_return error;
    co_return Error(Errc::kData,
                    "rows out of " + table.staging + " are refused by the target: " + error.text())
        .with_way_out(applier::way_out(error.server_code()));
  }
  if (std::to_string(moved->affected_rows) != counted->rows.at(0).at(0).value_or("") ||
      moved->warnings != 0) {
    co_return Error(Errc::kData, "the target took " + std::to_string(moved->affected_rows) +
                                     " of " + counted->rows[0][0].value_or("?") + " rows out of " +
                                     table.staging + ", with " + std::to_string(moved->warnings) +
                                     " warnings");
  }
  chunk.rows_done = moved->affected_rows;
  chunk.low = table.row.low;
  chunk.server_uuid = source_server.server_uuid;
  const Result<void> committed = co_await commit_chunk(hand, table, chunk);
  co_return committed;
}

}  // namespace tiderelay::dumper
