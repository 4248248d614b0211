// control/task_schema_pump.h: table definitions of a task: read from the servers, or from the
// checkpoint.
#pragma once

#include <vector>

#include "control/task_plan.h"
#include "dumper/ledger.h"

namespace tiderelay::control {

// Sets plan.schemas from what the copies were made of, and the source's databases.
relay::Awaitable<void> seed_from_copies(relay::asio::any_io_executor loop, TaskPlan& plan,
                                        SourceRunner& source,
                                        const std::vector<dumper::TableRow>& copied);
// The same from the source as it is now, for tasks that copy nothing. from_now: they begin at the
// end of its log; else a table that does not fit its target is taken as the target has it.
relay::Awaitable<void> seed_from_source(relay::asio::any_io_executor loop, TaskPlan& plan,
                                        SourceRunner& source, applier::Coordinator& coordinator,
                                        bool from_now);
// The same from the checkpoint's snapshot.
[[nodiscard]] Result<void> restore_schemas(TaskPlan& plan);
// A table as its copy was made of it, which may be that it was not there.
[[nodiscard]] Result<void> lay_copy_over(TaskPlan& plan, const dumper::TableRow& copied);
// The target's tables that the task's tables go to.
relay::Awaitable<void> fetch_targets(applier::Coordinator& coordinator, TaskPlan& plan);

}  // namespace tiderelay::control
