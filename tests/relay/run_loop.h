// tests/relay/run_loop.h: runs one coroutine on a loop of its own to its end.
#pragma once

#include <boost/asio/io_context.hpp>
#include <optional>
#include <utility>

#include "relay/awaitable.h"

namespace tiderelay::tests {

template <class T>
boost::asio::awaitable<void> keep(boost::asio::awaitable<Result<T>> work,
                                  std::optional<Result<T>>& into) {
  Result<T> result = co_await std::move(work);
  into.emplace(std::move(result));
}

template <class T>
Result<T> run(boost::asio::io_context& loop, boost::asio::awaitable<Result<T>> work) {
  std::optional<Result<T>> result;
  relay::spawn(loop.get_executor(), "test", keep(std::move(work), result));
  loop.restart();
  while (!result && loop.run_one() > 0) {
  }
  return std::move(*result);
}

}  // namespace tiderelay::tests
