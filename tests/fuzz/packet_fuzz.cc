// tests/fuzz/packet_fuzz.cc: any bytes as the frames of a connection, cut as the first byte says.
// Whole packets and pieces agree, whatever the cuts; no more bytes come out than went in.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "protocol/packet_reader.h"

namespace {

using namespace tiderelay;            // NOLINT(google-build-using-namespace): a program of its own
using namespace tiderelay::protocol;  // NOLINT(google-build-using-namespace)

struct Outcome {
  std::vector<std::string> packets;
  bool failed = false;
  bool operator==(const Outcome&) const = default;
};

PacketLimits limits() {
  PacketLimits small;
  small.max_frame_bytes = 100;
  small.buffer_bytes = 128;
  small.whole_bytes = 90;
  return small;
}

template <class Take>
void feed_in_cuts(PacketReader& reader, ByteView bytes, std::size_t cut, Take take) {
  while (!bytes.empty() && take()) {
    const std::size_t count = std::min(cut, bytes.size());
    reader.feed(bytes.first(count));
    bytes = bytes.subspan(count);
  }
  take();
}

Outcome whole(ByteView bytes, std::size_t cut) {
  PacketReader reader(limits());
  Outcome outcome;
  feed_in_cuts(reader, bytes, cut, [&] {
    for (;;) {
      const auto packet = reader.next_packet();
      outcome.failed = packet.has_error();
      if (!packet || !*packet) return !outcome.failed;
      outcome.packets.emplace_back(as_text(**packet));
    }
  });
  return outcome;
}

Outcome in_pieces(ByteView bytes, std::size_t cut) {
  PacketReader reader(limits());
  Outcome outcome;
  std::string open;
  bool inside = false;
  feed_in_cuts(reader, bytes, cut, [&] {
    for (;;) {
      const auto piece = reader.next_piece();
      outcome.failed = piece.has_error();
      if (!piece || !*piece) return !outcome.failed;
      CHECK(!(*piece)->bytes.empty() || (*piece)->last, "a step without bytes ends its packet");
      CHECK((*piece)->first != inside, "the first piece comes first, and once");
      inside = !(*piece)->last;
      open += as_text((*piece)->bytes);
      if (!(*piece)->last) continue;
      outcome.packets.push_back(std::move(open));
      open.clear();
    }
  });
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t cut = 1 + data[0];
  const ByteView bytes(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  const Outcome one = whole(bytes, cut);
  CHECK(one == whole(bytes, bytes.size() + 1), "the cuts do not show");
  CHECK(one == in_pieces(bytes, cut), "pieces and packets agree");
  std::size_t given = 0;
  for (const std::string& packet : one.packets) given += packet.size() + kFrameHeaderBytes;
  CHECK(given <= bytes.size(), "no more comes out than went in");
  return 0;
}
