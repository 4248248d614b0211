// relay/connection_impl.h: the state of a Connection, for its two files: connection.cc (connecting,
// bytes, statements) and stream_pump.cc (rows, files, packets as they are).
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/client_session.h"
#include "protocol/compression.h"
#include "protocol/response.h"
#include "relay/connection.h"
#include "relay/transport.h"

namespace tiderelay::relay {

[[nodiscard]] ColumnInfo info_of(const protocol::ColumnDefinition& column);

struct Connection::Impl {
  Impl(asio::any_io_executor executor, ConnectOptions connect_options)
      : loop(std::move(executor)), options(std::move(connect_options)) {}

  [[nodiscard]] std::string place() const {
    return "user '" + options.user + "' at " + (transport ? transport->peer() : options.host);
  }

  [[nodiscard]] Error not_open() const {
    return Error(Errc::kConnection, place() + ": the connection is closed");
  }

  // Whatever breaks the stream of packets makes the connection unusable.
  [[nodiscard]] Error broken(const Error& error);
  // The server's error; after some of them it closes the connection, so do we.
  [[nodiscard]] Error refused(const Error& error);

  Awaitable<void> connect_once(bool allow_tls);
  Awaitable<void> authenticate(protocol::ClientSession& session);
  Awaitable<void> fill();
  Awaitable<void> write(ByteView first, ByteView second);
  // The payload lives above, until the end.
  Awaitable<void> send_packet(std::string_view payload, std::uint8_t sequence);
  Awaitable<void> send_frames(std::string_view payload, std::uint8_t sequence);
  Awaitable<void> send_command(std::string payload);
  Awaitable<void> last_words(Error cause);
  void start_file();
  Awaitable<void> send_block(std::string_view block);  // a view of what lives above
  Awaitable<void> end_file();

  void begin_answer();
  [[nodiscard]] Result<bool> take_answer(QueryOutcome& outcome);
  [[nodiscard]] Result<void> add_row(ByteView packet);
  [[nodiscard]] Result<bool> take_columns(std::vector<ColumnInfo>& columns);
  [[nodiscard]] Result<bool> take_rows();
  void finish_result(QueryOutcome& outcome);

  const asio::any_io_executor loop;
  const ConnectOptions options;
  std::unique_ptr<Transport> transport;
  bool closed = false;
  bool ready = false;
  bool tls_failed = false;
  protocol::Greeting greeting;
  protocol::PacketReader reader;
  protocol::ResponseReader response{0};
  std::deque<std::uint8_t> due;  // for each command sent: the id of its answer's first packet
  std::string out;
  std::optional<protocol::Compressor> compressor;  // both or none
  std::optional<protocol::Decompressor> decompressor;
  std::string compressed;

  StatementResult current;  // of the answer that is being read
  protocol::RowValues values;
  bool file_wanted = false;
  std::uint8_t file_sequence = 0;
  QueryOutcome load_outcome;
  bool streaming = false;
  bool draining = false;              // the streamed result set has ended; the answer goes on
  std::optional<Error> stream_error;  // given after the rows that came before it
  std::vector<ByteView> rows;
  std::vector<Piece> pieces;
};

}  // namespace tiderelay::relay
