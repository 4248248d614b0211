// tests/fuzz/answer_fuzz.cc: any bytes as the framed answer to a command, in both forms of result
// sets; the first byte says which. Rows decode to values that encode to the same bytes or fail.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "protocol/capabilities.h"
#include "protocol/packet_reader.h"
#include "protocol/response.h"

namespace {

using namespace tiderelay;            // NOLINT(google-build-using-namespace): a program of its own
using namespace tiderelay::protocol;  // NOLINT(google-build-using-namespace)

void check_row(ByteView packet, const std::vector<ColumnDefinition>& columns) {
  RowValues values;
  const auto text = decode_text_row(packet, columns.size(), values);
  CHECK(!text || values.size() == columns.size(), "a value for each column");
  CHECK(!text || encode_text_row(values).size() <= packet.size(), "lengths in their short form");
  const auto binary = decode_binary_row(packet, columns, values);
  CHECK(!binary || values.size() == columns.size(), "a value for each column");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  PacketLimits limits;
  limits.buffer_bytes = 4096;
  limits.max_packet_bytes = 1U << 20;
  PacketReader packets(limits);
  packets.check_sequence(false);
  packets.feed(ByteView(reinterpret_cast<const std::byte*>(data + 1), size - 1));
  ResponseReader reader((data[0] & 1) != 0 ? kDeprecateEof : 0);
  reader.start();
  std::vector<ColumnDefinition> columns;
  while (!reader.answered()) {
    const auto packet = packets.next_packet();
    if (!packet || !*packet) return 0;
    const bool row = reader.in_rows() && reader.is_row(**packet);
    const auto kind = reader.next(**packet);
    if (!kind) return 0;
    CHECK(row == (*kind == ResponseReader::Kind::kRow), "the short way and the long way agree");
    if (*kind == ResponseReader::Kind::kColumnCount) columns.clear();
    if (*kind == ResponseReader::Kind::kColumn) columns.push_back(reader.column());
    if (row) check_row(**packet, columns);
  }
  return 0;
}
