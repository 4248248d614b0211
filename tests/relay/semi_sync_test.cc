// tests/relay/semi_sync_test.cc: which packets of a dump ask for an acknowledgement, both ways, and
// how many followers have answered.
#include <gtest/gtest.h>

#include "relay/dump_stream.h"
#include "relay/semi_sync_count.h"
#include "relay/upstream_stream.h"
#include "tests/relay/log_rig.h"

namespace tiderelay::tests {
namespace {

using relay::DumpStream;
using relay::LogPosition;
using relay::UpstreamStream;

struct Asked {
  std::string stored;
  std::vector<std::uint64_t> places;  // that the receiver is asked to acknowledge
  std::uint64_t asked_offset = 0;     // the last one, as the sender noted it
  bool all_asked = false;
};

// One file from `begin_bytes` on, which may be read up to each of `limits` in turn.
Asked exchange(const LogMaker::File& file, const std::vector<std::uint64_t>& limits,
               const std::optional<protocol::GtidSet>& had = std::nullopt) {
  relay::FollowRequest request;
  request.server_id = 9;
  request.checksum = protocol::ChecksumAlgorithm::kCrc32;
  request.semi_sync = true;
  request.excluded = had;
  relay::DumpStart start;
  start.file.name = file.name;
  DumpStream dump(request, start, protocol::Dialect::kMysql, 7);
  UpstreamStream stream(file.name, 4, protocol::ChecksumAlgorithm::kCrc32, true);
  Asked asked;
  protocol::PacketLimits small;
  small.whole_bytes = 200;  // longer events come in pieces
  small.buffer_bytes = 300;
  protocol::PacketReader reader(small);
  reader.check_sequence(false);
  std::string block;
  for (const std::uint64_t limit : limits) {
    for (;;) {
      const auto step = dump.next(limit, false);
      EXPECT_TRUE(step) << step.error().text();
      if (!step || step->kind == DumpStream::Kind::kWait) break;
      if (step->kind == DumpStream::Kind::kNeedBytes) {
        const std::size_t size = std::max<std::size_t>(dump.wanted_bytes(), 64);
        block = file.bytes.substr(dump.offset_bytes(),
                                  std::min<std::size_t>(size, limit - dump.offset_bytes()));
        dump.feed(as_bytes(block));
      }
      std::string_view sent = step->kind == DumpStream::Kind::kSend ? step->bytes : "";
      while (!sent.empty()) {
        const std::size_t part = std::min<std::size_t>(sent.size(), 50);
        reader.feed(as_bytes(sent).first(part));
        sent.remove_prefix(part);
        for (auto piece = reader.next_piece(); piece && *piece; piece = reader.next_piece()) {
          const auto taken = stream.feed(**piece);
          EXPECT_TRUE(taken) << taken.error().text();
          if (!taken || taken->kind != UpstreamStream::Kind::kBytes) continue;
          asked.stored += as_text(taken->bytes);
          if (taken->last && stream.wants_acknowledgement()) {
            asked.places.push_back(stream.position());
          }
        }
      }
    }
  }
  asked.asked_offset = dump.asked_offset_bytes();
  asked.all_asked = dump.all_asked();
  return asked;
}

LogMaker one_file() {
  LogMaker maker;
  maker.begin_file();
  for (const std::size_t rows_bytes : {10, 900, 20, 5000}) maker.transaction(rows_bytes);
  return maker;
}

TEST(SemiSync, WhatLiesBeforeTheLogsEndIsAskedForAtThatEndAlone) {
  const LogMaker maker = one_file();
  const LogMaker::File& file = maker.last();
  const std::vector<std::size_t>& ends = file.settled;  // head, previous GTIDs, four transactions
  const Asked once = exchange(file, {ends.back()});
  EXPECT_EQ(once.stored, file.bytes.substr(4));
  EXPECT_EQ(once.places, (std::vector<std::uint64_t>{ends.back()}));
  EXPECT_EQ(once.asked_offset, ends.back());
  EXPECT_TRUE(once.all_asked);
  const Asked each = exchange(file, {ends[2], ends[3], ends[5]});
  EXPECT_EQ(each.stored, file.bytes.substr(4));
  EXPECT_EQ(each.places, (std::vector<std::uint64_t>{ends[2], ends[3], ends[5]}));
}

TEST(SemiSync, WhatTheFollowerHasIsNotAskedFor) {
  const LogMaker maker = one_file();
  const LogMaker::File& file = maker.last();
  const auto had = protocol::GtidSet::parse(std::string(kMakerUuid) + ":4").value();
  const Asked asked = exchange(file, {file.settled.back()}, had);
  EXPECT_TRUE(asked.places.empty()) << "the last transaction is left out";
  EXPECT_FALSE(asked.all_asked) << "those before it were sent and nobody asked";
  EXPECT_EQ(asked.asked_offset, 0U);
  const Asked all = exchange(file, {file.settled.back()}, maker.executed());
  EXPECT_TRUE(all.places.empty());
  EXPECT_EQ(all.stored.find("rrrr"), std::string::npos);
}

TEST(SemiSync, PacketsWithoutTheTwoBytesAreRefusedAndHeartbeatsHaveThem) {
  UpstreamStream stream("binlog.000001", 4, protocol::ChecksumAlgorithm::kCrc32, true);
  const std::string event = protocol::seal_event({}, "body", protocol::ChecksumAlgorithm::kCrc32);
  const std::string plain = std::string(1, '\0') + event;
  EXPECT_FALSE(stream.feed({as_bytes(plain), true, true}));
  relay::FollowRequest request;
  request.checksum = protocol::ChecksumAlgorithm::kCrc32;
  request.semi_sync = true;
  relay::DumpStart start;
  start.file.name = "binlog.000001";
  DumpStream dump(request, start, protocol::Dialect::kMysql, 7);
  const std::string beat = dump.heartbeat();
  const auto step = stream.feed({as_bytes(beat).subspan(protocol::kFrameHeaderBytes), true, true});
  ASSERT_TRUE(step) << step.error().text();
  EXPECT_EQ(step->kind, UpstreamStream::Kind::kHeartbeat);
  EXPECT_FALSE(stream.wants_acknowledgement());
}

TEST(SemiSync, AFollowerCountsOnceHoweverManyConnectionsItHas) {
  const LogPosition early{1, 3, 100};
  const LogPosition late{1, 4, 50};
  relay::SemiSyncCount count;
  EXPECT_FALSE(count.of(1));
  count.add("a", 1, {});
  EXPECT_FALSE(count.of(1)) << "connected is not acknowledged";
  count.add("a", 1, late);
  count.add("a", 1, early);  // its connection of before
  EXPECT_EQ(count.of(1), late);
  EXPECT_FALSE(count.of(2)) << "one follower is not two";
  count.add("", 7, early);
  count.add("", 7, early);
  EXPECT_EQ(count.of(2), early);
  EXPECT_FALSE(count.of(3));
  count.add("", 8, late);
  EXPECT_EQ(count.of(2), late);
  EXPECT_EQ(count.of(3), early);
}

}  // namespace
}  // namespace tiderelay::tests
