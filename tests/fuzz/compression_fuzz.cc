// tests/fuzz/compression_fuzz.cc: any bytes as compressed frames: they inflate to what they say or
// are refused. And any bytes, compressed, come back.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/check.h"
#include "protocol/compression.h"

namespace {

using namespace tiderelay;            // NOLINT(google-build-using-namespace): a program of its own
using namespace tiderelay::protocol;  // NOLINT(google-build-using-namespace)

// The bytes inflated until the first error.
std::size_t inflate(ByteView bytes, bool& failed) {
  Decompressor decompressor;
  PacketReader packets;
  while (!bytes.empty()) {
    const auto space = decompressor.space();
    const std::size_t count = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), count);
    decompressor.filled(count);
    bytes = bytes.subspan(count);
    for (;;) {
      const auto inflated = decompressor.inflate(packets);
      failed = inflated.has_error();
      if (!inflated) return packets.buffered_bytes();
      if (!*inflated) break;
    }
  }
  return packets.buffered_bytes();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), std::min<std::size_t>(size, 4096));
  bool failed = false;
  (void)inflate(bytes, failed);
  Compressor compressor;
  std::string compressed;
  compressor.append(compressed, bytes);
  CHECK(inflate(as_bytes(compressed), failed) == bytes.size(), "what was compressed comes back");
  CHECK(!failed, "without an error");
  return 0;
}
