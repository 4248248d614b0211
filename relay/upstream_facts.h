// relay/upstream_facts.h: what a server says about itself before a dump, whether its log can be
// used, and its errors in plain words with the way out.
//
// Plain functions over answers: no connection. Grants needed: REPLICATION SLAVE and REPLICATION
// CLIENT (MariaDB 10.5+: BINLOG MONITOR); no lock, no SUPER.
// Source: MySQL sql/rpl_replica.cc, get_master_version_and_clock; error texts of 1236:
// sql/rpl_binlog_sender.cc, MariaDB sql/sql_repl.cc.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "protocol/event.h"
#include "relay/gtid_state.h"
#include "relay/query_outcome.h"

namespace tiderelay::relay {

struct UpstreamFacts {
  std::string server_uuid;  // as the relay log names the server: MariaDB's server_uid or id
  std::uint32_t server_id = 0;
  std::string version;
  std::uint32_t version_number = 0;  // 8.0.31 -> 80031
  protocol::Dialect dialect = protocol::Dialect::kMysql;
  bool aurora = false;
  bool log_bin = false;
  std::string binlog_format;
  std::string binlog_row_image;
  std::string binlog_checksum;
  std::string gtid_mode;  // MySQL; empty where the server has none
  bool read_only = false;
  bool innodb_read_only = false;
  std::map<std::string, std::string> variables;  // as the server gave them, names in lower case

  // GTIDs name every transaction, so that a place can be found on another server.
  [[nodiscard]] bool has_gtids() const {
    return dialect == protocol::Dialect::kMariadb || gtid_mode == "ON";
  }
};

// One statement that every version takes; variables it does not have are simply not in the answer.
[[nodiscard]] std::string facts_query();
[[nodiscard]] Result<UpstreamFacts> read_facts(const StatementResult& variables);
// kConfig: the server's log cannot be used as it is; the way out says what to change where.
[[nodiscard]] Result<void> check_facts(const UpstreamFacts& facts, std::uint32_t own_server_id);
// What is allowed but worth a line in the log and in the status.
[[nodiscard]] std::vector<std::string> warnings_about(const UpstreamFacts& facts);

struct UpstreamFile {
  std::string name;
  std::uint64_t size_bytes = 0;
};
[[nodiscard]] Result<std::vector<UpstreamFile>> read_files(const StatementResult& binary_logs);
// The answer to SHOW BINLOG EVENTS IN '<file>' LIMIT 5: the GTIDs before the file; nothing when the
// file does not list them.
[[nodiscard]] std::string head_query(const std::string& file);
[[nodiscard]] Result<std::optional<GtidState>> read_head(const StatementResult& events);

// The same error with the code that decides (kConnection: try again; all others: stop), and with a
// way out where there is one.
[[nodiscard]] Error explain_upstream_error(const Error& error, const std::string& user);
[[nodiscard]] inline bool is_transient(const Error& error) {
  return error.code() == Errc::kConnection;
}

}  // namespace tiderelay::relay
