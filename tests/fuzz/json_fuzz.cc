// tests/fuzz/json_fuzz.cc: any bytes as MySQL's binary JSON. The text is bounded by the bytes, and
// an error leaves the output as it was.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "protocol/json_binary.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string out = "before";
  const tiderelay::ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto printed = tiderelay::protocol::append_json_text(out, bytes);
  CHECK(printed.has_value() || out == "before", "an error changes nothing");
  CHECK(out.size() <= 100 + size * 40, "the text is bounded");
  return 0;
}
