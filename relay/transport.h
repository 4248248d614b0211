// relay/transport.h: a byte stream with a deadline: TCP or a Unix socket, and TLS above it.
//
// Owner: the connection that made it; lives on that connection's loop. close() from the same loop
// ends whatever waits. A deadline that passes closes the socket. All failures are kConnection (TLS
// refusals kAuth, unusable keys kConfig) and name the peer.
// Limit: a name that is being looked up cannot be interrupted; the system's resolver ends it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "relay/awaitable.h"
#include "relay/tls_options.h"

namespace tiderelay::relay {

class Transport {
 public:
  explicit Transport(asio::any_io_executor loop);
  ~Transport();  // closes
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // A host that begins with '/' is the path of a Unix socket.
  Awaitable<void> connect(std::string host, std::uint16_t port);
  Awaitable<void> start_tls(TlsOptions tls);

  Awaitable<std::size_t> read_some(
      std::span<std::byte> into);  // 0 bytes never; the end is an error
  // Both, in this order; they must live until the end.
  Awaitable<void> write(ByteView first, ByteView second);

  // Everything until the next call ends by then ...
  void end_within(std::chrono::milliseconds time);
  // ... or, each read, and each part of a write, has this long.
  void wait_at_most(std::chrono::milliseconds silence);

  void close();
  [[nodiscard]] bool is_open() const;
  [[nodiscard]] bool is_unix() const;
  [[nodiscard]] const std::string& peer() const;  // "db-1.example:3306" or "/run/mysqld.sock"

  struct State;

 private:
  Awaitable<void> connect_unix(std::string path);
  std::shared_ptr<State> state_;
};

}  // namespace tiderelay::relay
