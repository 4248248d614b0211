// relay/event_listing.h: SHOW BINLOG EVENTS from the relay log: the same columns, names and infos.
//
// Reads the file, so it blocks. Limit: without LIMIT at most 100,000 events are listed; above, the
// error says to give one. Infos: those of heads, GTIDs, statements, table maps and ends; others are
// empty.
// Source: MySQL 8.0.40, sql/rpl_source.cc (show_binlog_events), the pack_info()s of
// sql/log_event.cc.
#pragma once

#include "base/error.h"
#include "relay/relay_log.h"
#include "relay/sql_result.h"
#include "relay/sql_statement.h"

namespace tiderelay::relay {

[[nodiscard]] Result<SqlResult> list_events(Storage& storage, RelayLog& log,
                                            const SqlStatement& statement);

}  // namespace tiderelay::relay
