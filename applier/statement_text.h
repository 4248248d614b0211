// applier/statement_text.h: a statement of the log as UTF-8. The log has its bytes as the client
// sent them, in the character set of its session (character_set_client).
// Source: MySQL sql/log_event.cc, Query_log_event; sql/sql_lex.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "protocol/format_description.h"

namespace tiderelay::applier {

[[nodiscard]] std::string ascii_only(std::string_view bytes);  // "?" for every other byte

// client_collation: of the event's status variables; 0: not said, as UTF-8. Text after an
// introducer (_latin1'..') is taken for the client's, too. kUnsupported: no text of the set.
[[nodiscard]] Result<std::string> statement_text(std::string_view sql,
                                                 std::uint16_t client_collation,
                                                 protocol::Dialect dialect);

}  // namespace tiderelay::applier
