// relay/query_outcome.h: what a server answers to one COM_QUERY packet, as plain values: machines
// that decide over answers include this and no connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace tiderelay::relay {

// One value of a text result set; nullopt is NULL.
using TextValue = std::optional<std::string>;

struct ColumnInfo {
  std::string name;
  std::uint8_t type = 0;  // protocol column type
  std::uint16_t flags = 0;
  std::uint16_t collation = 0;  // 63: binary
  std::uint32_t length = 0;
};

// The answer to one statement: OK or a result set. An ERR ends the list with `error`.
struct StatementResult {
  std::uint64_t affected_rows = 0;
  std::uint64_t last_insert_id = 0;
  std::uint16_t warnings = 0;
  std::uint16_t status_flags = 0;  // SERVER_STATUS_IN_TRANS 1, MORE_RESULTS 8
  std::string info;                // "Rows matched: 1  Changed: 0  Warnings: 0"
  std::vector<ColumnInfo> columns;
  std::vector<std::vector<TextValue>> rows;
};

// All answers to one COM_QUERY packet. error: the ERR of statement results.size() (those before
// ran).
struct QueryOutcome {
  std::vector<StatementResult> results;
  std::optional<Error> error;  // kServer with server_code
};

}  // namespace tiderelay::relay
