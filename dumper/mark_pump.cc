// dumper/mark_pump.cc: reads LOW and HIGH. Rules: docs/exactly-once.md, 2.
#include <utility>

#include "applier/sql_text.h"
#include "dumper/dump_impl.h"

namespace tiderelay::dumper {
namespace {

using relay::Awaitable;
using relay::QueryOutcome;
using relay::StatementResult;

bool is_refused(const Error& error) {
  const std::uint16_t code = error.server_code();
  return error.code() == Errc::kServer &&
         (code == 1044 || code == 1045 || code == 1142 || code == 1227);
}

}  // namespace

Awaitable<LowReading> DumpPump::Impl::read_mark(Session& session) {
  const Result<QueryOutcome> answers = co_await session.query(low_mark_sql(session.source()));
  if (!answers) co_return answers.error();
  Result<LowReading> reading = low_mark(session.source(), *answers);
  if (!reading || !session.source().mariadb) co_return reading;
  const Result<StatementResult> set =
      co_await session.execute(snapshot_set_sql(reading->mark.position));
  if (!set) co_return set.error();
  if (set->rows.size() == 1) reading->mark.set = set->rows[0].at(0).value_or("");
  co_return reading;
}

Awaitable<void> DumpPump::Impl::read_low(Hand& hand, Session& session, TableTask& table,
                                         ChunkRow& chunk) {
  const LowMethod method = session.source().low_method(options.no_locks);
  chunk.server_uuid = session.source().server_uuid;
  if (method == LowMethod::kTableLock || method == LowMethod::kUnlocked) {
    if (chunk.server_uuid != table.low_uuid) {
      co_return Error(Errc::kDiverged,
                      "the source is another server than when the copy of the "
                      "table began, and without GTID their logs have nothing in "
                      "common")
          .with_way_out("switch GTID on, or stop the task and start it anew with --remove-meta");
    }
    chunk.low = table.low;
    co_return Result<void>();
  }
  for (;;) {
    const Result<LowReading> reading = co_await read_mark(session);
    if (!reading) co_return reading.error();
    if (reading->xa_unknown) {
      note(
          "the source's account may not see prepared XA transactions (GRANT XA_RECOVER_ADMIN): "
          "no XA transaction may be open while the full phase begins");
    }
    // Prepared later than a LOW that the table already has: its rows are in the log behind that.
    bool covered = !reading->prepared_xa;
    if (!covered && !table.low.set.empty()) {
      const Result<bool> contained = mark_contains(session.source(), reading->mark, table.low);
      if (!contained) co_return contained.error();
      covered = *contained;
    }
    if (covered) {
      chunk.low = reading->mark;
      if (table.low.set.empty()) table.low = reading->mark;
      co_return Result<void>();
    }
    table.status.note = "waits for the end of a prepared XA transaction on the source";
    const Result<void> paused = co_await pause(hand);
    if (!paused) co_return paused.error();
    table.status.note.clear();
  }
}

// Without GTID: a position read while nobody can write the table, or one that is old enough.
Awaitable<void> DumpPump::Impl::table_low(Hand& hand, TableTask& table) {
  const LowMethod method = source_server.low_method(options.no_locks);
  if (method != LowMethod::kTableLock && method != LowMethod::kUnlocked) co_return Result<void>();
  Result<void> read = Result<void>();
  if (method == LowMethod::kTableLock) {
    read = co_await low_under_lock(hand, table);
  } else {
    read = co_await low_after_grace(hand, table);
  }
  co_return read;
}

Awaitable<void> DumpPump::Impl::low_under_lock(Hand& hand, TableTask& table) {
  const std::string name = applier::quoted_table(table.table.source);
  hand.backoff.reset();
  for (;;) {
    const Result<QueryOutcome> answers = co_await persist(
        hand, hand.source,
        "LOCK TABLES " + name + " READ; " + source_server.position_statement() + "; UNLOCK TABLES");
    if (!answers) co_return answers.error();
    if (!answers->error && answers->results.size() == 3) {
      const Result<std::string> position = position_of(answers->results[1]);
      if (!position) co_return position.error();
      table.low.position = *position;
      table.low_uuid = hand.source.source().server_uuid;
      co_return Result<void>();
    }
    hand.source.drop();  // with a lock that it may hold
    const Error error = answers->error.value_or(Error(Errc::kCorrupt, "no answer"));
    if (is_refused(error)) {
      co_return Error(Errc::kAuth, "the source refuses LOCK TABLES " + name +
                                       " READ, which without "
                                       "GTID gives the copy its position: " +
                                       error.text())
          .with_way_out(
              "switch GTID on at the source (gtid_mode=ON), or GRANT LOCK TABLES, SELECT "
              "on the schema and REPLICATION CLIENT to the account, or add --no-locks to "
              "extra-args and stop the writers (the copy is then not proved)");
    }
    co_return error;
  }
}

Awaitable<void> DumpPump::Impl::low_after_grace(Hand& hand, TableTask& table) {
  const Result<std::string> now = co_await log_end(hand);
  if (!now) co_return now.error();
  ends.emplace_back(Clock::now(), *now);
  note(
      "tables are copied without a lock and without GTID: their rows are not proved to be "
      "complete unless nothing was written meanwhile");
  for (;;) {
    const std::pair<Clock::time_point, std::string>* chosen = nullptr;
    for (const auto& end : ends) {
      if (Clock::now() - end.first >= options.grace) chosen = &end;
    }
    if (chosen != nullptr) {
      table.low.position = chosen->second;
      table.low_uuid = hand.source.source().server_uuid;
      co_return Result<void>();
    }
    table.status.note = "waits until its start position is old enough (--no-locks)";
    const auto age =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - ends.front().first);
    const bool woken =
        co_await hand.wake.wait_for(options.grace - age + std::chrono::milliseconds(1));
    (void)woken;
    if (ending()) co_return Error(Errc::kStopped, "the full phase is stopped");
    table.status.note.clear();
  }
}

Awaitable<std::string> DumpPump::Impl::log_end(Hand& hand) {
  const Result<QueryOutcome> answer =
      co_await persist(hand, hand.source, source_server.position_statement());
  if (!answer) co_return answer.error();
  if (answer->error) {
    const Error error = answer->error->in(source_server.position_statement());
    co_return is_refused(error)
        ? error.as(Errc::kAuth)
              .with_way_out("GRANT REPLICATION CLIENT ON *.* to the source's account")
        : error;
  }
  Result<std::string> position = position_of(answer->results.front());
  co_return position;
}

}  // namespace tiderelay::dumper
