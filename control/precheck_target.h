// control/precheck_target.h: what the prechecks ask a target, and what both sides share.
#pragma once

#include <string>
#include <vector>

#include "applier/table_schema.h"
#include "conf/endpoint.h"
#include "control/prechecks.h"
#include "relay/awaitable.h"

namespace tiderelay::control {

[[nodiscard]] std::string address_of(const conf::Endpoint& endpoint);
[[nodiscard]] std::string text_of(const applier::TableName& name);  // "db.table"
// "'a', 'b'" of the schemas that occur
[[nodiscard]] std::string schema_list(const std::vector<applier::TableName>& tables);
// The account lacks a right for the statement; any other answer means that it has it.
[[nodiscard]] bool is_refusal(const Error& error);

// `tables`: what the task writes; may hold one twice. The arguments outlive the coroutine.
boost::asio::awaitable<void> ask_target(boost::asio::any_io_executor loop,
                                        const conf::TaskConfig& task,
                                        const std::vector<applier::TableName>& tables,
                                        TargetFacts& facts);

}  // namespace tiderelay::control
