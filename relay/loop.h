// relay/loop.h: a thread with its event loop, a timer, and work that may block, so that pumps need
// no Asio of their own.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "relay/awaitable.h"

namespace tiderelay::relay {

// One io_context and one thread. An object lives and dies on one loop.
//
// Stop: what runs on the loop is told to stop (on the loop: post()), finish() says that nothing new
// comes, and join() returns when the last coroutine has. Never a stop() that abandons coroutines.
class Loop {
 public:
  explicit Loop(std::string name);  // the thread's name, at most 15 bytes
  ~Loop();                          // finish() and join()
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  [[nodiscard]] asio::any_io_executor executor() const;
  void post(std::function<void()> work);  // from any thread
  void finish();                          // from any thread, once or more often
  void join();                            // not from the loop's own thread
  [[nodiscard]] bool is_here() const;     // the caller runs on the loop's thread

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Waits for time to pass or to be woken. One coroutine at a time waits; it and wake() share the
// loop. A wake() that finds nobody waiting is not remembered: look at the condition, then wait.
class Timer {
 public:
  explicit Timer(asio::any_io_executor loop);
  ~Timer();  // REQUIRES: nobody waits
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  Awaitable<bool> sleep_for(std::chrono::nanoseconds time);  // true: it passed; false: woken
  Awaitable<void> sleep_until_woken();
  void wake();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Sleeps without a way to be woken: the loop cannot end before. For what may be stopped use Timer.
Awaitable<void> sleep_for(asio::any_io_executor loop, std::chrono::nanoseconds time);

// Threads for calls that block: fdatasync, reads of cold files.
class WorkerPool {
 public:
  explicit WorkerPool(unsigned threads);
  ~WorkerPool();  // waits for what runs
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Runs `work` on a thread of the pool; the coroutine goes on, on `loop`, when it has returned.
  Awaitable<void> run(asio::any_io_executor loop, std::function<void()> work);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tiderelay::relay
