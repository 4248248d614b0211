// applier/coordinator_pump.cc: one session, fenced updates, unknown outcomes decided by the row.
#include "applier/coordinator.h"

#include <algorithm>

#include "applier/error_class.h"
#include "relay/signal.h"

namespace tiderelay::applier {

using relay::Awaitable;
using relay::QueryOutcome;

struct Coordinator::Impl {
  Impl(relay::asio::any_io_executor on, CoordinatorOptions with)
      : loop(std::move(on)), options(std::move(with)), pause(loop) {}

  Awaitable<void> connect_once();
  Awaitable<void> connect();
  Awaitable<void> back_off(Error error, bool answers_commit);
  Awaitable<QueryOutcome> try_query(std::string sql);
  Awaitable<std::int64_t> raise_epoch();
  Awaitable<CheckpointRows> read();
  Awaitable<std::int64_t> seq_of_row();

  relay::asio::any_io_executor loop;
  CoordinatorOptions options;
  relay::Signal pause;
  std::unique_ptr<relay::Connection> connection;
  TargetInfo target;
  SourceFence fence;
  std::chrono::milliseconds wait{0};
  bool stopping = false;
};

namespace {

bool passes_by_itself(const Error& error, bool answers_commit) {
  if (error.code() == Errc::kConnection) return true;
  if (error.code() != Errc::kServer) return false;
  switch (classify(error, answers_commit)) {
    case ErrorClass::kRetry:
    case ErrorClass::kRetryFew:
    case ErrorClass::kReconnect:
    case ErrorClass::kCheck:
      return true;
    default:
      return false;
  }
}

Error with_advice(const Error& error) {
  const char* advice = way_out(error.server_code());
  const bool known = error.code() == Errc::kServer && error.way_out().empty() && *advice != '\0';
  return known ? error.with_way_out(advice) : error;
}

}  // namespace

Awaitable<void> Coordinator::Impl::connect_once() {
  connection = std::make_unique<relay::Connection>(loop, options.target);
  const Result<void> connected = co_await connection->connect();
  if (!connected) co_return connected.error();
  target = TargetInfo::from_greeting(connection->server_version());
  const Result<QueryOutcome> set =
      co_await connection->query(session_setup_sql(target, options.session));
  if (!set) co_return set.error();
  const Result<SessionFacts> ready = session_is_ready(*set);
  if (!ready) co_return ready.error();
  co_return Result<void>();
}

Awaitable<void> Coordinator::Impl::back_off(Error error, bool answers_commit) {
  if (stopping) co_return Error(Errc::kStopped, "stopped");
  if (!passes_by_itself(error, answers_commit)) co_return with_advice(error);
  if (options.on_trouble) options.on_trouble(error);
  wait = std::clamp(wait * 2, options.backoff_first, options.backoff_max);
  connection.reset();
  co_await pause.wait_for(wait);
  if (stopping) co_return Error(Errc::kStopped, "stopped");
  co_return Result<void>();
}

Awaitable<void> Coordinator::Impl::connect() {
  while (!connection || !connection->is_open()) {
    const Result<void> connected = co_await connect_once();
    if (connected) break;
    const Result<void> again = co_await back_off(connected.error(), false);
    if (!again) co_return again.error();
  }
  co_return Result<void>();
}

// One packet; kConnection when the answer did not come.
Awaitable<QueryOutcome> Coordinator::Impl::try_query(std::string sql) {
  if (stopping) co_return Error(Errc::kStopped, "stopped");
  const Result<void> connected = co_await connect();
  if (!connected) co_return connected.error();
  Result<QueryOutcome> outcome = co_await connection->query(std::move(sql));
  if (!outcome) connection.reset();
  co_return outcome;
}

// Whoever raises the epoch that it saw owns the task; one that finds another begins again.
Awaitable<std::int64_t> Coordinator::Impl::raise_epoch() {
  for (;;) {
    const Result<QueryOutcome> seen = co_await try_query(current_epoch_sql(options.scope));
    if (!seen || seen->error) {
      const Error error = seen ? *seen->error : seen.error();
      const Result<void> again = co_await back_off(error, false);
      if (!again) co_return again.error();
      continue;
    }
    const Result<std::int64_t> epoch = current_epoch(*seen);
    if (!epoch) co_return epoch.error();
    const Result<QueryOutcome> raised =
        co_await try_query(takeover_sql(options.scope, target.kind, *epoch));
    if (raised && !raised->error) {
      wait = std::chrono::milliseconds(0);
      co_return *epoch + 1;
    }
    const Error error = raised ? *raised->error : raised.error();
    if (error.server_code() == 1048) continue;
    const Result<void> again = co_await back_off(error, true);
    if (!again) co_return again.error();
  }
}

Awaitable<CheckpointRows> Coordinator::Impl::read() {
  for (;;) {
    const Result<QueryOutcome> outcome = co_await try_query(read_rows_sql(options.scope));
    if (outcome && !outcome->error) co_return read_rows(*outcome, fence.epoch);
    const Error error = outcome ? *outcome->error : outcome.error();
    const Result<void> again = co_await back_off(error, false);
    if (!again) co_return again.error();
  }
}

Awaitable<std::int64_t> Coordinator::Impl::seq_of_row() {
  const Result<CheckpointRows> rows = co_await read();
  if (!rows) co_return rows.error();
  co_return rows->source.seq;
}

Coordinator::Coordinator(relay::asio::any_io_executor loop, CoordinatorOptions options)
    : impl_(std::make_unique<Impl>(std::move(loop), std::move(options))) {}

Coordinator::~Coordinator() = default;

Awaitable<CheckpointRows> Coordinator::take_over(std::uint32_t workers) {
  for (const std::string& sql : meta_tables_sql(impl_->options.scope.meta_schema)) {
    const Result<QueryOutcome> made = co_await query(sql);
    if (!made) co_return made.error();
  }
  const Result<std::int64_t> epoch = co_await impl_->raise_epoch();
  if (!epoch) co_return epoch.error();
  impl_->fence.epoch = *epoch;
  Result<CheckpointRows> rows = co_await impl_->read();
  if (!rows) co_return rows.error();
  impl_->fence.seq = rows->source.seq;
  if (rows->workers.size() < workers) {
    std::vector<std::string> statements;
    statements.push_back(worker_rows_sql(impl_->options.scope, workers, *epoch));
    const Result<void> made = co_await update(SourceUpdate(), std::move(statements));
    if (!made) co_return made.error();
    rows = co_await impl_->read();
  }
  co_return rows;
}

Awaitable<void> Coordinator::update(SourceUpdate update, std::vector<std::string> statements) {
  const std::string sql =
      source_transaction_sql(impl_->options.scope, impl_->fence, update, statements);
  for (;;) {
    const Result<QueryOutcome> outcome = co_await impl_->try_query(sql);
    if (outcome && !outcome->error) {
      ++impl_->fence.seq;
      impl_->wait = std::chrono::milliseconds(0);
      co_return Result<void>();
    }
    const Error error = outcome ? *outcome->error : outcome.error();
    if (error.code() == Errc::kStopped) co_return error;
    const bool fenced = error.server_code() == 1048;
    if (!fenced) {
      const Result<void> again = co_await impl_->back_off(error, true);
      if (!again) co_return again.error();
    }
    const Result<std::int64_t> seq = co_await impl_->seq_of_row();
    if (!seq) co_return seq.error();
    if (*seq == impl_->fence.seq + 1) {  // the answer was lost, the commit was not
      ++impl_->fence.seq;
      co_return Result<void>();
    }
    if (fenced || *seq != impl_->fence.seq) {
      co_return Error(Errc::kFenced, "another process has moved the task's checkpoint row")
          .with_way_out("one process alone may run a task at one source: stop the other one");
    }
  }
}

Awaitable<QueryOutcome> Coordinator::query(std::string sql) {
  sql += ";ROLLBACK";  // else the next one would see this one's snapshot, of rows and of tables
  for (;;) {
    Result<QueryOutcome> outcome = co_await impl_->try_query(sql);
    if (outcome && !outcome->error) {
      impl_->wait = std::chrono::milliseconds(0);
      co_return outcome;
    }
    const Error error = outcome ? *outcome->error : outcome.error();
    const Result<void> again = co_await impl_->back_off(error, false);
    if (!again) co_return again.error();
  }
}

Awaitable<relay::Connection*> Coordinator::session() {
  const Result<void> connected = co_await impl_->connect();
  if (!connected) co_return connected.error();
  co_return impl_->connection.get();
}

void Coordinator::stop() {
  impl_->stopping = true;
  impl_->pause.notify();
  if (impl_->connection) impl_->connection->close();
}

const relay::asio::any_io_executor& Coordinator::loop() const { return impl_->loop; }
bool Coordinator::stopped() const { return impl_->stopping; }
const TargetInfo& Coordinator::target() const { return impl_->target; }
const SourceFence& Coordinator::fence() const { return impl_->fence; }

}  // namespace tiderelay::applier
