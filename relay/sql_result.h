// relay/sql_result.h: a result set as it is answered: column names and text values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tiderelay::relay {

struct SqlResult {
  std::vector<std::string> columns;  // empty: no result set, but OK
  std::vector<std::vector<std::optional<std::string>>> rows;
};

}  // namespace tiderelay::relay
