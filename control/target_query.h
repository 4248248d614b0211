// control/target_query.h: a few statements on a task's target or source, for the daemon's commands.
// Each blocks.
#pragma once

#include <string>
#include <vector>

#include "applier/checkpoint.h"
#include "conf/task_config.h"
#include "relay/connection.h"
#include "relay/query_outcome.h"

namespace tiderelay::control {

// Each commits by itself unless they say BEGIN and COMMIT; the answer is the last one's.
[[nodiscard]] Result<relay::StatementResult> query_target(const conf::TaskConfig& task,
                                                          std::vector<std::string> statements);
// Reading only: the source's session is the full phase's.
[[nodiscard]] Result<relay::StatementResult> query_source(const relay::ConnectOptions& source,
                                                          std::vector<std::string> statements);

// Which rows of the meta schema belong to a task at a source.
[[nodiscard]] applier::CheckpointScope checkpoint_scope(const conf::TaskConfig& task,
                                                        const std::string& source_id);

}  // namespace tiderelay::control
