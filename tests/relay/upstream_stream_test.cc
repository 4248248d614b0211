// tests/relay/upstream_stream_test.cc: what of a dump is stored, and the comparison of the overlap.
#include "relay/upstream_stream.h"

#include <gtest/gtest.h>

#include "protocol/control_events.h"
#include "protocol/response.h"
#include "relay/overlap_check.h"
#include "tests/relay/log_rig.h"

namespace tiderelay::tests {
namespace {

using protocol::ChecksumAlgorithm;
using relay::UpstreamStream;
using Kind = UpstreamStream::Kind;

Result<UpstreamStream::Step> feed(UpstreamStream& stream, const std::string& event) {
  static std::string packet;
  packet = std::string(1, '\0') + event;
  return stream.feed({as_bytes(packet), true, true});
}

std::string rotate(const char* file, std::uint64_t position = 4) {
  return protocol::encode_artificial_rotate(7, file, position, ChecksumAlgorithm::kCrc32);
}

LogMaker one_file() {
  LogMaker maker;
  maker.begin_file();
  maker.transaction(10);
  maker.transaction(10);
  return maker;
}

std::string event_at(const LogMaker::File& file, std::size_t index) {
  const std::size_t begin = index == 0 ? 4 : file.ends[index - 1];
  return file.bytes.substr(begin, file.ends[index] - begin);
}

TEST(UpstreamStream, StoresWhatIsInTheFileAndNothingElse) {
  const LogMaker maker = one_file();
  UpstreamStream stream("binlog.000001", 4, ChecksumAlgorithm::kCrc32);
  EXPECT_EQ(feed(stream, rotate("binlog.000001"))->kind, Kind::kNothing);
  std::string stored;
  for (std::size_t i = 0; i < maker.last().ends.size(); ++i) {
    const auto step = feed(stream, event_at(maker.last(), i));
    ASSERT_TRUE(step);
    ASSERT_EQ(step->kind, Kind::kBytes);
    stored += as_text(step->bytes);
  }
  EXPECT_EQ(stored, maker.last().bytes.substr(4));
  const auto beat =
      feed(stream, protocol::encode_heartbeat(7, "binlog.000001", 555, ChecksumAlgorithm::kCrc32));
  EXPECT_EQ(beat->kind, Kind::kHeartbeat);
  EXPECT_EQ(beat->position, 555U);
  const auto next = feed(stream, rotate("binlog.000002"));
  EXPECT_EQ(next->kind, Kind::kFile);
  EXPECT_EQ(next->file, "binlog.000002");
  EXPECT_EQ(feed(stream, event_at(maker.last(), 0))->kind, Kind::kBytes);
}

TEST(UpstreamStream, TheFormatThatOpensAStreamInsideAFileIsNotStored) {
  const LogMaker maker = one_file();
  UpstreamStream stream("binlog.000001", 300, ChecksumAlgorithm::kCrc32);
  ASSERT_TRUE(feed(stream, rotate("binlog.000001", 300)));
  EXPECT_EQ(feed(stream, event_at(maker.last(), 0))->kind, Kind::kNothing);
  EXPECT_EQ(feed(stream, event_at(maker.last(), 2))->kind, Kind::kBytes);
  ASSERT_EQ(feed(stream, rotate("binlog.000002"))->kind, Kind::kFile);
  EXPECT_EQ(feed(stream, event_at(maker.last(), 0))->kind, Kind::kBytes) << "that of the next is";
}

TEST(UpstreamStream, AnErrorPacketIsTheServersError) {
  UpstreamStream stream("binlog.000001", 4, ChecksumAlgorithm::kCrc32);
  const std::string packet = protocol::encode_error(1236, "HY000", "purged");
  const auto step = stream.feed({as_bytes(packet), true, true});
  ASSERT_FALSE(step);
  EXPECT_EQ(step.error().server_code(), 1236);
  const std::string end = protocol::encode(protocol::EofPacket());
  EXPECT_EQ(stream.feed({as_bytes(end), true, true}).error().code(), Errc::kConnection);
}

TEST(UpstreamStream, TheFirstRotateMayComeWithoutAChecksum) {
  UpstreamStream stream("binlog.000001", 4, ChecksumAlgorithm::kNone);
  const auto plain =
      protocol::encode_artificial_rotate(7, "binlog.000009", 4, ChecksumAlgorithm::kNone);
  EXPECT_EQ(feed(stream, plain)->file, "binlog.000009");
  EXPECT_EQ(feed(stream, rotate("binlog.000010"))->file, "binlog.000010")
      << "no checksum bytes in the name";
}

TEST(OverlapCheck, TakesTheSameBytesInAnyPieces) {
  SimDisk disk;
  const auto log = open_log(disk);
  const LogMaker maker = one_file();
  receive_all(*log, maker);
  const auto point = log->resume_point();
  EXPECT_EQ(point->begin_bytes, maker.last().ends[5]) << "before the last whole transaction";
  relay::OverlapCheck check(point->begin_bytes, point->end_bytes);
  EXPECT_FALSE(check.upstream_ends()) << "nothing came yet";
  const auto rest = as_bytes(maker.last().bytes).subspan(point->begin_bytes);
  for (std::size_t at = 0; at < rest.size(); at += 5) {
    const auto piece = rest.subspan(at, std::min<std::size_t>(5, rest.size() - at));
    ASSERT_TRUE(check.compare(log->writer(), piece, at == 0));
  }
  EXPECT_TRUE(check.done());
  EXPECT_TRUE(check.upstream_ends());
}

TEST(OverlapCheck, ShowsBothEventsWhereTheyDiffer) {
  SimDisk disk;
  const auto log = open_log(disk);
  receive_all(*log, one_file());
  const auto point = log->resume_point();
  LogMaker other(1);
  other.begin_file();
  other.transaction(10);
  other.transaction(10);
  relay::OverlapCheck check(point->begin_bytes, point->end_bytes);
  const auto same = check.compare(log->writer(), as_bytes(event_at(other.last(), 6)), true);
  ASSERT_FALSE(same);
  EXPECT_EQ(same.error().code(), Errc::kDiverged);
  const std::string text = same.error().text();
  EXPECT_NE(text.find("binlog.000001 at " + std::to_string(point->begin_bytes)), text.npos) << text;
  EXPECT_NE(text.find("GTID " + std::string(kMakerUuid) + ":2"), text.npos) << text;
}

}  // namespace
}  // namespace tiderelay::tests
