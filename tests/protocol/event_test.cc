#include "protocol/event.h"

#include <gtest/gtest.h>

#include "protocol/control_events.h"
#include "protocol/event_framer.h"
#include "protocol/format_description.h"
#include "tests/protocol/binlog_maker.h"

namespace tiderelay::protocol {
namespace {

using tests::made_event;

TEST(Event, IsOpenedAsItWasSealed) {
  const std::string event = made_event(event_type::kXid, "12345678");
  const Result<EventView> view = open_event(as_bytes(event), ChecksumAlgorithm::kCrc32);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->header.type, event_type::kXid);
  EXPECT_EQ(view->header.event_size_bytes, event.size());
  EXPECT_EQ(view->header.end_position, 1000U);
  EXPECT_EQ(as_text(view->body), "12345678");
}

TEST(Event, IsRefusedWhenOneBitIsFlippedAnywhere) {
  const std::string event = made_event(event_type::kXid, "12345678");
  for (std::size_t bit = 0; bit < event.size() * 8; ++bit) {
    std::string damaged = event;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(open_event(as_bytes(damaged), ChecksumAlgorithm::kCrc32)) << "bit " << bit;
  }
}

TEST(Event, ProperPrefixesAreRefused) {
  const std::string event = made_event(event_type::kXid, "12345678");
  for (std::size_t size = 0; size < event.size(); ++size) {
    EXPECT_FALSE(open_event(as_bytes(event).first(size), ChecksumAlgorithm::kCrc32)) << size;
  }
}

TEST(EventChecksum, HoldsHoweverTheEventIsCut) {
  const std::string event = made_event(event_type::kXid, "12345678");
  for (std::size_t cut = kEventHeaderBytes; cut <= event.size(); ++cut) {
    EventChecksum checksum;
    checksum.start(as_bytes(event).first(kEventHeaderBytes));
    checksum.add(as_bytes(event).subspan(kEventHeaderBytes, cut - kEventHeaderBytes));
    EXPECT_EQ(checksum.matches(), cut == event.size());
    checksum.add(as_bytes(event).subspan(cut));
    EXPECT_TRUE(checksum.matches()) << "cut at " << cut;
  }
}

TEST(EventChecksum, FailsForAChangedByteAndForATooShortEvent) {
  std::string event = made_event(event_type::kXid, "12345678");
  event[kEventHeaderBytes + 2] = 'x';
  EventChecksum checksum;
  checksum.start(as_bytes(event).first(kEventHeaderBytes));
  checksum.add(as_bytes(event).subspan(kEventHeaderBytes));
  EXPECT_FALSE(checksum.matches());
  EventHeader tiny;
  tiny.event_size_bytes = 20;
  std::string header;
  append_event_header(header, tiny);
  checksum.start(as_bytes(header));
  checksum.add(as_bytes("x"));
  EXPECT_FALSE(checksum.matches());
}

// The first event of a file of MySQL 5.7.29, as it was written: the in-use flag is set.
const std::string& fde_5_7() {
  static const std::string event = [] {
    FormatDescription format = default_format(Dialect::kMysql, ChecksumAlgorithm::kCrc32);
    format.server_version = "5.7.29-log";
    format.created_seconds = 1700000000;
    format.post_header_lengths.resize(38);
    EventHeader header;
    header.server_id = 1;
    header.end_position = 123;
    header.flags = event_flag::kInUse;
    return encode_format_description(header, format);
  }();
  return event;
}

TEST(FormatDescription, OfAnOpenAndAClosedFileHaveTheSameChecksum) {
  const Result<FormatDescription> open = decode_format_description(as_bytes(fde_5_7()));
  ASSERT_TRUE(open.has_value()) << open.error().text();
  const std::string closed = format_description_to_send(as_bytes(fde_5_7()), false);
  EXPECT_EQ(closed.size(), 123U - 4) << "the size that 5.7 has: 119 behind the magic";
  const Result<FormatDescription> decoded = decode_format_description(as_bytes(closed));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(*decoded, *open);
  EXPECT_FALSE(load_event_header(as_bytes(closed)).has(event_flag::kInUse));
  EXPECT_EQ(decoded->server_version_number(), 50729U);
  EXPECT_EQ(decoded->dialect(), Dialect::kMysql);
  EXPECT_EQ(decoded->post_header_bytes(event_type::kTableMap), 8);
  EXPECT_EQ(decoded->post_header_bytes(200), 0) << "a type beyond the list has no fixed part";
}

TEST(FormatDescription, SentForAStartInsideTheFileHasNoPositionAndAFreshChecksum) {
  const std::string sent = format_description_to_send(as_bytes(fde_5_7()), true);
  const Result<FormatDescription> decoded = decode_format_description(as_bytes(sent));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().text();
  EXPECT_EQ(load_event_header(as_bytes(sent)).end_position, 0U);
  EXPECT_EQ(decoded->created_seconds, 0U);
}

TEST(FormatDescription, WithoutChecksumsInTheFileHasOneItself) {
  FormatDescription format = default_format(Dialect::kMariadb, ChecksumAlgorithm::kNone);
  const std::string event = encode_format_description(EventHeader{}, format);
  const Result<FormatDescription> decoded = decode_format_description(as_bytes(event));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().text();
  EXPECT_EQ(decoded->checksum, ChecksumAlgorithm::kNone);
  EXPECT_EQ(decoded->dialect(), Dialect::kMariadb);
  EXPECT_EQ(*decoded, format);
}

TEST(FormatDescription, ProperPrefixesAreRefused) {
  for (std::size_t size = 0; size < fde_5_7().size(); ++size) {
    EXPECT_FALSE(decode_format_description(as_bytes(fde_5_7()).first(size))) << size;
  }
}

TEST(ServerVersion, IsReadFromAllSpellings) {
  struct Row {
    std::string_view text;
    std::uint32_t number;
  };
  for (const Row& row : {Row{"8.0.31", 80031}, Row{"5.7.29-log", 50729}, Row{"9.7.4-2", 90704},
                         Row{"5.5.5-10.11.6-MariaDB-1:10.11.6", 101106}, Row{"8.0", 80000},
                         Row{"11.8.9-MariaDB-log", 110809}, Row{"mysql", 0}, Row{"", 0}}) {
    EXPECT_EQ(parse_server_version(row.text), row.number) << row.text;
  }
}

TEST(Rotate, OfTheServerIsRecognisedAndRead) {
  const std::string event =
      encode_artificial_rotate(5, "mysql-bin.1000000", 4, ChecksumAlgorithm::kCrc32);
  const EventView view = tests::opened(event);
  EXPECT_TRUE(view.header.artificial());
  EXPECT_EQ(view.header.timestamp_seconds, 0U);
  EXPECT_EQ(view.header.end_position, 0U);
  const Result<RotateEvent> rotate = decode_rotate(view);
  ASSERT_TRUE(rotate.has_value());
  EXPECT_EQ(rotate->file, "mysql-bin.1000000");
  EXPECT_EQ(rotate->position, 4U);
}

TEST(Heartbeat, V2KeepsAPositionAbove4GiBAndV1ItsLowerHalf) {
  const std::uint64_t position = 0x1'0000'1234;
  const std::string v2 =
      encode_heartbeat_v2(5, "binlog.000007", position, ChecksumAlgorithm::kCrc32);
  const Result<HeartbeatEvent> wide = decode_heartbeat(tests::opened(v2));
  ASSERT_TRUE(wide.has_value());
  EXPECT_EQ(wide->position, position);
  EXPECT_EQ(wide->file, "binlog.000007");
  const std::string v1 = encode_heartbeat(5, "binlog.000007", position, ChecksumAlgorithm::kCrc32);
  const Result<HeartbeatEvent> narrow = decode_heartbeat(tests::opened(v1));
  ASSERT_TRUE(narrow.has_value());
  EXPECT_EQ(narrow->position, 0x1234U);
  EXPECT_EQ(narrow->file, "binlog.000007");
}

constexpr std::uint32_t kLimitBytes = 5000;

std::string header_of_size(std::uint32_t event_size_bytes) {
  EventHeader header;
  header.event_size_bytes = event_size_bytes;
  std::string bytes;
  append_event_header(bytes, header);
  return bytes;
}

TEST(EventFramer, RefusesSizesThatCannotBe) {
  struct Row {
    const char* fact;
    std::uint32_t event_size_bytes;
    std::optional<Errc> error;
  };
  const Row rows[] = {
      {"a size below the header is corruption", 18, Errc::kCorrupt},
      {"an event may consist of its header alone", 19, std::nullopt},
      {"the limit itself is allowed", kLimitBytes, std::nullopt},
      {"one byte above the limit is refused", kLimitBytes + 1, Errc::kLimit},
      {"all bits set is a large size, not -1", 0xffffffff, Errc::kLimit},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    EventFramer framer(kLimitBytes);
    const std::string bytes = header_of_size(row.event_size_bytes);
    framer.feed(as_bytes(bytes));
    const auto step = framer.next();
    ASSERT_EQ(step.has_error(), row.error.has_value());
    if (row.error) {
      EXPECT_EQ(step.error().code(), *row.error);
      EXPECT_TRUE(framer.next().has_error()) << "an error is final";
    }
  }
}

TEST(EventFramer, GivesTheSameBytesHoweverTheStreamIsCut) {
  const std::string stream = made_event(event_type::kXid, "12345678") + header_of_size(19) +
                             made_event(event_type::kQuery, std::string(70, 'q'));
  for (std::size_t step_bytes = 1; step_bytes <= stream.size(); ++step_bytes) {
    SCOPED_TRACE(step_bytes);
    EventFramer framer;
    std::string out;
    int events = 0;
    for (std::size_t at = 0; at < stream.size(); at += step_bytes) {
      framer.feed(as_bytes(stream).subspan(at, std::min(step_bytes, stream.size() - at)));
      for (;;) {
        const auto step = framer.next();
        ASSERT_TRUE(step.has_value());
        if (step->kind == EventFramer::Kind::kNeedBytes) break;
        ASSERT_FALSE(step->bytes.empty());
        out += as_text(step->bytes);
        events += step->last ? 1 : 0;
      }
    }
    EXPECT_EQ(out, stream);
    EXPECT_EQ(events, 3);
    EXPECT_TRUE(framer.between_events());
  }
}

}  // namespace
}  // namespace tiderelay::protocol
