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
#include "relay/server_tls.h"
#include "relay/tls_options.h"

namespace tiderelay::relay {

class Transport {
 public:
  explicit Transport(asio::any_io_executor loop);
  // The server's end of a connection that was accepted; owns the descriptor. peer: for messages.
  Transport(asio::any_io_executor loop, int descriptor, bool unix_socket, std::string peer);
  ~Transport();  // closes
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // A host that begins with '/' is the path of a Unix socket, "hop:3308" a connection that another
  // relay dialled to us (hop_pool.h), inside TLS when it is ready.
  Awaitable<void> connect(std::string host, std::uint16_t port);
  Awaitable<void> start_tls(TlsOptions tls);
  Awaitable<void> accept_tls(std::shared_ptr<ServerTls> tls);

  Awaitable<std::size_t> read_some(
      std::span<std::byte> into);  // 0 bytes never; the end is an error
  // The same without a deadline, beside a write().
  Awaitable<std::size_t> read_whenever(std::span<std::byte> into);
  // Without a deadline, beside a read_some().
  Awaitable<void> write_whenever(ByteView bytes);
  // Both, in this order; they must live until the end.
  Awaitable<void> write(ByteView first, ByteView second);

  // Everything until the next call ends by then ...
  void end_within(std::chrono::milliseconds time);
  // ... or, each read, and each part of a write, has this long.
  void wait_at_most(std::chrono::milliseconds silence);

  void close();
  [[nodiscard]] int release();  // the descriptor, now the caller's; REQUIRES: no TLS, nobody waits
  [[nodiscard]] bool is_open() const;
  [[nodiscard]] bool is_unix() const;
  // The peer's kernel has all that was written; false also when the system does not tell.
  [[nodiscard]] bool all_arrived() const;
  [[nodiscard]] const std::string& peer() const;  // "db-1.example:3306" or "/run/mysqld.sock"

  struct State;

 private:
  Awaitable<void> connect_unix(std::string path);
  Awaitable<void> connect_hop(std::uint16_t port);
  std::shared_ptr<State> state_;
};

}  // namespace tiderelay::relay
