// protocol/event.h: what every binlog event has: its header, its type, its checksum.
//
// An event is header (19 bytes), body and, as the file's FORMAT_DESCRIPTION event says, a CRC32.
// EventView is a whole event in memory with its body cut free of the checksum; EventChecksum checks
// an event that arrives in pieces. Types are plain bytes and not an enum: servers add types, and an
// unknown one with the ignorable flag passes untouched.
// Source: MySQL libs/mysql/binlog/event/binlog_event.h; MariaDB sql/log_event.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace tiderelay::protocol {

inline constexpr std::uint32_t kEventHeaderBytes = 19;
inline constexpr std::uint32_t kEventCrcBytes = 4;
inline constexpr std::uint32_t kMaxEventBytes = 1U << 30;  // no server writes a longer event
inline constexpr std::string_view kBinlogMagic = "\xfe\x62\x69\x6e";

enum class Dialect : std::uint8_t { kMysql, kMariadb };
enum class ChecksumAlgorithm : std::uint8_t { kNone = 0, kCrc32 = 1 };

namespace event_type {
inline constexpr std::uint8_t kUnknown = 0;
inline constexpr std::uint8_t kQuery = 2;
inline constexpr std::uint8_t kStop = 3;
inline constexpr std::uint8_t kRotate = 4;
inline constexpr std::uint8_t kIntvar = 5;
inline constexpr std::uint8_t kSlave = 7;
inline constexpr std::uint8_t kAppendBlock = 9;
inline constexpr std::uint8_t kDeleteFile = 11;
inline constexpr std::uint8_t kRand = 13;
inline constexpr std::uint8_t kUserVar = 14;
inline constexpr std::uint8_t kFormatDescription = 15;
inline constexpr std::uint8_t kXid = 16;
inline constexpr std::uint8_t kBeginLoadQuery = 17;
inline constexpr std::uint8_t kExecuteLoadQuery = 18;
inline constexpr std::uint8_t kTableMap = 19;
inline constexpr std::uint8_t kWriteRowsV1 = 23;
inline constexpr std::uint8_t kUpdateRowsV1 = 24;
inline constexpr std::uint8_t kDeleteRowsV1 = 25;
inline constexpr std::uint8_t kIncident = 26;
inline constexpr std::uint8_t kHeartbeat = 27;
inline constexpr std::uint8_t kIgnorable = 28;
inline constexpr std::uint8_t kRowsQuery = 29;
inline constexpr std::uint8_t kWriteRows = 30;
inline constexpr std::uint8_t kUpdateRows = 31;
inline constexpr std::uint8_t kDeleteRows = 32;
inline constexpr std::uint8_t kGtid = 33;
inline constexpr std::uint8_t kAnonymousGtid = 34;
inline constexpr std::uint8_t kPreviousGtids = 35;
inline constexpr std::uint8_t kTransactionContext = 36;
inline constexpr std::uint8_t kViewChange = 37;
inline constexpr std::uint8_t kXaPrepare = 38;
inline constexpr std::uint8_t kPartialUpdateRows = 39;
inline constexpr std::uint8_t kTransactionPayload = 40;
inline constexpr std::uint8_t kHeartbeatV2 = 41;
inline constexpr std::uint8_t kGtidTagged = 42;
inline constexpr std::uint8_t kLargeTransactionHeader = 43;
inline constexpr std::uint8_t kMariaAnnotateRows = 160;
inline constexpr std::uint8_t kMariaBinlogCheckpoint = 161;
inline constexpr std::uint8_t kMariaGtid = 162;
inline constexpr std::uint8_t kMariaGtidList = 163;
inline constexpr std::uint8_t kMariaStartEncryption = 164;
inline constexpr std::uint8_t kMariaQueryCompressed = 165;
inline constexpr std::uint8_t kMariaWriteRowsCompressedV1 = 166;
inline constexpr std::uint8_t kMariaUpdateRowsCompressedV1 = 167;
inline constexpr std::uint8_t kMariaDeleteRowsCompressedV1 = 168;
inline constexpr std::uint8_t kMariaWriteRowsCompressed = 169;
inline constexpr std::uint8_t kMariaUpdateRowsCompressed = 170;
inline constexpr std::uint8_t kMariaDeleteRowsCompressed = 171;
inline constexpr std::uint8_t kMariaPartialRowData = 172;
}  // namespace event_type

namespace event_flag {
inline constexpr std::uint16_t kInUse = 0x1;  // FORMAT_DESCRIPTION only; not covered by the CRC
inline constexpr std::uint16_t kThreadSpecific = 0x4;
inline constexpr std::uint16_t kSuppressUse = 0x8;
inline constexpr std::uint16_t kArtificial = 0x20;
inline constexpr std::uint16_t kRelayLog = 0x40;
inline constexpr std::uint16_t kIgnorable = 0x80;
inline constexpr std::uint16_t kNoFilter = 0x100;
inline constexpr std::uint16_t kMtsIsolate = 0x200;
inline constexpr std::uint16_t kMariaSkipReplication = 0x8000;
}  // namespace event_flag

// offset  bytes  field              meaning
//      0      4  timestamp_seconds  start of the statement, Unix time; 0 in artificial events
//      4      1  type               event type code
//      5      4  server_id          the server that first wrote the event
//      9      4  event_size_bytes   header + body + checksum
//     13      4  end_position       end of the event in the upstream's file, low 32 bits only; may
//     be 0 17      2  flags
struct EventHeader {
  std::uint32_t timestamp_seconds = 0;
  std::uint8_t type = 0;
  std::uint32_t server_id = 0;
  std::uint32_t event_size_bytes = 0;
  std::uint32_t end_position = 0;
  std::uint16_t flags = 0;
  friend bool operator==(const EventHeader&, const EventHeader&) = default;

  [[nodiscard]] bool has(std::uint16_t flag) const { return (flags & flag) != 0; }
  [[nodiscard]] bool artificial() const { return has(event_flag::kArtificial); }
  [[nodiscard]] bool ignorable() const { return has(event_flag::kIgnorable); }
};

// REQUIRES: bytes.size() >= kEventHeaderBytes. Any bytes give a header; sizes are judged by others.
[[nodiscard]] EventHeader load_event_header(ByteView bytes);
void append_event_header(std::string& out, const EventHeader& header);

// "WRITE_ROWS", "type 100": for messages and logs.
[[nodiscard]] std::string event_type_name(std::uint8_t type);
[[nodiscard]] bool is_known_event_type(std::uint8_t type);
[[nodiscard]] bool is_rows_event_type(std::uint8_t type);  // all versions, compressed ones too

// CRC-32 as in zlib, fast; crc of nothing is 0. Continue with the previous result.
[[nodiscard]] std::uint32_t crc32(std::uint32_t crc, ByteView bytes);

// An event's header and body, without checksum. Views live as long as the event's bytes.
struct EventView {
  EventHeader header;
  ByteView body;
};

// A whole event. Wrong length: kCorrupt; wrong checksum: kCorrupt. The FORMAT_DESCRIPTION event has
// its own rules (format_description.h).
[[nodiscard]] Result<EventView> open_event(ByteView event, ChecksumAlgorithm checksum,
                                           bool verify = true);

// Header + body + checksum. Sizes in the header are filled in; the CRC leaves out the in-use flag.
[[nodiscard]] std::string seal_event(EventHeader header, std::string_view body,
                                     ChecksumAlgorithm checksum);
// Computes the CRC in the last four bytes anew, after a change of what is before them.
void renew_event_crc(std::string& event);

// The checksum of one event that comes in pieces.
//   start(header bytes), add(body piece) any number of times, then matches().
class EventChecksum {
 public:
  void start(ByteView header_bytes);  // REQUIRES: kEventHeaderBytes bytes
  void add(ByteView body_piece);      // with the checksum's own bytes, in any pieces
  [[nodiscard]] bool matches() const { return stored_bytes_ == kEventCrcBytes && stored_ == crc_; }

 private:
  std::uint32_t crc_ = 0;
  std::uint32_t stored_ = 0;
  std::uint32_t stored_bytes_ = 0;
  std::uint64_t covered_left_bytes_ = 0;
};

}  // namespace tiderelay::protocol
