// protocol/control_events.h: events about the log itself: ROTATE, heartbeats, the GTIDs before a
// file, INCIDENT, and the ends XID and STOP.
//
// Views live as long as the event's bytes. Bodies come without checksum (open_event).
// Source: MySQL libs/mysql/binlog/event/control_events.cpp, codecs/binary.cpp; MariaDB
// sql/log_event.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/event.h"
#include "protocol/format_description.h"
#include "protocol/gtid.h"

namespace tiderelay::protocol {

// offset  bytes  field
//      0      8  position   where to go on in the next file
//      8    end  file name, no NUL
struct RotateEvent {
  std::uint64_t position = 4;
  std::string_view file;
};
// A checksum-less body that ends with NULs (as some proxies send it) loses them.
[[nodiscard]] Result<RotateEvent> decode_rotate(const EventView& event);
// timestamp 0, end_position 0 and the artificial flag: all three marks that clients go by.
[[nodiscard]] std::string encode_artificial_rotate(std::uint32_t server_id, std::string_view file,
                                                   std::uint64_t position,
                                                   ChecksumAlgorithm checksum);

// HEARTBEAT (position in the header, low 32 bits) and HEARTBEAT_V2 (64 bits in the body).
struct HeartbeatEvent {
  std::uint64_t position = 0;
  std::string_view file;
};
[[nodiscard]] Result<HeartbeatEvent> decode_heartbeat(const EventView& event);
[[nodiscard]] std::string encode_heartbeat(std::uint32_t server_id, std::string_view file,
                                           std::uint64_t position, ChecksumAlgorithm checksum);
[[nodiscard]] std::string encode_heartbeat_v2(std::uint32_t server_id, std::string_view file,
                                              std::uint64_t position, ChecksumAlgorithm checksum);

[[nodiscard]] Result<GtidSet> decode_previous_gtids(const EventView& event);
[[nodiscard]] Result<MariaGtidList> decode_maria_gtid_list(const EventView& event);

struct IncidentEvent {
  std::uint16_t number = 0;  // 1: LOST_EVENTS
  std::string_view message;
};
[[nodiscard]] Result<IncidentEvent> decode_incident(const EventView& event,
                                                    const FormatDescription& format);

[[nodiscard]] Result<std::uint64_t> decode_xid(const EventView& event,
                                               const FormatDescription& format);

}  // namespace tiderelay::protocol
