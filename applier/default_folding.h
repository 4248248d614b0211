// applier/default_folding.h: turns a column's DEFAULT into one that the target takes.
//
// In:     the default as written: 'x', CURRENT_TIMESTAMP(3), (expression).
// Out:    the same, or a literal that the expression stands for, or none.
// Limits: folds integer arithmetic and parentheses around literals, nothing more.
// Source: TiDB manual, data-type-default-values; tried against TiDB 8.5.3.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "applier/collation_map.h"
#include "applier/table_schema.h"

namespace tiderelay::applier {

struct DefaultFolding {
  std::optional<std::string> default_sql;  // nullopt: the target takes none
};
[[nodiscard]] DefaultFolding fold_default(const std::string& default_sql, const Column& column,
                                          const Target& target);
// Does TiDB take the expression as a part of an index?
[[nodiscard]] bool tidb_takes_expression(std::string_view expression);

}  // namespace tiderelay::applier
