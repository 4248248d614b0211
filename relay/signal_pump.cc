// relay/signal_pump.cc: a timer that never fires by itself is what the waiter waits for; notify
// cancels it.
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "relay/signal.h"

namespace tiderelay::relay {

struct Signal::State {
  explicit State(const asio::any_io_executor& loop) : timer(loop) {}
  asio::steady_timer timer;
  bool notified = false;
};

Signal::Signal(asio::any_io_executor loop) : state_(std::make_shared<State>(loop)) {}
Signal::~Signal() = default;

void Signal::notify() {
  state_->notified = true;
  state_->timer.cancel();
}

std::function<void()> Signal::remote() {
  return [weak = std::weak_ptr<State>(state_), executor = state_->timer.get_executor()] {
    asio::post(executor, [weak] {
      const std::shared_ptr<State> state = weak.lock();
      if (!state) return;
      state->notified = true;
      state->timer.cancel();
    });
  };
}

asio::awaitable<void> Signal::wait() {
  const std::shared_ptr<State> state = state_;
  while (!state->notified) {
    boost::system::error_code woken;
    state->timer.expires_at(std::chrono::steady_clock::time_point::max());
    co_await state->timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  state->notified = false;
}

asio::awaitable<bool> Signal::wait_for(std::chrono::milliseconds at_most) {
  const std::shared_ptr<State> state = state_;
  if (!state->notified) {
    boost::system::error_code woken;
    state->timer.expires_after(at_most);
    co_await state->timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  const bool notified = state->notified;
  state->notified = false;
  co_return notified;
}

asio::awaitable<void> yield_now(asio::any_io_executor loop) {
  co_await asio::post(loop, asio::use_awaitable);
}

}  // namespace tiderelay::relay
