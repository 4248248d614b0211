// applier/ddl_lexer.h: turns the text of a statement into tokens.
//
// In:     UTF-8 text (the caller converts from character_set_client).
// Out:    tokens with their place in the text; the last one is kEnd. Comments are gone; the inside
//         of versioned comments that the source server executes stays.
// Limits: operators come as single characters, for expressions are kept as text and not parsed.
// Source: MySQL sql/sql_lex.cc, lex_one_token; MariaDB sql/sql_lex.cc; TiDB parser/lexer.go.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "applier/sql_text.h"
#include "base/error.h"

namespace tiderelay::applier {

enum class Dialect : std::uint8_t { kMySql, kMariaDb, kTidb };

struct LexOptions {
  Dialect dialect = Dialect::kMySql;
  // Versioned comments above it are comments: 80031 for 8.0.31. 0: all of them are executed, as is
  // right for a binlog, where the source has already blanked those that it did not execute.
  std::uint32_t server_version = 0;
  bool ansi_quotes = false;           // sql_mode ANSI_QUOTES: "x" is a name
  bool no_backslash_escapes = false;  // sql_mode NO_BACKSLASH_ESCAPES
};

enum class TokenKind : std::uint8_t {
  kWord,        // unquoted: keyword or name; text as written
  kQuotedName,  // `x`; text without quotes
  kString,      // 'x', N'x'; text without quotes and escapes
  kNumber,      // text as written
  kHex,         // x'4f', 0x4f; text: the digits
  kBit,         // b'01', 0b01; text: the digits
  kSymbol,      // one character
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::size_t begin = 0;  // range in the text
  std::size_t end = 0;
  std::string text;
};

struct LexedText {
  std::vector<Token> tokens;
  std::string clean;  // the text with comments and comment marks blanked; the same places
};

[[nodiscard]] Result<LexedText> lex(std::string_view sql, const LexOptions& options);

// Spells a string as MySQL and TiDB read it with the default sql_mode; names: sql_text.h.
[[nodiscard]] std::string quoted_string(std::string_view text);
[[nodiscard]] bool same_word(std::string_view a, std::string_view b);  // ASCII, any case
[[nodiscard]] std::string lower_case(std::string_view text);           // ASCII

}  // namespace tiderelay::applier
