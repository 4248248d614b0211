// relay/signal.h: wakes the one coroutine of a loop that waits for something to have changed.
//
// A notify() that comes before the wait is not lost: the next wait returns at once. Several
// notifies before a wait count as one. Owner: the pump whose coroutine waits; it must outlive the
// wait.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "relay/awaitable.h"

namespace tiderelay::relay {

class Signal {
 public:
  explicit Signal(asio::any_io_executor loop);
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void notify();  // from the loop's own thread
  // A function that any thread may call, also after the signal is gone: it posts to the loop.
  [[nodiscard]] std::function<void()> remote();

  asio::awaitable<void> wait();
  asio::awaitable<bool> wait_for(std::chrono::milliseconds at_most);  // false: the time passed

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Lets the other coroutines of the loop run.
asio::awaitable<void> yield_now(asio::any_io_executor loop);

}  // namespace tiderelay::relay
