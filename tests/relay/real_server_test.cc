// Against a real server: TIDERELAY_TEST_SERVER=user:password@host:port, or user:password@/socket.
// Skipped without it. The account needs all rights on the schema tiderelay_wire_test.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <string>

#include "protocol/capabilities.h"
#include "protocol/command.h"
#include "protocol/response.h"
#include "relay/connection.h"
#include "tests/relay/run_loop.h"

namespace tiderelay::relay {
namespace {

class RealServer : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* server = std::getenv("TIDERELAY_TEST_SERVER");
    if (server == nullptr) {
      GTEST_SKIP()
          << "needs a server, TIDERELAY_TEST_SERVER=user:password@host:port: integration/run.py "
             "--ctest starts one and runs this";
    }
    const std::string text = server;
    const std::size_t colon = text.find(':');
    const std::size_t at = text.rfind('@');
    ASSERT_TRUE(colon != std::string::npos && at != std::string::npos && colon < at) << text;
    options_.user = text.substr(0, colon);
    options_.password = text.substr(colon + 1, at - colon - 1);
    options_.host = text.substr(at + 1);
    const std::size_t port = options_.host.rfind(':');
    if (!options_.host.starts_with('/') && port != std::string::npos) {
      options_.port = static_cast<std::uint16_t>(std::stoi(options_.host.substr(port + 1)));
      options_.host.resize(port);
    }
    options_.local_infile = true;
    if (std::getenv("TIDERELAY_TEST_PLAIN") != nullptr) {
      options_.tls.mode = TlsOptions::Mode::kDisabled;
    }
    options_.compress = std::getenv("TIDERELAY_TEST_COMPRESS") != nullptr;
    connection_ = std::make_unique<Connection>(loop_.get_executor(), options_);
    const auto connected = tests::run(loop_, connection_->connect());
    ASSERT_TRUE(connected.has_value()) << connected.error().text();
  }

  StatementResult execute(const std::string& sql) {
    auto result = tests::run(loop_, connection_->execute(sql));
    EXPECT_TRUE(result.has_value()) << sql << ": " << result.error().text();
    return result ? *result : StatementResult();
  }

  boost::asio::io_context loop_;
  ConnectOptions options_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(RealServer, AnswersSelectsWithRowsAndNulls) {
  const StatementResult result = execute("SELECT 1 AS one, NULL AS nothing, 'text' AS word");
  ASSERT_EQ(result.rows.size(), 1U);
  EXPECT_EQ(result.columns.at(0).name, "one");
  EXPECT_EQ(result.rows[0].at(0), "1");
  EXPECT_EQ(result.rows[0].at(1), std::nullopt);
  EXPECT_EQ(result.rows[0].at(2), "text");
  RecordProperty("version", connection_->server_version());
}

TEST_F(RealServer, GivesTheAnswersOfAllStatementsOfAPacketUpToTheFailedOne) {
  const auto outcome =
      tests::run(loop_, connection_->query("SELECT 1; SELECT 2; SELECT no_such_column; SELECT 3"));
  ASSERT_TRUE(outcome.has_value()) << outcome.error().text();
  ASSERT_EQ(outcome->results.size(), 2U);
  EXPECT_EQ(outcome->results[1].rows.at(0).at(0), "2");
  ASSERT_TRUE(outcome->error.has_value());
  EXPECT_EQ(outcome->error->server_code(), 1054);
  EXPECT_EQ(execute("SELECT 4").rows.at(0).at(0), "4") << "the connection is still usable";
}

TEST_F(RealServer, StreamsManyRowsInBatches) {
  const std::string ten =
      "(SELECT 0 a UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 "
      "UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL "
      "SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
  const auto columns =
      tests::run(loop_, connection_->stream("SELECT b.a, REPEAT('x', 1000) FROM " + ten + " b, " +
                                            ten + " c, " + ten + " d, " + ten + " e"));
  ASSERT_TRUE(columns.has_value()) << columns.error().text();
  EXPECT_EQ(columns->size(), 2U);
  std::size_t rows = 0;
  for (;;) {
    const auto batch = tests::run(loop_, connection_->next_rows());
    ASSERT_TRUE(batch.has_value()) << batch.error().text();
    if (batch->empty()) break;
    for (const ByteView row : *batch) ASSERT_EQ(row.size(), 2U + 3 + 1000);
    rows += batch->size();
  }
  EXPECT_EQ(rows, 10'000U);
  EXPECT_EQ(execute("SELECT 1").rows.at(0).at(0), "1");
}

TEST_F(RealServer, TakesStatementsAndGivesRowsAboveOneFrame) {
  execute("SET SESSION sort_buffer_size = 262144");
  const auto limit = execute("SELECT @@max_allowed_packet").rows.at(0).at(0);
  if (std::stoll(*limit) < 48LL << 20) GTEST_SKIP() << "max_allowed_packet is " << *limit;
  for (const std::size_t size : {0xffffffUL - 16, 0xffffffUL - 15, 0xffffffUL - 14, 20UL << 20}) {
    const StatementResult result = execute("SELECT LENGTH('" + std::string(size, 'x') + "')");
    ASSERT_EQ(result.rows.size(), 1U) << size;
    EXPECT_EQ(result.rows[0].at(0), std::to_string(size));
  }
  for (const std::size_t size : {0xffffffUL - 5, 0xffffffUL - 4, 0xffffffUL - 3, 20UL << 20}) {
    const StatementResult result = execute("SELECT REPEAT('y', " + std::to_string(size) + ")");
    ASSERT_EQ(result.rows.size(), 1U) << size;
    EXPECT_EQ(result.rows[0].at(0)->size(), size);
  }
}

TEST_F(RealServer, LoadsAFileThatOnlyTheClientHas) {
  if (execute("SELECT @@local_infile").rows.at(0).at(0) == "0") {
    GTEST_SKIP() << "the server has local_infile = OFF";
  }
  execute("CREATE DATABASE IF NOT EXISTS tiderelay_wire_test");
  execute("DROP TABLE IF EXISTS tiderelay_wire_test.t");
  execute("CREATE TABLE tiderelay_wire_test.t (id INT PRIMARY KEY, v VARCHAR(100))");
  int next = 0;
  const auto block = [&next](std::string& into) {
    for (int i = 0; i < 5000; ++i, ++next) {
      into += std::to_string(next) + "\tvalue " + std::to_string(next) + "\n";
    }
    return next < 50'000;
  };
  const auto result =
      tests::run(loop_, connection_->load_local(
                            "LOAD DATA LOCAL INFILE 'x' INTO TABLE tiderelay_wire_test.t", block));
  ASSERT_TRUE(result.has_value()) << result.error().text();
  EXPECT_EQ(result->affected_rows, 50'000U);
  EXPECT_EQ(execute("SELECT COUNT(*) FROM tiderelay_wire_test.t").rows.at(0).at(0), "50000");
  const auto update = execute("UPDATE tiderelay_wire_test.t SET v = 'value 7' WHERE id = 7");
  EXPECT_EQ(update.affected_rows, 1U) << "matched rows are counted, not changed ones";
  execute("DROP TABLE tiderelay_wire_test.t");
}

TEST_F(RealServer, CompressesOnlyWhereAskedTo) {
  const auto status = execute("SHOW SESSION STATUS LIKE 'Compression'");
  if (status.rows.empty()) GTEST_SKIP() << "the server does not tell";
  EXPECT_EQ(status.rows[0].at(1), options_.compress ? "ON" : "OFF");
}

// Events of a binlog from its start to its end: their packets join without a hole.
TEST_F(RealServer, SendsItsBinlogInPieces) {
  if (connection_->is_tidb() || execute("SELECT @@log_bin").rows.at(0).at(0) != "1") {
    GTEST_SKIP() << "the server has no binlog";
  }
  const std::string file = execute("SHOW BINARY LOGS").rows.at(0).at(0).value();
  execute("SET @master_binlog_checksum = @@global.binlog_checksum, @mariadb_slave_capability = 4");
  protocol::RegisterReplica replica;
  replica.server_id = 4'000'000'001;
  const auto registered = tests::run(loop_, connection_->command(protocol::encode(replica)));
  ASSERT_TRUE(registered.has_value()) << registered.error().text();
  protocol::BinlogDump dump;
  dump.flags = protocol::kBinlogDumpNonBlock;
  dump.server_id = replica.server_id;
  dump.file = file;
  ASSERT_TRUE(tests::run(loop_, connection_->send_command(protocol::encode(dump))).has_value());
  std::size_t events = 0;
  std::size_t left_bytes = 0;
  for (bool ended = false; !ended;) {
    const auto pieces = tests::run(loop_, connection_->read_pieces());
    ASSERT_TRUE(pieces.has_value()) << pieces.error().text();
    for (const Connection::Piece& piece : *pieces) {
      ended = piece.first && protocol::is_eof(piece.bytes);
      if (ended) break;
      std::size_t own_bytes = piece.bytes.size();
      if (piece.first) {
        ASSERT_FALSE(protocol::is_error(piece.bytes)) << protocol::decode_error(piece.bytes).text();
        ASSERT_EQ(left_bytes, 0U) << "the event before was cut short";
        left_bytes =
            load_le<4>(piece.bytes.data() + 1 + 9);  // the size field of the event's header
        --own_bytes;
        ++events;
      }
      ASSERT_GE(left_bytes, own_bytes);
      left_bytes -= own_bytes;
      EXPECT_EQ(piece.last, left_bytes == 0);
    }
  }
  EXPECT_GT(events, 2U);
}

TEST_F(RealServer, AnswersInOrderWhenTwoCommandsAreSentAtOnce) {
  ASSERT_TRUE(tests::run(loop_, connection_->send("SELECT 1")).has_value());
  ASSERT_TRUE(tests::run(loop_, connection_->send("SELECT 2")).has_value());
  const auto first = tests::run(loop_, connection_->receive());
  const auto second = tests::run(loop_, connection_->receive());
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_EQ(first->results.at(0).rows.at(0).at(0), "1");
  EXPECT_EQ(second->results.at(0).rows.at(0).at(0), "2");
}

TEST_F(RealServer, SaysWhichUserWasRefused) {
  ConnectOptions wrong = options_;
  wrong.password = "certainly wrong";
  Connection refused(loop_.get_executor(), wrong);
  const auto connected = tests::run(loop_, refused.connect());
  ASSERT_TRUE(connected.has_error());
  EXPECT_EQ(connected.error().code(), Errc::kAuth) << connected.error().text();
  EXPECT_NE(connected.error().text().find(wrong.user), std::string::npos);
  EXPECT_EQ(connected.error().text().find(wrong.password), std::string::npos);
  EXPECT_FALSE(connected.error().way_out().empty());
}

}  // namespace
}  // namespace tiderelay::relay
