// tests/relay/dump_test.cc: what a follower is sent: the file's bytes, framed, from where it asked,
// however the blocks are cut; and what is refused. The disk is a simulated one.
#include <gtest/gtest.h>

#include "protocol/capabilities.h"
#include "protocol/control_events.h"
#include "protocol/packet_writer.h"
#include "protocol/response.h"
#include "relay/dump_stream.h"
#include "relay/replica_session.h"
#include "tests/relay/log_rig.h"

namespace tiderelay::tests {
namespace {

using relay::DumpStream;
using relay::FollowRequest;
using relay::RelayLog;

class NobodyElse final : public relay::FollowerBoard {
 public:
  std::vector<relay::Follower> followers() const override { return {}; }
  bool kill(std::uint32_t, const std::string&) override { return false; }
};

struct Rig {
  explicit Rig(const LogMaker& maker, const std::string& gtid_mode = "ON") {
    log = open_log(disk);
    receive_all(*log, maker);
    EXPECT_TRUE(log->upstream().set({{"version", "8.0.31"},
                                     {"server_id", "7"},
                                     {"server_uuid", std::string(kMakerUuid)},
                                     {"gtid_mode", gtid_mode},
                                     {"binlog_checksum", "CRC32"}}));
  }
  SimDisk disk;
  std::unique_ptr<RelayLog> log;
};

struct Sent {
  std::vector<std::string> events;  // packets without their status byte
  std::optional<Error> error;
  std::string stored() const {  // what a receiver that keeps files would keep
    std::string bytes;
    for (const std::string& event : events) {
      const auto header = protocol::load_event_header(as_bytes(event));
      const bool made = header.artificial() || header.type == event_type::kHeartbeat ||
                        header.type == event_type::kHeartbeatV2;
      if (!made) bytes += event;
    }
    return bytes;
  }
};

FollowRequest request_of(std::uint64_t position, const std::string& file) {
  FollowRequest request;
  request.file = file;
  request.position = position;
  request.flags = 3;  // non-blocking, heartbeats V2
  request.server_id = 99;
  request.checksum = protocol::ChecksumAlgorithm::kCrc32;
  return request;
}

// Plans and streams up to the log's end; blocks have `block_bytes`, or what is wanted.
Sent dump(Rig& rig, const FollowRequest& request, std::size_t block_bytes = 1U << 18) {
  Sent sent;
  const auto start = relay::plan_dump(rig.disk, *rig.log, request, std::nullopt);
  if (!start) {
    sent.error = start.error();
    return sent;
  }
  DumpStream stream(request, *start, protocol::Dialect::kMysql, 7);
  relay::LogFile file = start->file;
  const auto content_of = [&rig](const relay::LogFile& of) {
    return rig.disk.content(rig.log->catalog().paths(of).log_path());
  };
  std::string content = content_of(file);
  std::string block;
  protocol::PacketReader reader;
  reader.expect_sequence(1);
  for (;;) {
    const auto end = rig.log->end().get().position;
    const bool ended = end.file != file.begin.file;
    const std::uint64_t limit = ended ? content.size() : end.offset_bytes;
    const auto step = stream.next(limit, ended);
    if (!step) {
      sent.error = step.error();
      return sent;
    }
    if (step->kind == DumpStream::Kind::kWait) break;
    if (step->kind == DumpStream::Kind::kNextFile) {
      for (const auto& next : rig.log->catalog().files()) {
        if (next.begin.file == file.begin.file + 1) {
          file = next;
          break;
        }
      }
      content = content_of(file);
      stream.begin_file(file.name);
    }
    if (step->kind == DumpStream::Kind::kNeedBytes) {
      const std::size_t size = std::max(block_bytes, stream.wanted_bytes());
      block = content.substr(stream.offset_bytes(),
                             std::min<std::size_t>(size, limit - stream.offset_bytes()));
      stream.feed(as_bytes(block));
    }
    if (step->kind == DumpStream::Kind::kSend) reader.feed(as_bytes(step->bytes));
    for (auto packet = reader.next_packet(); packet && *packet; packet = reader.next_packet()) {
      sent.events.emplace_back(as_text(**packet).substr(1));
    }
  }
  return sent;
}

LogMaker three_files() {
  LogMaker maker;
  for (int file = 0; file < 3; ++file) {
    maker.begin_file();
    for (int i = 0; i < 6; ++i) maker.transaction(40 + 30 * static_cast<std::size_t>(i));
  }
  return maker;
}

TEST(Dump, IsTheFilesBytesHoweverBlocksAreCut) {
  const LogMaker maker = three_files();
  Rig rig(maker);
  std::string expected;
  for (const auto& file : maker.files()) expected += file.bytes.substr(4);
  for (const std::size_t block_bytes : {1U, 19U, 20U, 64U, 100U, 4096U, 1U << 18}) {
    SCOPED_TRACE(block_bytes);
    const Sent sent = dump(rig, request_of(4, ""), block_bytes);
    ASSERT_FALSE(sent.error) << sent.error->text();
    EXPECT_EQ(sent.stored(), expected);
  }
}

TEST(Dump, BeginsEachFileWithAnArtificialRotate) {
  const LogMaker maker = three_files();
  Rig rig(maker);
  const Sent sent = dump(rig, request_of(4, LogMaker::name(2)));
  std::vector<std::string> names;
  for (const std::string& event : sent.events) {
    const auto header = protocol::load_event_header(as_bytes(event));
    if (header.type != event_type::kRotate || !header.artificial()) continue;
    EXPECT_EQ(header.timestamp_seconds, 0U);
    EXPECT_EQ(header.end_position, 0U);
    EXPECT_EQ(header.server_id, 7U);
    const auto view = protocol::open_event(as_bytes(event), protocol::ChecksumAlgorithm::kCrc32);
    ASSERT_TRUE(view);
    names.emplace_back(protocol::decode_rotate(*view)->file);
  }
  EXPECT_EQ(names, (std::vector<std::string>{LogMaker::name(2), LogMaker::name(3)}));
}

TEST(Dump, FromInsideAFileSendsAHeadThatDoesNotCount) {
  const LogMaker maker = three_files();
  Rig rig(maker);
  const auto& file = maker.files()[1];
  const std::size_t at = file.settled[4];
  const Sent sent = dump(rig, request_of(at, file.name));
  ASSERT_FALSE(sent.error) << sent.error->text();
  const auto head = protocol::load_event_header(as_bytes(sent.events.at(1)));
  EXPECT_EQ(head.type, event_type::kFormatDescription);
  EXPECT_EQ(head.end_position, 0U);
  ASSERT_TRUE(protocol::decode_format_description(as_bytes(sent.events[1])));
  EXPECT_EQ(sent.stored().substr(sent.events[1].size()),
            file.bytes.substr(at) + maker.files()[2].bytes.substr(4));
}

TEST(Dump, ByGtidLeavesOutExactlyWhatTheFollowerHas) {
  const LogMaker maker = three_files();  // transactions 1 to 18
  Rig rig(maker);
  const std::string uuid(kMakerUuid);
  for (const char* had : {"1-18", "1-17", "1-9", "1-3:5-8", "1-12", "1:3:5:7:9:11:13:15:17", ""}) {
    SCOPED_TRACE(had);
    FollowRequest request = request_of(4, "");
    const std::string text = *had == '\0' ? "" : uuid + ":" + had;
    request.excluded = protocol::GtidSet::parse(text).value();
    const Sent sent = dump(rig, request, 100);
    ASSERT_FALSE(sent.error) << sent.error->text();
    protocol::GtidSet seen;
    std::uint64_t xids = 0;
    for (const std::string& event : sent.events) {
      const auto view = protocol::open_event(as_bytes(event), protocol::ChecksumAlgorithm::kCrc32);
      ASSERT_TRUE(view) << "a wrong checksum";
      if (view->header.type == event_type::kGtid) {
        ByteReader reader(view->body);
        reader.skip(17);
        seen.add({{protocol::Uuid::parse(uuid).value(), ""}, reader.u64()});
      }
      xids += view->header.type == event_type::kXid;
    }
    protocol::GtidSet expected = maker.executed();
    expected.subtract(*request.excluded);
    EXPECT_EQ(seen.text(), expected.text());
    EXPECT_EQ(xids, expected.count());
  }
}

TEST(Dump, AHeartbeatTellsWhereASkippedRunEnds) {
  const LogMaker maker = three_files();
  Rig rig(maker);
  FollowRequest request = request_of(4, "");
  request.excluded = maker.executed();
  const Sent sent = dump(rig, request);
  const auto view =
      protocol::open_event(as_bytes(sent.events.back()), protocol::ChecksumAlgorithm::kCrc32);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->header.type, event_type::kHeartbeatV2);
  const auto heartbeat = protocol::decode_heartbeat(*view);
  EXPECT_EQ(heartbeat->position, maker.last().bytes.size());
  EXPECT_EQ(heartbeat->file, maker.last().name);
}

TEST(Dump, RefusesWithTheServersTexts) {
  const LogMaker maker = three_files();
  Rig rig(maker);
  struct Row {
    const char* fact;
    FollowRequest request;
    std::uint16_t code;
    const char* text;
  };
  const std::string name = LogMaker::name(2);
  const std::size_t size = maker.files()[1].bytes.size();
  FollowRequest unaware = request_of(4, "");
  unaware.checksum.reset();
  FollowRequest ahead = request_of(4, "");
  ahead.excluded = protocol::GtidSet::parse(std::string(kMakerUuid) + ":1-99").value();
  const Row rows[] = {
      {"an unknown file", request_of(4, "binlog.000009"), 1236,
       "Could not find first log file name"},
      {"before the first event", request_of(3, name), 1236, "position < 4"},
      {"behind the file's end", request_of(size + 1, name), 1236, "position > file size"},
      {"inside an event", request_of(maker.files()[1].ends[2] + 1, name), 1236, "inside the event"},
      {"no word about checksums", unaware, 1236,
       "can not handle replication events with the checksum"},
      {"more than we have, and the source cannot be asked", ahead, 1158, "the relay log is behind"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    const Sent sent = dump(rig, row.request);
    ASSERT_TRUE(sent.error);
    EXPECT_EQ(sent.error->server_code(), row.code) << sent.error->text();
    EXPECT_NE(sent.error->text().find(row.text), std::string::npos) << sent.error->text();
  }
  Rig off(maker, "OFF");
  FollowRequest by_set = request_of(4, "");
  by_set.excluded = protocol::GtidSet();
  EXPECT_NE(dump(off, by_set).error->text().find("GTID_MODE = OFF"), std::string::npos);
}

TEST(Dump, AFollowerThatLacksWhatWasPurgedIsToldWhat) {
  const LogMaker maker = three_files();
  Rig rig(maker);
  ASSERT_TRUE(rig.log->catalog().purge_before({1, 2, 4}));
  FollowRequest request = request_of(4, "");
  request.excluded = protocol::GtidSet::parse(std::string(kMakerUuid) + ":1-4").value();
  const Sent refused = dump(rig, request);
  ASSERT_TRUE(refused.error);
  EXPECT_NE(refused.error->text().find("purged required binary logs"), std::string::npos);
  EXPECT_NE(
      refused.error->text().find("missing transactions are '" + std::string(kMakerUuid) + ":5-6"),
      std::string::npos)
      << refused.error->text();
  request.excluded = protocol::GtidSet::parse(std::string(kMakerUuid) + ":1-6").value();
  EXPECT_FALSE(dump(rig, request).error);
}

TEST(Dump, PacketsAroundTheLimitOfAFrameAreCutAsServersCutThem) {
  constexpr std::size_t kFrame = protocol::kMaxFrameBytes;
  for (const std::size_t event_bytes : {kFrame - 2, kFrame - 1, kFrame, 2 * kFrame - 1}) {
    SCOPED_TRACE(event_bytes);
    LogMaker maker;
    maker.begin_file();
    maker.transaction(event_bytes - protocol::kEventHeaderBytes - protocol::kEventCrcBytes);
    Rig rig(maker);
    const Sent sent = dump(rig, request_of(4, ""));
    ASSERT_FALSE(sent.error) << sent.error->text();
    EXPECT_EQ(sent.stored(), maker.last().bytes.substr(4));
  }
}

// ---- a session up to its dump

struct Client {
  explicit Client(Rig& rig)
      : session(*rig.log, board, relay::SqlSession(), protocol::kDeprecateEof, 0) {}
  relay::ReplicaSession::Step send(const std::string& payload) {
    std::string framed;
    std::uint8_t sequence = 0;
    protocol::append_packet(framed, sequence, payload);
    session.feed(as_bytes(framed));
    return session.next(std::chrono::system_clock::time_point()).value();
  }
  std::string value(const std::string& sql) {  // of the only row
    const auto step = send(protocol::encode_query(sql));
    protocol::PacketReader reader;
    reader.feed(as_bytes(step.bytes));
    reader.expect_sequence(1);
    protocol::ResponseReader response(protocol::kDeprecateEof);
    response.start();
    std::string text;
    protocol::RowValues row;
    for (auto packet = reader.next_packet(); packet && *packet; packet = reader.next_packet()) {
      const auto kind = response.next(**packet);
      if (kind && *kind == protocol::ResponseReader::Kind::kError) return response.error().text();
      if (!kind || *kind != protocol::ResponseReader::Kind::kRow) continue;
      EXPECT_TRUE(protocol::decode_text_row(**packet, response.column_count(), row));
      for (const auto& cell : row)
        text += (text.empty() ? "" : " ") + std::string(cell.value_or("NULL"));
    }
    return text;
  }
  NobodyElse board;
  relay::ReplicaSession session;
};

TEST(ReplicaSession, AnswersInTheSourcesName) {
  const LogMaker maker = three_files();
  Rig rig(maker);
  Client client(rig);
  const std::string uuid(kMakerUuid);
  EXPECT_EQ(client.value("SELECT @@GLOBAL.SERVER_ID"), "7");
  EXPECT_EQ(client.value("SELECT @@server_uuid"), uuid);
  EXPECT_EQ(client.value("SELECT VERSION()"), "8.0.31");
  EXPECT_EQ(client.value("SHOW VARIABLES LIKE 'SERVER_ID'"), "server_id 7");
  EXPECT_EQ(client.value("SELECT @nothing"), "NULL");
  EXPECT_EQ(client.value("SELECT @@global.gtid_executed"), uuid + ":1-18");
  EXPECT_EQ(client.value("SELECT GTID_SUBTRACT('" + uuid + ":10-20', @@global.gtid_executed)"),
            uuid + ":19-20");
  EXPECT_EQ(
      client.value("SHOW MASTER STATUS"),
      LogMaker::name(3) + " " + std::to_string(maker.last().bytes.size()) + "   " + uuid + ":1-18");
  EXPECT_EQ(client.value("SELECT @@nonsense"), "Unknown system variable 'nonsense'");
}

TEST(ReplicaSession, KnowsAtTheDumpWhatWasSetBefore) {
  const LogMaker maker = three_files();
  Rig rig(maker);
  Client client(rig);
  (void)client.send(protocol::encode_query("SET @master_heartbeat_period = 1799999979520"));
  (void)client.send(protocol::encode_query(
      "SET @master_binlog_checksum = @@global.binlog_checksum, @source_binlog_checksum = 'NONE'"));
  (void)client.send(protocol::encode_query("SET @slave_uuid = 'ABC', @replica_uuid = 'ABC'"));
  protocol::BinlogDump dump;
  dump.file = LogMaker::name(2);
  dump.server_id = 5;
  dump.flags = 2;
  EXPECT_EQ(client.send(protocol::encode(dump)).kind, relay::ReplicaSession::Kind::kDump);
  const FollowRequest& request = client.session.request();
  EXPECT_EQ(request.heartbeat.count(), 1799999979520);
  EXPECT_EQ(request.checksum, protocol::ChecksumAlgorithm::kNone) << "source_ is looked at first";
  EXPECT_EQ(request.replica_uuid, "abc");
  EXPECT_EQ(request.file, LogMaker::name(2));
  EXPECT_FALSE(request.by_gtid());
}

TEST(ReplicaSession, GoesOnAfterWhatItDoesNotKnow) {
  const LogMaker maker = three_files();
  Rig rig(maker);
  Client client(rig);
  for (const std::string& payload :
       {std::string(1, '\x16'), std::string("\x12"), std::string("\x1e\x01"),
        std::string("\x15\x01"), std::string("\x03nonsense"), std::string(1, '\0')}) {
    const auto step = client.send(payload);
    ASSERT_EQ(step.kind, relay::ReplicaSession::Kind::kSend);
    EXPECT_EQ(step.bytes.at(4), '\xff');
  }
  EXPECT_EQ(client.value("SELECT 1"), "1");
}

}  // namespace
}  // namespace tiderelay::tests
