// relay/sql_tokens.h: SQL text into words, literals, variables and signs; comments are left out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tiderelay::relay {

struct SqlToken {
  enum class Kind : std::uint8_t {
    kWord,
    kQuotedName,
    kText,
    kNumber,
    kUserVariable,
    kSystemVariable,
    kSign,
    kEnd
  };
  Kind kind = Kind::kEnd;
  std::string text;       // lower case for words and variables; the value of literals
  std::size_t begin = 0;  // in the statement
  std::size_t end = 0;
};

// The last one is kEnd. Errors as parse_statement().
[[nodiscard]] Result<std::vector<SqlToken>> tokenize_sql(std::string_view sql);

[[nodiscard]] std::string lower_ascii(std::string_view text);
[[nodiscard]] Error sql_syntax_error(std::string_view near);  // 1064

}  // namespace tiderelay::relay
