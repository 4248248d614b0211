// dumper/row_encoder.cc: see row_encoder.h.
#include "dumper/row_encoder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "applier/sql_text.h"
#include "base/check.h"
#include "protocol/number_text.h"
#include "protocol/sql_text.h"

namespace tiderelay::dumper {
namespace {

using applier::quoted_name;

constexpr std::size_t kRoomForSmall = 2;  // "\N", or an escape and its byte
constexpr std::size_t kShownBytes = 60;
constexpr std::size_t kShownColumns = 8;

constexpr std::array<char, 256> escapes() {
  std::array<char, 256> table{};
  table['\\'] = '\\';
  table['\t'] = 't';
  table['\n'] = 'n';
  table['\r'] = 'r';
  table['\0'] = '0';
  return table;
}
constexpr std::array<char, 256> kEscapes = escapes();

bool is_special(char c) { return kEscapes[static_cast<unsigned char>(c)] != 0; }

// How many leading bytes of `text` go as they are.
std::size_t plain_run(std::string_view text) {
  std::size_t at = 0;
  while (at + 4 <= text.size()) {
    if (is_special(text[at])) return at;
    if (is_special(text[at + 1])) return at + 1;
    if (is_special(text[at + 2])) return at + 2;
    if (is_special(text[at + 3])) return at + 3;
    at += 4;
  }
  while (at < text.size() && !is_special(text[at])) ++at;
  return at;
}

// 32-bit floats, little-endian: "[1,2.5]".
std::string vector_text(std::string_view bytes) {
  std::string text = "[";
  for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4) {
    float value = 0;
    std::memcpy(&value, bytes.data() + at, 4);
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    if (at > 0) text += ',';
    text.append(digits.data(), end);
  }
  return text += ']';
}

Error torn() { return Error(Errc::kCorrupt, "a row of the source does not hold its columns"); }

// False: NULL.
bool read_value(ByteReader& row, std::string_view& value) {
  if (row.left() > 0 && row.rest().front() == std::byte{0xfb}) {
    row.skip(1);
    return false;
  }
  value = row.lenenc_text();
  return true;
}

constexpr std::size_t kLargeRowBytes = std::size_t{1} << 20U;

void append_quoted_text(std::string& out, std::string_view text) {
  protocol::append_quoted(out, text, true);
}

void append_hex(std::string& out, std::string_view bytes) {
  out += "x'";
  protocol::append_hex(out, as_bytes(bytes));
  out += '\'';
}

// Unquoted where a comparison with a column of the type must not go through a float.
bool is_number(applier::SqlType type) { return type <= applier::SqlType::kDecimal; }

void append_literal(std::string& out, const PlannedColumn& column, std::string_view value) {
  switch (column.form) {
    case ValueForm::kBytes:
      append_hex(out, value);
      break;
    case ValueForm::kVectorText:
      append_quoted_text(out, vector_text(value));
      break;
    case ValueForm::kPlain:
      if (is_number(column.type)) {
        out += value;
      } else {
        append_quoted_text(out, value);
      }
      break;
    case ValueForm::kText:
      append_quoted_text(out, value);
      break;
  }
}

}  // namespace

LoadEncoder::LoadEncoder(const std::vector<PlannedColumn>& columns) {
  for (const PlannedColumn& column : columns) forms_.push_back(column.form);
}

void LoadEncoder::start(ByteView row) {
  row_ = ByteReader(row);
  column_ = 0;
  in_value_ = false;
}

bool LoadEncoder::next_value() {
  null_ = !read_value(row_, value_);
  if (!null_ && forms_[column_] == ValueForm::kVectorText) {
    converted_ = vector_text(value_);
    value_ = converted_;
  }
  in_value_ = true;
  return row_.ok();
}

// True: the value and the byte behind it are in the block.
bool LoadEncoder::put_value(Block& block) {
  if (null_) {
    if (block.room() < kRoomForSmall + 1) return false;
    std::memcpy(block.end(), "\\N", 2);
    block.added(2);
  }
  const bool plain = forms_[column_] == ValueForm::kPlain;
  while (!null_ && !value_.empty()) {
    const std::size_t room = block.room();
    if (room < kRoomForSmall) return false;
    const std::string_view piece = value_.substr(0, room);
    const std::size_t run = plain ? piece.size() : plain_run(piece);
    if (run > 0) std::memcpy(block.end(), piece.data(), run);
    block.added(run);
    value_.remove_prefix(run);
    if (run == piece.size()) continue;
    if (block.room() < kRoomForSmall) return false;
    block.end()[0] = '\\';
    block.end()[1] = kEscapes[static_cast<unsigned char>(value_.front())];
    block.added(2);
    value_.remove_prefix(1);
  }
  if (block.room() < 1) return false;
  *block.end() = column_ + 1 == forms_.size() ? '\n' : '\t';
  block.added(1);
  return true;
}

Result<bool> LoadEncoder::encode(Block& block) {
  while (column_ < forms_.size()) {
    if (!in_value_ && !next_value()) return torn();
    if (!put_value(block)) return false;
    in_value_ = false;
    ++column_;
  }
  if (row_.left() != 0) return torn();
  return true;
}

Result<void> append_tuple(std::string& out, const std::vector<PlannedColumn>& columns, ByteView row,
                          const std::string& part) {
  // Not by doubling: as hex, and for what goes around it.
  if (row.size() > kLargeRowBytes) out.reserve(out.size() + 2 * row.size() + kLargeRowBytes);
  ByteReader reader(row);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    out += i == 0 ? '(' : ',';
    std::string_view value;
    if (read_value(reader, value)) {
      append_literal(out, columns[i], value);
    } else {
      out += "NULL";
    }
  }
  out += (part.empty() ? "" : "," + part) + ')';
  if (!reader.ok() || reader.left() != 0) return torn();
  return {};
}

Result<std::string> literal_of(const std::vector<PlannedColumn>& columns, ByteView row,
                               std::size_t column) {
  CHECK(column < columns.size(), "a column of the row");
  ByteReader reader(row);
  std::string_view value;
  bool present = false;
  for (std::size_t i = 0; i <= column; ++i) present = read_value(reader, value);
  if (!reader.ok()) return torn();
  if (!present) return std::string("NULL");
  std::string literal;
  append_literal(literal, columns[column], value);
  return literal;
}

std::string describe_row(const std::vector<PlannedColumn>& columns, ByteView row,
                         const std::vector<KeyColumn>& key) {
  std::vector<std::size_t> shown;
  for (const KeyColumn& column : key) {
    if (column.column != KeyColumn::kNotCopied) shown.push_back(column.column);
  }
  const bool keyless = shown.empty();
  for (std::size_t i = 0; keyless && i < columns.size(); ++i) shown.push_back(i);
  std::string text;
  for (std::size_t i = 0; i < std::min(shown.size(), kShownColumns); ++i) {
    const Result<std::string> value = literal_of(columns, row, shown[i]);
    if (!value) return "a row that cannot be read";
    if (i > 0) text += ", ";
    text += quoted_name(columns[shown[i]].name);
    text += " = ";
    text += value->substr(0, kShownBytes);
    if (value->size() > kShownBytes) text += "...";
  }
  return text;
}

}  // namespace tiderelay::dumper
