// applier/engine_rules.h: which storage engines keep rows and position together.
#pragma once

#include "applier/table_schema.h"
#include "base/error.h"

namespace tiderelay::applier {

// False: its engine keeps each row at once, so that rows and position cannot commit together.
[[nodiscard]] bool is_transactional(const TableSchema& schema);
[[nodiscard]] Error not_transactional(const TableSchema& target);  // kDiverged

}  // namespace tiderelay::applier
