// applier/sql_text.h: quoting for our own sessions, which run with NO_BACKSLASH_ESCAPES
// (session_setup.h).
#pragma once

#include <string>
#include <string_view>

#include "applier/table_schema.h"

namespace tiderelay::applier {

[[nodiscard]] std::string quoted_name(std::string_view name);   // `a``b`
[[nodiscard]] std::string quoted_table(const TableName& name);  // `s`.`t`
[[nodiscard]] std::string quoted_text(std::string_view text);   // 'it''s'

}  // namespace tiderelay::applier
