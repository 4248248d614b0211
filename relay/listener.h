// relay/listener.h: waits at a TCP address or a Unix socket for connections.
//
// Owner: whoever accepts; lives on its loop. close() from the same loop ends accept() with
// kStopped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "relay/awaitable.h"
#include "relay/transport.h"

namespace tiderelay::relay {

class Listener {
 public:
  explicit Listener(asio::any_io_executor loop);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // host: an address, empty for all, or the path of a Unix socket, which is made anew. Port 0: any.
  [[nodiscard]] Result<void> open(const std::string& host, std::uint16_t port);
  [[nodiscard]] std::uint16_t port() const;
  // The next connection. kLimit: no file descriptor is left; try again in a while.
  Awaitable<std::unique_ptr<Transport>> accept();
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tiderelay::relay
