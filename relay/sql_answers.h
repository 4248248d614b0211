// relay/sql_answers.h: answers what replicas and tools ask, from what the source said of itself,
// from our files and from the session.
//
// gtid_executed and gtid_purged describe our files, as SHOW BINARY LOGS does; everything else is
// the source's own word. Errors carry MySQL's number. Nothing here blocks; SHOW BINLOG EVENTS is
// event_listing.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "relay/relay_log.h"
#include "relay/sql_result.h"
#include "relay/sql_statement.h"

namespace tiderelay::relay {

// A client of the relay server, as SHOW REPLICAS, SHOW PROCESSLIST and the status tell of it.
struct Follower {
  std::uint32_t connection_id = 0;
  std::string user;
  std::string peer;  // address
  std::string source_id;
  std::uint32_t server_id = 0;  // as it registered, or asked for the dump
  std::string uuid;
  std::string report_host;
  std::uint16_t report_port = 0;
  bool registered = false;
  bool connected = true;  // false: it is away, and has a place that is kept
  bool dumping = false;
  std::string program;  // what the client calls itself; may be empty
  std::string file;     // sent up to here
  LogPosition sent;
  std::uint64_t sent_bytes = 0;
  std::uint64_t sent_events = 0;
  bool semi_sync = false;
  LogPosition acknowledged;  // by a semi-sync follower
  std::uint64_t lag_bytes = 0;
  std::optional<std::uint64_t> lag_transactions;  // nothing: not known
  double lag_seconds = 0;                // how long what it lacks has been in the relay log
  std::uint32_t last_event_seconds = 0;  // timestamp of the last event that was sent
  std::chrono::steady_clock::time_point since;
  std::chrono::system_clock::time_point seen;  // of one that is away
};

[[nodiscard]] std::string lag_text(const Follower& one);  // "17 bytes, 1 transactions, 0.2 s"

// The other clients of the server.
class FollowerBoard {
 public:
  virtual ~FollowerBoard() = default;
  [[nodiscard]] virtual std::vector<Follower> followers() const = 0;
  // Ends a connection of the same user. false: there is none.
  [[nodiscard]] virtual bool kill(std::uint32_t connection_id, const std::string& user) = 0;
};

// What a session has set and said.
struct SqlSession {
  std::uint32_t connection_id = 0;
  std::string user;
  std::string peer;
  std::string source_id;
  std::string schema;
  std::map<std::string, std::optional<std::string>> variables;  // @name; lower case
  bool skip_replication = false;
  bool semi_sync_offered = false;
};

class SqlAnswers {
 public:
  SqlAnswers(RelayLog& log, FollowerBoard& board, SqlSession& session)
      : log_(log), board_(board), session_(session) {}

  // now: for UNIX_TIMESTAMP(). REQUIRES: not kShowEvents.
  [[nodiscard]] Result<SqlResult> answer(const SqlStatement& statement,
                                         std::chrono::system_clock::time_point now);

 private:
  using Value = std::optional<std::string>;
  [[nodiscard]] Result<SqlResult> set(const SqlStatement& statement);
  [[nodiscard]] Result<SqlResult> select(const SqlStatement& statement);
  [[nodiscard]] Result<Value> evaluate(const SqlValue& value);
  [[nodiscard]] Result<Value> call(const SqlValue& value);
  [[nodiscard]] Result<Value> gtid_function(const SqlValue& value);
  [[nodiscard]] Result<Value> system_variable(const std::string& name) const;
  [[nodiscard]] std::optional<std::string> find_variable(const std::string& name) const;
  [[nodiscard]] ServerVariables all_variables() const;
  [[nodiscard]] SqlResult show_variables(const SqlStatement& statement) const;
  [[nodiscard]] SqlResult show_log_status() const;
  [[nodiscard]] SqlResult show_logs() const;
  [[nodiscard]] SqlResult show_replicas() const;
  [[nodiscard]] SqlResult show_processes() const;
  [[nodiscard]] std::uint32_t version() const;
  [[nodiscard]] bool is_maria() const;

  RelayLog& log_;
  FollowerBoard& board_;
  SqlSession& session_;
  std::chrono::system_clock::time_point now_;
};

}  // namespace tiderelay::relay
