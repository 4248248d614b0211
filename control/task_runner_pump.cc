// control/task_runner_pump.cc: the life of a task at one source: take over, copy, follow; pause at
// what needs a person, begin again after what passes.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>

#include "applier/apply_pump.h"
#include "applier/error_class.h"
#include "control/task_plan.h"
#include "control/task_runner.h"
#include "dumper/dump_pump.h"
#include "relay/loop.h"
#include "relay/signal.h"

namespace tiderelay::control {

namespace asio = relay::asio;
using relay::Awaitable;

namespace {

constexpr std::chrono::milliseconds kBackOffFirst{1000};
constexpr std::chrono::milliseconds kBackOffMax{30'000};
constexpr std::chrono::milliseconds kStatusEvery{100};
constexpr std::uint64_t kLooksPerPoint = 4;
constexpr std::size_t kCurvePointsMax = 300;

// Errors after which the same work may succeed by itself.
bool passes_by_itself(const Error& error) {
  if (error.code() == Errc::kConnection || error.code() == Errc::kCopyAgain) return true;
  if (error.code() != Errc::kServer) return false;
  switch (applier::classify(error, false)) {
    case applier::ErrorClass::kRetry:
    case applier::ErrorClass::kRetryFew:
    case applier::ErrorClass::kReconnect:
    case applier::ErrorClass::kCheck:
    case applier::ErrorClass::kRefetch:
      return true;
    default:
      return false;
  }
}

// The highest end of a copy: from there on every table is of one moment.
relay::LogPosition copy_end(const std::map<applier::TableName, applier::TableWindow>& windows) {
  relay::LogPosition end;
  for (const auto& [name, window] : windows) {
    if (end.generation == 0 || end < window.high) end = window.high;
  }
  return end;
}

}  // namespace

struct TaskRunner::Impl {
  Impl(Options with, SourceRunner& from)
      : options(std::move(with)),
        source(from),
        instance(*options.task.find_instance(options.source_id)),
        loop("task " + options.task.name.substr(0, 10)),
        wake(loop.executor()) {}

  asio::awaitable<void> live();
  Awaitable<void> run_once();
  Awaitable<TaskPlan> prepare(applier::Coordinator& coordinator);
  Awaitable<void> change_tables(applier::Coordinator& coordinator, TaskPlan& plan);
  Awaitable<void> copy(applier::Coordinator& coordinator, TaskPlan& plan);
  Awaitable<void> follow(applier::Coordinator& coordinator, TaskPlan& plan);
  asio::awaitable<void> watch();
  void set_stage(Stage stage, std::optional<Error> error = std::nullopt);
  void count_error(bool passing);
  void set_at_rest(bool rests);
  void set_unit(Unit unit);
  void note_copy_begin(const TaskPlan& plan);
  void add_notes(const std::vector<std::string>& notes);
  void publish_sync(const applier::ApplyStatus& applied);
  void end_full(const applier::ApplyStatus& applied);
  void end_current();

  const Options options;
  SourceRunner& source;
  const conf::InstanceConfig& instance;
  relay::Loop loop;
  relay::Signal wake;
  bool stopping = false;
  bool pausing = false;
  bool alive = false;  // live() runs
  applier::Coordinator* coordinator_now = nullptr;
  dumper::DumpPump* dump_now = nullptr;
  applier::ApplyPump* apply_now = nullptr;
  relay::LogPosition goal;                     // the log's end when this share began
  std::optional<relay::LogPosition> full_end;  // task-mode full: where the copies are whole
  bool full_done = false;
  std::uint64_t rows_before = 0;
  std::chrono::steady_clock::time_point rows_at;
  bool started = false;
  bool forgotten = false;     // remove_meta has been done
  bool copied_again = false;  // copy_again has been asked for

  mutable std::mutex mutex;  // guards what follows
  mutable std::condition_variable rested;
  TaskStatus shown;
  std::deque<float> curve;
  std::uint64_t looks = 0;
  bool at_rest = true;  // waits for resume() or stop(), or has ended
};

void TaskRunner::Impl::set_stage(Stage stage, std::optional<Error> error) {
  const std::lock_guard lock(mutex);
  shown.stage = stage;
  shown.error = std::move(error);
}

void TaskRunner::Impl::count_error(bool passing) {
  const std::lock_guard lock(mutex);
  ++(passing ? shown.errors_passing : shown.errors_lasting);
}

void TaskRunner::Impl::set_at_rest(bool rests) {
  const std::lock_guard lock(mutex);
  at_rest = rests;
  if (rests) rested.notify_all();
}

void TaskRunner::Impl::set_unit(Unit unit) {
  const std::lock_guard lock(mutex);
  if (shown.stage == Stage::kRunning) shown.error.reset();  // it got through
  shown.unit = unit;
}

void TaskRunner::Impl::note_copy_begin(const TaskPlan& plan) {
  const std::string gtids = source.status().upstream_gtids;
  const std::string position = source.log().catalog().text(plan.goal);
  const std::lock_guard lock(mutex);
  shown.copy_position = position;
  shown.copy_gtids = gtids;
}

void TaskRunner::Impl::add_notes(const std::vector<std::string>& notes) {
  const std::lock_guard lock(mutex);
  for (const std::string& note : notes) {
    const bool known = std::find(shown.notes.begin(), shown.notes.end(), note) != shown.notes.end();
    if (known) continue;
    shown.notes.push_back(note);
    spdlog::info("task {} at {}: {}", options.task.name, options.source_id, note);
  }
}

asio::awaitable<void> TaskRunner::Impl::live() {
  std::chrono::milliseconds wait{0};
  std::optional<Error> needs_somebody;
  while (!stopping) {
    if (pausing) {
      set_stage(Stage::kPaused, std::move(needs_somebody));
      needs_somebody.reset();
      set_at_rest(true);
      while (pausing && !stopping) co_await wake.wait();
      continue;
    }
    set_at_rest(false);
    set_stage(Stage::kRunning);
    const auto began = std::chrono::steady_clock::now();
    const Result<void> ran = co_await run_once();
    if (stopping || pausing) continue;
    if (ran) {
      set_stage(Stage::kFinished);
      break;
    }
    if (!passes_by_itself(ran.error())) {
      spdlog::error("task {} at {}: {}", options.task.name, options.source_id, ran.error().text());
      count_error(false);
      needs_somebody = ran.error();
      pausing = true;
      continue;
    }
    spdlog::warn("task {} at {}: {}; trying again", options.task.name, options.source_id,
                 ran.error().text());
    count_error(true);
    const bool lasted = std::chrono::steady_clock::now() - began > kBackOffMax;
    wait = lasted ? kBackOffFirst : std::clamp(wait * 2, kBackOffFirst, kBackOffMax);
    set_stage(Stage::kRunning, ran.error());
    co_await wake.wait_for(wait);
  }
  if (stopping) set_stage(Stage::kStopped);
  set_at_rest(true);
  alive = false;
}

Awaitable<void> TaskRunner::Impl::run_once() {
  applier::CoordinatorOptions coordinator_options;
  const Result<void> made = make_coordinator_options(options.task, instance, coordinator_options);
  if (!made) co_return made.error();
  coordinator_options.on_trouble = [this](const Error& error) {
    spdlog::warn("task {} at {}: target: {}; trying again", options.task.name, options.source_id,
                 error.text());
    set_stage(Stage::kRunning, error.in("target"));
  };
  applier::Coordinator coordinator(loop.executor(), coordinator_options);
  coordinator_now = &coordinator;
  Result<void> done;
  Result<TaskPlan> plan = co_await prepare(coordinator);
  if (!plan) {
    done = plan.error();
  } else {
    const bool copies = options.task.mode != conf::TaskMode::kIncremental;
    const bool known = copies || plan->rows.source.phase == kPhaseSync;
    if (known) done = co_await pin_log(coordinator, *plan, options.task.name, source);
    if (done && !stopping && !pausing) done = co_await copy(coordinator, *plan);
    if (done && !stopping && !pausing) done = co_await follow(coordinator, *plan);
  }
  coordinator_now = nullptr;
  coordinator.stop();
  co_return done;
}

Awaitable<TaskPlan> TaskRunner::Impl::prepare(applier::Coordinator& coordinator) {
  set_unit(Unit::kCheck);
  const std::uint32_t workers = instance.sync.worker_count;
  Result<applier::CheckpointRows> rows = co_await coordinator.take_over(workers);
  if (!rows) co_return rows.error();
  if (options.remove_meta && !forgotten) {
    const Result<void> done = co_await forget_checkpoint(coordinator, options.task, instance);
    if (!done) co_return done.error();
    rows = co_await coordinator.take_over(workers);
    if (!rows) co_return rows.error();
  }
  TaskPlanInput input;
  input.task = &options.task;
  input.instance = &instance;
  input.source = &source;
  input.rows = std::move(*rows);
  input.executor = loop.executor();
  input.new_rules = options.new_rules;
  Result<TaskPlan> plan = co_await make_task_plan(std::move(input), coordinator);
  if (!plan) co_return plan;
  const Result<void> ordered = co_await change_tables(coordinator, *plan);
  if (!ordered) co_return ordered.error();
  add_notes(plan->notes);
  if (options.remove_meta && !forgotten) {
    const Result<void> done =
        co_await forget_other_tables(coordinator, *plan, options.task, instance);
    if (!done) co_return done.error();
    forgotten = true;
    if (options.on_forgotten) options.on_forgotten();
  }
  co_return plan;
}

// update-task and resync-table, once.
Awaitable<void> TaskRunner::Impl::change_tables(applier::Coordinator& coordinator, TaskPlan& plan) {
  if (plan.rules_changed) {
    const Result<void> adopted = co_await adopt_rules(coordinator, plan, options.task, instance);
    if (!adopted) co_return adopted.error();
  }
  if (copied_again || options.copy_again.empty()) co_return Result<void>();
  std::vector<applier::TableName> taken = options.copy_again;  // by the rules of now
  std::erase_if(taken, [&plan](const applier::TableName& name) {
    const auto target = plan.selection->target_of(name);
    return target && !*target;
  });
  const bool all_to_copy = plan.rows.source.phase != kPhaseSync;
  if (!all_to_copy && !taken.empty()) {
    const Result<void> asked = co_await ask_for_copies(coordinator, plan, std::move(taken));
    if (!asked) co_return asked.error();
  }
  copied_again = true;
  if (options.on_copies_asked) options.on_copies_asked();
  co_return Result<void>();
}

// Until nothing is left to copy: tables come up at the source while others are copied.
Awaitable<void> TaskRunner::Impl::copy(applier::Coordinator& coordinator, TaskPlan& plan) {
  const bool first = plan.rows.source.phase != kPhaseSync;
  const bool copies = options.task.mode != conf::TaskMode::kIncremental;
  while (copies && !stopping && !pausing) {
    Result<std::vector<dumper::DumpTable>> tables = co_await tables_to_copy(coordinator, plan);
    if (!tables) co_return tables.error();
    if (tables->empty()) break;
    set_unit(Unit::kDump);
    note_copy_begin(plan);
    relay::ConnectOptions from = source.connect();
    if (instance.dump.security.given()) {
      const Result<relay::TlsOptions> tls = tls_options(instance.dump.security);
      if (!tls) co_return tls.error();
      from.tls = *tls;
    }
    dumper::DumpPump dump(loop.executor(), from, plan.target, plan.dump, std::move(*tables));
    dump_now = &dump;
    const Result<void> dumped = co_await dump.run();
    dump_now = nullptr;
    if (!dumped) co_return dumped.error();
    add_notes(dump.status().notes);
    if (!first) break;
    const Result<void> listed = co_await list_tables_again(plan, options.task, instance, source);
    if (!listed) co_return listed.error();
  }
  if (!first || stopping || pausing) co_return Result<void>();
  const Result<void> done = co_await finish_copy(coordinator, plan, options.task, instance, source);
  add_notes(plan.notes);
  co_return done;
}

Awaitable<void> TaskRunner::Impl::follow(applier::Coordinator& coordinator, TaskPlan& plan) {
  Result<applier::ApplyStart> start = co_await make_apply_start(coordinator, plan, source);
  if (!start) co_return start.error();
  if (stopping || pausing) co_return Result<void>();
  if (goal.generation == 0) goal = plan.goal;
  if (options.task.mode == conf::TaskMode::kFull) full_end = copy_end(start->windows);
  set_unit(Unit::kSync);
  applier::ApplyPump apply(loop.executor(), plan.apply, coordinator, source.log(), source.storage(),
                           *plan.selection, *plan.schemas, std::move(*start));
  apply_now = &apply;
  const Result<void> applied = co_await apply.run();
  publish_sync(apply.status());
  apply_now = nullptr;
  if (full_done) co_return Result<void>();
  if (applied || applied.error().code() != Errc::kCopyAgain) co_return applied;
  if (options.task.mode == conf::TaskMode::kIncremental) co_return applied.error().as(Errc::kData);
  const Result<void> asked = co_await ask_for_copies(coordinator, plan, apply.copy_again());
  if (!asked) co_return asked.error();
  co_return applied;
}

// task-mode full ends where all tables are as the source was at one place of its log.
void TaskRunner::Impl::end_full(const applier::ApplyStatus& applied) {
  if (!full_end || full_done) return;
  const bool log_is_there = source.log().end().get().position >= *full_end;
  if (applied.applied < *full_end && !(applied.caught_up && log_is_there)) return;
  full_done = true;
  apply_now->stop();
}

// What others see, ten times a second.
asio::awaitable<void> TaskRunner::Impl::watch() {
  relay::Signal pause(loop.executor());
  while (alive) {
    if (dump_now != nullptr) {
      const dumper::DumpStatus dump = dump_now->status();
      const std::lock_guard lock(mutex);
      shown.tables = table_progress(dump);
      if (dump.rows_done > 0 && shown.unit == Unit::kDump) shown.unit = Unit::kLoad;
      shown.rows_per_second = dump.rows_per_second;
      shown.bytes_per_second = dump.bytes_per_second;
      shown.time_left = dump.time_left;
    }
    if (apply_now != nullptr) {
      const applier::ApplyStatus applied = apply_now->status();
      publish_sync(applied);
      end_full(applied);
    }
    co_await pause.wait_for(kStatusEvery);
  }
}

void TaskRunner::Impl::publish_sync(const applier::ApplyStatus& applied) {
  const auto now = std::chrono::steady_clock::now();
  const std::chrono::duration<double> passed = now - rows_at;
  const std::lock_guard lock(mutex);
  if (passed.count() >= 2 || rows_at.time_since_epoch().count() == 0) {
    const std::uint64_t before = std::min(rows_before, applied.rows);
    shown.rows_per_second = static_cast<double>(applied.rows - before) / passed.count();
    rows_before = applied.rows;
    rows_at = now;
  }
  relay::LogCatalog& catalog = source.log().catalog();
  const relay::LogPosition end = source.log().end().get().position;
  shown.applied_position = catalog.text(applied.applied);
  shown.applied_set = applied.applied_set;
  shown.log_end_position = catalog.text(end);
  shown.caught_up = applied.caught_up;
  if (goal.generation != 0 && applied.applied >= goal) shown.reached_start_end = true;
  shown.failed_statement = applied.failed_statement;
  shown.failed_position = applied.failed_position;
  shown.rows = applied.rows;
  shown.transactions = applied.transactions;
  shown.statements = applied.statements;
  shown.rows_missed = applied.rows_missed;
  if (shown.stage == Stage::kRunning) shown.error = applied.trouble;
  shown.bytes_behind = applied.caught_up ? 0 : catalog.bytes_between(applied.applied, end);
  shown.lag_seconds = 0;
  if (!applied.caught_up && applied.newest_timestamp_seconds != 0) {
    const double wall =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    shown.lag_seconds = std::max(0.0, wall - applied.newest_timestamp_seconds);
  }
  shown.lags.add(shown.lag_seconds);
  if (++looks % kLooksPerPoint == 0) {
    curve.push_back(static_cast<float>(shown.lag_seconds));
    if (curve.size() > kCurvePointsMax) curve.pop_front();
  }
  for (const std::string& note : applied.notes) {
    const bool known = std::find(shown.notes.begin(), shown.notes.end(), note) != shown.notes.end();
    if (!known) shown.notes.push_back(note);
  }
}

void TaskRunner::Impl::end_current() {
  wake.notify();
  if (coordinator_now != nullptr && apply_now == nullptr) coordinator_now->stop();
  if (dump_now != nullptr) dump_now->stop();
  if (apply_now != nullptr) apply_now->stop();
}

TaskRunner::TaskRunner(Options options, SourceRunner& source)
    : impl_(std::make_unique<Impl>(std::move(options), source)) {}

TaskRunner::~TaskRunner() { stop(); }

void TaskRunner::start() {
  impl_->started = true;
  impl_->set_at_rest(false);
  impl_->set_stage(Stage::kRunning);
  // Until it has said what it needs it needs all that is there.
  relay::LogCatalog& catalog = impl_->source.log().catalog();
  const std::string reader = "task " + impl_->options.task.name;
  const bool known = catalog.pins().contains(reader);
  const relay::LogPosition all{1, 1, relay::kFirstEventOffset};
  const Result<void> pinned = known ? Result<void>() : catalog.pin(reader, all);
  if (!pinned) spdlog::error("{}: {}", reader, pinned.error().text());
  impl_->loop.post([impl = impl_.get()] {
    impl->alive = true;
    relay::spawn(impl->loop.executor(), "task", impl->live());
    relay::spawn(impl->loop.executor(), "task status", impl->watch());
  });
}

void TaskRunner::pause() {
  impl_->loop.post([impl = impl_.get()] {
    impl->pausing = true;
    impl->end_current();
  });
}

void TaskRunner::resume() {
  impl_->loop.post([impl = impl_.get()] {
    impl->pausing = false;
    impl->wake.notify();
  });
}

void TaskRunner::stop() {
  if (!impl_->started) return;
  impl_->started = false;
  impl_->loop.post([impl = impl_.get()] {
    impl->stopping = true;
    impl->end_current();
  });
  impl_->loop.finish();
  impl_->loop.join();
}

bool TaskRunner::wait_at_rest(std::chrono::milliseconds patience) const {
  std::unique_lock lock(impl_->mutex);
  return impl_->rested.wait_for(lock, patience, [this] { return impl_->at_rest; });
}

TaskStatus TaskRunner::status() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->shown;
}

std::vector<float> TaskRunner::lag_curve() const {
  const std::lock_guard lock(impl_->mutex);
  return {impl_->curve.begin(), impl_->curve.end()};
}

void LagHistogram::add(double seconds) {
  std::size_t bucket = 0;
  for (double bound = 0.5; bucket < kBuckets && seconds > bound; bound *= 2) ++bucket;
  ++counts[bucket];
  sum_seconds += seconds;
}

}  // namespace tiderelay::control
