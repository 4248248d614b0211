// relay/upstream_session_pump.cc: what a replica says before it dumps, in the order of a mysqld.
#include <fmt/format.h>

#include "protocol/command.h"
#include "relay/upstream_session.h"

namespace tiderelay::relay {
namespace {

constexpr std::uint16_t kUnknownVariable = 1193;
constexpr std::uint16_t kHeartbeatV2OrAnnotate = 0x0002;
constexpr std::uint32_t kFirstWithHeartbeatV2 = 80026;

std::string first_value(const StatementResult& result) {
  if (result.rows.empty() || result.rows[0].empty()) return "";
  return result.rows[0][0].value_or("");
}

std::string dump_command(const UpstreamFacts& facts, const DumpRequest& request) {
  const bool maria = facts.dialect == protocol::Dialect::kMariadb;
  const bool flag = maria || facts.version_number >= kFirstWithHeartbeatV2;
  const std::uint16_t flags = flag ? kHeartbeatV2OrAnnotate : std::uint16_t{0};
  if (request.begin_bytes > UINT32_MAX) {
    protocol::BinlogDumpGtid dump;
    dump.flags = flags;
    dump.server_id = request.server_id;
    dump.file = request.file;
    dump.position = request.begin_bytes;
    dump.gtid_set = std::string(8, '\0');  // nothing is left out
    return protocol::encode(dump);
  }
  protocol::BinlogDump dump;
  dump.position = static_cast<std::uint32_t>(request.begin_bytes);
  dump.flags = flags;
  dump.server_id = request.server_id;
  dump.file = request.file;
  return protocol::encode(dump);
}

}  // namespace

Awaitable<StatementResult> UpstreamSession::ask(std::string sql) {
  Result<StatementResult> answer = co_await connection_.execute(std::move(sql));
  if (!answer) co_return explain_upstream_error(answer.error(), connection_.options().user);
  co_return std::move(*answer);
}

Awaitable<void> UpstreamSession::tell(std::string sql, bool may_be_unknown) {
  const Result<StatementResult> answer = co_await connection_.execute(std::move(sql));
  if (answer) co_return Result<void>();
  if (may_be_unknown && answer.error().server_code() == kUnknownVariable) {
    co_return Result<void>();
  }
  co_return explain_upstream_error(answer.error(), connection_.options().user);
}

Awaitable<UpstreamFacts> UpstreamSession::open(std::uint32_t own_server_id) {
  const Result<void> connected = co_await connection_.connect();
  if (!connected) {
    co_return explain_upstream_error(connected.error(), connection_.options().user);
  }
  const Result<StatementResult> answer = co_await ask(facts_query());
  if (!answer) co_return answer.error();
  Result<UpstreamFacts> facts = read_facts(*answer);
  if (!facts) co_return facts.error();
  const Result<void> usable = check_facts(*facts, own_server_id);
  if (!usable) co_return usable.error();
  co_return std::move(*facts);
}

Awaitable<std::vector<UpstreamFile>> UpstreamSession::files() {
  const Result<StatementResult> answer = co_await ask("SHOW BINARY LOGS");
  if (!answer) co_return answer.error();
  co_return read_files(*answer);
}

Awaitable<GtidState> UpstreamSession::missing(const UpstreamFacts& facts, GtidState received) {
  if (facts.dialect == protocol::Dialect::kMariadb) {
    const Result<StatementResult> answer = co_await ask("SELECT @@global.gtid_binlog_pos");
    if (!answer) co_return answer.error();
    const Result<GtidState> theirs = GtidState::parse(first_value(*answer));
    if (!theirs) co_return theirs.error();
    co_return received.without(*theirs);
  }
  const Result<StatementResult> answer = co_await ask(
      fmt::format("SELECT GTID_SUBTRACT('{}', @@global.gtid_executed)", received.text()));
  if (!answer) co_return answer.error();
  co_return GtidState::parse(first_value(*answer));
}

Awaitable<std::string> UpstreamSession::find_file(const std::vector<UpstreamFile>& files,
                                                  GtidState gtids) {
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    const Result<StatementResult> answer = co_await ask(head_query(file->name));
    if (!answer) co_return answer.error();
    const Result<std::optional<GtidState>> head = read_head(*answer);
    if (!head) co_return head.error().in(file->name);
    if (*head && gtids.contains(**head)) co_return file->name;
  }
  co_return std::string();
}

Awaitable<protocol::ChecksumAlgorithm> UpstreamSession::begin_dump(const UpstreamFacts& facts,
                                                                   DumpRequest request) {
  const bool maria = facts.dialect == protocol::Dialect::kMariadb;
  const auto period = std::chrono::nanoseconds(request.heartbeat).count();
  const Result<void> period_set = co_await tell(
      fmt::format("SET @master_heartbeat_period = {0}, @source_heartbeat_period = {0}", period),
      false);
  if (!period_set) co_return period_set.error();
  // 5.5 and older do not know the variable and have no checksums.
  const Result<void> checksum_set = co_await tell(
      "SET @master_binlog_checksum = @@global.binlog_checksum, "
      "@source_binlog_checksum = @@global.binlog_checksum",
      true);
  if (!checksum_set) co_return checksum_set.error();
  const Result<StatementResult> checksum = co_await ask("SELECT @source_binlog_checksum");
  if (!checksum) co_return checksum.error();
  const auto announced = first_value(*checksum) == "CRC32" ? protocol::ChecksumAlgorithm::kCrc32
                                                           : protocol::ChecksumAlgorithm::kNone;
  // A pause on our side (a slow disk) does not end the dump.
  const Result<void> patience = co_await tell("SET SESSION net_write_timeout = 600", true);
  if (!patience) co_return patience.error();
  const std::string who =
      maria ? std::string("SET @mariadb_slave_capability = 4")
            : fmt::format("SET @slave_uuid = '{0}', @replica_uuid = '{0}'", request.replica_uuid);
  const Result<void> introduced = co_await tell(who, false);
  if (!introduced) co_return introduced.error();
  if (request.semi_sync) {
    const Result<void> asked = co_await ask_for_semi_sync();
    if (!asked) co_return asked.error();
  }
  protocol::RegisterReplica registration;
  registration.server_id = request.server_id;
  registration.host = request.report_host;
  const Result<StatementResult> registered =
      co_await connection_.command(protocol::encode(registration));
  if (!registered) {
    co_return explain_upstream_error(registered.error(), connection_.options().user);
  }
  const Result<void> sent = co_await connection_.send_command(dump_command(facts, request));
  if (!sent) co_return sent.error();
  co_return announced;
}

// A server whose semi-sync is off stays asynchronous until the next connection.
Awaitable<void> UpstreamSession::ask_for_semi_sync() {
  for (const char* const role : {"source", "master"}) {
    const Result<StatementResult> answer =
        co_await connection_.execute(fmt::format("SELECT @@global.rpl_semi_sync_{}_enabled", role));
    if (!answer && answer.error().server_code() == kUnknownVariable) continue;
    if (!answer) co_return explain_upstream_error(answer.error(), connection_.options().user);
    const std::string value = first_value(*answer);
    semi_sync_ = value == "1" || value == "ON";
    break;
  }
  if (!semi_sync_) co_return Result<void>();
  const Result<void> told =
      co_await tell("SET @rpl_semi_sync_replica = 1, @rpl_semi_sync_slave = 1", false);
  co_return told;
}

Awaitable<void> UpstreamSession::acknowledge(std::string file, std::uint64_t position) {
  const Result<void> sent =
      co_await connection_.send_beside(protocol::encode_semi_sync_ack(position, file));
  co_return sent;
}

}  // namespace tiderelay::relay
