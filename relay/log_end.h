// relay/log_end.h: how far the relay log is complete and on disk: the one thing that passes between
// the relay's loop and everybody who reads.
//
// get() is the end of the last transaction that is whole and synced; nothing beyond it may be
// acked, served or applied. All calls from any thread. A callback runs on the thread that advanced
// the end and must do no more than wake its owner's loop (post); it must not subscribe or
// unsubscribe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "relay/gtid_state.h"
#include "relay/log_position.h"

namespace tiderelay::relay {

class LogEnd {
 public:
  struct Value {
    LogPosition position;            // generation 0: nothing received yet
    std::uint64_t advances = 0;      // grows by one with each change
    std::uint64_t transactions = 0;  // before it, counted from the process's start
  };

  [[nodiscard]] Value get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

  // The transactions before the end; null: nothing received yet.
  [[nodiscard]] std::shared_ptr<const GtidState> gtids() const {
    const std::lock_guard lock(mutex_);
    return gtids_;
  }

  using Token = std::uint64_t;
  [[nodiscard]] Token subscribe(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    wakes_.emplace(++last_token_, std::move(wake));
    return last_token_;
  }
  // After it returned the callback is not running and will not run again.
  void unsubscribe(Token token) {
    const std::lock_guard lock(mutex_);
    wakes_.erase(token);
  }

  void advance(const LogPosition& position, std::shared_ptr<const GtidState> gtids,
               std::uint64_t transactions) {
    const std::lock_guard lock(mutex_);
    if (position <= value_.position) return;
    value_.position = position;
    value_.transactions = transactions;
    gtids_ = std::move(gtids);
    ++value_.advances;
    for (const auto& [token, wake] : wakes_) wake();
  }

 private:
  mutable std::mutex mutex_;
  Value value_;
  std::shared_ptr<const GtidState> gtids_;
  Token last_token_ = 0;
  std::map<Token, std::function<void()>> wakes_;
};

}  // namespace tiderelay::relay
