// applier/statement_runner.h: executes one statement of the source's log on the target, exactly
// once.
//
// REQUIRES: everything before the statement is committed, and nobody else uses the coordinator.
// Order: intent row, execution, done row together with position and schema (docs/exactly-once.md,
// 6). What a crash leaves between intent and done is decided by the marker in the statement's text
// and by fingerprints.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "applier/coordinator.h"
#include "applier/log_source.h"
#include "applier/session_setup.h"
#include "applier/statement_order.h"
#include "applier/statement_plan.h"
#include "applier/task_schemas.h"
#include "applier/task_selection.h"

namespace tiderelay::applier {

class StatementRunner {
 public:
  // All outlive the runner. source_time_zone: what SYSTEM means at the source, "+02:00".
  StatementRunner(Coordinator& coordinator, TaskSelection& selection, TaskSchemas& schemas,
                  CheckpointScope scope, std::string source_time_zone)
      : coordinator_(coordinator),
        selection_(selection),
        schemas_(schemas),
        scope_(std::move(scope)),
        source_time_zone_(std::move(source_time_zone)) {}

  struct Outcome {
    std::vector<std::string> notes;     // for the user
    std::vector<TableName> copy_again;  // not empty: nothing was done, see statement_fate.h
    bool past = false;                  // the copies have it: nothing was done
  };
  // begin: where the statement's transaction begins. low_position, low_set: of the checkpoint
  // behind it.
  relay::Awaitable<Outcome> run(DdlEvent event, std::string begin, std::string low_position,
                                std::string low_set, std::map<TableName, TableWindow> windows);
  // With the checkpoint behind the last statement's transaction, where its rows follow it: nothing
  // of the statement is left to do, its order is done.
  [[nodiscard]] std::vector<std::string> closing_sql() const;

 private:
  relay::Awaitable<Outcome> run_followed(const DdlEvent& event,
                                         const std::map<TableName, TableWindow>& windows);
  relay::Awaitable<void> read_order(std::string begin);
  [[nodiscard]] bool is_left_out() const {
    return order_ && order_->action != StatementOrder::Action::kInject;
  }
  [[nodiscard]] Result<StatementPlan> plan_of(const DdlStatement& statement,
                                              const StatementEffects& effects,
                                              std::vector<std::string>& notes) const;
  [[nodiscard]] Result<void> check_names(const StatementEffects& effects) const;
  relay::Awaitable<void> check_empty(TableName name);
  relay::Awaitable<void> execute(const DdlEvent& event, StatementPlan plan);
  relay::Awaitable<void> execute_step(const DdlEvent& event, const StatementPlan& plan,
                                      std::size_t step);
  relay::Awaitable<bool> send_statement(const DdlEvent& event, const StatementPlan& plan,
                                        std::size_t step, std::string before);
  [[nodiscard]] StatementMoment moment_of(const DdlEvent& event) const;
  relay::Awaitable<void> note_intent(const DdlEvent& event, std::string sql, std::size_t step,
                                     std::string before);
  relay::Awaitable<void> note_session(std::size_t step);
  relay::Awaitable<void> end_forgotten(std::size_t step, bool possible);
  relay::Awaitable<void> finish(const DdlEvent& event, std::string low_position,
                                std::string low_set);
  relay::Awaitable<std::string> fingerprints(std::vector<TableName> tables);
  [[nodiscard]] Result<void> verify(const StatementEffects& effects) const;
  [[nodiscard]] std::optional<TableName> route_of(const TableName& name) const;
  [[nodiscard]] Target target() const;
  [[nodiscard]] std::string table() const;
  [[nodiscard]] std::string where() const;
  [[nodiscard]] std::string marker(std::size_t step) const;

  Coordinator& coordinator_;
  TaskSelection& selection_;
  TaskSchemas& schemas_;
  const CheckpointScope scope_;
  const std::string source_time_zone_;
  std::string position_;                 // behind the statement, names its rows
  std::optional<StatementOrder> order_;  // what an operator wants with it
};

}  // namespace tiderelay::applier
