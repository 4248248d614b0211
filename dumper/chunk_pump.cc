// dumper/chunk_pump.cc: one chunk: its rows from a source session through the encoder into LOAD
// DATA on a target session, and the ledger row, in one transaction of the target.
//
// Memory: a block and one read of the source's socket, or one row where rows are larger.
#include <algorithm>
#include <utility>

#include "applier/error_class.h"
#include "applier/sql_text.h"
#include "base/check.h"
#include "dumper/dump_impl.h"

namespace tiderelay::dumper {
namespace {

using applier::TargetKind;
using relay::Awaitable;
using relay::QueryOutcome;
using relay::StatementResult;

constexpr std::size_t kBlockBytes = std::size_t{256} << 10U;
constexpr std::uint16_t kBadNull = 1048;  // the fence

Error source_failed(const Error& error) { return error.in("reading the source"); }

}  // namespace

// MySQL 8, MariaDB 11, and what is older.
bool load_is_refused(const Error& error) {
  const std::uint16_t code = error.server_code();
  return code == 3948 || code == 4166 || code == 1148;
}

bool is_lost(const Error& error) {
  const std::uint16_t code = error.server_code();
  return code == 1049 || code == 1054 || code == 1146 || code == 1176;
}

void DumpPump::Impl::Lease::release() {
  if (session_ == nullptr) return;
  impl_.free_readers.push_back(std::exchange(session_, nullptr));
  if (impl_.has_work()) impl_.wake_movers();
}

std::string DumpPump::Impl::chunk_select(const TableTask& table, const ChunkRow& chunk) const {
  std::string condition;
  if (!table.plan.staged()) {
    condition = chunk_condition(table.plan.key, chunk.lower, chunk.upper);
  }
  if (!options.where.empty()) condition = both(condition, "(" + options.where + ")");
  return select_sql(table.plan, condition);
}

Awaitable<void> DumpPump::Impl::begin(Session& session, bool pessimistic) {
  std::string sql = "ROLLBACK; START TRANSACTION";
  if (target_info.kind == TargetKind::kTidb) {
    sql = pessimistic ? "ROLLBACK; BEGIN PESSIMISTIC" : "ROLLBACK; BEGIN OPTIMISTIC";
  }
  const Result<QueryOutcome> begun = co_await session.query(std::move(sql));
  if (!begun) co_return begun.error();
  if (begun->error) co_return *begun->error;
  co_return Result<void>();
}

Awaitable<void> DumpPump::Impl::load_chunk(Hand& hand, ChunkJob& job) {
  CHECK(!free_readers.empty(), "a mover asks has_work() first");
  Lease lease(*this, free_readers.back());
  free_readers.pop_back();
  if (has_work()) wake_movers();
  TableTask& table = *job.table;
  const Result<void> opened = co_await lease.session().open();
  if (!opened) co_return source_failed(opened.error());
  const Result<void> marked = co_await read_low(hand, lease.session(), table, job.chunk);
  if (!marked) co_return marked.error();

  Loaded loaded;
  bool proved = false;
  if (!load_refused && !job.by_insert) {
    const Result<void> begun = co_await begin(hand.target, false);
    if (!begun) co_return begun.error();
    const Result<Loaded> streamed =
        co_await stream_chunk(lease.session(), hand.target, table, job.chunk);
    const bool data_refused =
        !streamed && streamed.error().code() == Errc::kServer &&
        applier::classify(streamed.error(), false) == applier::ErrorClass::kData;
    if (!streamed && !data_refused && !load_is_refused(streamed.error())) {
      co_return streamed.error();
    }
    if (!streamed && !data_refused) note_load_refused();
    if (streamed) {
      loaded = *streamed;
      proved = loaded.proved();
    }
  }
  if (!proved) {  // an error becomes a warning in LOAD DATA LOCAL: INSERT tells which
    job.by_insert = true;
    const Result<Loaded> inserted =
        co_await insert_chunk(lease.session(), hand.target, table, job.chunk);
    if (!inserted) co_return inserted.error();
    loaded = *inserted;
  }
  lease.release();
  job.chunk.rows_done = loaded.rows;
  const Result<void> committed = co_await commit_chunk(hand, table, job.chunk);
  if (!committed) co_return committed.error();
  chunk_done(job, loaded.bytes);
  co_return Result<void>();
}

Awaitable<DumpPump::Impl::Loaded> DumpPump::Impl::stream_chunk(Session& reader, Session& writer,
                                                               TableTask& table,
                                                               const ChunkRow& chunk) {
  const std::string into = applier::quoted_table(table.table.target);
  const auto columns = co_await reader.connection().stream(chunk_select(table, chunk));
  if (!columns) co_return source_failed(columns.error());
  const Result<void> begun =
      co_await writer.connection().load_begin(load_sql(table.plan, into, ""));
  if (!begun) {
    reader.drop();  // with the rows that nobody reads
    co_return begun.error();
  }
  Loaded loaded;
  LoadEncoder encoder(table.plan.columns);
  const Result<void> sent = co_await send_rows(reader, writer, encoder, loaded);
  if (!sent) {
    writer.drop();  // a half file must not end as if it were whole
    reader.drop();
    co_return sent.error();
  }
  const Result<StatementResult> answer = co_await writer.connection().load_end();
  if (!answer) co_return answer.error();
  loaded.affected = answer->affected_rows;
  loaded.warnings = answer->warnings;
  co_return loaded;
}

Awaitable<void> DumpPump::Impl::send_rows(Session& reader, Session& writer, LoadEncoder& encoder,
                                          Loaded& loaded) {
  Block block(kBlockBytes);
  for (;;) {
    const auto rows = co_await reader.connection().next_rows();
    if (!rows) co_return source_failed(rows.error());
    if (rows->empty()) break;
    for (const ByteView row : *rows) {
      ++loaded.rows;
      loaded.bytes += row.size();
      encoder.start(row);
      for (;;) {
        const Result<bool> complete = encoder.encode(block);
        if (!complete) co_return complete.error();
        if (*complete) break;
        const Result<void> sent = co_await writer.connection().load_block(block.view());
        if (!sent) co_return sent.error();
        block.clear();
      }
    }
  }
  const Result<void> sent = co_await writer.connection().load_block(block.view());
  co_return sent;
}

Awaitable<void> DumpPump::Impl::commit_chunk(Hand& hand, TableTask& table, ChunkRow& chunk) {
  const Result<StatementResult> marked =
      co_await hand.target.execute(ledger->chunk_done_sql(table.table.source, chunk));
  if (!marked && marked.error().server_code() == kBadNull) {
    hand.target.drop();
    const Result<void> resolved = co_await resolve_chunk(hand, table, chunk);
    co_return resolved;
  }
  if (!marked) co_return marked.error();
  if (marked->affected_rows != 1) {
    hand.target.drop();
    co_return Error(Errc::kFenced, "the chunk's row in the meta schema is gone")
        .with_way_out("start the task again");
  }
  const Result<StatementResult> committed = co_await hand.target.execute("COMMIT");
  if (committed) co_return Result<void>();
  hand.target.drop();
  const bool unknown = applier::classify(committed.error(), true) == applier::ErrorClass::kCheck;
  if (!unknown) co_return committed.error();
  const Result<void> resolved = co_await resolve_chunk(hand, table, chunk);
  co_return resolved;
}

// Success: the chunk is loaded, perhaps by a try before; then `chunk` says what that one noted.
// kConnection: it is not, and may be tried again.
Awaitable<void> DumpPump::Impl::resolve_chunk(Hand& hand, TableTask& table, ChunkRow& chunk) {
  const Result<QueryOutcome> answer =
      co_await persist(hand, hand.target, ledger->read_chunk_sql(table.table.source, chunk.chunk));
  if (!answer) co_return answer.error();
  if (answer->error) co_return *answer->error;
  const Result<ChunkFate> fate = Ledger::read_fate(answer->results.front());
  if (!fate) co_return fate.error();
  if (fate->state == "done") {
    chunk.rows_done = fate->rows_done;
    chunk.displaced = fate->displaced;
    co_return Result<void>();
  }
  if (fate->state == "planned" && fate->epoch == options.epoch) {
    co_return Error(Errc::kConnection, "the commit of a chunk was lost");
  }
  co_return Error(Errc::kFenced, "another process has taken over this task");
}

void DumpPump::Impl::chunk_done(ChunkJob& job, std::uint64_t bytes) {
  TableTask& table = *job.table;
  note_progress(table, job.chunk.rows_done, bytes);
  if (table.sizer) table.sizer->saw(job.chunk.rows_done, bytes);
  ++table.status.chunks_done;
  job.chunk.done = true;
  table.row.chunks.push_back(std::move(job.chunk));
  --table.open_chunks;
  table.changed.notify();
}

void DumpPump::Impl::note_load_refused() {
  load_refused = true;
  note(
      "the target takes no LOAD DATA LOCAL, rows go as INSERTs, which is slower "
      "(SET GLOBAL local_infile = 1 at the target allows it)");
}

// Decides what becomes of a chunk that failed: again later, or the end of the phase.
Awaitable<void> DumpPump::Impl::settle(Hand& hand, ChunkJob job, Error error) {
  hand.target.drop();
  if (ending()) co_return Result<void>();
  TableTask& table = *job.table;
  if (is_lost(error) || table.schema_changed) {  // the table's worker looks whether it was altered
    table.schema_changed = true;
    table.schema_error = error;
    --table.open_chunks;
    table.changed.notify();
    co_return Result<void>();
  }
  if (error.code() == Errc::kData) {
    // What is in the way may be its own rows, of a try before whose commit came late.
    const Result<void> resolved = co_await resolve_chunk(hand, table, job.chunk);
    if (resolved) {
      chunk_done(job, 0);
      co_return Result<void>();
    }
    if (resolved.error().code() == Errc::kFenced) co_return resolved.error();
  }
  if (!is_passing(error)) {
    co_return error.in("table " + applier::quoted_table(table.table.source));
  }
  if (job.attempts++ == 0) job.failing_since = Clock::now();
  if (Clock::now() - job.failing_since > options.retry_for) {
    co_return error.in("table " + applier::quoted_table(table.table.source));
  }
  if (job.attempts == 1) hand.backoff.reset();
  table.status.note = "tried again: " + error.text();
  const Result<void> paused = co_await pause(hand);
  if (!paused) co_return Result<void>();
  table.status.note.clear();
  queue.push_back(std::move(job));
  wake_movers();
  co_return Result<void>();
}

}  // namespace tiderelay::dumper
