#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "protocol/packet_reader.h"
#include "protocol/packet_writer.h"
#include "tests/seeds.h"

namespace tiderelay::protocol {
namespace {

constexpr std::size_t kFrame = 64;

PacketLimits small_limits() {
  PacketLimits limits;
  limits.max_frame_bytes = kFrame;
  limits.buffer_bytes = 256;
  limits.whole_bytes = 32;
  limits.max_packet_bytes = 1000;
  return limits;
}

std::string framed(const std::vector<std::string>& packets, std::uint8_t sequence = 0) {
  std::string out;
  for (const std::string& packet : packets) append_packet(out, sequence, packet, kFrame);
  return out;
}

TEST(FrameCutter, EndsAPacketThatFillsItsLastFrameWithAnEmptyOne) {
  struct Row {
    const char* fact;
    std::uint64_t payload_bytes;
    std::vector<std::size_t> frames;
  };
  const Row rows[] = {
      {"an empty packet is one empty frame", 0, {0}},
      {"one byte below a frame", kFrame - 1, {kFrame - 1}},
      {"exactly a frame", kFrame, {kFrame, 0}},
      {"one byte more", kFrame + 1, {kFrame, 1}},
      {"two frames", 2 * kFrame, {kFrame, kFrame, 0}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    FrameCutter cutter(row.payload_bytes, 254, kFrame);
    std::vector<std::size_t> sizes;
    std::uint64_t offset_bytes = 0;
    std::uint8_t sequence = 254;
    while (const auto frame = cutter.next()) {
      EXPECT_EQ(frame->offset_bytes, offset_bytes);
      EXPECT_EQ(static_cast<std::uint8_t>(frame->header[3]), sequence++) << "the id wraps";
      offset_bytes += frame->size_bytes;
      sizes.push_back(frame->size_bytes);
    }
    EXPECT_EQ(sizes, row.frames);
    EXPECT_EQ(cutter.sequence(), sequence);
  }
}

TEST(PacketReader, GivesTheSamePacketsHoweverTheBytesAreCut) {
  for (const std::uint64_t seed : tests::seeds()) {
    SCOPED_TRACE(tests::replay(seed));
    std::mt19937_64 random(seed);
    std::vector<std::string> packets;
    for (int i = 0; i < 30; ++i) {
      const std::size_t near = kFrame * (random() % 4);
      packets.emplace_back((near + random() % 3 + 199) % 200, static_cast<char>(random()));
    }
    const std::string bytes = framed(packets);
    PacketReader reader(small_limits());
    std::vector<std::string> got;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t count = std::min<std::size_t>(1 + random() % 90, bytes.size() - at);
      reader.feed(as_bytes(std::string_view(bytes).substr(at, count)));
      at += count;
      for (;;) {
        const auto packet = reader.next_packet();
        ASSERT_TRUE(packet.has_value()) << packet.error().text();
        if (!*packet) break;
        got.emplace_back(as_text(**packet));
      }
    }
    EXPECT_EQ(got, packets);
    EXPECT_TRUE(reader.between_packets());
  }
}

TEST(PacketReader, GivesTheSameBytesInPieces) {
  for (const std::uint64_t seed : tests::seeds()) {
    SCOPED_TRACE(tests::replay(seed));
    std::mt19937_64 random(seed);
    std::vector<std::string> packets;
    for (int i = 0; i < 30; ++i) packets.emplace_back(random() % 300, static_cast<char>(random()));
    const std::string bytes = framed(packets);
    PacketReader reader(small_limits());
    std::vector<std::string> got;
    std::vector<PacketPiece> pieces;
    bool open = false;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t count = std::min<std::size_t>(1 + random() % 90, bytes.size() - at);
      reader.feed(as_bytes(std::string_view(bytes).substr(at, count)));
      at += count;
      pieces.clear();
      ASSERT_TRUE(reader.next_pieces(pieces).has_value());
      for (const PacketPiece& piece : pieces) {
        ASSERT_EQ(piece.first, !open);
        if (piece.first) got.emplace_back();
        got.back() += as_text(piece.bytes);
        open = !piece.last;
        const std::size_t due = packets[got.size() - 1].size();
        if (!piece.first) continue;
        ASSERT_TRUE(piece.last || due > 32) << "short packets come whole";
        ASSERT_GE(piece.bytes.size(), std::min(due, kFirstPieceBytes));
      }
    }
    EXPECT_EQ(got, packets);
  }
}

TEST(PacketReader, KeepsAllPacketsOfABufferReadableUntilTheNextBytes) {
  PacketReader reader(small_limits());
  reader.feed(as_bytes(framed({"first", "second", "third"})));
  std::vector<ByteView> packets;
  for (;;) {
    const auto packet = reader.next_packet();
    ASSERT_TRUE(packet.has_value());
    if (!*packet) break;
    packets.push_back(**packet);
  }
  ASSERT_EQ(packets.size(), 3U);
  EXPECT_EQ(as_text(packets[0]), "first");
  EXPECT_EQ(as_text(packets[2]), "third");
}

TEST(PacketReader, RefusesWhatCannotBe) {
  struct Row {
    const char* fact;
    std::string bytes;
    std::optional<Errc> error;
  };
  const Row rows[] = {
      {"a frame above the frame size", std::string("\x41\0\0\0", 4), Errc::kCorrupt},
      {"a frame out of order", std::string("\1\0\0\1x", 5), Errc::kCorrupt},
      {"a packet at the limit", framed({std::string(1000, 'x')}), std::nullopt},
      {"a packet above the limit", framed({std::string(1001, 'x')}), Errc::kLimit},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    PacketReader reader(small_limits());
    reader.feed(as_bytes(row.bytes));
    const auto packet = reader.next_packet();
    ASSERT_EQ(packet.has_error(), row.error.has_value());
    if (row.error) {
      EXPECT_EQ(packet.error().code(), *row.error);
      EXPECT_TRUE(reader.next_packet().has_error()) << "an error is final";
      EXPECT_TRUE(reader.next_piece().has_error());
    }
  }
}

TEST(PacketReader, AsksForMoreAtEachProperPrefix) {
  const std::string bytes = framed({std::string(150, 'x')});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    PacketReader reader(small_limits());
    reader.feed(as_bytes(std::string_view(bytes).substr(0, size)));
    const auto packet = reader.next_packet();
    ASSERT_TRUE(packet.has_value());
    EXPECT_FALSE(packet->has_value()) << size;
  }
}

TEST(PacketReader, FollowsASequenceThatStartsAnewWhereItIsToldTo) {
  PacketReader reader(small_limits());
  reader.expect_sequence(1);
  reader.feed(as_bytes(framed({"answer"}, 1)));
  ASSERT_TRUE(reader.next_packet().value().has_value());
  EXPECT_EQ(reader.sequence(), 2);
  reader.check_sequence(false);
  reader.feed(as_bytes(framed({"event"}, 77)));
  EXPECT_TRUE(reader.next_packet().value().has_value());
}

TEST(PacketReader, GivesBackTheMemoryOfALargePacket) {
  PacketLimits limits;
  limits.buffer_bytes = 4096;
  PacketReader reader(limits);
  std::string bytes;
  std::uint8_t sequence = 0;
  append_packet(bytes, sequence, std::string(1U << 20, 'x'));
  reader.feed(as_bytes(bytes));
  ASSERT_TRUE(reader.next_packet().value().has_value());
  EXPECT_LE(reader.space().size(), 4096U);
}

}  // namespace
}  // namespace tiderelay::protocol
