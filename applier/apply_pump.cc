// applier/apply_pump.cc: one coroutine reads the log, one drives each session, one moves the
// low-water mark.
#include "applier/apply_pump.h"

#include <algorithm>
#include <mutex>

#include "applier/statement_runner.h"
#include "relay/log_reader.h"
#include "relay/signal.h"

namespace tiderelay::applier {

using relay::Awaitable;
namespace asio = relay::asio;

namespace {

constexpr std::size_t kEventsBetweenYields = 512;
constexpr std::chrono::milliseconds kLooksAtLogEnd{1000};  // also without a wake-up
constexpr std::chrono::seconds kPatienceAtStop{10};
constexpr std::size_t kNotesMax = 100;

}  // namespace

struct ApplyPump::Impl {
  // One downstream session.
  struct Session {
    Session(asio::any_io_executor loop, Worker made)
        : worker(std::move(made)), wake(loop), pause(loop) {}
    Worker worker;
    std::unique_ptr<relay::Connection> connection;
    relay::Signal wake;                  // there may be a batch
    relay::Signal pause;                 // of a back-off
    std::shared_ptr<const Batch> batch;  // what the machine works on
    bool idle = false;
  };

  Impl(asio::any_io_executor on, ApplyOptions with, Coordinator& coordinator_session,
       relay::RelayLog& relay_log, relay::Storage& files, TaskSelection& taken, TaskSchemas& known,
       ApplyStart begin);

  asio::awaitable<void> read_log();
  Awaitable<void> read_some();
  Awaitable<void> on_step(LogSource::Step step);
  Awaitable<void> add(Transaction transaction);
  Awaitable<void> drain();
  Awaitable<void> run_statement(DdlEvent statement);
  Awaitable<void> run_drained(DdlEvent statement);
  asio::awaitable<void> drive(Session& session);
  Awaitable<void> act(Session& session);
  Awaitable<void> send_packets(Session& session);
  void finish_batch(Session& session);
  bool give_batch(Session& session);
  void wake_idle();
  asio::awaitable<void> keep_low_water();
  asio::awaitable<void> hold_coordinator();
  void release_coordinator();
  Awaitable<void> save_low_water();
  Awaitable<void> save_held();
  void fail(const Error& error);
  void wake_all();
  void publish();
  void start_all();
  [[nodiscard]] bool ending() const { return stopping || failure.has_value(); }

  asio::any_io_executor loop;
  ApplyOptions options;
  Coordinator& coordinator;
  relay::RelayLog& log;
  TaskSchemas& schemas;
  TaskSelection& selection;
  ApplyStart start;
  relay::LogReader reader;
  LogSource source;
  Planner planner;
  std::vector<std::unique_ptr<Session>> sessions;
  relay::Signal reader_wake;
  relay::Signal ended;
  relay::Signal low_water_wake;
  relay::Signal coordinator_free;
  bool drained = false;  // nothing can be added to the planner at the moment
  bool at_end = false;   // the reader has given everything up to LogEnd
  bool coordinator_busy = false;
  bool stopping = false;
  std::optional<Error> failure;
  std::vector<TableName> copy_again;
  std::size_t running = 0;
  relay::LogPosition saved_low_water;
  // A statement in front of its transaction's rows: once the low-water mark is behind it, the
  // definitions are stored with the mark.
  struct OpenStatement {
    relay::LogPosition end;
    std::vector<std::string> closing_sql;
  };
  std::optional<OpenStatement> open_statement;
  const AppliedSet begun_with;  // up to the low-water mark when the pump was made
  std::chrono::steady_clock::time_point fence_seen = std::chrono::steady_clock::now();
  ApplyStatus counters;  // of the loop's thread

  mutable std::mutex status_mutex;  // guards status_copy alone
  ApplyStatus status_copy;
};

namespace {

AppliedSet all_applied(const ApplyStart& start) {
  AppliedSet applied = start.rows.applied();
  const Result<AppliedSet> low = AppliedSet::parse(start.rows.source.low_set);
  if (low) applied.merge(*low);
  return applied;
}

LowWater low_water_of(const ApplyStart& start) {
  LowWater low;
  low.position = start.position;
  const Result<AppliedSet> set = AppliedSet::parse(start.rows.source.low_set);
  if (set) low.set = *set;
  return low;
}

}  // namespace

ApplyPump::Impl::Impl(asio::any_io_executor on, ApplyOptions with, Coordinator& coordinator_session,
                      relay::RelayLog& relay_log, relay::Storage& files, TaskSelection& taken,
                      TaskSchemas& known, ApplyStart begin)
    : loop(std::move(on)),
      options(std::move(with)),
      coordinator(coordinator_session),
      log(relay_log),
      schemas(known),
      selection(taken),
      start(std::move(begin)),
      reader(files, relay_log.relay_folder(), start.position),
      source(options.log_source, taken, known, all_applied(start), start.windows),
      planner(options.planner, low_water_of(start)),
      reader_wake(loop),
      ended(loop),
      low_water_wake(loop),
      coordinator_free(loop),
      saved_low_water(start.position),
      begun_with(planner.low_water().set) {
  for (std::uint32_t i = 0; i < options.workers; ++i) {
    Worker worker(options.worker, start.rows.workers[i], options.seed + i);
    sessions.push_back(std::make_unique<Session>(loop, std::move(worker)));
  }
}

void ApplyPump::Impl::fail(const Error& error) {
  if (!failure) failure = error;
  wake_all();
}

void ApplyPump::Impl::wake_all() {
  reader_wake.notify();
  low_water_wake.notify();
  for (const auto& session : sessions) {
    session->wake.notify();
    session->pause.notify();
  }
}

// ---- the log ----

asio::awaitable<void> ApplyPump::Impl::read_log() {
  while (!ending()) {
    const Result<void> read = co_await read_some();
    if (!read) fail(read.error());
  }
  --running;
  ended.notify();
}

// Reads until there is nothing more, or for a while.
Awaitable<void> ApplyPump::Impl::read_some() {
  for (std::size_t events = 0; events < kEventsBetweenYields; ++events) {
    const Result<std::optional<relay::LogEvent>> event = reader.next(log.end().get().position);
    if (!event) co_return event.error();
    if (!*event) {
      drained = true;
      at_end = true;
      wake_idle();
      publish();
      co_await reader_wake.wait_for(kLooksAtLogEnd);
      co_return Result<void>();
    }
    drained = false;
    at_end = false;
    const Result<void> fed = source.feed(**event, reader);
    if (!fed) {
      if (fed.error().code() == Errc::kCopyAgain) copy_again = {source.unknown_table()};
      co_return fed.error();
    }
    for (std::optional<LogSource::Step> step = source.next(); step; step = source.next()) {
      const Result<void> taken = co_await on_step(std::move(*step));
      if (!taken) co_return taken.error();
      if (ending()) co_return Result<void>();
    }
  }
  wake_idle();
  co_await relay::yield_now(loop);
  co_return Result<void>();
}

Awaitable<void> ApplyPump::Impl::on_step(LogSource::Step step) {
  if (step.ddl) {
    const Result<void> ran = co_await run_statement(std::move(*step.ddl));
    co_return ran;
  }
  const Result<void> added = co_await add(std::move(*step.transaction));
  co_return added;
}

Awaitable<void> ApplyPump::Impl::add(Transaction transaction) {
  while (planner.full() && !ending()) {
    wake_idle();
    co_await reader_wake.wait();
  }
  if (ending()) co_return Result<void>();
  ++counters.transactions;
  co_return planner.add(std::move(transaction));
}

// Until everything that was planned is committed.
Awaitable<void> ApplyPump::Impl::drain() {
  while (!planner.idle() && !ending()) {
    drained = true;
    wake_idle();
    co_await reader_wake.wait();
  }
  if (ending()) co_return Error(Errc::kStopped, "stopped");
  co_return Result<void>();
}

Awaitable<void> ApplyPump::Impl::run_statement(DdlEvent statement) {
  if (begun_with.contains(statement.id)) co_return Result<void>();  // the definitions have it
  const Result<void> drained_all = co_await drain();
  if (!drained_all) {
    if (drained_all.error().code() == Errc::kStopped) co_return Result<void>();
    co_return drained_all.error();
  }
  const Result<void> saved = co_await save_low_water();
  if (!saved) co_return saved.error();
  co_await hold_coordinator();
  const Result<void> ran = co_await run_drained(std::move(statement));
  release_coordinator();
  co_return ran;
}

Awaitable<void> ApplyPump::Impl::run_drained(DdlEvent statement) {
  StatementRunner runner(coordinator, selection, schemas, options.worker.scope,
                         options.source_time_zone);
  const relay::LogPosition end = statement.end;
  const bool completes = statement.completes;
  std::string low_position = log.catalog().text(end);
  AppliedSet low_set = planner.low_water().set;
  if (options.planner.keep_low_set) low_set.add(statement.id);
  const std::string text = statement.sql;
  const std::string begin = log.catalog().text(statement.begin);
  const Result<StatementRunner::Outcome> outcome = co_await runner.run(
      std::move(statement), begin, std::move(low_position), low_set.text(), start.windows);
  if (!outcome) {
    counters.failed_statement = text;
    counters.failed_position = begin;
    co_return outcome.error();
  }
  if (!outcome->copy_again.empty()) {
    copy_again = outcome->copy_again;
    co_return Error(Errc::kCopyAgain, "the copies do not fit the statement " + text);
  }
  for (const std::string& note : outcome->notes) {
    if (counters.notes.size() < kNotesMax) counters.notes.push_back(note);
  }
  open_statement.reset();
  if (!completes) open_statement = OpenStatement{end, runner.closing_sql()};
  source.forget_bindings();
  ++counters.statements;
  co_return Result<void>();
}

// ---- the sessions ----

bool ApplyPump::Impl::give_batch(Session& session) {
  std::shared_ptr<const Batch> batch = planner.take(drained);
  if (!batch) return false;
  session.idle = false;
  session.batch = batch;
  session.worker.start(std::move(batch));
  return true;
}

// Sessions that rest get what may be sent now.
void ApplyPump::Impl::wake_idle() {
  for (const auto& session : sessions) {
    if (!session->idle) continue;
    if (!give_batch(*session)) return;
    session->wake.notify();
  }
}

asio::awaitable<void> ApplyPump::Impl::drive(Session& session) {
  for (;;) {
    const Result<void> acted = co_await act(session);
    if (!acted) {
      if (acted.error().code() != Errc::kStopped) fail(acted.error());
      break;
    }
  }
  session.idle = false;
  if (session.connection) session.connection->close();
  --running;
  ended.notify();
}

void ApplyPump::Impl::finish_batch(Session& session) {
  const Worker::Step& step = session.worker.step();
  for (const std::string& note : step.notes) {
    ++counters.rows_missed;
    if (counters.notes.size() < kNotesMax) counters.notes.push_back(note);
  }
  counters.trouble.reset();
  counters.rows += session.batch->rows;
  ++counters.batches;
  for (const Transaction& transaction : session.batch->transactions) {
    counters.newest_timestamp_seconds =
        std::max(counters.newest_timestamp_seconds, transaction.timestamp_seconds);
  }
  session.batch.reset();
  planner.done(step.batch_id);
  reader_wake.notify();
}

// One action of the session's machine; kStopped: the session ends.
Awaitable<void> ApplyPump::Impl::act(Session& session) {
  Worker& worker = session.worker;
  switch (worker.step().action) {
    case Worker::Action::kConnect: {
      session.connection = std::make_unique<relay::Connection>(loop, options.target);
      const Result<void> connected = co_await session.connection->connect();
      if (connected) {
        counters.trouble.reset();
        worker.connected();
      } else {
        counters.trouble = connected.error().in("target");
        worker.lost(connected.error());
      }
      co_return Result<void>();
    }
    case Worker::Action::kSend: {
      const Result<void> sent = co_await send_packets(session);
      co_return sent;
    }
    case Worker::Action::kSleep: {
      if (stopping) co_return Error(Errc::kStopped, "stopped");
      co_await session.pause.wait_for(worker.step().sleep);
      if (ending()) co_return Error(Errc::kStopped, "stopped");
      worker.slept();
      co_return Result<void>();
    }
    case Worker::Action::kDone:
      finish_batch(session);
      worker.rest();
      co_return Result<void>();
    case Worker::Action::kIdle: {
      if (ending()) co_return Error(Errc::kStopped, "stopped");
      if (give_batch(session)) {
        wake_idle();
        co_return Result<void>();
      }
      session.idle = true;
      co_await session.wake.wait();
      co_return Result<void>();
    }
    case Worker::Action::kRefetch:
      co_return Error(Errc::kConnection,
                      "the target's tables have changed: " + worker.step().error.text());
    case Worker::Action::kPause:
    case Worker::Action::kStop:
      co_return worker.step().error;
  }
  co_return Result<void>();
}

Awaitable<void> ApplyPump::Impl::send_packets(Session& session) {
  std::vector<std::string> packets = session.worker.take_packets();
  for (std::string& packet : packets) {
    const Result<void> sent = co_await session.connection->send(std::move(packet));
    if (!sent) {
      session.worker.lost(sent.error());
      co_return Result<void>();
    }
  }
  std::vector<relay::QueryOutcome> outcomes;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    Result<relay::QueryOutcome> outcome = co_await session.connection->receive();
    if (!outcome) {
      session.worker.lost(outcome.error());
      co_return Result<void>();
    }
    outcomes.push_back(std::move(*outcome));
  }
  session.worker.answered(std::move(outcomes));
  co_return Result<void>();
}

// ---- the low-water mark ----

asio::awaitable<void> ApplyPump::Impl::keep_low_water() {
  while (!ending()) {
    co_await low_water_wake.wait_for(options.low_water_interval);
    if (ending()) break;
    const Result<void> saved = co_await save_low_water();
    if (!saved && saved.error().code() != Errc::kStopped) fail(saved.error());
    publish();
  }
  --running;
  ended.notify();
}

// The coordinator's session serves one at a time.
asio::awaitable<void> ApplyPump::Impl::hold_coordinator() {
  while (coordinator_busy) co_await coordinator_free.wait();
  coordinator_busy = true;
}

void ApplyPump::Impl::release_coordinator() {
  coordinator_busy = false;
  coordinator_free.notify();
}

Awaitable<void> ApplyPump::Impl::save_low_water() {
  co_await hold_coordinator();
  const Result<void> saved = co_await save_held();
  release_coordinator();
  co_return saved;
}

Awaitable<void> ApplyPump::Impl::save_held() {
  const LowWater& low = planner.low_water();
  const auto now = std::chrono::steady_clock::now();
  const bool moved_on = low.position != saved_low_water;
  if (!moved_on && now - fence_seen < options.looks_at_fence) co_return Result<void>();
  fence_seen = now;
  if (!moved_on) {
    std::vector<std::string> none;
    co_return co_await coordinator.update(SourceUpdate(), std::move(none));
  }
  const relay::LogPosition position = low.position;
  AppliedSet passed = planner.take_passed();
  SourceUpdate update;
  update.low_position = log.catalog().text(position);
  if (options.planner.keep_low_set) update.low_set = low.set.text();
  std::vector<std::string> statements;
  const bool closes = open_statement && position > open_statement->end;
  if (closes) {
    update.schema_snapshot = schemas.tracker().snapshot();
    statements = open_statement->closing_sql;
  }
  const Result<void> moved = co_await coordinator.update(std::move(update), std::move(statements));
  if (!moved) co_return moved.error();
  if (closes) open_statement.reset();
  saved_low_water = position;
  for (const auto& session : sessions) session->worker.drop(passed);
  co_return log.catalog().pin("task " + options.worker.scope.task, position);
}

// ---- start and end ----

void ApplyPump::Impl::publish() {
  const LowWater& low = planner.low_water();
  counters.caught_up = at_end && planner.idle();
  counters.applied = counters.caught_up ? std::max(reader.position(), low.position) : low.position;
  if (options.planner.keep_low_set) counters.applied_set = low.set.text();
  counters.conflicts = planner.conflicts();
  const std::lock_guard lock(status_mutex);
  status_copy = counters;
}

void ApplyPump::Impl::start_all() {
  running = sessions.size() + 2;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    relay::spawn(loop, "session " + std::to_string(i), drive(*sessions[i]));
  }
  relay::spawn(loop, "low-water mark", keep_low_water());
  relay::spawn(loop, "log reader", read_log());
}

ApplyPump::ApplyPump(asio::any_io_executor loop, ApplyOptions options, Coordinator& coordinator,
                     relay::RelayLog& log, relay::Storage& storage, TaskSelection& selection,
                     TaskSchemas& schemas, ApplyStart start)
    : impl_(std::make_unique<Impl>(std::move(loop), std::move(options), coordinator, log, storage,
                                   selection, schemas, std::move(start))) {}

ApplyPump::~ApplyPump() = default;

Awaitable<void> ApplyPump::run() {
  const relay::LogEnd::Token token = impl_->log.end().subscribe(impl_->reader_wake.remote());
  impl_->start_all();
  const auto began = std::chrono::steady_clock::now();
  auto asked_to_end = began;
  while (impl_->running > 0) {
    co_await impl_->ended.wait_for(std::chrono::milliseconds(200));
    const auto now = std::chrono::steady_clock::now();
    if (!impl_->ending()) {
      asked_to_end = now;
    } else if (now - asked_to_end > kPatienceAtStop) {
      for (const auto& session : impl_->sessions) {
        if (session->connection) session->connection->close();
      }
      impl_->coordinator.stop();
    }
  }
  impl_->log.end().unsubscribe(token);
  if (impl_->failure) {
    impl_->publish();
    co_return *impl_->failure;
  }
  const Result<void> saved = co_await impl_->save_low_water();
  impl_->publish();
  if (!saved) co_return saved.error();
  co_return Error(Errc::kStopped, "stopped");
}

void ApplyPump::stop() {
  impl_->stopping = true;
  impl_->wake_all();
}

const std::vector<TableName>& ApplyPump::copy_again() const { return impl_->copy_again; }

ApplyStatus ApplyPump::status() const {
  const std::lock_guard lock(impl_->status_mutex);
  return impl_->status_copy;
}

}  // namespace tiderelay::applier
