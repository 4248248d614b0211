// control/task_plan.h: from a task file, a source and the checkpoint to what dumper and applier are
// given.
//
// Steps of a share, in order: make_task_plan() asks both servers, DumpPump copies, finish_copy()
// notes where the log begins for it, make_apply_start() reads what the applier begins with. Each
// may run again after a crash; what counts is in the target.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "applier/apply_pump.h"
#include "conf/task_config.h"
#include "control/source_runner.h"
#include "control/task_runner.h"
#include "dumper/dump_options.h"
#include "dumper/dump_status.h"
#include "dumper/source_server.h"

namespace tiderelay::control {

inline constexpr const char* kPhaseSync =
    "sync";  // the copy is complete, or there was none to make

struct TaskPlan {
  relay::asio::any_io_executor executor;
  applier::CheckpointRows rows;
  dumper::SourceServer server;
  relay::ConnectOptions target;
  dumper::DumpOptions dump;
  std::vector<dumper::DumpTable> tables;  // of the source, that the copy takes
  bool shares_targets = false;            // other sources write the same target
  applier::ApplyOptions apply;
  std::unique_ptr<applier::TaskSelection> selection;
  std::unique_ptr<applier::TaskSchemas> schemas;
  relay::LogPosition goal;  // the end of the source's log when the plan was made
  std::string rules_fingerprint;
  bool rules_changed = false;  // since the checkpoint, as asked for: adopt_rules() comes next
  std::vector<std::string> notes;
};

struct TaskPlanInput {
  const conf::TaskConfig* task = nullptr;
  const conf::InstanceConfig* instance = nullptr;
  SourceRunner* source = nullptr;
  applier::CheckpointRows rows;
  relay::asio::any_io_executor executor;
  bool new_rules = false;  // lists and filters may differ from the checkpoint's
};

// What the task takes of one source.
[[nodiscard]] Result<std::unique_ptr<applier::TaskSelection>> make_selection(
    const conf::TaskConfig& task, const conf::InstanceConfig& instance,
    const conf::SourceConfig& source, const dumper::SourceServer& server);
// The tables of the source that the list takes. The arguments outlive the coroutine.
relay::Awaitable<std::vector<applier::TableName>> list_tables(relay::Connection& source,
                                                              const applier::TableFilter& list);

[[nodiscard]] Result<void> make_coordinator_options(const conf::TaskConfig& task,
                                                    const conf::InstanceConfig& instance,
                                                    applier::CoordinatorOptions& options);

// Where an empty relay log has to begin for this share.
[[nodiscard]] Result<relay::StartPoint> start_of(const conf::TaskConfig& task,
                                                 const conf::InstanceConfig& instance);

// --remove-meta: the share begins anew. REQUIRES: the coordinator owns it; take_over() again.
relay::Awaitable<void> forget_checkpoint(applier::Coordinator& coordinator,
                                         const conf::TaskConfig& task,
                                         const conf::InstanceConfig& instance);
// The ledger's rows of tables that the plan does not copy.
relay::Awaitable<void> forget_other_tables(applier::Coordinator& coordinator, const TaskPlan& plan,
                                           const conf::TaskConfig& task,
                                           const conf::InstanceConfig& instance);
// Of a plan whose rules have changed: tables that are new are to be copied, those that are gone
// are forgotten (their rows stay in the target), and the checkpoint has the new rules, in one
// transaction. kConfig: a table that stays goes elsewhere now.
relay::Awaitable<void> adopt_rules(applier::Coordinator& coordinator, TaskPlan& plan,
                                   const conf::TaskConfig& task,
                                   const conf::InstanceConfig& instance);
relay::Awaitable<TaskPlan> make_task_plan(TaskPlanInput input, applier::Coordinator& coordinator);
// What the ledger and the source's tables of now say is left to copy; in the phase `sync` only what
// was asked for.
relay::Awaitable<std::vector<dumper::DumpTable>> tables_to_copy(applier::Coordinator& coordinator,
                                                                const TaskPlan& plan);
// These tables are to be copied, again or for the first time, before the log goes on.
relay::Awaitable<void> ask_for_copies(applier::Coordinator& coordinator, const TaskPlan& plan,
                                      std::vector<applier::TableName> names);
// Tables that have come up at the source since the plan was made.
relay::Awaitable<void> list_tables_again(TaskPlan& plan, const conf::TaskConfig& task,
                                         const conf::InstanceConfig& instance,
                                         SourceRunner& source);
relay::Awaitable<void> finish_copy(applier::Coordinator& coordinator, TaskPlan& plan,
                                   const conf::TaskConfig& task,
                                   const conf::InstanceConfig& instance, SourceRunner& source);
// Says which part of the relay log a purge must leave to the task, from the checkpoint.
relay::Awaitable<void> pin_log(applier::Coordinator& coordinator, const TaskPlan& plan,
                               const std::string& task, SourceRunner& source);
relay::Awaitable<applier::ApplyStart> make_apply_start(applier::Coordinator& coordinator,
                                                       TaskPlan& plan, SourceRunner& source);

[[nodiscard]] std::vector<TableProgress> table_progress(const dumper::DumpStatus& status);

}  // namespace tiderelay::control
