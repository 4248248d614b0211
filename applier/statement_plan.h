// applier/statement_plan.h: what a statement of the source did to its tables -> the statements that
// do the same to the target's.
//
// An ALTER TABLE is not translated clause by clause but written anew from the definitions before
// and after, one change a statement, in an order that every target takes: columns renamed, keys
// dropped, columns dropped, added, changed, keys added. MySQL gets them at once where a key of an
// AUTO_INCREMENT column changes. Changes of partitions, which definitions do not tell apart, are
// passed on as written.
#pragma once

#include <string>
#include <vector>

#include "applier/schema_tracker.h"
#include "applier/target_schema.h"

namespace tiderelay::applier {

struct StatementPlan {
  std::vector<std::string> sql;    // in order; each may run again after a crash
  std::vector<std::string> notes;  // what the target does without, for the user
  std::vector<TableName> targets;  // tables whose definition may be another afterwards
  // Tables whose rows get an AUTO_INCREMENT column: each server numbers them in its own order.
  std::vector<TableName> numbered;
};

// route: where a source table goes; nullopt: not part of the task.
[[nodiscard]] Result<StatementPlan> plan_statement(const DdlStatement& statement,
                                                   const StatementEffects& effects,
                                                   const Target& target, const RouteOf& route);

}  // namespace tiderelay::applier
