// relay/spawn.cc: the one place where coroutines start.
#include <boost/asio/co_spawn.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "relay/awaitable.h"

namespace tiderelay::relay {

void spawn(const asio::any_io_executor& on, std::string name, asio::awaitable<void> work) {
  auto on_end = [name = std::move(name)](const std::exception_ptr& error) {
    if (!error) return;
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "bug: coroutine %s: %s\n", name.c_str(), e.what());
    } catch (...) {
      std::fprintf(stderr, "bug: coroutine %s: unknown exception\n", name.c_str());
    }
    std::abort();  // errors are values; an exception that came this far is a bug
  };
  asio::co_spawn(on, std::move(work), std::move(on_end));
}

}  // namespace tiderelay::relay
