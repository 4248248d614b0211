// control/target_query.h: a few statements on a task's target, for commands of the daemon. Blocks.
#pragma once

#include <string>
#include <vector>

#include "conf/task_config.h"
#include "relay/query_outcome.h"

namespace tiderelay::control {

// Each commits by itself unless they say BEGIN and COMMIT; the answer is the last one's.
[[nodiscard]] Result<relay::StatementResult> query_target(const conf::TaskConfig& task,
                                                          std::vector<std::string> statements);

}  // namespace tiderelay::control
