// relay/replica_session.cc: see replica_session.h.
#include "relay/replica_session.h"

#include <algorithm>
#include <charconv>

#include "protocol/capabilities.h"
#include "protocol/packet_writer.h"
#include "protocol/response.h"
#include "relay/sql_tokens.h"

namespace tiderelay::relay {
namespace {

constexpr std::size_t kCommandMaxBytes = 16U << 20;
constexpr std::uint8_t kTypeLongLong = 8;
constexpr std::uint8_t kTypeVarString = 253;
constexpr std::uint32_t kColumnBytes = 65'535;

protocol::PacketLimits session_limits() {
  protocol::PacketLimits limits;
  limits.buffer_bytes = 4096;
  limits.whole_bytes = 4096;
  limits.max_packet_bytes = kCommandMaxBytes;
  return limits;
}

std::uint64_t to_number(const std::optional<std::string>& text) {
  std::uint64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

bool is_number_column(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "End_log_pos", "File_size", "Id",        "Master_id", "Port", "Pos",
      "Position",    "Server_Id", "Server_id", "Source_Id", "Time",
  };
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

Error malformed() { return Error(1835, "HY000", "Malformed communication packet."); }

}  // namespace

ReplicaSession::ReplicaSession(RelayLog& log, FollowerBoard& board, SqlSession session,
                               std::uint32_t capabilities, std::uint32_t client_version)
    : log_(log),
      board_(board),
      session_(std::move(session)),
      deprecate_eof_((capabilities & protocol::kDeprecateEof) != 0),
      client_version_(client_version),
      reader_(session_limits()) {}

void ReplicaSession::feed(ByteView bytes) { reader_.feed(bytes); }

ReplicaSession::Step ReplicaSession::send(std::string_view payload) {
  Step step;
  step.kind = Kind::kSend;
  protocol::append_packet(step.bytes, sequence_, payload);
  return step;
}

ReplicaSession::Step ReplicaSession::refuse(const Error& error) {
  const bool told = error.code() == Errc::kServer;
  return send(protocol::encode_error(told ? error.server_code() : 1105,
                                     told ? error.sqlstate() : "HY000", error.text()));
}

ReplicaSession::Step ReplicaSession::ok() {
  protocol::OkPacket packet;
  packet.status_flags = protocol::kStatusAutocommit;
  return send(protocol::encode_ok(packet));
}

Result<ReplicaSession::Step> ReplicaSession::next(std::chrono::system_clock::time_point now) {
  reader_.expect_sequence(0);
  const auto packet = reader_.next_packet();
  if (!packet) return packet.error();
  if (!*packet) return Step();
  sequence_ = reader_.sequence();
  return on_packet(**packet, now);
}

Result<ReplicaSession::Step> ReplicaSession::on_packet(ByteView packet,
                                                       std::chrono::system_clock::time_point now) {
  if (packet.empty()) return refuse(malformed());
  switch (std::to_integer<std::uint8_t>(packet.front())) {
    case protocol::kComQuit: {
      Step step;
      step.kind = Kind::kClose;
      return step;
    }
    case protocol::kComQuery:
      return on_query(as_text(packet.subspan(1)), now);
    case protocol::kComInitDb:
      session_.schema = as_text(packet.subspan(1)).substr(0, 256);
      return ok();
    case protocol::kComPing:
      return ok();
    case protocol::kComResetConnection:
      session_.variables.clear();
      session_.skip_replication = false;
      return ok();
    case protocol::kComSetOption:
      return send(protocol::encode(protocol::EofPacket()));
    case protocol::kComStatistics:
      return send("Relay server of source " + session_.source_id);
    case protocol::kComRegisterSlave: {
      auto registration = protocol::decode_register_replica(packet);
      if (!registration) return refuse(malformed());
      registration_ = std::move(*registration);
      registration_->password.clear();
      return ok();
    }
    case protocol::kComBinlogDump:
      return on_dump(packet);
    case protocol::kComBinlogDumpGtid:
      return on_dump_gtid(packet);
    default:
      return refuse(Error(1047, "08S01", "Unknown command"));
  }
}

// ---- statements

ReplicaSession::Step ReplicaSession::on_query(std::string_view sql,
                                              std::chrono::system_clock::time_point now) {
  auto statement = parse_statement(sql);
  if (!statement) return refuse(statement.error());
  Step step;
  if (statement->kind == SqlStatement::Kind::kShowEvents) {
    statement_ = std::move(*statement);
    step.kind = Kind::kList;
    return step;
  }
  const Result<SqlResult> result = SqlAnswers(log_, board_, session_).answer(*statement, now);
  if (!result) return refuse(result.error());
  step.kind = Kind::kSend;
  step.bytes = framed(*result);
  return step;
}

std::string ReplicaSession::listed(const Result<SqlResult>& result) {
  return result ? framed(*result) : refuse(result.error()).bytes;
}

std::string ReplicaSession::framed(const SqlResult& result) {
  if (result.columns.empty()) return ok().bytes;
  std::string out;
  const auto put = [this, &out](std::string_view payload) {
    protocol::append_packet(out, sequence_, payload);
  };
  protocol::EofPacket eof;
  eof.status_flags = protocol::kStatusAutocommit;
  std::string count;
  ByteWriter(count).lenenc(result.columns.size());
  put(count);
  for (const std::string& name : result.columns) {
    protocol::ColumnDefinition column;
    column.name = name;
    column.collation = protocol::kCollationUtf8mb4GeneralCi;
    column.length = kColumnBytes;
    const bool number = is_number_column(name);
    column.type = number ? kTypeLongLong : kTypeVarString;
    if (number) column.collation = protocol::kCollationBinary;
    put(protocol::encode(column));
  }
  if (!deprecate_eof_) put(protocol::encode(eof));
  protocol::RowValues values;
  for (const auto& row : result.rows) {
    values.assign(row.begin(), row.end());
    put(protocol::encode_text_row(values));
  }
  protocol::OkPacket end;
  end.status_flags = protocol::kStatusAutocommit;
  put(deprecate_eof_ ? protocol::encode_ok(end, 0xfe) : protocol::encode(eof));
  return out;
}

// ---- dumps

ReplicaSession::Step ReplicaSession::on_dump(ByteView packet) {
  auto dump = protocol::decode_binlog_dump(packet);
  if (!dump) return refuse(malformed());
  request_ = FollowRequest();
  request_.file = std::move(dump->file);
  request_.position = dump->position;
  request_.flags = dump->flags;
  request_.server_id = dump->server_id;
  return begin_dump();
}

ReplicaSession::Step ReplicaSession::on_dump_gtid(ByteView packet) {
  auto dump = protocol::decode_binlog_dump_gtid(packet);
  if (!dump) return refuse(malformed());
  auto set = protocol::GtidSet::decode(as_bytes(dump->gtid_set));
  if (!set)
    return refuse(Error(1773, "HY000", "Malformed GTID set encoding: " + set.error().text()));
  request_ = FollowRequest();
  request_.file = std::move(dump->file);
  request_.position = dump->position;
  request_.flags = dump->flags;
  request_.server_id = dump->server_id;
  request_.excluded = std::move(*set);
  return begin_dump();
}

std::optional<std::string> ReplicaSession::variable(const char* source_name,
                                                    const char* older_name) const {
  for (const char* name : {source_name, older_name}) {
    const auto found = session_.variables.find(name);
    if (found != session_.variables.end()) return found->second;
  }
  return std::nullopt;
}

ReplicaSession::Step ReplicaSession::begin_dump() {
  const auto checksum = variable("source_binlog_checksum", "master_binlog_checksum");
  const std::string algorithm = lower_ascii(checksum.value_or(""));
  if (algorithm == "crc32") request_.checksum = protocol::ChecksumAlgorithm::kCrc32;
  if (algorithm == "none") request_.checksum = protocol::ChecksumAlgorithm::kNone;
  request_.heartbeat = std::chrono::nanoseconds(
      to_number(variable("source_heartbeat_period", "master_heartbeat_period")));
  request_.replica_uuid = lower_ascii(variable("replica_uuid", "slave_uuid").value_or(""));
  request_.mariadb_capability = static_cast<std::uint32_t>(
      to_number(variable("mariadb_slave_capability", "mariadb_slave_capability")));
  const auto state = variable("slave_connect_state", "slave_connect_state");
  if (state) {
    auto list = protocol::MariaGtidList::parse(*state);
    if (!list) return refuse(Error(1940, "HY000", "Could not parse GTID list"));
    request_.mariadb_state = std::move(*list);
  }
  request_.mariadb_until = !variable("slave_until_gtid", "slave_until_gtid").value_or("").empty();
  request_.skip_replication = session_.skip_replication;
  request_.semi_sync = session_.semi_sync_offered &&
                       to_number(variable("rpl_semi_sync_replica", "rpl_semi_sync_slave")) != 0;
  request_.client_version = client_version_;
  Step step;
  step.kind = Kind::kDump;
  return step;
}

}  // namespace tiderelay::relay
