// dumper/dump_pump.cc: the frame of the full phase: meta tables, ledger, workers and movers, their
// end, and the status.
#include "dumper/dump_pump.h"

#include <algorithm>
#include <utility>

#include "applier/checkpoint.h"
#include "applier/error_class.h"
#include "base/check.h"
#include "dumper/dump_impl.h"

namespace tiderelay::dumper {
namespace {

using relay::Awaitable;
using relay::QueryOutcome;

constexpr unsigned kTableWorkersMax = 4;
constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{5000};
constexpr std::chrono::seconds kRateWindow{10};
constexpr std::size_t kTablesAStatement = 200;

Error stopped() { return Error(Errc::kStopped, "the full phase is stopped"); }

Session::Setup setup_of(const DumpPump::Impl& impl, Session::Side side) {
  Session::Setup setup;
  setup.side = side;
  setup.connect = side == Session::Side::kSource ? impl.source : impl.target;
  setup.target = impl.options.session;
  setup.lock_wait = impl.options.lock_wait;
  return setup;
}

}  // namespace

bool is_passing(const Error& error) {
  if (error.code() == Errc::kConnection) return true;
  if (error.code() != Errc::kServer) return false;
  switch (applier::classify(error, false)) {
    case applier::ErrorClass::kRetry:
    case applier::ErrorClass::kRetryFew:
    case applier::ErrorClass::kReconnect:
    case applier::ErrorClass::kCheck:
      return true;
    case applier::ErrorClass::kRefetch:
      return error.server_code() >= 8000;
    default:
      return false;
  }
}

std::chrono::milliseconds Backoff::next() {
  if (tries_ == 0) since_ = Clock::now();
  const unsigned doublings = std::min(tries_++, 10U);
  const auto longest = std::min(kFirstPause * (1 << doublings), kLongestPause);
  const auto half = longest.count() / 2;
  return std::chrono::milliseconds(
      half + static_cast<long>(random_() % static_cast<unsigned long>(half + 1)));
}

bool Backoff::lasted(std::chrono::seconds limit) const {
  return tries_ > 0 && Clock::now() - since_ > limit;
}

DumpPump::Impl::Hand::Hand(Impl& impl, unsigned seed)
    : source(impl.loop, setup_of(impl, Session::Side::kSource)),
      helper(impl.loop, setup_of(impl, Session::Side::kSource)),
      target(impl.loop, setup_of(impl, Session::Side::kTarget)),
      wake(impl.loop),
      backoff(impl.options.random_seed + seed) {}

DumpPump::Impl::Impl(relay::asio::any_io_executor executor, relay::ConnectOptions source_options,
                     relay::ConnectOptions target_options, DumpOptions dump_options,
                     std::vector<DumpTable> dump_tables)
    : loop(std::move(executor)),
      source(std::move(source_options)),
      target(std::move(target_options)),
      options(std::move(dump_options)),
      finished(loop),
      random(options.random_seed) {
  for (DumpTable& table : dump_tables) {
    tables.push_back(std::make_unique<TableTask>(loop, std::move(table)));
    TableTask& task = *tables.back();
    task.status.source = task.table.source;
    task.status.target = task.table.target;
  }
  const unsigned readers_wanted = std::max(options.readers, 1U);
  for (unsigned i = 0; i < readers_wanted; ++i) {
    readers.push_back(std::make_unique<Session>(loop, setup_of(*this, Session::Side::kSource)));
    free_readers.push_back(readers.back().get());
  }
  const auto workers = std::min<std::size_t>({kTableWorkersMax, readers_wanted, tables.size()});
  const unsigned movers = std::max(options.writers, readers_wanted);
  for (unsigned i = 0; i < 1 + workers + movers; ++i) {
    hands.push_back(std::make_unique<Hand>(*this, i));
  }
  worker_count = static_cast<unsigned>(workers);
}

Awaitable<void> DumpPump::Impl::run() {
  if (tables.empty()) co_return Result<void>();
  Hand& hand = *hands.front();
  const Result<void> prepared = co_await prepare_target(hand);
  if (!prepared) co_return prepared.error();
  const Result<QueryOutcome> described = co_await persist(hand, hand.source, "DO 0");
  if (!described) co_return described.error();
  source_server = hand.source.source();
  const Result<void> known = co_await read_ledger(hand);
  if (!known) co_return known.error();
  tables_open = tables.size();
  running = static_cast<unsigned>(hands.size()) - 1;
  for (unsigned i = 1; i <= worker_count; ++i) relay::spawn(loop, "dump table", table_worker(i));
  for (unsigned i = worker_count + 1; i < hands.size(); ++i) {
    relay::spawn(loop, "dump mover", mover(i));
  }
  while (running > 0) co_await finished.wait();
  for (const auto& reader : readers) reader->drop();
  hand.source.drop();
  hand.target.drop();
  if (failure) co_return *failure;
  if (stopping) co_return stopped();
  co_return Result<void>();
}

Awaitable<void> DumpPump::Impl::prepare_target(Hand& hand) {
  for (const std::string& sql : applier::meta_tables_sql(options.meta_schema)) {
    const Result<QueryOutcome> made = co_await persist(hand, hand.target, sql);
    if (!made) co_return made.error();
    if (made->error) co_return made->error->in("making the meta tables in the target");
  }
  target_info = hand.target.target();
  ledger.emplace(options, target_info.kind == applier::TargetKind::kTidb);
  const Result<void> taken = co_await persist_fenced(hand, ledger->takeover_sql());
  co_return taken;
}

Awaitable<void> DumpPump::Impl::read_ledger(Hand& hand) {
  const Result<QueryOutcome> tables_answer =
      co_await persist(hand, hand.target, ledger->read_tables_sql());
  if (!tables_answer) co_return tables_answer.error();
  if (tables_answer->error) co_return *tables_answer->error;
  const Result<QueryOutcome> chunks_answer =
      co_await persist(hand, hand.target, ledger->read_chunks_sql());
  if (!chunks_answer) co_return chunks_answer.error();
  if (chunks_answer->error) co_return *chunks_answer->error;
  Result<std::vector<TableRow>> rows = Ledger::read_tables(tables_answer->results.front());
  if (!rows) co_return rows.error();
  const Result<void> chunks = Ledger::read_chunks(chunks_answer->results.front(), *rows);
  if (!chunks) co_return chunks.error();
  std::vector<DumpTable> missing;
  for (const auto& task : tables) {
    const auto row = std::find_if(rows->begin(), rows->end(), [&](const TableRow& each) {
      return each.source == task->table.source;
    });
    if (row == rows->end()) {
      missing.push_back(task->table);
    } else {
      task->row = std::move(*row);
    }
    task->row.source = task->table.source;
  }
  for (std::size_t from = 0; from < missing.size(); from += kTablesAStatement) {
    const std::size_t end = std::min(from + kTablesAStatement, missing.size());
    const std::vector<DumpTable> some(missing.begin() + static_cast<std::ptrdiff_t>(from),
                                      missing.begin() + static_cast<std::ptrdiff_t>(end));
    const Result<void> added = co_await persist_fenced(hand, ledger->add_tables_sql(some));
    if (!added) co_return added.error();
  }
  co_return Result<void>();
}

relay::asio::awaitable<void> DumpPump::Impl::table_worker(unsigned number) {
  Hand& hand = *hands[number];
  while (!ending() && next_table < tables.size()) {
    TableTask& table = *tables[next_table++];
    const Result<void> copied = co_await copy_table(hand, table);
    if (!copied) fail(copied.error().in("table " + applier::quoted_table(table.table.source)));
    if (!copied) break;
    if (--tables_open == 0) wake_movers();
  }
  hand.source.drop();
  hand.target.drop();
  ended();
}

relay::asio::awaitable<void> DumpPump::Impl::mover(unsigned number) {
  Hand& hand = *hands[number];
  while (!ending() && tables_open > 0) {
    if (!has_work()) {
      idle_movers.push_back(&hand);
      co_await hand.wake.wait();
      std::erase(idle_movers, &hand);
      continue;
    }
    ChunkJob job = take_job();
    const Result<void> loaded = co_await load_chunk(hand, job);
    if (loaded) continue;
    const Result<void> settled = co_await settle(hand, std::move(job), loaded.error());
    if (!settled) fail(settled.error());
  }
  hand.target.drop();
  ended();
}

ChunkJob DumpPump::Impl::take_job() {
  CHECK(!queue.empty(), "a mover asks has_work() first");
  std::swap(queue[random() % queue.size()], queue.back());
  ChunkJob job = std::move(queue.back());
  queue.pop_back();
  return job;
}

bool DumpPump::Impl::has_work() const { return !queue.empty() && !free_readers.empty(); }

void DumpPump::Impl::ended() {
  --running;
  finished.notify();
}

// The one that became idle last comes first: sessions that are not needed are never opened.
void DumpPump::Impl::wake_movers() {
  if (tables_open > 0 && !ending()) {
    if (!idle_movers.empty()) idle_movers.back()->wake.notify();
    return;
  }
  for (Hand* hand : idle_movers) hand->wake.notify();
}

void DumpPump::Impl::end_all() {
  for (const auto& hand : hands) {
    hand->source.stop();
    hand->helper.stop();
    hand->target.stop();
    hand->wake.notify();
  }
  for (const auto& reader : readers) reader->stop();
  for (const auto& table : tables) table->changed.notify();
  finished.notify();
}

void DumpPump::Impl::stop() {
  stopping = true;
  end_all();
}

void DumpPump::Impl::fail(const Error& error) {
  if (ending()) return;
  failure = error;
  end_all();
}

void TableTask::forget_plan() {
  const std::uint32_t next_chunk = row.next_chunk;
  const std::uint64_t seq = row.seq;
  row = TableRow();
  row.seq = seq;
  row.source = table.source;
  row.next_chunk = next_chunk;  // old numbers belong to old connections
  plan = TablePlan();
  sizer.reset();
  low = LowMark();
  low_uuid.clear();
  planned_to.reset();
  fully_planned = false;
  schema_changed = false;
  status.rows_done = 0;
  status.bytes_done = 0;
  status.chunks_done = 0;
  status.chunks_total = 0;
}

Awaitable<void> DumpPump::Impl::pause(Hand& hand) {
  const bool woken = co_await hand.wake.wait_for(hand.backoff.next());
  (void)woken;
  if (ending()) co_return stopped();
  co_return Result<void>();
}

Awaitable<QueryOutcome> DumpPump::Impl::persist(Hand& hand, Session& session, std::string sql) {
  hand.backoff.reset();
  for (;;) {
    if (ending()) co_return stopped();
    Result<QueryOutcome> answer = co_await session.query(sql);
    const bool server = answer.has_value();
    if (server && !answer->error) co_return answer;
    const Error error = server ? *answer->error : answer.error();
    if (!is_passing(error)) co_return answer;
    if (hand.backoff.lasted(options.retry_for)) co_return error;
    session.drop();
    const Result<void> paused = co_await pause(hand);
    if (!paused) co_return paused.error();
  }
}

Awaitable<void> DumpPump::Impl::persist_fenced(Hand& hand, std::string sql) {
  const Result<QueryOutcome> answer = co_await persist(hand, hand.target, std::move(sql));
  if (!answer) co_return answer.error();
  const Result<void> fenced = Ledger::check_fenced(*answer);
  if (!fenced) hand.target.drop();  // with the transaction that the error left open
  co_return fenced;
}

// What moves the table's row on: one write a number.
Awaitable<void> DumpPump::Impl::store_table(Hand& hand, TableTask& table, std::string sql) {
  const Result<void> stored = co_await persist_fenced(hand, std::move(sql));
  if (stored) ++table.row.seq;
  co_return stored;
}

void DumpPump::Impl::note_progress(TableTask& table, std::uint64_t rows, std::uint64_t bytes) {
  table.status.rows_done += rows;
  table.status.bytes_done += bytes;
  table.status.rows_estimated = std::max(table.status.rows_estimated, table.status.rows_done);
  const Clock::time_point now = Clock::now();
  Progress step;
  step.at = now;
  step.rows = rows;
  step.bytes = bytes;
  progress.push_back(step);
  while (now - progress.front().at > kRateWindow) progress.pop_front();
}

void DumpPump::Impl::note(const std::string& text) {
  if (std::find(notes.begin(), notes.end(), text) == notes.end()) notes.push_back(text);
}

DumpPump::DumpPump(relay::asio::any_io_executor loop, relay::ConnectOptions source,
                   relay::ConnectOptions target, DumpOptions options, std::vector<DumpTable> tables)
    : impl_(std::make_unique<Impl>(std::move(loop), std::move(source), std::move(target),
                                   std::move(options), std::move(tables))) {}

DumpPump::~DumpPump() { CHECK(impl_->running == 0, "stop() it, then run its loop dry"); }

Awaitable<void> DumpPump::run() {
  const Result<void> ran = co_await impl_->run();
  co_return ran;
}

void DumpPump::stop() { impl_->stop(); }

DumpStatus DumpPump::status() const {
  DumpStatus status;
  status.notes = impl_->notes;
  for (const auto& table : impl_->tables) {
    status.tables.push_back(table->status);
    status.tables_done += table->status.stage == TableStage::kLoaded ? 1 : 0;
    status.rows_done += table->status.rows_done;
    status.rows_estimated += table->status.rows_estimated;
    status.bytes_done += table->status.bytes_done;
  }
  const Clock::time_point now = Clock::now();
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::chrono::duration<double> window{1};
  for (const Impl::Progress& step : impl_->progress) {
    if (now - step.at > kRateWindow) continue;
    rows += step.rows;
    bytes += step.bytes;
    window = std::max<std::chrono::duration<double>>(window, now - step.at);
  }
  status.rows_per_second = static_cast<double>(rows) / window.count();
  status.bytes_per_second = static_cast<double>(bytes) / window.count();
  if (status.rows_per_second >= 1) {
    const auto left = static_cast<double>(status.rows_estimated - status.rows_done);
    status.time_left = std::chrono::seconds(static_cast<long>(left / status.rows_per_second));
  }
  return status;
}

}  // namespace tiderelay::dumper
