// control/task_forget_pump.cc: --remove-meta: a share begins anew without losing its fences; and
// update-task: it goes on with other tables.
//
// Rows of the ledger and the workers stay under the new epoch: what an older owner's connections
// still send finds a void chunk or another applied set, and commits nothing.
#include <fmt/format.h>

#include <map>

#include "applier/sql_text.h"
#include "control/task_plan.h"
#include "dumper/ledger.h"

namespace tiderelay::control {

using applier::quoted_text;
using relay::Awaitable;

namespace {

std::string meta_table(const conf::TaskConfig& task, const char* name) {
  return applier::quoted_name(task.meta_schema) + "." + name;
}

std::string where_share(const conf::TaskConfig& task, const conf::InstanceConfig& instance) {
  return fmt::format(" WHERE task = {} AND source = {}", quoted_text(task.name),
                     quoted_text(instance.source_id));
}

std::vector<std::string> forget_others_sql(const TaskPlan& plan, const conf::TaskConfig& task,
                                           const conf::InstanceConfig& instance) {
  std::string others = where_share(task, instance);
  for (const dumper::DumpTable& table : plan.tables) {
    others += fmt::format(" AND NOT (schema_name = {} AND table_name = {})",
                          quoted_text(table.source.schema), quoted_text(table.source.table));
  }
  std::vector<std::string> statements;
  for (const char* const name : {"tiderelay_chunk", "tiderelay_table"}) {
    statements.push_back("DELETE FROM " + meta_table(task, name) + others);
  }
  return statements;
}

}  // namespace

Awaitable<void> forget_checkpoint(applier::Coordinator& coordinator, const conf::TaskConfig& task,
                                  const conf::InstanceConfig& instance) {
  const std::string share = where_share(task, instance);
  std::vector<std::string> statements;
  statements.push_back("UPDATE " + meta_table(task, "tiderelay_checkpoint") +
                       " SET seq = seq + 1, applied = ''" + share);
  statements.push_back("UPDATE " + meta_table(task, "tiderelay_chunk") + " SET state = 'void'" +
                       share);
  statements.push_back("UPDATE " + meta_table(task, "tiderelay_table") +
                       " SET state = 'planned', keyless = 0, low_set = '', low_position = '', "
                       "high_position = '', schema_sql = '', note = ''" +
                       share);
  statements.push_back("DELETE FROM " + meta_table(task, "tiderelay_ddl") + share);
  applier::SourceUpdate update;
  update.phase = "new";
  update.low_position = "";
  update.low_set = "";
  update.rules_fingerprint = "";
  update.rules_since = "";
  update.schema_snapshot = "";
  co_return co_await coordinator.update(std::move(update), std::move(statements));
}

Awaitable<void> forget_other_tables(applier::Coordinator& coordinator, const TaskPlan& plan,
                                    const conf::TaskConfig& task,
                                    const conf::InstanceConfig& instance) {
  std::vector<std::string> statements = forget_others_sql(plan, task, instance);
  applier::SourceUpdate nothing;
  co_return co_await coordinator.update(std::move(nothing), std::move(statements));
}

Awaitable<void> adopt_rules(applier::Coordinator& coordinator, TaskPlan& plan,
                            const conf::TaskConfig& task, const conf::InstanceConfig& instance) {
  const Result<relay::QueryOutcome> known = co_await coordinator.query(
      "SELECT schema_name, table_name, target_schema, target_table FROM " +
      meta_table(task, "tiderelay_table") + where_share(task, instance));
  if (!known) co_return known.error();
  if (known->error) co_return *known->error;
  std::map<applier::TableName, applier::TableName> targets;
  for (const auto& row : known->results.front().rows) {
    targets[{row[0].value_or(""), row[1].value_or("")}] = {row[2].value_or(""),
                                                           row[3].value_or("")};
  }
  std::vector<dumper::DumpTable> fresh;
  for (const dumper::DumpTable& table : plan.tables) {
    const auto before = targets.find(table.source);
    if (before == targets.end()) {
      fresh.push_back(table);
    } else if (before->second != table.target) {
      co_return Error(Errc::kConfig, "table " + table.source.schema + "." + table.source.table +
                                         " went to " + before->second.schema + "." +
                                         before->second.table + " so far")
          .with_way_out(
              "routes of tables that the task has copied cannot change: update-task without the "
              "table, then again with it and its new route; or begin anew with --remove-meta");
    }
  }
  std::vector<std::string> statements = forget_others_sql(plan, task, instance);
  const bool copies = task.mode != conf::TaskMode::kIncremental;
  if (copies && plan.rows.source.phase == kPhaseSync && !fresh.empty()) {
    const dumper::Ledger ledger(plan.dump, coordinator.target().kind == applier::TargetKind::kTidb);
    for (std::string& sql : ledger.copy_again_sql(fresh)) statements.push_back(std::move(sql));
  }
  applier::SourceUpdate update;
  update.rules_fingerprint = plan.rules_fingerprint;
  update.rules_since = plan.rows.source.low_position;
  for (const dumper::DumpTable& table : fresh) {
    plan.notes.push_back("new in the task: " + table.source.schema + "." + table.source.table);
  }
  co_return co_await coordinator.update(std::move(update), std::move(statements));
}

}  // namespace tiderelay::control
