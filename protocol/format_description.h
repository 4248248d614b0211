// protocol/format_description.h: the first event of every binlog file, which says how the others
// are to be read: lengths of the fixed parts, checksum algorithm, server version and so dialect.
//
// The event's own CRC is there whatever the algorithm says (from 5.6.1 and MariaDB 5.3 on); servers
// before that have neither algorithm nor CRC.
// Source: MySQL libs/mysql/binlog/event/control_events.cpp; MariaDB sql/log_event_server.cc.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/event.h"

namespace tiderelay::protocol {

// offset  bytes  field
//      0      2  binlog_version      4
//      2     50  server_version      padded with NULs
//     52      4  created_seconds     0 unless the server was just started
//     56      1  header_size_bytes   19
//     57      n  post-header length of type 1, 2, ... n
//   57+n      1  checksum algorithm
//   58+n      4  CRC
struct FormatDescription {
  std::uint16_t binlog_version = 4;
  std::string server_version;
  std::uint32_t created_seconds = 0;
  std::uint8_t header_size_bytes = kEventHeaderBytes;
  std::string post_header_lengths;  // [type - 1]
  ChecksumAlgorithm checksum = ChecksumAlgorithm::kCrc32;
  bool has_checksum_field = true;  // false: a server older than checksums

  [[nodiscard]] Dialect dialect() const {
    return server_version.find("MariaDB") != std::string::npos ? Dialect::kMariadb
                                                               : Dialect::kMysql;
  }
  // 8.0.31 -> 80031; MariaDB's leading "5.5.5-" is left out. 0: not a version.
  [[nodiscard]] std::uint32_t server_version_number() const;
  [[nodiscard]] std::size_t crc_bytes() const {
    return checksum == ChecksumAlgorithm::kCrc32 ? kEventCrcBytes : 0;
  }
  // The fixed part of a type's body. A type that the file's server does not know has none.
  [[nodiscard]] std::uint8_t post_header_bytes(std::uint8_t type) const {
    return type == 0 || type > post_header_lengths.size()
               ? std::uint8_t{0}
               : static_cast<std::uint8_t>(post_header_lengths[type - 1U]);
  }
  friend bool operator==(const FormatDescription&, const FormatDescription&) = default;
};

// What is assumed before a file's own FORMAT_DESCRIPTION arrives: for the artificial ROTATE.
[[nodiscard]] FormatDescription default_format(Dialect dialect, ChecksumAlgorithm checksum);

// The whole event, header and CRC included. The in-use flag may be set.
[[nodiscard]] Result<FormatDescription> decode_format_description(ByteView event,
                                                                  bool verify = true);
// The whole event; header.type and sizes are filled in.
[[nodiscard]] std::string encode_format_description(EventHeader header,
                                                    const FormatDescription& format);

// The event as it is sent to a follower: in-use flag cleared; for a start inside the file also
// end_position and created 0, so that the follower neither counts it nor drops temporary tables.
// REQUIRES: an event that decode_format_description takes.
[[nodiscard]] std::string format_description_to_send(ByteView event, bool inside_file);

// "8.0.31-log" -> 80031, "5.5.5-10.11.6-MariaDB-log" -> 101106, 0 when it is none.
[[nodiscard]] std::uint32_t parse_server_version(std::string_view version);

}  // namespace tiderelay::protocol
