// tests/protocol/binlog_maker.h: events made by hand, for tests that need no server's bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "protocol/event.h"
#include "protocol/format_description.h"

namespace tiderelay::protocol::tests {

inline std::string from_hex(std::string_view hex) {
  std::string bytes;
  int high = -1;
  for (const char c : hex) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
      continue;
    }
    bytes.push_back(static_cast<char>(high << 4 | digit));
    high = -1;
  }
  return bytes;
}

inline std::string made_event(std::uint8_t type, std::string_view body, std::uint16_t flags = 0,
                              std::uint32_t end_position = 1000) {
  EventHeader header;
  header.timestamp_seconds = 1700000000;
  header.type = type;
  header.server_id = 7;
  header.end_position = end_position;
  header.flags = flags;
  return seal_event(header, body, ChecksumAlgorithm::kCrc32);
}

inline std::string made_query_body(std::string_view sql, std::string_view schema = "shop",
                                   std::string_view status = {}) {
  std::string body;
  ByteWriter writer(body);
  writer.u32(11).u32(0).u8(schema.size()).u16(0).u16(status.size());
  writer.text(status).nul_text(schema).text(sql);
  return body;
}

inline std::string made_query(std::string_view sql, std::string_view status = {}) {
  return made_event(event_type::kQuery, made_query_body(sql, "shop", status));
}

inline std::string made_gtid(std::uint64_t number) {
  std::string body;
  ByteWriter(body).u8(1).text("0123456789abcdef").u64(number);
  return made_event(event_type::kGtid, body);
}

inline std::string made_maria_gtid(std::uint64_t sequence, std::uint8_t flags) {
  std::string body;
  ByteWriter(body).u64(sequence).u32(0).u8(flags).zeros(6);
  return made_event(event_type::kMariaGtid, body);
}

inline EventView opened(const std::string& event) {
  return open_event(as_bytes(event), ChecksumAlgorithm::kCrc32).value();
}

}  // namespace tiderelay::protocol::tests
