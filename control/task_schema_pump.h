// control/task_schema_pump.h: table definitions of a task: read from the servers, or from the
// checkpoint.
#pragma once

#include <vector>

#include "control/task_plan.h"
#include "dumper/ledger.h"

namespace tiderelay::control {

// Sets plan.schemas from what the copies were made of.
[[nodiscard]] Result<void> seed_from_copies(TaskPlan& plan,
                                            const std::vector<dumper::TableRow>& copied);
// The same from the source as it is now: for tasks that copy nothing.
relay::Awaitable<void> seed_from_source(relay::asio::any_io_executor loop, TaskPlan& plan,
                                        SourceRunner& source);
// The same from the checkpoint's snapshot.
[[nodiscard]] Result<void> restore_schemas(TaskPlan& plan);
// The target's tables that the task's tables go to.
relay::Awaitable<void> fetch_targets(applier::Coordinator& coordinator, TaskPlan& plan);

}  // namespace tiderelay::control
