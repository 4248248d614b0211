// protocol/json_binary.h: MySQL's binary JSON to JSON text.
//
// The text is spaced as MySQL prints it: {"a": 1, "b": [1, 2.5]}. Doubles always carry a point or
// an exponent, so that they stay doubles; integers and decimals keep all digits. Dates and times
// become strings; other opaque values become "base64:type15:..." as MySQL prints them. No bytes at
// all are JSON null (IGNORE and partial inserts leave such values). Nesting deeper than
// kMaxJsonDepth, offsets out of bounds, and values that share bytes (whose text could grow without
// bound) are kCorrupt. Source: MySQL sql-common/json_binary.h.
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"
#include "base/error.h"

namespace tiderelay::protocol {

inline constexpr int kMaxJsonDepth = 100;  // MySQL refuses to make deeper ones

// After an error out has its old size.
[[nodiscard]] Result<void> append_json_text(std::string& out, ByteView binary);

}  // namespace tiderelay::protocol
