// relay/awaitable.h: one of the two headers that show Asio to others (the other: transport.h).
// Coroutines live in pump files only and are started with spawn(), see docs/architecture.md.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>
#include <type_traits>

#include "base/error.h"

namespace tiderelay::relay {

namespace asio = boost::asio;

// What a coroutine gives for a bool. asio builds its result in place, and a Result<bool> that is
// built in place from another one takes its has_value(): `co_return failed_check;` would turn false
// into true. This one cannot be made from a Result.
class Truth {
 public:
  Truth() = default;
  Truth(bool value) : value_(value) {}  // NOLINT: stands for the bool
  operator bool() const { return value_; }

 private:
  bool value_ = false;
};

template <class T>
using Awaitable = asio::awaitable<Result<std::conditional_t<std::is_same_v<T, bool>, Truth, T>>>;

// Runs `work` on the executor's loop. An exception that leaves it is a bug: logged, then abort.
void spawn(const asio::any_io_executor& on, std::string name, asio::awaitable<void> work);

}  // namespace tiderelay::relay
