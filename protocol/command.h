// protocol/command.h: the payloads of the commands that tiderelay sends and serves, both
// directions.
//
// Source: MySQL 8.0.40, sql/sql_parse.cc, sql/rpl_source.cc (register_replica, com_binlog_dump,
// com_binlog_dump_gtid).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace tiderelay::protocol {

[[nodiscard]] std::string encode_query(std::string_view sql);
[[nodiscard]] std::string encode_command(std::uint8_t command);  // COM_PING, COM_QUIT, ...

// 0x15, server id 4, host, user and password (1 byte length + text each), port 2, rank 4, source
// id 4.
struct RegisterReplica {
  std::uint32_t server_id = 0;
  std::string host;  // cut to 60 bytes, which servers of 5.x take at most
  std::string user;
  std::string password;
  std::uint16_t port = 0;
};
[[nodiscard]] std::string encode(const RegisterReplica& command);
[[nodiscard]] Result<RegisterReplica> decode_register_replica(ByteView packet);

// 0x12, position 4, flags 2, server id 4, file name to the end (empty: the first file).
struct BinlogDump {
  std::uint32_t position = 4;
  std::uint16_t flags = 0;
  std::uint32_t server_id = 0;
  std::string file;
};
[[nodiscard]] std::string encode(const BinlogDump& command);
[[nodiscard]] Result<BinlogDump> decode_binlog_dump(ByteView packet);

// 0x1e, flags 2, server id 4, file name 4 + n, position 8, GTID set 4 + n in wire form.
struct BinlogDumpGtid {
  std::uint16_t flags = 0;
  std::uint32_t server_id = 0;
  std::string file;
  std::uint64_t position = 4;
  std::string gtid_set;  // encoded; the empty set is 8 zero bytes
};
[[nodiscard]] std::string encode(const BinlogDumpGtid& command);
[[nodiscard]] Result<BinlogDumpGtid> decode_binlog_dump_gtid(ByteView packet);

inline constexpr std::uint8_t kSemiSyncMagic = 0xef;
// Semi-sync: 0xef, position 8, file name to the end. Sent with sequence id 0.
[[nodiscard]] std::string encode_semi_sync_ack(std::uint64_t position, std::string_view file);

}  // namespace tiderelay::protocol
