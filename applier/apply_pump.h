// applier/apply_pump.h: applies one source's relay log to the target: reads it up to LogEnd, plans,
// and drives the downstream sessions.
//
// Owner: the task's runner, on the applier's loop. run() returns when stop() was called and what
// was in flight has ended (kStopped), or with the error that needs somebody; then everything
// committed is in the checkpoint and a new ApplyPump, after a takeover, goes on. status() may be
// called from any thread.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "applier/coordinator.h"
#include "applier/log_source.h"
#include "applier/planner.h"
#include "applier/task_schemas.h"
#include "applier/task_selection.h"
#include "applier/worker.h"
#include "relay/relay_log.h"

namespace tiderelay::applier {

struct ApplyOptions {
  relay::ConnectOptions target;
  WorkerOptions worker;
  PlannerOptions planner;
  LogSourceOptions log_source;
  std::uint32_t workers = 16;
  std::chrono::milliseconds low_water_interval{1000};
  std::chrono::milliseconds looks_at_fence{15'000};  // also when idle: has somebody taken over?
  std::string source_time_zone;                      // what SYSTEM means at the source
  std::uint64_t seed = 0;                            // of the back-off's jitter
};

struct ApplyStart {
  CheckpointRows rows;          // after the takeover
  relay::LogPosition position;  // the low-water mark, or where the first transaction is looked for
  std::map<TableName, TableWindow> windows;
};

struct ApplyStatus {
  relay::LogPosition applied;  // the low-water mark
  std::string applied_set;
  bool caught_up = false;  // everything up to LogEnd is committed
  std::uint64_t rows = 0, transactions = 0, batches = 0, statements = 0, conflicts = 0;
  std::uint64_t rows_missed = 0;
  std::uint32_t newest_timestamp_seconds = 0;  // of the newest committed transaction
  std::vector<std::string> notes;
  // Of the statement that ended the pump; empty: something else did.
  std::string failed_statement, failed_position;
  std::optional<Error> trouble;  // what the sessions are waiting out; none: batches get through
};

class ApplyPump {
 public:
  // Everything referred to outlives the pump.
  ApplyPump(relay::asio::any_io_executor loop, ApplyOptions options, Coordinator& coordinator,
            relay::RelayLog& log, relay::Storage& storage, TaskSelection& selection,
            TaskSchemas& schemas, ApplyStart start);
  ~ApplyPump();
  ApplyPump(const ApplyPump&) = delete;
  ApplyPump& operator=(const ApplyPump&) = delete;

  relay::Awaitable<void> run();
  void stop();
  [[nodiscard]] ApplyStatus status() const;
  // After run() ended with kCopyAgain: the source's tables whose copies the log does not fit.
  [[nodiscard]] const std::vector<TableName>& copy_again() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tiderelay::applier
