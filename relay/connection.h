// relay/connection.h: one client connection to a MySQL-protocol server: upstream, source of a dump,
// or target. Drives the machines of protocol/ over TCP, a Unix socket or TLS.
//
// Owner: the pump that made it; lives on that pump's loop; one coroutine at a time uses it. close()
// from the same loop ends whatever waits with Errc::kConnection. Every wait has the deadline
// io_timeout. After any kConnection error the connection is unusable: make a new one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/packet_reader.h"
#include "relay/awaitable.h"
#include "relay/query_outcome.h"
#include "relay/tls_options.h"

namespace tiderelay::relay {

struct ConnectOptions {
  std::string host;  // a name, an address, or the path of a Unix socket ("/...")
  std::uint16_t port = 3306;
  std::string user;
  std::string password;
  std::string schema;
  TlsOptions tls;
  bool found_rows = true;  // UPDATE counts matched rows
  bool multi_statements = true;
  bool local_infile = false;  // LOAD DATA LOCAL: only the dumper's target connections
  bool compress = false;      // zlib; for thin links
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds io_timeout{60'000};  // silence longer than this closes the connection
  std::string program_name = "tiderelay";
  std::string session_sql;  // first of all; empty: the server's defaults hold
};

class Connection {
 public:
  Connection(asio::any_io_executor loop, ConnectOptions options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Awaitable<void> connect();  // TCP, TLS, authentication
  void close();               // at once; nothing is awaited
  // For what may be silent for longer than options().io_timeout: a DDL, a wait for a lock. From the
  // next wait on.
  void set_io_timeout(std::chrono::milliseconds silence);
  [[nodiscard]] bool is_open() const;

  // Known after connect().
  [[nodiscard]] const std::string& server_version() const;  // "8.0.31", "5.5.5-10.11.6-MariaDB-log"
  [[nodiscard]] std::uint32_t connection_id() const;
  [[nodiscard]] bool is_tidb() const;
  [[nodiscard]] bool is_mariadb() const;
  [[nodiscard]] const ConnectOptions& options() const;

  // send() then receive(), for one packet that may hold several statements. kConnection only when
  // the connection is lost: then the outcome of a sent COMMIT is unknown. Pipelining: send twice,
  // receive twice.
  Awaitable<QueryOutcome> query(std::string sql);
  Awaitable<void> send(std::string sql);
  Awaitable<QueryOutcome> receive();

  // query() of exactly one statement; an ERR becomes the error of the result (kServer).
  Awaitable<StatementResult> execute(std::string sql);

  // Streams a big text result set: stream() sends and reads the columns, next_rows() gives row
  // packets as they lie on the wire (lenenc values, 0xfb NULL), many per call; empty: the end. The
  // views are valid until the next call. Back-pressure is not calling next_rows().
  // Read it to its end, or close(); of several result sets only the first is given.
  Awaitable<std::vector<ColumnInfo>> stream(std::string sql);
  Awaitable<std::span<const ByteView>> next_rows();

  // LOAD DATA LOCAL: `sql` is the statement; `next_block` fills the buffer with the next piece of
  // the file and returns false at the end (called on the loop, must not block). The answer is the
  // OK or ERR.
  using BlockSource = std::function<bool(std::string& block)>;
  Awaitable<StatementResult> load_local(std::string sql, BlockSource next_block);
  // The same in steps, for a file whose pieces are awaited themselves: begin (an ERR before the
  // server wants the file is the error), blocks (each returns when the socket took it), end.
  Awaitable<void> load_begin(std::string sql);
  Awaitable<void> load_block(ByteView block);
  Awaitable<StatementResult> load_end();

  // Any other command: one packet out, packets in. The payload starts with the command byte.
  Awaitable<void> send_command(std::string payload);
  // The next packet's payload whole; for binlog events use read_piece. Valid until the next call.
  Awaitable<ByteView> read_packet();

  // One packet out whose answer is OK, EOF or ERR: COM_PING, COM_REGISTER_SLAVE,
  // COM_RESET_CONNECTION.
  Awaitable<StatementResult> command(std::string payload);

  // A packet in pieces as they arrive, so that a 1 GiB event costs no 1 GiB: first piece of a
  // packet has `first`, the last one `last`. A packet of at most 64 KiB is one piece; of a longer
  // one the first piece has at least 64 bytes; the last piece may be empty. Valid until the next
  // call.
  using Piece = protocol::PacketPiece;
  Awaitable<Piece> read_piece();
  // The same, all that has arrived: waits for one piece at least. For binlog streams: one read of
  // the socket brings up to 512 KiB, and nothing is awaited for each event.
  Awaitable<std::span<const Piece>> read_pieces();

  // COM_QUIT, then close(): the server does not count the connection as aborted.
  // A packet with sequence id 0, beside a read; small, without a deadline. kUnsupported: the
  // connection is compressed.
  Awaitable<void> send_beside(std::string payload);
  Awaitable<void> quit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tiderelay::relay
