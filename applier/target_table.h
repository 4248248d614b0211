// applier/target_table.h: a table's definition as the target has it now.
#pragma once

#include <optional>

#include "applier/coordinator.h"
#include "applier/ddl_lexer.h"
#include "applier/table_schema.h"
#include "applier/target_info.h"

namespace tiderelay::applier {

[[nodiscard]] Dialect dialect_of(TargetKind kind);

// nullopt: there is no such table. kConfig: it has a trigger.
relay::Awaitable<std::optional<TableSchema>> fetch_target_table(Coordinator& coordinator,
                                                                TableName name);

}  // namespace tiderelay::applier
