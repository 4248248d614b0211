// applier/cell_value.h: the value of a row image's cell in the forms that keys and statements need.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "applier/table_schema.h"
#include "protocol/row_image.h"

namespace tiderelay::applier {

// Integers, YEAR (as 1901..2155 or 0), BIT, ENUM and SET: the number, two's complement.
[[nodiscard]] std::uint64_t cell_integer(const protocol::WireColumn& wire,
                                         const protocol::Cell& cell);

[[nodiscard]] double cell_float(const protocol::WireColumn& wire, const protocol::Cell& cell);

// Appends the value as UTF-8 text, unquoted: numbers (FLOAT and DOUBLE exactly), dates, character
// data transcoded from the column's charset, JSON, ENUM and SET labels. Binary data as it is.
// False: the bytes are no value of the type, and nothing is appended.
[[nodiscard]] bool append_cell_text(std::string& out, const protocol::WireColumn& wire,
                                    const Column& column, const protocol::Cell& cell);

// The label of an ENUM's or the labels of a SET's number, as the server prints them.
void append_label(std::string& out, const Column& column, std::uint64_t number);

[[nodiscard]] bool is_integer(SqlType type);  // TINYINT to BIGINT

// The bytes of character data in this charset are UTF-8 already.
[[nodiscard]] bool is_utf8(std::string_view charset);

}  // namespace tiderelay::applier
