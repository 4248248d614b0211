// control/task_forget_pump.cc: --remove-meta: a share begins anew without losing its fences.
//
// Rows of the ledger and the workers stay under the new epoch: what an older owner's connections
// still send finds a void chunk or another applied set, and commits nothing.
#include <fmt/format.h>

#include "applier/sql_text.h"
#include "control/task_plan.h"

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
  std::string others = where_share(task, instance);
  for (const dumper::DumpTable& table : plan.tables) {
    others += fmt::format(" AND NOT (schema_name = {} AND table_name = {})",
                          quoted_text(table.source.schema), quoted_text(table.source.table));
  }
  std::vector<std::string> statements;
  for (const char* const name : {"tiderelay_chunk", "tiderelay_table"}) {
    statements.push_back("DELETE FROM " + meta_table(task, name) + others);
  }
  applier::SourceUpdate nothing;
  co_return co_await coordinator.update(std::move(nothing), std::move(statements));
}

}  // namespace tiderelay::control
