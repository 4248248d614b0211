// protocol/response.h: the packets that answer commands, both directions, and ResponseReader, which
// says for each packet of an answer what it is.
//
// Decoded texts are views of the packet where the type is a view. Encoders give payloads without
// frames.
// Source: MySQL 8.0.40, sql/protocol_classic.cc (net_send_ok, net_send_eof,
// send_result_set_metadata), sql-common/client.cc (read_ok_ex, cli_safe_read_with_ok_complete).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/packet_reader.h"

namespace tiderelay::protocol {

// 0x00 (0xfe at the end of rows), lenenc affected rows, lenenc insert id, status 2, warnings 2,
// lenenc info; with SESSION_TRACK the info is always there and state changes may follow.
struct OkPacket {
  std::uint64_t affected_rows = 0;
  std::uint64_t last_insert_id = 0;
  std::uint16_t status_flags = 0;
  std::uint16_t warnings = 0;
  std::string_view info;
};
[[nodiscard]] std::string encode_ok(const OkPacket& ok, std::uint8_t header = 0x00);
[[nodiscard]] Result<OkPacket> decode_ok(ByteView packet);

// 0xff, code 2, '#' + SQLSTATE 5 (not before authentication), text.
[[nodiscard]] inline bool is_error(ByteView packet) {
  return !packet.empty() && packet.front() == std::byte{0xff};
}
[[nodiscard]] std::string encode_error(std::uint16_t code, std::string_view sqlstate,
                                       std::string_view text);
[[nodiscard]] Error decode_error(ByteView packet);  // kServer; kCorrupt if it is none

// 0xfe, warnings 2, status 2.
struct EofPacket {
  std::uint16_t warnings = 0;
  std::uint16_t status_flags = 0;
};
[[nodiscard]] std::string encode(const EofPacket& eof);
[[nodiscard]] Result<EofPacket> decode_eof(ByteView packet);
// The end of a binlog dump, and of result sets without DEPRECATE_EOF.
[[nodiscard]] inline bool is_eof(ByteView packet) {
  return !packet.empty() && packet.size() < 9 && packet.front() == std::byte{0xfe};
}

// Six lenenc texts (catalog "def", schema, table, original table, name, original name), lenenc 12,
// collation 2, length 4, type 1, flags 2, decimals 1, zeros 2.
struct ColumnDefinition {
  std::string schema;
  std::string table;
  std::string original_table;
  std::string name;
  std::string original_name;
  std::uint16_t collation = 0;
  std::uint32_t length = 0;
  std::uint8_t type = 0;
  std::uint16_t flags = 0;
  std::uint8_t decimals = 0;
};
[[nodiscard]] std::string encode(const ColumnDefinition& column);
[[nodiscard]] Result<ColumnDefinition> decode_column(ByteView packet);

// Text rows: each value a lenenc text or 0xfb for NULL.
using RowValues = std::vector<std::optional<std::string_view>>;
[[nodiscard]] std::string encode_text_row(const RowValues& values);
[[nodiscard]] Result<void> decode_text_row(ByteView packet, std::size_t columns, RowValues& into);

// Binary rows: 0x00, NULL bitmap from bit 2 on, then the values that are not NULL: raw bytes of the
// width that the type implies, without the length of a lenenc text.
[[nodiscard]] Result<void> decode_binary_row(ByteView packet,
                                             const std::vector<ColumnDefinition>& columns,
                                             RowValues& into);
[[nodiscard]] Result<std::string> encode_binary_row(const std::vector<ColumnDefinition>& columns,
                                                    const RowValues& values);

// The grammar of the answer to one command:
//
//   answer      = result { result }            while the previous one has MORE_RESULTS
//   result      = OK | ERR | LOCAL_INFILE result | result set
//   result set  = count, columns, [EOF], { row }, (EOF | OK with 0xfe | ERR)
//
// [EOF] and EOF without DEPRECATE_EOF, OK with 0xfe with it. An ERR ends the answer.
class ResponseReader {
 public:
  enum class Kind : std::uint8_t {
    kColumnCount,  // columns follow
    kColumn,       // column() is known; in_rows() after the last one, with DEPRECATE_EOF
    kColumnsEnd,   // the EOF behind the columns: in_rows() from here
    kRow,
    kOk,      // ok() is known; the result, or the rows, end here
    kError,   // error() is known; the answer ends here
    kInfile,  // the server wants a file: send packets, an empty one at the end, then go on
  };

  explicit ResponseReader(std::uint32_t capabilities);
  void start();  // a new command was sent

  [[nodiscard]] Result<Kind> next(ByteView packet);

  [[nodiscard]] bool answered() const { return state_ == State::kDone; }  // no packet follows
  [[nodiscard]] bool in_rows() const { return state_ == State::kRows; }
  // While in_rows(): the packet is a row, next() need not be asked.
  [[nodiscard]] bool is_row(ByteView packet) const {
    if (packet.empty()) return false;
    const auto first = std::to_integer<std::uint8_t>(packet.front());
    return first < 0xfe || (first == 0xfe && packet.size() >= end_bytes_);
  }
  [[nodiscard]] std::size_t column_count() const { return columns_; }
  [[nodiscard]] const ColumnDefinition& column() const { return column_; }
  [[nodiscard]] const OkPacket& ok() const { return ok_; }  // its info lives as long as the packet
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  enum class State : std::uint8_t { kFirst, kColumns, kColumnsEof, kRows, kDone };
  [[nodiscard]] Result<Kind> first(ByteView packet);
  [[nodiscard]] Result<Kind> end_of_rows(ByteView packet);
  [[nodiscard]] Kind finish(const OkPacket& ok);
  [[nodiscard]] Kind refuse(ByteView packet);

  bool deprecate_eof_;
  std::size_t end_bytes_;  // a 0xfe packet below this size ends the rows
  State state_ = State::kFirst;
  std::size_t columns_ = 0;
  std::size_t columns_seen_ = 0;
  ColumnDefinition column_;
  OkPacket ok_;
  Error error_;
};

}  // namespace tiderelay::protocol
