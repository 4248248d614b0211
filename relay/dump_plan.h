// relay/dump_plan.h: what a follower asks for, and where in the relay log that begins.
//
// plan_dump() reads index files and, for a start inside a file, event headers: it blocks.
// Errors are what the follower is told: kServer with 1236 for what cannot heal (its receiver
// stops), 1158 for what can (it tries again). Texts as MySQL and MariaDB word them, for replicas
// and tools match on parts of them.
// Source: MySQL 8.0.40, sql/rpl_binlog_sender.cc (check_start_file); MariaDB 10.11,
// sql/sql_repl.cc (gtid_find_binlog_file, check_slave_start_position).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "protocol/gtid.h"
#include "relay/relay_log.h"

namespace tiderelay::relay {

struct FollowRequest {
  std::string file;  // empty: the first one
  std::uint64_t position = 4;
  std::uint16_t flags = 0;
  std::uint32_t server_id = 0;
  std::optional<protocol::GtidSet> excluded;  // COM_BINLOG_DUMP_GTID

  // What the follower set before.
  std::optional<protocol::ChecksumAlgorithm> checksum;  // nothing: it knows of none
  std::chrono::nanoseconds heartbeat{0};                // 0: none
  std::string replica_uuid;
  std::uint32_t mariadb_capability = 0;
  std::optional<protocol::MariaGtidList> mariadb_state;  // @slave_connect_state: start by GTID
  bool mariadb_until = false;
  bool skip_replication = false;
  bool semi_sync = false;            // it acknowledges
  std::uint32_t client_version = 0;  // 80031; 0: it did not say

  [[nodiscard]] bool non_blocking() const;  // ends at the log's end
  [[nodiscard]] bool by_gtid() const { return excluded || mariadb_state; }
};

struct DumpStart {
  LogFile file;
  std::uint64_t offset_bytes = 4;  // of the first event that is sent
  // GTID start: nothing before lies in this file that the follower lacks. 0: unknown.
  std::uint64_t skip_to_bytes = 0;
};

// What is known of the upstream's own GTIDs; nothing: it is not reached at the moment.
using UpstreamGtids = std::optional<GtidState>;

[[nodiscard]] Result<DumpStart> plan_dump(Storage& storage, RelayLog& log,
                                          const FollowRequest& request,
                                          const UpstreamGtids& upstream);

// Error 1236.
[[nodiscard]] Error fatal_dump_error(const std::string& text);
[[nodiscard]] Error passing_dump_error(const std::string& text);  // 1158: try again

// The transactions before the oldest file of the history that followers are shown: the last
// generation and those before it that it continues.
[[nodiscard]] GtidState purged_gtids(const LogCatalog& catalog);
// The files of the last generation: what SHOW BINARY LOGS lists.
[[nodiscard]] std::vector<LogFile> listed_files(const LogCatalog& catalog);
[[nodiscard]] protocol::Dialect dialect_of(const ServerVariables& variables);

}  // namespace tiderelay::relay
