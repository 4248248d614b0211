// protocol/event.cc: headers and checksums of events.
#include "protocol/event.h"

#include <libdeflate.h>

#include <algorithm>

namespace tiderelay::protocol {
namespace {

constexpr std::size_t kFlagsOffset = 17;
constexpr std::size_t kTypeOffset = 4;

struct TypeName {
  std::uint8_t type;
  std::string_view name;
};

constexpr TypeName kTypeNames[] = {
    {1, "START_V3"},
    {event_type::kQuery, "QUERY"},
    {event_type::kStop, "STOP"},
    {event_type::kRotate, "ROTATE"},
    {event_type::kIntvar, "INTVAR"},
    {event_type::kSlave, "SLAVE"},
    {event_type::kAppendBlock, "APPEND_BLOCK"},
    {event_type::kDeleteFile, "DELETE_FILE"},
    {event_type::kRand, "RAND"},
    {event_type::kUserVar, "USER_VAR"},
    {event_type::kFormatDescription, "FORMAT_DESCRIPTION"},
    {event_type::kXid, "XID"},
    {event_type::kBeginLoadQuery, "BEGIN_LOAD_QUERY"},
    {event_type::kExecuteLoadQuery, "EXECUTE_LOAD_QUERY"},
    {event_type::kTableMap, "TABLE_MAP"},
    {event_type::kWriteRowsV1, "WRITE_ROWS_V1"},
    {event_type::kUpdateRowsV1, "UPDATE_ROWS_V1"},
    {event_type::kDeleteRowsV1, "DELETE_ROWS_V1"},
    {event_type::kIncident, "INCIDENT"},
    {event_type::kHeartbeat, "HEARTBEAT"},
    {event_type::kIgnorable, "IGNORABLE"},
    {event_type::kRowsQuery, "ROWS_QUERY"},
    {event_type::kWriteRows, "WRITE_ROWS"},
    {event_type::kUpdateRows, "UPDATE_ROWS"},
    {event_type::kDeleteRows, "DELETE_ROWS"},
    {event_type::kGtid, "GTID"},
    {event_type::kAnonymousGtid, "ANONYMOUS_GTID"},
    {event_type::kPreviousGtids, "PREVIOUS_GTIDS"},
    {event_type::kTransactionContext, "TRANSACTION_CONTEXT"},
    {event_type::kViewChange, "VIEW_CHANGE"},
    {event_type::kXaPrepare, "XA_PREPARE"},
    {event_type::kPartialUpdateRows, "PARTIAL_UPDATE_ROWS"},
    {event_type::kTransactionPayload, "TRANSACTION_PAYLOAD"},
    {event_type::kHeartbeatV2, "HEARTBEAT_V2"},
    {event_type::kGtidTagged, "GTID_TAGGED"},
    {event_type::kLargeTransactionHeader, "LARGE_TRANSACTION_HEADER"},
    {event_type::kMariaAnnotateRows, "ANNOTATE_ROWS"},
    {event_type::kMariaBinlogCheckpoint, "BINLOG_CHECKPOINT"},
    {event_type::kMariaGtid, "MARIADB_GTID"},
    {event_type::kMariaGtidList, "MARIADB_GTID_LIST"},
    {event_type::kMariaStartEncryption, "START_ENCRYPTION"},
    {event_type::kMariaQueryCompressed, "QUERY_COMPRESSED"},
    {event_type::kMariaWriteRowsCompressedV1, "WRITE_ROWS_COMPRESSED_V1"},
    {event_type::kMariaUpdateRowsCompressedV1, "UPDATE_ROWS_COMPRESSED_V1"},
    {event_type::kMariaDeleteRowsCompressedV1, "DELETE_ROWS_COMPRESSED_V1"},
    {event_type::kMariaWriteRowsCompressed, "WRITE_ROWS_COMPRESSED"},
    {event_type::kMariaUpdateRowsCompressed, "UPDATE_ROWS_COMPRESSED"},
    {event_type::kMariaDeleteRowsCompressed, "DELETE_ROWS_COMPRESSED"},
    {event_type::kMariaPartialRowData, "PARTIAL_ROW_DATA"},
};

const TypeName* find_name(std::uint8_t type) {
  const auto* found = std::find_if(std::begin(kTypeNames), std::end(kTypeNames),
                                   [type](const TypeName& row) { return row.type == type; });
  return found == std::end(kTypeNames) ? nullptr : found;
}

// The CRC of a header as it is at rest: the in-use flag of a file's first event counts as clear.
std::uint32_t crc_of_header(ByteView header_bytes) {
  std::array<std::byte, kEventHeaderBytes> header{};
  std::copy_n(header_bytes.begin(), kEventHeaderBytes, header.begin());
  if (std::to_integer<std::uint8_t>(header[kTypeOffset]) == event_type::kFormatDescription) {
    header[kFlagsOffset] &= ~std::byte{event_flag::kInUse};
  }
  return crc32(0, header);
}

std::uint32_t crc_of_event(ByteView event_without_crc) {
  return crc32(crc_of_header(event_without_crc.first(kEventHeaderBytes)),
               event_without_crc.subspan(kEventHeaderBytes));
}

}  // namespace

EventHeader load_event_header(ByteView bytes) {
  ByteReader reader(bytes);
  EventHeader header;
  header.timestamp_seconds = reader.u32();
  header.type = reader.u8();
  header.server_id = reader.u32();
  header.event_size_bytes = reader.u32();
  header.end_position = reader.u32();
  header.flags = reader.u16();
  return header;
}

void append_event_header(std::string& out, const EventHeader& header) {
  ByteWriter(out)
      .u32(header.timestamp_seconds)
      .u8(header.type)
      .u32(header.server_id)
      .u32(header.event_size_bytes)
      .u32(header.end_position)
      .u16(header.flags);
}

std::string event_type_name(std::uint8_t type) {
  if (const TypeName* row = find_name(type)) return std::string(row->name);
  return "type " + std::to_string(type);
}

bool is_known_event_type(std::uint8_t type) { return find_name(type) != nullptr; }

bool is_rows_event_type(std::uint8_t type) {
  return (type >= event_type::kWriteRowsV1 && type <= event_type::kDeleteRowsV1) ||
         (type >= event_type::kWriteRows && type <= event_type::kDeleteRows) ||
         type == event_type::kPartialUpdateRows ||
         (type >= event_type::kMariaWriteRowsCompressedV1 &&
          type <= event_type::kMariaDeleteRowsCompressed);
}

std::uint32_t crc32(std::uint32_t crc, ByteView bytes) {
  return libdeflate_crc32(crc, bytes.data(), bytes.size());
}

Result<EventView> open_event(ByteView event, ChecksumAlgorithm checksum, bool verify) {
  const std::size_t crc_bytes = checksum == ChecksumAlgorithm::kCrc32 ? kEventCrcBytes : 0;
  if (event.size() < kEventHeaderBytes + crc_bytes) {
    return Error(Errc::kTruncated, "an event of " + std::to_string(event.size()) +
                                       " bytes is shorter than its header and checksum");
  }
  EventView view;
  view.header = load_event_header(event);
  if (view.header.event_size_bytes != event.size()) {
    return Error(Errc::kCorrupt, event_type_name(view.header.type) + " event says it has " +
                                     std::to_string(view.header.event_size_bytes) +
                                     " bytes, but has " + std::to_string(event.size()));
  }
  const ByteView covered = event.first(event.size() - crc_bytes);
  view.body = covered.subspan(kEventHeaderBytes);
  if (crc_bytes != 0 && verify &&
      load_le<4>(event.data() + covered.size()) != crc_of_event(covered)) {
    return Error(Errc::kCorrupt,
                 event_type_name(view.header.type) + " event has a wrong CRC32 checksum");
  }
  return view;
}

std::string seal_event(EventHeader header, std::string_view body, ChecksumAlgorithm checksum) {
  const std::size_t crc_bytes = checksum == ChecksumAlgorithm::kCrc32 ? kEventCrcBytes : 0;
  header.event_size_bytes = static_cast<std::uint32_t>(kEventHeaderBytes + body.size() + crc_bytes);
  std::string event;
  event.reserve(header.event_size_bytes);
  append_event_header(event, header);
  event.append(body);
  if (crc_bytes != 0) ByteWriter(event).u32(crc_of_event(as_bytes(event)));
  return event;
}

void renew_event_crc(std::string& event) {
  event.resize(event.size() - kEventCrcBytes);
  ByteWriter(event).u32(crc_of_event(as_bytes(event)));
}

void EventChecksum::start(ByteView header_bytes) {
  const EventHeader header = load_event_header(header_bytes);
  const std::uint64_t least = kEventHeaderBytes + kEventCrcBytes;
  covered_left_bytes_ = header.event_size_bytes > least ? header.event_size_bytes - least : 0;
  crc_ = crc_of_header(header_bytes);
  stored_ = 0;
  stored_bytes_ = 0;
}

void EventChecksum::add(ByteView body_piece) {
  const auto covered = body_piece.first(
      static_cast<std::size_t>(std::min<std::uint64_t>(covered_left_bytes_, body_piece.size())));
  crc_ = crc32(crc_, covered);
  covered_left_bytes_ -= covered.size();
  for (const std::byte byte : body_piece.subspan(covered.size())) {
    if (stored_bytes_ < kEventCrcBytes) {
      stored_ |= std::to_integer<std::uint32_t>(byte) << (8 * stored_bytes_);
    }
    ++stored_bytes_;
  }
}

}  // namespace tiderelay::protocol
