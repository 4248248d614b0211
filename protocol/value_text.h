// protocol/value_text.h: one cell of a row as SQL or as plain text.
//
// This is the hot path of applying: appended to the caller's string, no allocation of its own, no
// locale, no streams. The literals mean the same to TiDB, MySQL and MariaDB under any sql_mode that
// keeps the row (docs: NO_ZERO_DATE and NO_ZERO_IN_DATE off, ALLOW_INVALID_DATES on) and under
// time_zone '+00:00':
//   integers, BIT, ENUM, SET, YEAR   integers (YEAR 0000 is 0)
//   DECIMAL                          all digits
//   FLOAT, DOUBLE                    shortest text that reads back as the same double, always with
//   an
//                                    exponent (a FLOAT as the double that it is exactly)
//   dates and times                  '...', as many fractional digits as the column has
//   character data                   '...' in UTF-8, converted by context.converter
//   binary data, GEOMETRY            x'...' or _binary'...'; BINARY(n) padded with zero bytes
//   JSON                             '...' of JSON text
//   VECTOR                           '[1,2.5]', or its bytes
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "protocol/charset.h"
#include "protocol/row_image.h"

namespace tiderelay::protocol {

// What the bytes of a column do not tell; made once for each column, from its definition.
struct ValueContext {
  // MariaDB stores some types as BINARY columns.
  enum class Meaning : std::uint8_t { kPlain, kUuid, kInet4, kInet6 };

  bool is_unsigned = false;
  bool binary = false;                // BINARY, VARBINARY and BLOBs: bytes and no text
  bool no_backslash_escapes = false;  // the session that will read the literal has it set
  bool vector_as_bytes = false;       // MySQL takes no text for a VECTOR column
  Meaning meaning = Meaning::kPlain;
  CharsetConverter* converter = nullptr;  // null: the text is UTF-8 or ASCII
};

// From what TABLE_MAP tells: sign and whether the column is binary. No converter.
[[nodiscard]] ValueContext wire_value_context(const WireColumn& column);

// REQUIRES: the cell is present. kCorrupt: bytes that no server writes for this type; kData: text
// that its character set does not have; kUnsupported: a type that has no literal. After an error
// the end of out is undefined.
[[nodiscard]] Result<void> append_sql_literal(std::string& out, const WireColumn& column,
                                              const ValueContext& context, const Cell& cell);

// The same without quotes and escapes, for people and files: NULL, 2024-01-01, text as it is,
// binary data as 0x...
[[nodiscard]] Result<void> append_text(std::string& out, const WireColumn& column,
                                       const ValueContext& context, const Cell& cell);

}  // namespace tiderelay::protocol
