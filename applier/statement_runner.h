// applier/statement_runner.h: executes one statement of the source's log on the target, exactly
// once.
//
// REQUIRES: everything before the statement is committed, and nobody else uses the coordinator.
// Order: intent row, execution, done row together with position and schema (docs/exactly-once.md,
// 6). What a crash leaves between intent and done is decided by the marker in the statement's text
// and by fingerprints.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "applier/coordinator.h"
#include "applier/log_source.h"
#include "applier/task_schemas.h"
#include "applier/task_selection.h"

namespace tiderelay::applier {

class StatementRunner {
 public:
  // All outlive the runner.
  StatementRunner(Coordinator& coordinator, TaskSelection& selection, TaskSchemas& schemas,
                  CheckpointScope scope)
      : coordinator_(coordinator),
        selection_(selection),
        schemas_(schemas),
        scope_(std::move(scope)) {}

  // low_position, low_set: of the checkpoint behind the statement. Gives notes for the user.
  relay::Awaitable<std::vector<std::string>> run(DdlEvent statement, std::string low_position,
                                                 std::string low_set,
                                                 std::map<TableName, TableWindow> windows);

 private:
  Coordinator& coordinator_;
  TaskSelection& selection_;
  TaskSchemas& schemas_;
  const CheckpointScope scope_;
};

}  // namespace tiderelay::applier
