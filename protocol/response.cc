// protocol/response.cc: see response.h.
#include "protocol/response.h"

#include "protocol/capabilities.h"

namespace tiderelay::protocol {
namespace {

constexpr std::uint8_t kNull = 0xfb;
constexpr std::size_t kSqlstateBytes = 5;
constexpr std::size_t kColumnsMax = 65'535;

Error malformed(const char* what) {
  return Error(Errc::kCorrupt, std::string("malformed ") + what);
}

// Bytes of a binary value, nothing for types that carry their length.
// Source: MySQL 8.0.40, include/field_types.h; sql-common's mysql_binary_row layout.
std::optional<std::size_t> binary_width_bytes(std::uint8_t type) {
  switch (type) {
    case 1:  // TINY
      return 1;
    case 2:   // SHORT
    case 13:  // YEAR
      return 2;
    case 3:  // LONG
    case 4:  // FLOAT
    case 9:  // INT24
      return 4;
    case 5:  // DOUBLE
    case 8:  // LONGLONG
      return 8;
    case 6:  // NULL
      return 0;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string encode_ok(const OkPacket& ok, std::uint8_t header) {
  std::string out;
  ByteWriter writer(out);
  writer.u8(header).lenenc(ok.affected_rows).lenenc(ok.last_insert_id);
  writer.u16(ok.status_flags).u16(ok.warnings);
  if (!ok.info.empty()) writer.lenenc_text(ok.info);
  return out;
}

Result<OkPacket> decode_ok(ByteView packet) {
  ByteReader reader(packet);
  reader.skip(1);
  OkPacket ok;
  ok.affected_rows = reader.lenenc();
  ok.last_insert_id = reader.lenenc();
  ok.status_flags = reader.u16();
  ok.warnings = reader.u16();
  if (!reader.ok()) return malformed("OK packet");
  if (reader.left() == 0) return ok;
  ByteReader info(reader.rest());
  ok.info = info.lenenc_text();
  if (!info.ok()) ok.info = as_text(reader.rest());  // some proxies leave out the length
  return ok;
}

std::string encode_error(std::uint16_t code, std::string_view sqlstate, std::string_view text) {
  std::string out;
  ByteWriter writer(out);
  writer.u8(0xff).u16(code);
  if (sqlstate.size() == kSqlstateBytes) writer.u8('#').text(sqlstate);
  writer.text(text);
  return out;
}

Error decode_error(ByteView packet) {
  ByteReader reader(packet);
  reader.skip(1);
  const std::uint16_t code = reader.u16();
  if (!reader.ok()) return malformed("ERR packet");
  std::string_view text = as_text(reader.rest());
  std::string sqlstate;
  if (text.size() > kSqlstateBytes && text.front() == '#') {
    sqlstate = text.substr(1, kSqlstateBytes);
    text.remove_prefix(1 + kSqlstateBytes);
  }
  return Error(code, std::move(sqlstate), std::string(text));
}

std::string encode(const EofPacket& eof) {
  std::string out;
  ByteWriter(out).u8(0xfe).u16(eof.warnings).u16(eof.status_flags);
  return out;
}

Result<EofPacket> decode_eof(ByteView packet) {
  ByteReader reader(packet);
  reader.skip(1);
  EofPacket eof;
  eof.warnings = reader.u16();
  eof.status_flags = reader.u16();
  if (!reader.ok()) return malformed("EOF packet");
  return eof;
}

std::string encode(const ColumnDefinition& column) {
  std::string out;
  ByteWriter writer(out);
  writer.lenenc_text("def").lenenc_text(column.schema).lenenc_text(column.table);
  writer.lenenc_text(column.original_table).lenenc_text(column.name);
  writer.lenenc_text(column.original_name).lenenc(12).u16(column.collation).u32(column.length);
  writer.u8(column.type).u16(column.flags).u8(column.decimals).zeros(2);
  return out;
}

Result<ColumnDefinition> decode_column(ByteView packet) {
  ByteReader reader(packet);
  ColumnDefinition column;
  reader.lenenc_text();
  column.schema = reader.lenenc_text();
  column.table = reader.lenenc_text();
  column.original_table = reader.lenenc_text();
  column.name = reader.lenenc_text();
  column.original_name = reader.lenenc_text();
  const std::uint64_t fixed_bytes = reader.lenenc();
  column.collation = reader.u16();
  column.length = reader.u32();
  column.type = reader.u8();
  column.flags = reader.u16();
  column.decimals = reader.u8();
  if (!reader.ok() || fixed_bytes < 10) return malformed("column definition");
  return column;
}

std::string encode_text_row(const RowValues& values) {
  std::string out;
  ByteWriter writer(out);
  for (const auto& value : values) {
    if (value) {
      writer.lenenc_text(*value);
    } else {
      writer.u8(kNull);
    }
  }
  return out;
}

Result<void> decode_text_row(ByteView packet, std::size_t columns, RowValues& into) {
  into.clear();
  ByteReader reader(packet);
  for (std::size_t i = 0; i < columns; ++i) {
    if (reader.left() > 0 && reader.rest().front() == std::byte{kNull}) {
      reader.skip(1);
      into.emplace_back();
    } else {
      into.emplace_back(reader.lenenc_text());
    }
    if (!reader.ok()) return malformed("row");
  }
  if (reader.left() != 0) return malformed("row: bytes are left behind its last value");
  return {};
}

Result<void> decode_binary_row(ByteView packet, const std::vector<ColumnDefinition>& columns,
                               RowValues& into) {
  into.clear();
  ByteReader reader(packet);
  const std::uint8_t header = reader.u8();
  const ByteView nulls = reader.take((columns.size() + 2 + 7) / 8);
  if (!reader.ok() || header != 0) return malformed("binary row");
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto bits = std::to_integer<unsigned>(nulls[(i + 2) / 8]);
    if ((bits >> ((i + 2) % 8) & 1U) != 0) {
      into.emplace_back();
      continue;
    }
    const auto width = binary_width_bytes(columns[i].type);
    into.emplace_back(width ? reader.text(*width) : reader.lenenc_text());
    if (!reader.ok()) return malformed("binary row");
  }
  if (reader.left() != 0) return malformed("binary row: bytes are left behind its last value");
  return {};
}

Result<std::string> encode_binary_row(const std::vector<ColumnDefinition>& columns,
                                      const RowValues& values) {
  if (columns.size() != values.size()) return malformed("binary row: a value for each column");
  std::string nulls((columns.size() + 2 + 7) / 8, '\0');
  std::string body;
  ByteWriter writer(body);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i]) {
      char& bits = nulls[(i + 2) / 8];
      bits = static_cast<char>(static_cast<unsigned char>(bits) | 1U << ((i + 2) % 8));
      continue;
    }
    const auto width = binary_width_bytes(columns[i].type);
    if (width && *width != values[i]->size()) return malformed("binary row: width of a value");
    if (width) {
      writer.text(*values[i]);
    } else {
      writer.lenenc_text(*values[i]);
    }
  }
  return '\0' + nulls + body;
}

ResponseReader::ResponseReader(std::uint32_t capabilities)
    : deprecate_eof_((capabilities & kDeprecateEof) != 0),
      end_bytes_(deprecate_eof_ ? kMaxFrameBytes : 9) {}

void ResponseReader::start() {
  state_ = State::kFirst;
  columns_ = columns_seen_ = 0;
}

Result<ResponseReader::Kind> ResponseReader::next(ByteView packet) {
  if (packet.empty()) return malformed("answer: an empty packet");
  switch (state_) {
    case State::kFirst:
      return first(packet);
    case State::kColumns: {
      if (is_error(packet)) return refuse(packet);
      Result<ColumnDefinition> column = decode_column(packet);
      if (!column) return column.error();
      column_ = std::move(*column);
      if (++columns_seen_ == columns_) {
        state_ = deprecate_eof_ ? State::kRows : State::kColumnsEof;
      }
      return Kind::kColumn;
    }
    case State::kColumnsEof:
      if (is_error(packet)) return refuse(packet);
      if (!is_eof(packet)) return malformed("result set: columns without their end");
      state_ = State::kRows;
      return Kind::kColumnsEnd;
    case State::kRows:
      if (is_row(packet)) return Kind::kRow;
      return end_of_rows(packet);
    case State::kDone:
      break;
  }
  return Error(Errc::kCorrupt, "a packet behind the end of an answer");
}

Result<ResponseReader::Kind> ResponseReader::first(ByteView packet) {
  const auto header = std::to_integer<std::uint8_t>(packet.front());
  if (header == 0xff) return refuse(packet);
  if (header == kNull) return Kind::kInfile;
  if (header == 0x00) {
    const auto ok = decode_ok(packet);
    if (!ok) return ok.error();
    return finish(*ok);
  }
  if (is_eof(packet)) return end_of_rows(packet);  // COM_SET_OPTION answers so
  ByteReader reader(packet);
  const std::uint64_t count = reader.lenenc();
  if (!reader.ok() || count > kColumnsMax) return malformed("column count");
  columns_ = static_cast<std::size_t>(count);
  columns_seen_ = 0;
  state_ = State::kColumns;
  return Kind::kColumnCount;
}

Result<ResponseReader::Kind> ResponseReader::end_of_rows(ByteView packet) {
  if (is_error(packet)) return refuse(packet);
  if (!deprecate_eof_ || packet.size() == 5) {
    const auto eof = decode_eof(packet);
    if (!eof) return eof.error();
    OkPacket ok;
    ok.warnings = eof->warnings;
    ok.status_flags = eof->status_flags;
    return finish(ok);
  }
  const auto ok = decode_ok(packet);
  if (!ok) return ok.error();
  return finish(*ok);
}

ResponseReader::Kind ResponseReader::finish(const OkPacket& ok) {
  ok_ = ok;
  state_ = (ok.status_flags & kStatusMoreResults) != 0 ? State::kFirst : State::kDone;
  return Kind::kOk;
}

ResponseReader::Kind ResponseReader::refuse(ByteView packet) {
  error_ = decode_error(packet);
  state_ = State::kDone;
  return Kind::kError;
}

}  // namespace tiderelay::protocol
