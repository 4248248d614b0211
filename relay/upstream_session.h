// relay/upstream_session.h: one connection to an upstream, up to the moment its dump streams.
//
// Owner: UpstreamPump; one coroutine uses it. Errors have been through explain_upstream_error().
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/awaitable.h"
#include "relay/connection.h"
#include "relay/upstream_facts.h"

namespace tiderelay::relay {

struct DumpRequest {
  std::string file;
  std::uint64_t begin_bytes = 4;
  std::uint32_t server_id = 0;
  std::string replica_uuid;
  std::string report_host;
  std::chrono::milliseconds heartbeat{10'000};
  bool semi_sync = false;  // if the server has it on
};

class UpstreamSession {
 public:
  UpstreamSession(asio::any_io_executor loop, ConnectOptions options)
      : connection_(std::move(loop), std::move(options)) {}

  // Connects and asks; the server's log is usable.
  Awaitable<UpstreamFacts> open(std::uint32_t own_server_id);
  Awaitable<std::vector<UpstreamFile>> files();
  // What the server has not executed of `received`.
  Awaitable<GtidState> missing(const UpstreamFacts& facts, GtidState received);
  // The newest of `files` before which nothing lies that is not in `gtids`; empty: there is none.
  Awaitable<std::string> find_file(const std::vector<UpstreamFile>& files, GtidState gtids);
  // Announces ourselves and sends the dump command; then pieces() streams. Gives the checksums that
  // the server announced.
  Awaitable<protocol::ChecksumAlgorithm> begin_dump(const UpstreamFacts& facts,
                                                    DumpRequest request);
  Awaitable<std::span<const Connection::Piece>> pieces() { return connection_.read_pieces(); }

  // Behind begin_dump(): the server sends as a semi-sync source.
  [[nodiscard]] bool semi_sync() const { return semi_sync_; }
  // Beside pieces(), from the same loop.
  Awaitable<void> acknowledge(std::string file, std::uint64_t position);

  // The server can be asked for offsets above 4 GiB: COM_BINLOG_DUMP has 4 bytes for them.
  [[nodiscard]] static bool takes_big_offsets(const UpstreamFacts& facts) {
    return facts.dialect == protocol::Dialect::kMysql && facts.gtid_mode == "ON";
  }

  void close() { connection_.close(); }

 private:
  Awaitable<StatementResult> ask(std::string sql);
  Awaitable<void> tell(std::string sql, bool may_be_unknown);

  Awaitable<void> ask_for_semi_sync();

  Connection connection_;
  bool semi_sync_ = false;
};

}  // namespace tiderelay::relay
