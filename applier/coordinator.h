// applier/coordinator.h: the session that owns a task's coordinator row in the target: takes the
// task over, moves the low-water mark, and executes what must be alone.
//
// Owner: the task's pump, one coroutine at a time. An update whose answer is lost is decided by
// reading the row: a fenced update that was committed shows in its seq. Errors: kFenced (somebody
// took over), kConfig, or the last error when the target stays away; transient ones are retried
// with back-off until stop().
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "applier/checkpoint.h"
#include "applier/session_setup.h"
#include "relay/connection.h"

namespace tiderelay::applier {

struct CoordinatorOptions {
  CheckpointScope scope;
  relay::ConnectOptions target;
  SessionOptions session;
  std::function<void(const Error&)> on_trouble;  // before each new try: what it waits out
  std::chrono::milliseconds backoff_first{100};
  std::chrono::milliseconds backoff_max{5000};
};

class Coordinator {
 public:
  Coordinator(relay::asio::any_io_executor loop, CoordinatorOptions options);
  ~Coordinator();
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;

  // Connects, makes the meta tables, raises the epoch and reads the rows; `workers` rows exist
  // after it.
  relay::Awaitable<CheckpointRows> take_over(std::uint32_t workers);

  // One fenced transaction on the coordinator row, with more statements in it.
  relay::Awaitable<void> update(SourceUpdate update, std::vector<std::string> statements);

  // A plain statement or packet on the same session, in a transaction of its own that is rolled
  // back, tried again when the connection was lost: only for what may run twice. The answers end
  // with the ROLLBACK's.
  relay::Awaitable<relay::QueryOutcome> query(std::string sql);

  // The session itself, connected. For a DDL, whose outcome its caller decides.
  relay::Awaitable<relay::Connection*> session();

  void stop();  // ends what waits with kStopped
  [[nodiscard]] const relay::asio::any_io_executor& loop() const;
  [[nodiscard]] bool stopped() const;
  [[nodiscard]] const TargetInfo& target() const;
  [[nodiscard]] const SourceFence& fence() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tiderelay::applier
