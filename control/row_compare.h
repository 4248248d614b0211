// control/row_compare.h: a row packet as values that are equal exactly when the rows are, however
// source and target print them: FLOAT and DOUBLE as the nearest number, JSON by its members
// whatever their order and blanks, all else byte by byte.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "dumper/table_plan.h"

namespace tiderelay::control {

using RowValues = std::vector<std::optional<std::string>>;  // nullopt: NULL

// kCorrupt: the packet does not hold the columns.
[[nodiscard]] Result<RowValues> comparable_values(const std::vector<dumper::PlannedColumn>& columns,
                                                  ByteView row);
// Of the values at these places: distinct rows give distinct texts.
[[nodiscard]] std::string values_text(const RowValues& values);
[[nodiscard]] std::string key_text(const dumper::TablePlan& plan, const RowValues& values);
// Members sorted, numbers by value; what is no JSON stays as it is.
[[nodiscard]] std::string comparable_json(std::string_view text);

}  // namespace tiderelay::control
