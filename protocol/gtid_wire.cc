// protocol/gtid_wire.cc: sets of MySQL GTIDs as bytes, in both formats.
//
// untagged: count 8 (top byte 0), then per uuid: uuid 16, intervals 8, each start 8, end 8.
// tagged:   byte 0 = 1, count 6, byte 7 = 1, then per source: uuid 16, tag length << 1, tag,
//           intervals 8, each start 8, end 8.
// Interval ends are exclusive here.
#include <algorithm>

#include "protocol/gtid.h"

namespace tiderelay::protocol {
namespace {

constexpr std::uint64_t kTaggedMark = std::uint64_t{1} << 56 | 1;
constexpr std::uint64_t kMaxCount = (std::uint64_t{1} << 48) - 1;

Error corrupt(std::string text) { return Error(Errc::kCorrupt, "GTID set: " + std::move(text)); }

Result<GtidSource> decode_source(ByteReader& reader, bool tagged) {
  GtidSource source;
  const ByteView uuid = reader.take(16);
  if (!reader.ok()) return Error(Errc::kTruncated, "GTID set: ends inside a UUID");
  source.uuid = Uuid::from_bytes(uuid);
  if (!tagged) return source;
  const std::uint8_t encoded_size = reader.u8();
  const std::string_view tag = reader.text(encoded_size >> 1);
  if (!reader.ok()) return Error(Errc::kTruncated, "GTID set: ends inside a tag");
  source.tag = std::string(tag);
  const bool even = (encoded_size & 1) == 0;
  if (!even || (!tag.empty() && !normalize_gtid_tag(source.tag))) {
    return corrupt("a tag that cannot be");
  }
  return source;
}

}  // namespace

Result<GtidSet> GtidSet::decode(ByteView bytes) {
  GtidSet set;
  if (bytes.empty()) return set;
  ByteReader reader(bytes);
  const std::uint64_t head = reader.u64();
  if (!reader.ok()) return Error(Errc::kTruncated, "GTID set: ends inside its header");
  const std::uint8_t format = static_cast<std::uint8_t>(head >> 56);
  const bool tagged = format == 1;
  if (format > 1 || (tagged && (head & 0xff) != 1)) return corrupt("an unknown format");
  const std::uint64_t count = tagged ? head >> 8 & kMaxCount : head;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Result<GtidSource> source = decode_source(reader, tagged);
    if (!source) return source.error();
    const std::uint64_t intervals = reader.u64();
    std::uint64_t previous_end = 0;
    for (std::uint64_t n = 0; n < intervals && reader.ok(); ++n) {
      const std::uint64_t start = reader.u64();
      const std::uint64_t end = reader.u64();
      if (!reader.ok()) break;
      if (start <= previous_end || end <= start || end > kGtidNumberEnd) {
        return corrupt("intervals of " + source->uuid.text() + " out of order or out of range");
      }
      previous_end = end;
      set.add(*source, {start, end - 1});
    }
    if (!reader.ok()) return Error(Errc::kTruncated, "GTID set: ends inside its intervals");
  }
  if (reader.left() != 0) {
    return corrupt(std::to_string(reader.left()) + " bytes too many at the end");
  }
  return set;
}

void GtidSet::encode_entry(std::string& out, const GtidSource& source, const Intervals& intervals,
                           bool tagged) const {
  ByteWriter writer(out);
  for (const std::uint8_t byte : source.uuid.bytes) writer.u8(byte);
  if (tagged) writer.u8(source.tag.size() << 1).text(source.tag);
  writer.u64(intervals.size());
  for (const GtidInterval& interval : intervals) {
    writer.u64(interval.first).u64(interval.last + 1);
  }
}

void GtidSet::encode(std::string& out) const {
  if (has_tags()) {
    encode_tagged(out);
  } else {
    encode_untagged(out);
  }
}

void GtidSet::encode_tagged(std::string& out) const {
  ByteWriter(out).u64(kTaggedMark | sources_.size() << 8);
  for (const auto& [source, intervals] : sources_) encode_entry(out, source, intervals, true);
}

void GtidSet::encode_untagged(std::string& out) const {
  const auto count = std::count_if(sources_.begin(), sources_.end(),
                                   [](const auto& entry) { return entry.first.tag.empty(); });
  ByteWriter(out).u64(static_cast<std::uint64_t>(count));
  for (const auto& [source, intervals] : sources_) {
    if (source.tag.empty()) encode_entry(out, source, intervals, false);
  }
}

}  // namespace tiderelay::protocol
