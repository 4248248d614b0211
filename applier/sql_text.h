// applier/sql_text.h: pieces of SQL that are quoted for every target alike.
//
// Sessions run with NO_BACKSLASH_ESCAPES (session_setup), so that a quote is the only character of
// a string that needs care.
#pragma once

#include <string>
#include <string_view>

#include "applier/table_schema.h"

namespace tiderelay::applier {

[[nodiscard]] std::string quoted_name(std::string_view name);      // `a``b`
[[nodiscard]] std::string quoted_table(const TableName& name);     // `s`.`t`
void append_quoted_text(std::string& out, std::string_view text);  // 'it''s'
[[nodiscard]] std::string quoted_text(std::string_view text);
void append_hex(std::string& out, std::string_view bytes);  // x'00ff'

}  // namespace tiderelay::applier
