// dumper/keyless_pump.cc: a table without a unique NOT NULL key, or with several unique keys in a
// target that others write, too. Replay could not tell its rows apart, so it is read in one
// snapshot at an exact position of the log, and the applier is strict from there.
//
// The rows go to a staging table in the meta schema, in parts; when all are there the table's state
// becomes `staged` together with the parts' ledger rows, and each part is moved by INSERT ...
// SELECT in the transaction that marks its row. A copy that breaks before `staged` begins anew with
// another staging table, so that an old connection which commits late fills a table that nobody
// reads; the target itself is never emptied. Rules: docs/exactly-once.md, 3.
#include <algorithm>
#include <utility>

#include "applier/error_class.h"
#include "applier/sql_text.h"
#include "base/hash.h"
#include "dumper/dump_impl.h"

namespace tiderelay::dumper {
namespace {

using applier::quoted_name;
using applier::quoted_table;
using applier::quoted_text;
using relay::Awaitable;
using relay::QueryOutcome;
using relay::StatementResult;

constexpr int kQuietTriesMax = 50;

Error stopped() { return Error(Errc::kStopped, "the full phase is stopped"); }

// Names of staging tables stay below 64 bytes whatever the task and the table are called.
std::string name_hash(const DumpOptions& options, const TableName& table) {
  std::string parts;
  for (const std::string* part : {&options.task, &options.source_id, &table.schema, &table.table}) {
    parts += *part + '\0';
  }
  const std::uint64_t hash = hash_text(parts);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (unsigned shift = 0; shift < 64; shift += 4) text += kDigits[hash >> shift & 15U];
  return text;
}

bool is_refused(const Error& error) {
  const std::uint16_t code = error.server_code();
  return code == 1044 || code == 1045 || code == 1142 || code == 1227;
}

}  // namespace

Awaitable<bool> DumpPump::Impl::copy_keyless(Hand& hand, TableTask& table) {
  table.status.note = table.plan.staged_because + ": one snapshot, staged";
  hand.backoff.reset();
  while (table.row.state != TableState::kStaged) {
    const Result<bool> staged = co_await stage_table(hand, table);
    hand.source.drop();
    hand.helper.drop();
    if (staged && !*staged) co_return false;
    if (staged) break;
    hand.target.drop();
    if (ending()) co_return stopped();
    if (!is_passing(staged.error()) || hand.backoff.lasted(options.retry_for)) {
      co_return staged.error();
    }
    const Result<void> paused = co_await pause(hand);
    if (!paused) co_return paused.error();
  }
  table.status.stage = TableStage::kMoving;
  const Result<void> moved = co_await move_parts(hand, table);
  if (!moved) co_return moved.error();
  table.row.state = TableState::kLoaded;
  table.status.stage = TableStage::kLoaded;
  table.status.rows_estimated = table.status.rows_done;
  co_return true;
}

// False: the source's table was altered meanwhile.
Awaitable<bool> DumpPump::Impl::stage_table(Hand& hand, TableTask& table) {
  const Result<void> made = co_await make_staging(hand, table);
  if (!made) co_return made.error();
  const Result<LowMark> mark = co_await open_snapshot(hand, table);
  if (!mark) co_return mark.error();
  // In the snapshot's own session: what it shows is what the snapshot's rows look like.
  const auto create =
      co_await hand.source.execute("SHOW CREATE TABLE " + quoted_table(table.table.source));
  if (!create) co_return create.error();
  const std::string text = create->rows.at(0).at(1).value_or("");
  if (comparable_create(text) != comparable_create(table.row.schema_sql)) co_return false;
  const auto columns = co_await hand.source.connection().stream(chunk_select(table, ChunkRow()));
  if (!columns) co_return columns.error();
  Staging staging;
  for (;;) {
    const Result<bool> more = co_await stage_part(hand, table, staging);
    if (!more) co_return more.error();
    if (!*more) break;
  }
  const std::uint32_t parts = staging.part;
  std::vector<ChunkRow> chunks;
  for (std::uint32_t part = 0; part < parts; ++part) {
    ChunkRow chunk;
    chunk.chunk = staging.first_chunk + part;
    chunk.lower = table.staging;
    chunks.push_back(std::move(chunk));
  }
  TableUpdate update;
  update.state = TableState::kStaged;
  update.keyless = true;
  update.created = table.row.created;
  update.low = *mark;
  update.high_position = mark->position;
  update.schema_sql = table.row.schema_sql;
  const Result<void> stored =
      co_await store_table(hand, table, ledger->staged_sql(table.row, update, chunks));
  if (!stored) co_return stored.error();
  table.row.state = TableState::kStaged;
  table.row.low = *mark;
  table.row.high_position = mark->position;
  table.row.chunks = std::move(chunks);
  co_return true;
}

Awaitable<void> DumpPump::Impl::make_staging(Hand& hand, TableTask& table) {
  const Result<void> voided = co_await persist_fenced(hand, ledger->void_chunks_sql(table.row));
  if (!voided) co_return voided.error();
  const std::string prefix = "tiderelay_stage_" + name_hash(options, table.table.source) + "_";
  const Result<QueryOutcome> old = co_await persist(
      hand, hand.target,
      "SELECT table_name FROM information_schema.tables WHERE table_schema = " +
          quoted_text(options.meta_schema) + " AND table_name LIKE " + quoted_text(prefix + "%"));
  if (!old) co_return old.error();
  if (old->error) co_return *old->error;
  std::vector<std::string> statements;
  for (const auto& row : old->results.front().rows) {
    statements.push_back("DROP TABLE IF EXISTS " + quoted_name(options.meta_schema) + "." +
                         quoted_name(row.at(0).value_or("")));
  }
  const std::string name =
      prefix + std::to_string(options.epoch) + "_" + std::to_string(++table.staging_attempt);
  table.staging = quoted_name(options.meta_schema) + "." + quoted_name(name);
  const std::string part = quoted_name(kPartColumn);
  statements.push_back("CREATE TABLE " + table.staging + " LIKE " +
                       quoted_table(table.table.target));
  statements.push_back("ALTER TABLE " + table.staging + " ADD COLUMN " + part + " INT NOT NULL");
  statements.push_back("ALTER TABLE " + table.staging + " ADD INDEX " + part + " (" + part + ")");
  for (const std::string& sql : statements) {
    const Result<QueryOutcome> done = co_await hand.target.query(sql);
    if (!done) co_return done.error();
    if (done->error) co_return done->error->in("making the staging table with: " + sql);
  }
  co_return Result<void>();
}

// Opens the snapshot on the hand's source session and says where in the log it is.
Awaitable<LowMark> DumpPump::Impl::open_snapshot(Hand& hand, TableTask& table) {
  Result<LowMark> mark = Error(Errc::kStopped, "");
  const Result<void> opened = co_await hand.source.open();
  if (!opened) co_return opened.error();
  if (source_server.mariadb) {
    mark = co_await mariadb_snapshot(hand, table);
  } else if (options.no_locks) {
    mark = co_await quiet_snapshot(hand, table);
  } else {
    mark = co_await locked_snapshot(hand, table);
  }
  co_return mark;
}

// The snapshot's position is the server's own word. Rows of a prepared transaction are invisible
// though the log has them.
Awaitable<LowMark> DumpPump::Impl::mariadb_snapshot(Hand& hand, TableTask& table) {
  for (;;) {
    const Result<QueryOutcome> answers = co_await hand.source.query(
        "XA RECOVER; START TRANSACTION WITH CONSISTENT SNAPSHOT; "
        "SHOW STATUS LIKE 'Binlog_snapshot_%'; XA RECOVER");
    // In an open transaction XA RECOVER is allowed: it only reads.
    if (!answers) co_return answers.error();
    if (answers->error) co_return *answers->error;
    if (answers->results.size() != 4) co_return Error(Errc::kCorrupt, "no snapshot was opened");
    if (answers->results[0].rows.empty() && answers->results[3].rows.empty()) {
      LowMark mark;
      const Result<std::string> position = snapshot_position_of(answers->results[2]);
      if (!position) co_return position.error();
      mark.position = *position;
      const Result<StatementResult> set =
          co_await hand.source.execute(snapshot_set_sql(mark.position));
      if (!set) co_return set.error();
      if (set->rows.size() == 1) mark.set = set->rows[0].at(0).value_or("");
      co_return mark;
    }
    table.status.note = "waits for the end of a prepared XA transaction on the source";
    hand.source.drop();
    const Result<void> paused = co_await pause(hand);
    if (!paused) co_return paused.error();
  }
}

// A short lock on this table: position, snapshot and one row of it, unlock. Prepared transactions
// that wrote the table keep the lock from being given.
Awaitable<LowMark> DumpPump::Impl::locked_snapshot(Hand& hand, TableTask& table) {
  const std::string name = quoted_table(table.table.source);
  const Result<QueryOutcome> locked = co_await hand.helper.query(
      "LOCK TABLES " + name + " READ; " + source_server.position_statement());
  if (!locked) co_return locked.error();
  if (locked->error && is_refused(*locked->error)) {
    co_return Error(Errc::kAuth,
                    "the source refuses the short lock that the copy of a table "
                    "without a key needs: " +
                        locked->error->text())
        .with_way_out(
            "GRANT LOCK TABLES, SELECT on the schema and REPLICATION CLIENT to the "
            "source's account; or give the table a primary key; or add --no-locks to "
            "extra-args and stop the writers meanwhile");
  }
  if (locked->error) co_return *locked->error;
  const Result<std::string> position = position_of(locked->results.back());
  if (!position) co_return position.error();
  const Result<QueryOutcome> snapshot = co_await hand.source.query(
      "START TRANSACTION WITH CONSISTENT SNAPSHOT; SELECT 1 FROM " + name + " LIMIT 1");
  if (!snapshot) co_return snapshot.error();
  if (snapshot->error) co_return *snapshot->error;
  if (table.plan.transactional) {
    const Result<QueryOutcome> unlocked = co_await hand.helper.query("UNLOCK TABLES");
    if (!unlocked) co_return unlocked.error();
    if (unlocked->error) co_return *unlocked->error;
  }
  LowMark mark;
  mark.position = *position;
  co_return mark;
}

// --no-locks: a snapshot during which the log did not move.
Awaitable<LowMark> DumpPump::Impl::quiet_snapshot(Hand& hand, TableTask& table) {
  for (int attempt = 0; attempt < kQuietTriesMax; ++attempt) {
    const Result<std::string> before = co_await log_end(hand);
    if (!before) co_return before.error();
    const Result<QueryOutcome> snapshot =
        co_await hand.source.query("START TRANSACTION WITH CONSISTENT SNAPSHOT; SELECT 1 FROM " +
                                   quoted_table(table.table.source) + " LIMIT 1");
    if (!snapshot) co_return snapshot.error();
    if (snapshot->error) co_return *snapshot->error;
    const Result<std::string> after = co_await log_end(hand);
    if (!after) co_return after.error();
    if (*before == *after) {
      note("table " + quoted_table(table.table.source) +
           " has no key and was copied without a lock, while the source's log did not move");
      LowMark mark;
      mark.position = *after;
      co_return mark;
    }
    hand.source.drop();
    const Result<void> paused = co_await pause(hand);
    if (!paused) co_return paused.error();
  }
  co_return Error(Errc::kConfig,
                  "the table has no key, and without a lock it is copied only while nothing is "
                  "written at the source, which did not happen")
      .with_way_out(
          "stop the writers, or take --no-locks out of extra-args, or give the table a "
          "primary key");
}

}  // namespace tiderelay::dumper
