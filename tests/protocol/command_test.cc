#include "protocol/command.h"

#include <gtest/gtest.h>

#include "protocol/capabilities.h"
#include "tests/protocol/hex.h"

namespace tiderelay::protocol {
namespace {

using tests::from_hex;
using tests::to_hex;

TEST(Command, RegistersAsReplicasDo) {
  RegisterReplica command;
  command.server_id = 3971;
  command.port = 3971;
  const std::string packet = encode(command);
  EXPECT_EQ(to_hex(packet), "15830f0000000000830f0000000000000000");
  command.host = std::string(100, 'h');
  command.user = "u";
  command.password = "p";
  const auto got = decode_register_replica(as_bytes(encode(command)));
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->host, std::string(60, 'h')) << "servers of 5.x take no more";
  EXPECT_EQ(got->server_id, 3971U);
  EXPECT_EQ(got->port, 3971);
}

TEST(Command, AsksForALogByFile) {
  BinlogDump command;
  command.flags = kBinlogDumpHeartbeatV2;
  command.server_id = 3971;
  command.file = "binlog.000001";
  const std::string packet = encode(command);
  EXPECT_EQ(to_hex(packet), "12040000000200830f000062696e6c6f672e303030303031");
  const auto got = decode_binlog_dump(as_bytes(packet));
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->file, command.file);
  EXPECT_EQ(got->position, 4U);
  EXPECT_EQ(encode(*got), packet);
}

TEST(Command, AsksForALogByGtidSet) {
  BinlogDumpGtid command;
  command.server_id = 7;
  command.file = "binlog.000001";
  command.position = 0x1'0000'0004;
  command.gtid_set = std::string(8, '\0');
  const std::string packet = encode(command);
  const auto got = decode_binlog_dump_gtid(as_bytes(packet));
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->position, command.position);
  EXPECT_EQ(got->gtid_set, command.gtid_set);
  EXPECT_EQ(encode(*got), packet);
}

TEST(Command, TakesWhatClientsSendForNoNameAndNoSet) {
  const auto dump = decode_binlog_dump_gtid(
      as_bytes(from_hex("1e 0400 01000000 03000000 000000 0400000000000000")));
  ASSERT_TRUE(dump.has_value()) << "three NUL bytes as a name, no set at all";
  EXPECT_EQ(dump->file, "");
  EXPECT_EQ(dump->gtid_set, "");
}

TEST(Command, FailsCleanlyAtEachPrefix) {
  RegisterReplica registration;
  registration.host = "h";
  const std::string packet = encode(registration);
  for (std::size_t size = 0; size < packet.size(); ++size) {
    const auto prefix = as_bytes(std::string_view(packet).substr(0, size));
    EXPECT_TRUE(decode_register_replica(prefix).has_error()) << size;
  }
  BinlogDumpGtid gtid;
  gtid.file = "f";
  gtid.gtid_set = std::string(8, '\0');
  const std::string dump = encode(gtid);
  const std::size_t without_set_bytes = dump.size() - 12;
  for (std::size_t size = 0; size < dump.size(); ++size) {
    const auto prefix = as_bytes(std::string_view(dump).substr(0, size));
    EXPECT_EQ(decode_binlog_dump_gtid(prefix).has_error(), size != without_set_bytes) << size;
  }
  for (std::size_t size = 0; size < 11; ++size) {
    EXPECT_TRUE(decode_binlog_dump(as_bytes(std::string(size, '\0'))).has_error()) << size;
  }
}

TEST(Command, AcknowledgesInSemiSync) {
  EXPECT_EQ(to_hex(encode_semi_sync_ack(0x0102, "f.1")), "ef0201000000000000662e31");
}

}  // namespace
}  // namespace tiderelay::protocol
