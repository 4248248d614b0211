// protocol/sql_text.h: text, bytes and names as SQL takes them.
//
// A quoted text escapes ', \ and NUL with a backslash; with NO_BACKSLASH_ESCAPES ' is doubled and
// nothing else touched. The text is UTF-8, in which no byte of a longer character looks like one of
// these.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace tiderelay::protocol {

void append_quoted(std::string& out, std::string_view text, bool no_backslash_escapes = false);
// `name`, with backticks doubled.
void append_identifier(std::string& out, std::string_view name);
// Bytes as a literal of a binary string, followed by zero_bytes bytes of 0.
void append_binary_literal(std::string& out, ByteView bytes, std::size_t zero_bytes = 0,
                           bool no_backslash_escapes = false);
// Escapes what stands in out from start on, in place: for text that was made there.
void escape_from(std::string& out, std::size_t start, bool no_backslash_escapes);

}  // namespace tiderelay::protocol
