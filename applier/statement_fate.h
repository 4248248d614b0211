// applier/statement_fate.h: what a statement of the log means for the copies of its tables: it is
// to be run, it is in the copies already, or copies have to be made again.
//
// Rule (docs/exactly-once.md, 2): a statement in a table's LOW is past, one behind its HIGH is run.
// In between the copy is a mixture of rows from before and after it: what leaves the table empty
// (TRUNCATE, DROP, CREATE) may be run, for the log has all that follows; anything else makes the
// copy worthless. One statement of
// several tables whose copies disagree: those that do not hold it are made again.
#pragma once

#include <map>
#include <vector>

#include "applier/ddl_ast.h"
#include "applier/log_source.h"
#include "applier/schema_tracker.h"

namespace tiderelay::applier {

struct StatementFate {
  enum class Kind : std::uint8_t { kRun, kPast, kCopyAgain };
  Kind kind = Kind::kRun;
  std::vector<TableName> tables;  // kCopyAgain: which
};

// `taken`: the task's tables that the statement names.
[[nodiscard]] StatementFate fate_of(const DdlEvent& event, const DdlStatement& statement,
                                    const std::vector<TableName>& taken,
                                    const std::map<TableName, TableWindow>& windows);

// The tables are as they were: whatever the copies hold, the statement may be run.
[[nodiscard]] bool changes_nothing(const StatementEffects& effects);

}  // namespace tiderelay::applier
