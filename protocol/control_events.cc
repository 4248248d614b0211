// protocol/control_events.cc: ROTATE, heartbeats, GTID lists, INCIDENT, XID.
#include "protocol/control_events.h"

namespace tiderelay::protocol {
namespace {

constexpr std::uint64_t kHeartbeatEnd = 0;
constexpr std::uint64_t kHeartbeatFile = 1;
constexpr std::uint64_t kHeartbeatPosition = 2;
constexpr std::uint32_t kGtidListCountMask = 0x0fffffff;

Error truncated(std::uint8_t type) {
  return Error(Errc::kTruncated, event_type_name(type) + " event ends inside a field");
}

Result<HeartbeatEvent> decode_heartbeat_v2(const EventView& event) {
  ByteReader reader(event.body);
  HeartbeatEvent heartbeat;
  while (reader.ok() && reader.left() > 0) {
    const std::uint64_t field = reader.lenenc();
    if (field == kHeartbeatEnd) break;
    const std::uint64_t size = reader.lenenc();
    ByteReader value(reader.take(size));
    if (field == kHeartbeatFile) heartbeat.file = as_text(value.rest());
    if (field == kHeartbeatPosition) heartbeat.position = value.lenenc();
    if (!value.ok()) reader.fail();
  }
  if (!reader.ok()) return truncated(event.header.type);
  return heartbeat;
}

std::size_t lenenc_bytes(std::uint64_t value) {
  std::string bytes;
  ByteWriter(bytes).lenenc(value);
  return bytes.size();
}

}  // namespace

Result<RotateEvent> decode_rotate(const EventView& event) {
  ByteReader reader(event.body);
  RotateEvent rotate;
  rotate.position = reader.u64();
  if (!reader.ok() || reader.left() == 0) return truncated(event.header.type);
  rotate.file = as_text(reader.rest());
  rotate.file = rotate.file.substr(0, rotate.file.find('\0'));
  return rotate;
}

std::string encode_artificial_rotate(std::uint32_t server_id, std::string_view file,
                                     std::uint64_t position, ChecksumAlgorithm checksum) {
  EventHeader header;
  header.type = event_type::kRotate;
  header.server_id = server_id;
  header.flags = event_flag::kArtificial;
  std::string body;
  ByteWriter(body).u64(position).text(file);
  return seal_event(header, body, checksum);
}

Result<HeartbeatEvent> decode_heartbeat(const EventView& event) {
  if (event.header.type == event_type::kHeartbeatV2) return decode_heartbeat_v2(event);
  HeartbeatEvent heartbeat;
  heartbeat.position = event.header.end_position;
  heartbeat.file = as_text(event.body);
  return heartbeat;
}

std::string encode_heartbeat(std::uint32_t server_id, std::string_view file, std::uint64_t position,
                             ChecksumAlgorithm checksum) {
  EventHeader header;
  header.type = event_type::kHeartbeat;
  header.server_id = server_id;
  header.end_position = static_cast<std::uint32_t>(position);
  return seal_event(header, file, checksum);
}

std::string encode_heartbeat_v2(std::uint32_t server_id, std::string_view file,
                                std::uint64_t position, ChecksumAlgorithm checksum) {
  EventHeader header;
  header.type = event_type::kHeartbeatV2;
  header.server_id = server_id;
  header.end_position = static_cast<std::uint32_t>(position);
  std::string body;
  ByteWriter writer(body);
  writer.lenenc(kHeartbeatFile).lenenc_text(file);
  writer.lenenc(kHeartbeatPosition).lenenc(lenenc_bytes(position)).lenenc(position);
  writer.lenenc(kHeartbeatEnd);
  return seal_event(header, body, checksum);
}

Result<GtidSet> decode_previous_gtids(const EventView& event) {
  return GtidSet::decode(event.body);
}

Result<MariaGtidList> decode_maria_gtid_list(const EventView& event) {
  ByteReader reader(event.body);
  const std::uint32_t count = reader.u32() & kGtidListCountMask;
  constexpr std::size_t kEntryBytes = 16;
  if (!reader.ok() || reader.left() / kEntryBytes < count) return truncated(event.header.type);
  MariaGtidList list;
  for (std::uint32_t i = 0; i < count; ++i) {
    MariaGtid gtid;
    gtid.domain = reader.u32();
    gtid.server = reader.u32();
    gtid.sequence = reader.u64();
    list.push_back(gtid);
  }
  return list;
}

Result<IncidentEvent> decode_incident(const EventView& event, const FormatDescription& format) {
  ByteReader reader(event.body);
  IncidentEvent incident;
  incident.number = reader.u16();
  const std::uint8_t post_header_bytes = format.post_header_bytes(event_type::kIncident);
  if (post_header_bytes > 2) reader.skip(post_header_bytes - 2U);
  const std::uint8_t size = reader.u8();
  incident.message = reader.text(size);
  if (!reader.ok()) return truncated(event.header.type);
  return incident;
}

Result<std::uint64_t> decode_xid(const EventView& event, const FormatDescription& format) {
  ByteReader reader(event.body);
  reader.skip(format.post_header_bytes(event_type::kXid));
  const std::uint64_t xid = reader.u64();
  if (!reader.ok()) return truncated(event.header.type);
  return xid;
}

}  // namespace tiderelay::protocol
