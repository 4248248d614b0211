// dumper/table_pump.cc: one table from its definition to its ledger row `loaded`: the target's
// table, the plan, the chunks' bounds, LOW and HIGH. What was there before a crash is gone on with.
#include <algorithm>
#include <charconv>
#include <utility>

#include "applier/schema_builder.h"
#include "applier/sql_text.h"
#include "applier/target_table.h"
#include "dumper/dump_impl.h"

namespace tiderelay::dumper {
namespace {

using applier::quoted_name;
using applier::quoted_table;
using applier::TableSchema;
using relay::Awaitable;
using relay::QueryOutcome;
using relay::StatementResult;

constexpr std::size_t kChunksAStatement = 64;
constexpr std::size_t kChunksAheadUnseen = 64;  // planned by estimate, before a row was seen
constexpr std::uint16_t kNoSuchTable = 1146;
constexpr std::uint16_t kNoSuchDatabase = 1049;

// create_table_sql() spells strings with backslashes.
constexpr char kDdlMode[] =
    "SET @tiderelay_mode = @@sql_mode; "
    "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ALLOW_INVALID_DATES'";
constexpr char kRowMode[] = "SET SESSION sql_mode = @tiderelay_mode";

applier::Dialect dialect_of(const SourceServer& source) {
  return source.mariadb ? applier::Dialect::kMariaDb : applier::Dialect::kMySql;
}

bool is_absent(const Error& error) {
  return error.server_code() == kNoSuchTable || error.server_code() == kNoSuchDatabase;
}

std::uint64_t number_in(const relay::TextValue& value) {
  std::uint64_t number = 0;
  if (value) std::from_chars(value->data(), value->data() + value->size(), number);
  return number;
}

}  // namespace

Awaitable<void> DumpPump::Impl::copy_table(Hand& hand, TableTask& table) {
  if (table.row.state == TableState::kLoaded) {
    table.status.stage = TableStage::kLoaded;
    table.status.chunks_total = table.status.chunks_done = table.row.chunks.size();
    for (const ChunkRow& chunk : table.row.chunks) table.status.rows_done += chunk.rows_done;
    table.status.rows_estimated = table.status.rows_done;
    co_return Result<void>();
  }
  bool complete = false;
  while (!complete) {
    if (table.row.state != TableState::kAgain) {
      const Result<bool> copied = co_await copy_once(hand, table);
      if (!copied) co_return copied.error();
      complete = *copied;
    }
    if (complete) break;
    const Result<void> cleared = co_await begin_anew(hand, table);
    if (!cleared) co_return cleared.error();
  }
  co_return co_await analyze(hand, table);
}

// Statistics, so that the target's first plans are good ones.
Awaitable<void> DumpPump::Impl::analyze(Hand& hand, TableTask& table) {
  const bool wanted =
      options.analyze != Analyze::kOff && target_info.kind == applier::TargetKind::kTidb;
  if (!wanted || table.status.rows_done == 0) co_return Result<void>();
  const Result<QueryOutcome> answer = co_await persist(
      hand, hand.target, "ANALYZE TABLE " + quoted_table(table.table.target) + "; ROLLBACK");
  if (!answer) co_return answer.error();
  if (!answer->error) co_return Result<void>();
  const Error error = answer->error->in("ANALYZE TABLE " + quoted_table(table.table.target));
  if (options.analyze == Analyze::kRequired) co_return error;
  note(error.text());
  hand.target.drop();
  co_return Result<void>();
}

Awaitable<bool> DumpPump::Impl::copy_once(Hand& hand, TableTask& table) {
  table.status.stage = TableStage::kPreparing;
  const bool resumed = table.row.state != TableState::kPlanned;
  const bool staged = table.row.state == TableState::kStaged;  // what follows it is in the log
  Result<std::string> create = table.row.schema_sql;
  if (!staged) create = co_await show_create(hand, hand.source, table.table.source);
  if (!create && is_absent(create.error())) {
    if (resumed) co_return false;
    const Result<void> noted = co_await note_absence(hand, table);
    if (!noted) co_return noted.error();
    co_return true;
  }
  if (!create) co_return create.error();
  if (resumed && comparable_create(*create) != comparable_create(table.row.schema_sql)) {
    co_return false;
  }
  if (resumed) {
    const Result<std::string> there = co_await show_create(hand, hand.target, table.table.target);
    if (!there && is_absent(there.error())) co_return false;  // and what was loaded is gone with it
    if (!there) co_return there.error();
  }
  const Result<void> prepared = co_await prepare_table(hand, table, *create);
  if (!prepared) co_return prepared.error();
  if (resumed) {
    table.low = table.row.low;
    table.low_uuid = table.row.low_uuid;
  } else {
    const Result<void> begun = co_await begin_loading(hand, table, *create);
    if (!begun) co_return begun.error();
  }
  table.status.stage = TableStage::kCopying;
  if (table.plan.staged()) {
    const Result<bool> moved = co_await copy_keyless(hand, table);
    co_return moved;
  }
  const Result<void> resumable = resume_chunks(table);
  if (!resumable) co_return resumable.error();
  const Result<void> planned = co_await plan_chunks(hand, table);
  if (!planned) co_return planned.error();
  const Result<void> waited = co_await wait_for_chunks(table);
  if (!waited) co_return waited.error();
  const Result<bool> same = co_await schema_still_same(hand, table);
  if (!same || !*same) co_return same;
  const Result<bool> finished_table = co_await finish_table(hand, table);
  co_return finished_table;
}

Awaitable<std::string> DumpPump::Impl::show_create(Hand& hand, Session& session, TableName name) {
  const Result<QueryOutcome> answer =
      co_await persist(hand, session, "SHOW CREATE TABLE " + quoted_table(name));
  if (!answer) co_return answer.error();
  if (answer->error) co_return *answer->error;
  const auto& rows = answer->results.front().rows;
  if (rows.size() != 1 || rows[0].size() != 2 || !rows[0][1]) {
    co_return Error(Errc::kUnsupported, quoted_table(name) + " is no table")
        .with_way_out("leave it out of the task's block/allow list");
  }
  co_return *rows[0][1];
}

Awaitable<void> DumpPump::Impl::prepare_table(Hand& hand, TableTask& table, std::string create) {
  const Result<TableSchema> source_schema = applier::parse_shown_table(
      create, table.table.source.schema, dialect_of(source_server), source_server.version);
  if (!source_schema) co_return source_schema.error();
  const Result<TableSchema> target_schema = co_await target_table(hand, table, *source_schema);
  if (!target_schema) co_return target_schema.error();
  Result<TablePlan> plan =
      plan_table(table.table, *source_schema, *target_schema, target_info.kind);
  if (!plan) co_return plan.error();
  table.plan = std::move(*plan);
  table.status.keyless = table.plan.staged();
  const Result<void> estimated = co_await estimate(hand, table);
  co_return estimated;
}

Awaitable<TableSchema> DumpPump::Impl::target_table(Hand& hand, TableTask& table,
                                                    TableSchema source_schema) {
  const TableName& name = table.table.target;
  Result<std::string> there = co_await show_create(hand, hand.target, name);
  if (!there && is_absent(there.error())) {
    const Result<void> created = co_await create_target(hand, table, std::move(source_schema));
    if (!created) co_return created.error();
    there = co_await show_create(hand, hand.target, name);
  }
  if (!there) co_return there.error().in("the target's table " + quoted_table(name));
  Result<TableSchema> schema = applier::parse_shown_table(
      *there, name.schema, applier::dialect_of(target_info.kind), target_info.version);
  co_return schema;
}

Awaitable<void> DumpPump::Impl::create_target(Hand& hand, TableTask& table, TableSchema schema) {
  applier::Target translation = options.translation;
  translation.kind = target_info.kind;
  translation.version = target_info.version;
  const auto create =
      applier::create_table_sql(schema, table.table.target, translation, options.route, true);
  if (!create) co_return create.error();
  for (const applier::TranslationNote& each : create->notes) {
    if (each.kind != applier::TranslationNote::Kind::kMapped) note(each.text);
  }
  table.row.created = !table.table.shared_target;
  if (table.row.created) {  // noted first: after a crash in between the table is known as ours
    TableUpdate intent;
    intent.state = TableState::kPlanned;
    intent.created = true;
    const Result<void> noted =
        co_await store_table(hand, table, ledger->update_table_sql(table.row, intent));
    if (!noted) co_return noted.error();
  }
  std::vector<std::string> statements;
  statements.emplace_back(kDdlMode);
  statements.push_back("CREATE DATABASE IF NOT EXISTS " + quoted_name(table.table.target.schema));
  statements.push_back(create->sql);
  statements.emplace_back(kRowMode);
  for (const std::string& sql : statements) {
    const Result<QueryOutcome> made = co_await persist(hand, hand.target, sql);
    if (!made) co_return made.error();
    if (made->error) {
      hand.target.drop();
      co_return made->error->in("making the target's table with: " + sql);
    }
  }
  co_return Result<void>();
}

Awaitable<void> DumpPump::Impl::estimate(Hand& hand, TableTask& table) {
  const Result<QueryOutcome> answer = co_await persist(
      hand, hand.source,
      "SELECT table_rows, avg_row_length FROM information_schema.tables WHERE table_schema = " +
          applier::quoted_text(table.table.source.schema) +
          " AND table_name = " + applier::quoted_text(table.table.source.table));
  if (!answer) co_return answer.error();
  if (answer->error) co_return *answer->error;
  std::uint64_t rows = 0;
  std::uint64_t row_bytes = 0;
  for (const auto& row : answer->results.front().rows) {
    rows = number_in(row.at(0));
    row_bytes = number_in(row.at(1));
  }
  table.status.rows_estimated = rows;
  ChunkSizer::Limits limits;
  limits.chunk_bytes = options.chunk_bytes;
  limits.chunk_rows_max = options.chunk_rows_max;
  limits.parallel = static_cast<unsigned>(readers.size());
  table.sizer.emplace(limits, rows, row_bytes);
  co_return Result<void>();
}

Awaitable<void> DumpPump::Impl::begin_loading(Hand& hand, TableTask& table, std::string create) {
  if (!table.plan.staged()) {
    const Result<void> low = co_await table_low(hand, table);
    if (!low) co_return low.error();
  }
  TableUpdate update;
  update.keyless = table.plan.staged();
  update.created = table.row.created;
  update.low = table.low;
  update.low_uuid = table.low_uuid;
  update.schema_sql = create;
  const Result<void> stored =
      co_await store_table(hand, table, ledger->update_table_sql(table.row, update));
  if (!stored) co_return stored.error();
  table.row.state = TableState::kLoading;
  table.row.schema_sql = std::move(create);
  co_return Result<void>();
}

// What an earlier run left: done chunks count, planned ones wait again.
Result<void> DumpPump::Impl::resume_chunks(TableTask& table) {
  std::vector<ChunkRow> done;
  for (ChunkRow& chunk : table.row.chunks) {  // by number, each begins where the one before ends
    table.planned_to = chunk.upper;
    table.fully_planned = !chunk.upper;
    if (!chunk.done) {
      enqueue(table, std::move(chunk));
      continue;
    }
    table.status.rows_done += chunk.rows_done;
    ++table.status.chunks_done;
    ++table.status.chunks_total;
    done.push_back(std::move(chunk));
  }
  table.row.chunks = std::move(done);
  for (const ChunkRow& chunk : table.row.chunks) {
    if (chunk.low.set.empty() && chunk.low.position.empty()) continue;
    const bool first = table.low.set.empty() && table.low.position.empty();
    const Result<LowMark> low =
        first ? Result<LowMark>(chunk.low) : earlier_mark(source_server, table.low, chunk.low);
    if (!low) return low.error();
    table.low = *low;
  }
  return {};
}

void DumpPump::Impl::enqueue(TableTask& table, ChunkRow chunk) {
  ++table.open_chunks;
  ++table.status.chunks_total;
  ChunkJob job;
  job.table = &table;
  job.chunk = std::move(chunk);
  queue.push_back(std::move(job));
  wake_movers();
}

Awaitable<void> DumpPump::Impl::plan_chunks(Hand& hand, TableTask& table) {
  std::vector<ChunkRow> fresh;
  Bound lower = table.planned_to;
  while (!table.fully_planned && !table.schema_changed) {
    const Result<QueryOutcome> answer =
        co_await persist(hand, hand.source, next_bound_sql(table.plan, lower, table.sizer->rows()));
    if (!answer) co_return answer.error();
    if (answer->error && is_lost(*answer->error)) {
      table.schema_changed = true;
      table.schema_error = *answer->error;
      break;
    }
    if (answer->error) co_return answer->error->in("planning chunks");
    const Result<Bound> upper = next_bound(table.plan.key, answer->results.front());
    if (!upper) co_return upper.error();
    ChunkRow chunk;
    chunk.chunk = table.row.next_chunk++;
    chunk.lower = lower;
    chunk.upper = *upper;
    lower = *upper;
    table.fully_planned = !lower;
    fresh.push_back(std::move(chunk));
    const bool hungry = queue.size() < readers.size();
    if (fresh.size() >= kChunksAStatement || hungry || table.fully_planned) {
      std::vector<ChunkRow> some;
      some.swap(fresh);
      const Result<void> stored = co_await store_chunks(hand, table, std::move(some));
      if (!stored) co_return stored.error();
    }
    while (table.status.chunks_done == 0 && table.open_chunks >= kChunksAheadUnseen &&
           !table.schema_changed) {
      co_await table.changed.wait();
      if (ending()) co_return Error(Errc::kStopped, "the full phase is stopped");
    }
  }
  co_return Result<void>();
}

Awaitable<void> DumpPump::Impl::store_chunks(Hand& hand, TableTask& table,
                                             std::vector<ChunkRow> chunks) {
  const Result<void> stored =
      co_await persist_fenced(hand, ledger->add_chunks_sql(table.table.source, chunks));
  if (!stored) co_return stored.error();
  table.planned_to = chunks.back().upper;
  for (ChunkRow& chunk : chunks) enqueue(table, std::move(chunk));
  co_return Result<void>();
}

Awaitable<void> DumpPump::Impl::wait_for_chunks(TableTask& table) {
  while (table.open_chunks > 0 && !table.schema_changed) {
    co_await table.changed.wait();
    if (ending()) co_return Error(Errc::kStopped, "the full phase is stopped");
  }
  if (!table.schema_changed) co_return Result<void>();
  const auto of_table = [&](const ChunkJob& job) { return job.table == &table; };
  table.open_chunks -= std::erase_if(queue, of_table);
  while (table.open_chunks > 0) {  // what is under way comes to an end
    co_await table.changed.wait();
    if (ending()) co_return Error(Errc::kStopped, "the full phase is stopped");
  }
  co_return Result<void>();
}

Awaitable<bool> DumpPump::Impl::schema_still_same(Hand& hand, TableTask& table) {
  const Result<std::string> create = co_await show_create(hand, hand.source, table.table.source);
  if (!create && is_absent(create.error())) co_return false;
  if (!create) co_return create.error();
  const bool same = comparable_create(*create) == comparable_create(table.row.schema_sql);
  if (same && table.schema_changed) co_return table.schema_error;
  co_return same;
}

// The source's table was altered while its rows were copied, or the log does not fit its copy: what
// was copied is of no use.
Awaitable<void> DumpPump::Impl::begin_anew(Hand& hand, TableTask& table) {
  note("table " + quoted_table(table.table.source) +
       " was altered while it was copied; its copy begins anew");
  const Result<void> voided = co_await persist_fenced(hand, ledger->void_chunks_sql(table.row));
  if (!voided) co_return voided.error();
  const Result<void> emptied = co_await empty_target(hand, table);
  if (!emptied) co_return emptied.error();
  table.forget_plan();
  co_return Result<void>();
}

Awaitable<void> DumpPump::Impl::empty_target(Hand& hand, TableTask& table) {
  const std::string name = quoted_table(table.table.target);
  const bool only_staged = table.row.keyless && table.row.state != TableState::kAgain;
  const std::string sql =
      table.row.created ? "DROP TABLE IF EXISTS " + name : "SELECT 1 FROM " + name + " LIMIT 1";
  const Result<QueryOutcome> answer = co_await persist(hand, hand.target, sql);
  if (!answer) co_return answer.error();
  if (answer->error && !is_absent(*answer->error)) co_return *answer->error;
  const bool holds_rows =
      !table.row.created && !answer->error && !answer->results.front().rows.empty();
  if (!holds_rows || only_staged) co_return Result<void>();
  co_return Error(Errc::kDiverged,
                  "it was altered at the source while its rows were copied, and the target's "
                  "table is not the dumper's own")
      .with_way_out("make the definition of " + name +
                    " fit the source's, delete the rows that came from this source, and "
                    "resume the task");
}

// LOW is read after the table was found missing: the log up to there has nothing to say about it.
Awaitable<void> DumpPump::Impl::note_absence(Hand& hand, TableTask& table) {
  TableUpdate update;
  update.state = TableState::kLoaded;
  const LowMethod method = source_server.low_method(options.no_locks);
  if (method == LowMethod::kGtidSet || method == LowMethod::kGtidSetMinusOwned) {
    const Result<LowReading> reading = co_await read_mark(hand.source);
    if (!reading) co_return reading.error();
    update.low = reading->mark;
  }
  const Result<std::string> end = co_await log_end(hand);
  if (!end) co_return end.error();
  if (update.low.set.empty()) update.low.position = *end;
  update.high_position = *end;
  const Result<void> stored =
      co_await store_table(hand, table, ledger->update_table_sql(table.row, update));
  if (!stored) co_return stored.error();
  table.row.state = TableState::kLoaded;
  table.status.stage = TableStage::kLoaded;
  table.status.rows_estimated = 0;
  note("table " + quoted_table(table.table.source) + " is no longer at the source");
  co_return Result<void>();
}

// HIGH comes first: a statement that the comparison misses lies behind it. False: begin anew.
Awaitable<bool> DumpPump::Impl::finish_table(Hand& hand, TableTask& table) {
  const Result<void> repaired = co_await repair_displaced(hand, table);
  if (!repaired) co_return repaired.error();
  const Result<std::string> high = co_await log_end(hand);
  if (!high) co_return high.error();
  const Result<bool> same = co_await schema_still_same(hand, table);
  if (!same || !*same) co_return same;
  TableUpdate update;
  update.state = TableState::kLoaded;
  update.created = table.row.created;
  update.low = table.low;
  for (const ChunkRow& chunk : table.row.chunks) {
    const Result<LowMark> low = earlier_mark(source_server, update.low, chunk.low);
    if (!low) co_return low.error();
    update.low = *low;
  }
  update.low_uuid = table.low_uuid;
  update.high_position = *high;
  update.schema_sql = table.row.schema_sql;
  const Result<void> stored =
      co_await store_table(hand, table, ledger->update_table_sql(table.row, update));
  if (!stored) co_return stored.error();
  table.row.state = TableState::kLoaded;
  table.status.stage = TableStage::kLoaded;
  table.status.rows_estimated = table.status.rows_done;
  co_return true;
}

}  // namespace tiderelay::dumper
