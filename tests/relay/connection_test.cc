// A Connection over a scripted peer on loopback.
#include "relay/connection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <future>
#include <memory>

#include "protocol/auth.h"
#include "protocol/capabilities.h"
#include "protocol/command.h"
#include "protocol/packet_writer.h"
#include "protocol/response.h"
#include "tests/relay/run_loop.h"
#include "tests/relay/scripted_peer.h"

namespace tiderelay::relay {
namespace {

using protocol::encode_error;
using tests::PeerSocket;
using tests::run;
using tests::ScriptedPeer;

constexpr std::uint32_t kAll = 0xffffffff & ~protocol::kSsl & ~protocol::kCompress;

std::string ok(std::uint64_t affected_rows = 0, std::uint16_t status = 2, std::uint8_t header = 0) {
  protocol::OkPacket packet;
  packet.affected_rows = affected_rows;
  packet.status_flags = status;
  return protocol::encode_ok(packet, header);
}

std::string eof() { return protocol::encode(protocol::EofPacket()); }

std::string column(const std::string& name) {
  protocol::ColumnDefinition definition;
  definition.name = name;
  return protocol::encode(definition);
}

ConnectOptions options_for(const ScriptedPeer& peer) {
  ConnectOptions options;
  options.host = "127.0.0.1";
  options.port = peer.port();
  options.user = "someone";
  options.password = "very secret";
  options.local_infile = true;
  return options;
}

struct Client {
  explicit Client(const ConnectOptions& options) : connection(loop.get_executor(), options) {}
  explicit Client(const ScriptedPeer& peer) : Client(options_for(peer)) {
    const auto connected = run(loop, connection.connect());
    EXPECT_TRUE(connected.has_value()) << connected.error().text();
  }
  boost::asio::io_context loop;
  Connection connection;
};

TEST(Connection, LogsInAndTellsWhoTheServerIs) {
  protocol::HandshakeResponse response;
  {
    ScriptedPeer peer([&](PeerSocket& client) {
      response = client.log_in(kAll);
      client.read_to_end();
    });
    Client client(peer);
    EXPECT_TRUE(client.connection.is_open());
    EXPECT_EQ(client.connection.server_version(), "8.0.99-scripted");
    EXPECT_EQ(client.connection.connection_id(), 77U);
    client.connection.close();
    EXPECT_FALSE(client.connection.is_open());
  }
  EXPECT_EQ(response.auth_answer, protocol::native_answer("very secret", tests::kPeerNonce));
}

TEST(Connection, ReadsResultSetsInBothForms) {
  for (const std::uint32_t capabilities : {kAll, kAll & ~protocol::kDeprecateEof}) {
    const bool deprecate = (capabilities & protocol::kDeprecateEof) != 0;
    std::string sql;
    ScriptedPeer peer([&](PeerSocket& client) {
      client.log_in(capabilities);
      sql = client.read();
      for (const std::string& packet : {std::string("\x02"), column("a"), column("b")}) {
        client.send(packet);
      }
      if (!deprecate) client.send(eof());
      client.send(protocol::encode_text_row({"1", std::nullopt}));
      client.send(protocol::encode_text_row({"", "x"}));
      client.send(deprecate ? ok(0, 2, 0xfe) : eof());
      client.read_to_end();
    });
    Client client(peer);
    const auto result = run(client.loop, client.connection.execute("SELECT a, b"));
    ASSERT_TRUE(result.has_value()) << result.error().text();
    EXPECT_EQ(sql, "\x03SELECT a, b");
    ASSERT_EQ(result->columns.size(), 2U);
    EXPECT_EQ(result->columns[1].name, "b");
    ASSERT_EQ(result->rows.size(), 2U);
    EXPECT_EQ(result->rows[0][1], std::nullopt);
    EXPECT_EQ(result->rows[1][0], "");
    client.connection.close();
  }
}

TEST(Connection, FailsCleanlyWhereverTheServerBreaksOff) {
  std::string whole;  // what the server says after the greeting: OK, then an answer
  std::uint8_t sequence = 2;
  protocol::append_packet(whole, sequence, ok());
  const std::size_t login_bytes = whole.size();
  sequence = 1;
  for (const std::string& packet :
       {std::string("\x01"), column("a"), eof(), protocol::encode_text_row({"1"}), eof()}) {
    protocol::append_packet(whole, sequence, packet);
  }
  for (std::size_t size = 0; size < whole.size(); ++size) {
    SCOPED_TRACE(size);
    ScriptedPeer peer([&](PeerSocket& client) {
      protocol::Greeting greeting;
      greeting.nonce = tests::kPeerNonce;
      greeting.capabilities = protocol::kProtocol41 | protocol::kSecureConnection;
      client.send(protocol::encode(greeting));
      client.read();
      client.send_bytes(std::string_view(whole).substr(0, std::min(size, login_bytes)));
      if (size < login_bytes) return;
      client.read();
      client.send_bytes(std::string_view(whole).substr(login_bytes, size - login_bytes));
    });
    Client client(options_for(peer));
    Result<void> connected = run(client.loop, client.connection.connect());
    Error error = connected.has_error() ? connected.error() : Error();
    if (connected) {
      const auto result = run(client.loop, client.connection.execute("SELECT 1"));
      ASSERT_TRUE(result.has_error());
      error = result.error();
    }
    EXPECT_EQ(error.code(), Errc::kConnection);
    EXPECT_NE(error.text().find("127.0.0.1:"), std::string::npos) << error.text();
    EXPECT_FALSE(client.connection.is_open());
    EXPECT_EQ(run(client.loop, client.connection.execute("SELECT 1")).error().code(),
              Errc::kConnection);
  }
}

// Runs `work` until the peer says that the client waits for it, then closes the connection.
template <class T>
Error close_while_waiting(Client& client, asio::awaitable<Result<T>> work,
                          const std::atomic<bool>& waits) {
  std::optional<Result<T>> result;
  spawn(client.loop.get_executor(), "test", tests::keep(std::move(work), result));
  client.loop.restart();
  while (!waits) client.loop.poll();
  client.loop.poll();
  client.connection.close();
  client.loop.run();  // returns: nothing is left that could hold it
  return result->error();
}

TEST(Connection, EndsWhateverWaitsWhenItIsClosed) {
  for (const int stage : {0, 1, 2, 3}) {
    SCOPED_TRACE(stage);
    std::atomic<bool> waits = false;
    ScriptedPeer peer([&](PeerSocket& client) {
      if (stage > 0) client.log_in(kAll);
      if (stage > 1) client.read();
      if (stage > 2) client.send("\x01");
      waits = true;
      client.read_to_end();
    });
    Client client(options_for(peer));
    Error error;
    if (stage == 0) {
      error = close_while_waiting(client, client.connection.connect(), waits);
    } else {
      ASSERT_TRUE(run(client.loop, client.connection.connect()).has_value());
      if (stage == 1) {
        error = close_while_waiting(client, client.connection.read_pieces(), waits);
      } else {
        error = close_while_waiting(client, client.connection.execute("SELECT 1"), waits);
      }
    }
    EXPECT_EQ(error.code(), Errc::kConnection);
  }
}

TEST(Connection, GivesUpOnASilentServer) {
  ScriptedPeer peer(
      [](PeerSocket& client) {
        client.log_in(kAll);
        client.read_to_end();
      },
      1);
  ConnectOptions options = options_for(peer);
  options.io_timeout = std::chrono::milliseconds(30);
  Client client(options);
  ASSERT_TRUE(run(client.loop, client.connection.connect()).has_value());
  const auto result = run(client.loop, client.connection.execute("SELECT 1"));
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().code(), Errc::kConnection);
  EXPECT_NE(result.error().text().find("30 ms"), std::string::npos) << result.error().text();
  EXPECT_FALSE(client.connection.is_open());
}

TEST(Connection, GivesUpOnAServerThatDoesNotGreet) {
  ScriptedPeer peer([](PeerSocket& client) { client.read_to_end(); });
  ConnectOptions options = options_for(peer);
  options.connect_timeout = std::chrono::milliseconds(30);
  Client client(options);
  const auto connected = run(client.loop, client.connection.connect());
  ASSERT_TRUE(connected.has_error());
  EXPECT_NE(connected.error().text().find("30 ms"), std::string::npos) << connected.error().text();
}

TEST(Connection, NamesWhoWasRefusedAndNeverThePassword) {
  ScriptedPeer peer([](PeerSocket& client) {
    client.send(encode_error(1045, "28000", "Access denied for user 'someone'@'here'"));
  });
  Client client(options_for(peer));
  const auto connected = run(client.loop, client.connection.connect());
  ASSERT_TRUE(connected.has_error());
  EXPECT_EQ(connected.error().code(), Errc::kAuth);
  EXPECT_EQ(connected.error().server_code(), 1045);
  EXPECT_NE(connected.error().text().find("user 'someone' at 127.0.0.1:"), std::string::npos);
  EXPECT_EQ(connected.error().text().find("very secret"), std::string::npos);
  EXPECT_FALSE(connected.error().way_out().empty());
}

TEST(Connection, SendsALongStatementInFramesAndCountsOn) {
  const std::string sql(protocol::kMaxFrameBytes - 1, 'x');  // with the command: exactly one frame
  std::string got;
  ScriptedPeer peer([&](PeerSocket& client) {
    client.log_in(kAll);
    got = client.read();
    client.send(ok(5));
    client.read_to_end();
  });
  Client client(peer);
  const auto result = run(client.loop, client.connection.execute(sql));
  ASSERT_TRUE(result.has_value()) << result.error().text();
  EXPECT_EQ(result->affected_rows, 5U);
  EXPECT_EQ(got.size(), sql.size() + 1);
  client.connection.close();
}

TEST(Connection, StreamsRowsAndEndsWithTheServersError) {
  ScriptedPeer peer([](PeerSocket& client) {
    client.log_in(kAll);
    client.read();
    client.send("\x01");
    client.send(column("a"));
    for (int i = 0; i < 1000; ++i) client.send(protocol::encode_text_row({std::to_string(i)}));
    client.send(encode_error(1317, "70100", "Query execution was interrupted"));
    client.read();
    client.send(ok());
    client.read_to_end();
  });
  Client client(peer);
  const auto columns = run(client.loop, client.connection.stream("SELECT a"));
  ASSERT_TRUE(columns.has_value());
  ASSERT_EQ(columns->size(), 1U);
  int rows = 0;
  std::optional<Error> error;
  while (!error) {
    const auto batch = run(client.loop, client.connection.next_rows());
    if (!batch) {
      error = batch.error();
      break;
    }
    ASSERT_FALSE(batch->empty()) << "the error was lost";
    for (const ByteView row : *batch) {
      EXPECT_EQ(as_text(row), protocol::encode_text_row({std::to_string(rows)}));
      ++rows;
    }
  }
  EXPECT_EQ(rows, 1000) << "the rows before the error come first";
  EXPECT_EQ(error->server_code(), 1317);
  EXPECT_TRUE(run(client.loop, client.connection.execute("SELECT 1")).has_value());
  client.connection.close();
}

TEST(Connection, GivesOnlyTheFirstResultSetOfAStream) {
  ScriptedPeer peer([](PeerSocket& client) {
    client.log_in(kAll);
    client.read();
    for (const std::uint16_t status : {protocol::kStatusMoreResults, std::uint16_t{0}}) {
      client.send("\x01");
      client.send(column("a"));
      client.send(protocol::encode_text_row({status != 0 ? "first" : "second"}));
      client.send(ok(0, status, 0xfe));
    }
    client.read_to_end();
  });
  Client client(peer);
  ASSERT_TRUE(run(client.loop, client.connection.stream("CALL p()")).has_value());
  std::vector<std::string> rows;
  for (;;) {
    const auto batch = run(client.loop, client.connection.next_rows());
    ASSERT_TRUE(batch.has_value());
    if (batch->empty()) break;
    for (const ByteView row : *batch) rows.emplace_back(as_text(row).substr(1));
  }
  EXPECT_EQ(rows, std::vector<std::string>{"first"});
  client.connection.close();
}

TEST(Connection, SendsAFileInBlocksOfAnySize) {
  std::string sent;
  std::string got;
  ScriptedPeer peer([&](PeerSocket& client) {
    client.log_in(kAll);
    client.read();
    client.send("\xfbname");
    for (;;) {
      const std::string block = client.read();
      if (block.empty()) break;
      got += block;
    }
    client.send(ok(3));
    client.read_to_end();
  });
  Client client(peer);
  const std::vector<std::size_t> sizes = {10, 0, 65'536, 65'537, protocol::kMaxFrameBytes, 1};
  std::size_t next = 0;
  const auto block = [&](std::string& into) {
    into.assign(sizes[next], static_cast<char>('a' + next));
    sent += into;
    return ++next < sizes.size();
  };
  const auto result = run(client.loop, client.connection.load_local("LOAD DATA LOCAL ...", block));
  ASSERT_TRUE(result.has_value()) << result.error().text();
  EXPECT_EQ(result->affected_rows, 3U);
  EXPECT_TRUE(got == sent) << got.size() << " of " << sent.size();
  client.connection.close();
}

TEST(Connection, GivesTheErrorOfAServerThatWantsNoFile) {
  ScriptedPeer peer([](PeerSocket& client) {
    client.log_in(kAll);
    client.read();
    client.send(encode_error(3948, "42000", "Loading local data is disabled"));
    client.read_to_end();
  });
  Client client(peer);
  const auto never = [](std::string&) -> bool {
    ADD_FAILURE() << "no block is wanted";
    return false;
  };
  const auto result = run(client.loop, client.connection.load_local("LOAD DATA LOCAL", never));
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().server_code(), 3948);
  EXPECT_TRUE(client.connection.is_open());
  client.connection.close();
}

TEST(Connection, GivesAnEmptyFileToAServerThatAsksForOneUnasked) {
  std::string file = "not read";
  ScriptedPeer peer([&](PeerSocket& client) {
    client.log_in(kAll);
    client.read();
    client.send("\xfb/etc/passwd");
    file = client.read();
    client.send(ok());
    client.read_to_end();
  });
  Client client(peer);
  EXPECT_TRUE(run(client.loop, client.connection.execute("SELECT 1")).has_value());
  EXPECT_EQ(file, "");
  client.connection.close();
}

TEST(Connection, PassesHugeEventsInPieces) {
  const std::vector<std::size_t> sizes = {30, 5'000, 65'536, 65'537, 40U << 20, 2, 1'000'000};
  ScriptedPeer peer([&](PeerSocket& client) {
    client.log_in(kAll);
    client.read();
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      client.set_sequence(static_cast<std::uint8_t>(50 * i));  // as semi-sync restarts it
      client.send(std::string(sizes[i], static_cast<char>('a' + i)));
    }
    client.send(eof());
    client.read_to_end();
  });
  Client client(peer);
  protocol::BinlogDump dump;
  ASSERT_TRUE(run(client.loop, client.connection.send_command(protocol::encode(dump))).has_value());
  std::vector<std::size_t> got;
  bool ended = false;
  while (!ended) {
    const auto pieces = run(client.loop, client.connection.read_pieces());
    ASSERT_TRUE(pieces.has_value()) << pieces.error().text();
    for (const Connection::Piece& piece : *pieces) {
      ended = piece.first && protocol::is_eof(piece.bytes);
      if (ended) break;
      EXPECT_LE(piece.bytes.size(), 2U << 20) << "pieces are as large as the buffer at most";
      if (piece.first) got.push_back(0);
      got.back() += piece.bytes.size();
      EXPECT_EQ(piece.last, got.back() == sizes[got.size() - 1]);
    }
  }
  EXPECT_EQ(got, sizes);
  client.connection.close();
}

TEST(Connection, HearsWhyTheServerClosedWhileItWasWrittenTo) {
  ScriptedPeer peer([](PeerSocket& client) {
    client.log_in(kAll);
    client.read_bytes(1000);
    client.set_sequence(1);
    client.send(encode_error(1153, "08S01", "Got a packet bigger than 'max_allowed_packet' bytes"));
  });
  Client client(peer);
  const auto result = run(client.loop, client.connection.execute(std::string(50U << 20, 'x')));
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().server_code(), 1153) << result.error().text();
  EXPECT_FALSE(client.connection.is_open());
}

TEST(Connection, HearsAGoodbyeThatCameUnasked) {
  std::promise<void> logged_in;
  ScriptedPeer peer([&](PeerSocket& client) {
    client.log_in(kAll);
    logged_in.get_future().wait();
    client.set_sequence(0);
    client.send(encode_error(4031, "HY000", "disconnected because of inactivity"));
    client.read_to_end();
  });
  Client client(peer);
  logged_in.set_value();
  const auto result = run(client.loop, client.connection.execute("SELECT 1"));
  ASSERT_TRUE(result.has_error());
  EXPECT_EQ(result.error().server_code(), 4031) << result.error().text();
  EXPECT_FALSE(client.connection.is_open());
}

TEST(Connection, SaysGoodbyeWhenItQuits) {
  std::string last;
  {
    ScriptedPeer peer([&](PeerSocket& client) {
      client.log_in(kAll);
      last = client.read();
    });
    Client client(peer);
    EXPECT_TRUE(run(client.loop, client.connection.quit()).has_value());
    EXPECT_FALSE(client.connection.is_open());
  }
  EXPECT_EQ(last, "\x01");
}

TEST(Connection, SaysWhatToDoWhereNobodyListens) {
  std::uint16_t port = 0;
  {
    ScriptedPeer gone([](PeerSocket&) {}, 0);
    port = gone.port();
  }
  struct Row {
    const char* fact;
    const char* host;
    const char* words;
  };
  const Row rows[] = {
      {"a port that nobody listens on", "127.0.0.1", "connection refused"},
      {"a Unix socket that is not there", "/no/such/socket", "No such file"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    ConnectOptions options;
    options.host = row.host;
    options.port = port;
    Client client(options);
    const auto connected = run(client.loop, client.connection.connect());
    ASSERT_TRUE(connected.has_error());
    EXPECT_EQ(connected.error().code(), Errc::kConnection);
    EXPECT_NE(connected.error().text().find(row.words), std::string::npos)
        << connected.error().text();
    EXPECT_FALSE(connected.error().way_out().empty());
  }
}

}  // namespace
}  // namespace tiderelay::relay
