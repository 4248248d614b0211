// relay/loop.h: a thread with its event loop, a plain sleep, and work that may block, so that pumps
// need no Asio of their own. To wait for something, or for time that may be cut short: signal.h.
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

// Sleeps without a way to be woken: the loop cannot end before. For what may be stopped: Signal.
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
