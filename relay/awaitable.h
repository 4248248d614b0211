// relay/awaitable.h: one of the two headers that show Asio to others (the other: transport.h).
// Coroutines live in pump files only and are started with spawn(), see docs/architecture.md.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>

#include "base/error.h"

namespace tiderelay::relay {

namespace asio = boost::asio;

template <class T>
using Awaitable = asio::awaitable<Result<T>>;

// Runs `work` on the executor's loop. An exception that leaves it is a bug: logged, then abort.
void spawn(const asio::any_io_executor& on, std::string name, asio::awaitable<void> work);

}  // namespace tiderelay::relay
