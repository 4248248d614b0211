// relay/replica_session.h: a client of the relay server behind its login, as a machine: commands
// in, answers out, up to the moment a dump begins.
//
// In:     bytes of the client; feed() when next() says kNeedBytes.
// Out:    kSend; kList: SHOW BINLOG EVENTS, which reads files: run list_events(statement()) and
//         send what listed() makes of it; kDump: request() begins, nothing more is answered.
// Limit:  a command has at most 16 MiB. Unknown statements and commands get an ERR, never a closed
//         connection. Errors (broken framing) are final.
// Source: MySQL 8.0.40, sql/sql_parse.cc (dispatch_command), sql/rpl_source.cc.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/command.h"
#include "protocol/packet_reader.h"
#include "relay/dump_plan.h"
#include "relay/sql_answers.h"

namespace tiderelay::relay {

class ReplicaSession {
 public:
  enum class Kind : std::uint8_t { kNeedBytes, kSend, kList, kDump, kClose };
  struct Step {
    Kind kind = Kind::kNeedBytes;
    std::string bytes;  // of kSend
  };

  // Log and board must live as long as the session.
  ReplicaSession(RelayLog& log, FollowerBoard& board, SqlSession session,
                 std::uint32_t capabilities, std::uint32_t client_version);

  void feed(ByteView bytes);
  [[nodiscard]] Result<Step> next(std::chrono::system_clock::time_point now);

  [[nodiscard]] const SqlStatement& statement() const { return statement_; }
  [[nodiscard]] std::string listed(const Result<SqlResult>& result);  // the packets, framed

  [[nodiscard]] const FollowRequest& request() const { return request_; }
  [[nodiscard]] const std::optional<protocol::RegisterReplica>& registration() const {
    return registration_;
  }
  [[nodiscard]] const SqlSession& session() const { return session_; }

 private:
  [[nodiscard]] Result<Step> on_packet(ByteView packet, std::chrono::system_clock::time_point now);
  Step on_query(std::string_view sql, std::chrono::system_clock::time_point now);
  Step on_dump(ByteView packet);
  Step on_dump_gtid(ByteView packet);
  Step begin_dump();
  Step refuse(const Error& error);
  Step ok();
  Step send(std::string_view payload);
  [[nodiscard]] std::string framed(const SqlResult& result);
  [[nodiscard]] std::optional<std::string> variable(const char* source_name,
                                                    const char* older_name) const;

  RelayLog& log_;
  FollowerBoard& board_;
  SqlSession session_;
  const bool deprecate_eof_;
  const std::uint32_t client_version_;
  protocol::PacketReader reader_;
  std::uint8_t sequence_ = 0;
  SqlStatement statement_;
  FollowRequest request_;
  std::optional<protocol::RegisterReplica> registration_;
};

}  // namespace tiderelay::relay
