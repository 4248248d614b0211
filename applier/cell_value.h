// applier/cell_value.h: the value of a row image's cell in the forms that keys and statements need.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "applier/table_schema.h"
#include "protocol/row_image.h"
#include "protocol/value_text.h"

namespace tiderelay::applier {

// One column of the wire image: what its values need to be read.
struct KeyColumn {
  protocol::WireColumn wire;     // signedness filled in
  protocol::ValueContext value;  // how its bytes become text and literals
  const Column* source = nullptr;
  const Column* target = nullptr;  // null: the target lacks it
  bool logged = true;              // false: generated, and its values are not in the log
};

// Integers, YEAR (as 1901..2155 or 0), BIT, ENUM and SET: the number, two's complement.
[[nodiscard]] std::uint64_t cell_integer(const protocol::WireColumn& wire,
                                         const protocol::Cell& cell);

[[nodiscard]] double cell_float(const protocol::WireColumn& wire, const protocol::Cell& cell);

// Appends the value as UTF-8 text, unquoted: numbers, dates, JSON, character data transcoded from
// the column's charset, ENUM and SET labels; binary data as 0x.... The cell is present and not
// NULL. An error: the bytes are no value of the type, and what was appended has no meaning.
Result<void> append_cell_text(std::string& out, const KeyColumn& column,
                              const protocol::Cell& cell);

// The label of an ENUM's or the labels of a SET's number, as the server prints them.
void append_label(std::string& out, const Column& column, std::uint64_t number);

[[nodiscard]] bool is_integer(SqlType type);  // TINYINT to BIGINT
[[nodiscard]] bool is_text(SqlType type);     // CHAR, VARCHAR and TEXTs
[[nodiscard]] bool is_binary(SqlType type);   // BINARY, VARBINARY, BLOBs and MariaDB's UUID, INET

// The bytes of character data in this charset are UTF-8 already.
[[nodiscard]] bool is_utf8(std::string_view charset);

}  // namespace tiderelay::applier
