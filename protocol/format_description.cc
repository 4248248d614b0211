// protocol/format_description.cc: FORMAT_DESCRIPTION, both ways.
#include "protocol/format_description.h"

#include <charconv>

namespace tiderelay::protocol {
namespace {

constexpr std::size_t kServerVersionBytes = 50;
constexpr std::size_t kCreatedOffset = kEventHeaderBytes + 2 + kServerVersionBytes;
constexpr std::size_t kEndPositionOffset = 13;
constexpr std::size_t kFlagsOffset = 17;
constexpr std::uint32_t kFirstMysqlWithChecksums = 50601;
constexpr std::uint32_t kFirstMariadbWithChecksums = 50300;

// Post-header lengths of 8.4, the longest list of MySQL; MariaDB's differ from type 28 on.
constexpr std::string_view kMysqlLengths(
    "\x00\x0d\x00\x08\x00\x00\x00\x00\x04\x00\x04\x00\x00\x00\x62\x00\x04\x1a\x08\x00\x00\x00"
    "\x08\x08\x08\x02\x00\x00\x00\x0a\x0a\x0a\x2a\x2a\x00\x12\x34\x00\x0a\x28\x00\x00",
    42);
constexpr std::uint8_t kMariadbTypes = 171;

std::string mariadb_lengths() {
  std::string lengths(kMysqlLengths.substr(0, 27));
  lengths.resize(kMariadbTypes, '\0');
  lengths[event_type::kMariaGtid - 1] = 19;
  lengths[event_type::kMariaGtidList - 1] = 4;
  lengths[event_type::kMariaBinlogCheckpoint - 1] = 4;
  lengths[event_type::kMariaQueryCompressed - 1] = 13;
  for (int type = event_type::kMariaWriteRowsCompressedV1;
       type <= event_type::kMariaDeleteRowsCompressedV1; ++type) {
    lengths[static_cast<std::size_t>(type) - 1] = 8;
  }
  for (int type = event_type::kMariaWriteRowsCompressed;
       type <= event_type::kMariaDeleteRowsCompressed; ++type) {
    lengths[static_cast<std::size_t>(type) - 1] = 10;
  }
  return lengths;
}

}  // namespace

std::uint32_t parse_server_version(std::string_view version) {
  constexpr std::string_view kMariadbPrefix = "5.5.5-";
  if (version.substr(0, kMariadbPrefix.size()) == kMariadbPrefix &&
      version.find("MariaDB") != std::string_view::npos) {
    version.remove_prefix(kMariadbPrefix.size());
  }
  std::uint32_t number = 0;
  const char* at = version.data();
  const char* const end = at + version.size();
  for (int i = 0; i < 3; ++i) {
    std::uint32_t part = 0;
    const auto [next, failure] = std::from_chars(at, end, part);
    if (failure != std::errc() || part > 99) return i < 2 ? 0 : number * 100;
    number = number * 100 + part;
    at = next;
    if (i < 2 && (at == end || *at != '.')) return i == 1 ? number * 100 : 0;
    if (i < 2) ++at;
  }
  return number;
}

std::uint32_t FormatDescription::server_version_number() const {
  return parse_server_version(server_version);
}

FormatDescription default_format(Dialect dialect, ChecksumAlgorithm checksum) {
  FormatDescription format;
  format.server_version = dialect == Dialect::kMariadb ? "10.11.0-MariaDB" : "8.4.0";
  format.post_header_lengths =
      dialect == Dialect::kMariadb ? mariadb_lengths() : std::string(kMysqlLengths);
  format.checksum = checksum;
  return format;
}

Result<FormatDescription> decode_format_description(ByteView event, bool verify) {
  const Result<EventView> whole = open_event(event, ChecksumAlgorithm::kNone, false);
  if (!whole) return whole.error();
  if (whole->header.type != event_type::kFormatDescription) {
    return Error(Errc::kCorrupt, "a FORMAT_DESCRIPTION event was expected, not " +
                                     event_type_name(whole->header.type));
  }
  ByteReader reader(whole->body);
  FormatDescription format;
  format.binlog_version = reader.u16();
  const std::string_view version = reader.text(kServerVersionBytes);
  format.server_version = std::string(version.substr(0, version.find('\0')));
  format.created_seconds = reader.u32();
  format.header_size_bytes = reader.u8();
  const std::uint32_t number = format.server_version_number();
  const bool mariadb = format.dialect() == Dialect::kMariadb;
  format.has_checksum_field =
      number >= (mariadb ? kFirstMariadbWithChecksums : kFirstMysqlWithChecksums);
  const std::size_t tail_bytes = format.has_checksum_field ? 1 + kEventCrcBytes : 0;
  if (!reader.ok() || reader.left() < tail_bytes) {
    return Error(Errc::kTruncated, "the FORMAT_DESCRIPTION event is too short");
  }
  if (format.binlog_version != 4 || format.header_size_bytes != kEventHeaderBytes) {
    return Error(Errc::kUnsupported,
                 "binlog version " + std::to_string(format.binlog_version) + " with headers of " +
                     std::to_string(format.header_size_bytes) + " bytes (4 with 19 is known)");
  }
  format.post_header_lengths = std::string(reader.text(reader.left() - tail_bytes));
  format.checksum = ChecksumAlgorithm::kNone;
  if (!format.has_checksum_field) return format;
  const std::uint8_t algorithm = reader.u8();
  if (algorithm > 1) {
    return Error(Errc::kUnsupported, "checksum algorithm " + std::to_string(algorithm) +
                                         " (known are 0, NONE, and 1, CRC32)");
  }
  format.checksum = static_cast<ChecksumAlgorithm>(algorithm);
  if (verify) {
    const Result<EventView> checked = open_event(event, ChecksumAlgorithm::kCrc32);
    if (!checked) return checked.error();
  }
  return format;
}

std::string encode_format_description(EventHeader header, const FormatDescription& format) {
  std::string body;
  ByteWriter writer(body);
  const std::string version = format.server_version.substr(0, kServerVersionBytes - 1);
  writer.u16(format.binlog_version).text(version).zeros(kServerVersionBytes - version.size());
  writer.u32(format.created_seconds).u8(format.header_size_bytes).text(format.post_header_lengths);
  header.type = event_type::kFormatDescription;
  if (!format.has_checksum_field) return seal_event(header, body, ChecksumAlgorithm::kNone);
  writer.u8(static_cast<std::uint8_t>(format.checksum));
  return seal_event(header, body, ChecksumAlgorithm::kCrc32);
}

std::string format_description_to_send(ByteView event, bool inside_file) {
  std::string sent(as_text(event));
  sent[kFlagsOffset] = static_cast<char>(sent[kFlagsOffset] & ~event_flag::kInUse);
  if (!inside_file) return sent;  // the CRC leaves the in-use flag out
  sent.replace(kEndPositionOffset, 4, 4, '\0');
  sent.replace(kCreatedOffset, 4, 4, '\0');
  const Result<FormatDescription> format = decode_format_description(event, false);
  if (format && format->has_checksum_field) renew_event_crc(sent);
  return sent;
}

}  // namespace tiderelay::protocol
