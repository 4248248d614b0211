// tests/fuzz/gtid_fuzz.cc: any bytes as a set of GTIDs: as text and on the wire. What is read can
// be written and is read again as the same.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "protocol/gtid.h"

namespace {

using namespace tiderelay;            // NOLINT(google-build-using-namespace): a program of its own
using namespace tiderelay::protocol;  // NOLINT(google-build-using-namespace)

void check_set(const GtidSet& set) {
  const auto again = GtidSet::parse(set.text());
  CHECK(again.has_value() && *again == set, "text is read as it was written");
  for (const bool tagged : {false, true}) {
    std::string wire;
    tagged ? set.encode_tagged(wire) : set.encode(wire);
    const auto decoded = GtidSet::decode(as_bytes(wire));
    CHECK(decoded.has_value() && *decoded == set, "bytes are read as they were written");
  }
  CHECK(set.contains(set), "a set holds itself");
  GtidSet nothing = set;
  nothing.subtract(set);
  CHECK(nothing.empty(), "a set without itself is empty");
  GtidSet twice = set;
  twice.add(set);
  CHECK(twice == set, "adding twice changes nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  if ((data[0] & 1) != 0) {
    if (const auto set = GtidSet::decode(bytes)) check_set(*set);
    return 0;
  }
  if (const auto set = GtidSet::parse(as_text(bytes))) check_set(*set);
  if (const auto list = MariaGtidList::parse(as_text(bytes))) {
    const auto again = MariaGtidList::parse(list->text());
    CHECK(again.has_value() && *again == *list, "a list is read as it was written");
  }
  return 0;
}
