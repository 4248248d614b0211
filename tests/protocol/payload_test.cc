#include "protocol/payload.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include "tests/protocol/binlog_maker.h"
#include "tests/protocol/captured.h"

namespace tiderelay::protocol {
namespace {

std::string inner_event(std::uint8_t type, std::string_view body) {
  EventHeader header;
  header.type = type;
  return seal_event(header, body, ChecksumAlgorithm::kNone);
}

std::string fields(std::uint64_t size, std::uint64_t compression) {
  std::string out;
  ByteWriter(out).lenenc(2).lenenc(compression < 251 ? 1 : 3).lenenc(compression);
  ByteWriter(out).lenenc(99).lenenc(3).text("new");  // of a newer server
  std::string value;
  ByteWriter(value).lenenc(size);
  ByteWriter(out).lenenc(1).lenenc_text(value).lenenc(0);
  return out;
}

std::string compressed(std::string_view plain) {
  std::string out(ZSTD_compressBound(plain.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 3));
  return out;
}

std::string payload(std::string_view data, std::uint64_t compression) {
  return fields(data.size(), compression) + std::string(data);
}

// The inner events' bodies, or the error.
struct Read {
  std::vector<std::string> bodies;
  std::optional<Errc> error;
};
Read read_payload(const std::string& body, std::size_t piece_bytes,
                  std::uint32_t limit_bytes = kMaxEventBytes) {
  Read read;
  PayloadReader reader(limit_bytes);
  reader.start(body.size());
  std::size_t at = 0;
  for (;;) {
    const auto step = reader.next();
    if (!step) {
      EXPECT_TRUE(reader.next().has_error());
      read.error = step.error().code();
      return read;
    }
    if (step->kind == PayloadReader::Kind::kEnd) return read;
    if (step->kind == PayloadReader::Kind::kEvent) {
      read.bodies.emplace_back(as_text(step->event.body));
      continue;
    }
    EXPECT_LT(at, body.size()) << "asks for more than there is";
    if (at >= body.size()) return read;
    const std::size_t size = std::min(piece_bytes, body.size() - at);
    reader.feed(as_bytes(body).subspan(at, size));
    at += size;
  }
}

const std::vector<std::string>& three_bodies() {
  static const std::vector<std::string> bodies = {"BEGIN", std::string(5000, 'r'), ""};
  return bodies;
}
std::string three_events() {
  std::string plain;
  for (const std::string& body : three_bodies()) plain += inner_event(event_type::kQuery, body);
  return plain;
}

TEST(PayloadReader, GivesTheSameEventsHoweverTheBodyIsCutAndCompressed) {
  const std::string plain = three_events();
  const std::string two_frames = compressed(plain.substr(0, 100)) + compressed(plain.substr(100));
  for (const std::string& body :
       {payload(plain, 255), payload(compressed(plain), 0), payload(two_frames, 0)}) {
    for (std::size_t piece = 1; piece <= body.size(); piece = piece < 100 ? piece + 1 : piece * 2) {
      const Read read = read_payload(body, piece);
      EXPECT_FALSE(read.error.has_value()) << "pieces of " << piece;
      EXPECT_EQ(read.bodies, three_bodies());
    }
  }
}

TEST(PayloadReader, RefusesEveryProperPrefix) {
  for (const std::string& body :
       {payload(three_events(), 255), payload(compressed(three_events()), 0)}) {
    for (std::size_t size = 0; size < body.size(); ++size) {
      EXPECT_TRUE(read_payload(body.substr(0, size), 64).error.has_value()) << size;
    }
  }
}

TEST(PayloadReader, RefusesWhatCannotBe) {
  const std::string nested = inner_event(event_type::kTransactionPayload, "x");
  std::string tiny = inner_event(event_type::kQuery, "");
  tiny[9] = 18;
  std::string damaged = payload(compressed(three_events()), 0);
  damaged[fields(0, 0).size()] = 'x';  // in zstd's magic number
  const std::string cut_inside = three_events().substr(0, 60);
  struct Row {
    const char* fact;
    std::string body;
    Errc error;
  };
  const Row rows[] = {
      {"unknown compression", payload(three_events(), 7), Errc::kUnsupported},
      {"a payload in a payload", payload(nested, 255), Errc::kCorrupt},
      {"an event shorter than its header", payload(tiny, 255), Errc::kCorrupt},
      {"damaged data", damaged, Errc::kCorrupt},
      {"an event that the data cuts off", payload(cut_inside, 255), Errc::kTruncated},
      {"the same, compressed", payload(compressed(cut_inside), 0), Errc::kTruncated},
      {"bytes behind the data", payload(three_events(), 255) + "x", Errc::kCorrupt},
      {"no fields at all", std::string(1, '\0'), Errc::kCorrupt},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    EXPECT_EQ(read_payload(row.body, 1000).error, row.error);
  }
}

TEST(PayloadReader, BoundsAnInnerEventAndNotThePayload) {
  std::string plain;
  for (int i = 0; i < 100; ++i) plain += inner_event(event_type::kQuery, std::string(81, 'x'));
  EXPECT_EQ(read_payload(payload(compressed(plain), 0), 1000, 100).bodies.size(), 100U);
  EXPECT_EQ(read_payload(payload(compressed(plain), 0), 1000, 99).error, Errc::kLimit);
}

TEST(PayloadReader, CanBeUsedAgainAfterAnError) {
  PayloadReader reader;
  const std::string good = payload(compressed(three_events()), 0);
  const std::string bad = good.substr(0, good.size() - 5);
  const auto whole_events = [&reader](const std::string& body) {
    reader.start(body.size());
    reader.feed(as_bytes(body));
    int events = 0;
    auto step = reader.next();
    for (; step && step->kind == PayloadReader::Kind::kEvent; step = reader.next()) ++events;
    return step ? events : -1;
  };
  EXPECT_EQ(whole_events(bad), -1);
  EXPECT_EQ(whole_events(good), 3);
}

}  // namespace
}  // namespace tiderelay::protocol
