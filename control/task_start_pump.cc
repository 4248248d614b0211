// control/task_start_pump.cc: where the log begins for a task: behind the copy, or where the user
// says.
#include <algorithm>

#include "applier/schema_builder.h"
#include "control/task_plan.h"
#include "control/task_schema_pump.h"
#include "dumper/ledger.h"

namespace tiderelay::control {

using applier::AppliedSet;
using applier::TableName;
using relay::Awaitable;

namespace {

dumper::Ledger ledger_of(const applier::Coordinator& coordinator, const TaskPlan& plan) {
  return dumper::Ledger(plan.dump, coordinator.target().kind == applier::TargetKind::kTidb);
}

Awaitable<std::vector<dumper::TableRow>> read_copied(applier::Coordinator& coordinator,
                                                     const TaskPlan& plan) {
  const dumper::Ledger ledger = ledger_of(coordinator, plan);
  const Result<relay::QueryOutcome> read = co_await coordinator.query(ledger.read_tables_sql());
  if (!read) co_return read.error();
  co_return dumper::Ledger::read_tables(read->results.front());
}

Result<relay::LogPosition> parse_in_log(relay::LogCatalog& catalog, const std::string& text) {
  if (text.find('/') != std::string::npos) return catalog.parse(text);
  const auto generation = catalog.last_generation();
  if (!generation) return Error(Errc::kDiverged, "the relay log is empty");
  return catalog.parse(generation->folder() + "/" + text);
}

relay::LogPosition file_start(relay::LogPosition position) {
  position.offset_bytes = 4;
  return position;
}

// The window of a copied table. MariaDB's marks are exact positions; MySQL's are sets where it has
// GTIDs.
Result<applier::TableWindow> window_of(relay::LogCatalog& catalog, const dumper::TableRow& row,
                                       const dumper::SourceServer& server) {
  applier::TableWindow window;
  const Result<relay::LogPosition> high = parse_in_log(catalog, row.high_position);
  if (!high) return high.error();
  window.high = *high;
  if (!row.low.position.empty()) {
    const Result<relay::LogPosition> low = parse_in_log(catalog, row.low.position);
    if (!low) return low.error();
    window.low_position = *low;
  } else if (!server.mariadb) {
    const Result<AppliedSet> low = AppliedSet::parse(row.low.set);
    if (!low) return low.error();
    window.low = *low;
  }
  return window;
}

// A file whose start is at or before everything that the copy may miss.
Result<relay::LogPosition> replay_start(relay::LogCatalog& catalog,
                                        const std::vector<dumper::TableRow>& copied,
                                        const dumper::SourceServer& server) {
  std::optional<relay::LogPosition> start;
  for (const dumper::TableRow& row : copied) {
    std::optional<relay::LogPosition> place;
    if (!row.low.position.empty()) {
      const Result<relay::LogPosition> low = parse_in_log(catalog, row.low.position);
      if (!low) return low.error();
      place = file_start(*low);
    } else if (!server.mariadb) {
      const Result<relay::GtidState> low = relay::GtidState::parse(row.low.set);
      if (!low) return low.error();
      place = catalog.first_file_not_after(*low);
    }
    if (!place) {
      return Error(Errc::kPurged, "the relay log no longer reaches back to the copy of " +
                                      row.source.schema + "." + row.source.table)
          .with_way_out("copy again: start-task --remove-meta");
    }
    if (!start || *place < *start) start = place;
  }
  if (start) return *start;
  const relay::LogPosition end =
      catalog.last_file() ? catalog.last_file()->begin : relay::LogPosition();
  return end;
}

// The set of what lies before a file, for the applied set's text.
std::string set_before(relay::LogCatalog& catalog, const relay::LogPosition& position) {
  for (const relay::LogFile& file : catalog.files()) {
    if (file.begin.generation != position.generation || file.begin.file != position.file) continue;
    return file.gtids_before ? file.gtids_before->mysql().text() : "";
  }
  return "";
}

// Statements that a copy holds are not followed: until the mark has passed its HIGH its table is as
// it was copied. Stored before anything behind it is applied.
Awaitable<void> lay_copies_over(applier::Coordinator& coordinator, TaskPlan& plan,
                                const std::vector<dumper::TableRow>& copied,
                                const applier::ApplyStart& start) {
  for (const dumper::TableRow& row : copied) {
    if (start.windows.at(row.source).high < start.position) continue;
    const Result<void> laid = lay_copy_over(plan, row);
    if (!laid) co_return laid.error();
  }
  applier::SourceUpdate update;
  update.schema_snapshot = plan.schemas->tracker().snapshot();
  if (*update.schema_snapshot == plan.rows.source.schema_snapshot) co_return Result<void>();
  std::vector<std::string> nothing;
  co_return co_await coordinator.update(std::move(update), std::move(nothing));
}

Result<dumper::DumpTable> dump_table(const TaskPlan& plan, const TableName& source) {
  for (const dumper::DumpTable& table : plan.tables) {
    if (table.source == source) return table;
  }
  const Result<std::optional<TableName>> target = plan.selection->target_of(source);
  if (!target) return target.error();
  return dumper::DumpTable{source, target->value_or(source), plan.shares_targets};
}

struct Beginning {
  relay::LogPosition position;
  std::string set;
};

// task-mode incremental: by file and offset, by GTID set, or from now.
Result<Beginning> incremental_start(relay::LogCatalog& catalog, const conf::StartPosition& start,
                                    const TaskPlan& plan) {
  Beginning beginning;
  if (!start.binlog_gtid.empty()) {
    const Result<relay::GtidState> set = relay::GtidState::parse(start.binlog_gtid);
    if (!set) return set.error().in("meta.binlog-gtid");
    const auto file = catalog.first_file_not_after(*set);
    if (!file) {
      return Error(Errc::kPurged,
                   "meta.binlog-gtid: the relay log has no file that begins within it")
          .with_way_out(
              "make the source anew (operate-source stop, then create) with relay-binlog-gtid in "
              "its "
              "file, or begin the task at a later place");
    }
    beginning.position = *file;
    beginning.set = set->mysql().text();
    return beginning;
  }
  if (!start.binlog_name.empty()) {
    const std::uint64_t offset = std::max<std::uint64_t>(start.binlog_pos, 4);
    const Result<relay::LogPosition> position =
        parse_in_log(catalog, start.binlog_name + ":" + std::to_string(offset));
    if (!position) {
      return position.error()
          .in("meta.binlog-name")
          .with_way_out(
              "make the source anew (operate-source stop, then create) with relay-binlog-name in "
              "its "
              "file, or begin the task at a later place");
    }
    beginning.position = *position;
    return beginning;
  }
  beginning.position = plan.goal;
  return beginning;
}

}  // namespace

Result<relay::StartPoint> start_of(const conf::TaskConfig& task,
                                   const conf::InstanceConfig& instance) {
  relay::StartPoint start;
  if (task.mode != conf::TaskMode::kIncremental) return start;
  if (!instance.start.binlog_gtid.empty()) {
    const Result<relay::GtidState> set = relay::GtidState::parse(instance.start.binlog_gtid);
    if (!set) return set.error().in("meta.binlog-gtid").as(Errc::kConfig);
    start.kind = relay::StartPoint::Kind::kGtids;
    start.gtids = *set;
  } else if (!instance.start.binlog_name.empty()) {
    start.kind = relay::StartPoint::Kind::kFile;
    start.file = instance.start.binlog_name;
  }
  return start;
}

Awaitable<void> finish_copy(applier::Coordinator& coordinator, TaskPlan& plan,
                            const conf::TaskConfig& task, const conf::InstanceConfig& instance,
                            SourceRunner& source) {
  relay::LogCatalog& catalog = source.log().catalog();
  const Result<std::vector<dumper::TableRow>> copied = co_await read_copied(coordinator, plan);
  if (!copied) co_return copied.error();
  Beginning beginning;
  if (task.mode == conf::TaskMode::kIncremental) {
    const Result<Beginning> found = incremental_start(catalog, instance.start, plan);
    if (!found) co_return found.error();
    beginning = *found;
    const Result<void> seeded = co_await seed_from_source(plan.executor, plan, source, coordinator,
                                                          !instance.start.given());
    if (!seeded) co_return seeded.error();
  } else {
    const Result<relay::LogPosition> found = replay_start(catalog, *copied, plan.server);
    if (!found) co_return found.error();
    beginning.position = *found;
    if (plan.server.gtid_on && !plan.server.mariadb) beginning.set = set_before(catalog, *found);
    const Result<void> seeded = co_await seed_from_copies(plan.executor, plan, source, *copied);
    if (!seeded) co_return seeded.error();
  }
  applier::SourceUpdate update;
  update.phase = kPhaseSync;
  update.low_position = catalog.text(beginning.position);
  update.low_set = beginning.set;
  update.rules_fingerprint = plan.rules_fingerprint;
  update.rules_since = catalog.text(beginning.position);
  update.schema_snapshot = plan.schemas->tracker().snapshot();
  plan.rows.source.phase = kPhaseSync;
  plan.rows.source.low_position = *update.low_position;
  plan.rows.source.low_set = beginning.set;
  plan.rows.source.schema_snapshot = *update.schema_snapshot;
  std::vector<std::string> nothing;
  co_return co_await coordinator.update(std::move(update), std::move(nothing));
}

Awaitable<std::vector<dumper::DumpTable>> tables_to_copy(applier::Coordinator& coordinator,
                                                         const TaskPlan& plan) {
  const Result<std::vector<dumper::TableRow>> known = co_await read_copied(coordinator, plan);
  if (!known) co_return known.error();
  std::vector<dumper::DumpTable> tables;
  for (const dumper::TableRow& row : *known) {
    if (row.state == dumper::TableState::kLoaded) continue;
    const Result<dumper::DumpTable> table = dump_table(plan, row.source);
    if (!table) co_return table.error();
    tables.push_back(*table);
  }
  if (plan.rows.source.phase == kPhaseSync) co_return tables;
  for (const dumper::DumpTable& table : plan.tables) {
    const bool in_ledger = std::ranges::any_of(
        *known, [&](const dumper::TableRow& row) { return row.source == table.source; });
    if (!in_ledger) tables.push_back(table);
  }
  co_return tables;
}

Awaitable<void> ask_for_copies(applier::Coordinator& coordinator, const TaskPlan& plan,
                               std::vector<applier::TableName> names) {
  std::vector<dumper::DumpTable> tables;
  for (const TableName& name : names) {
    const Result<dumper::DumpTable> table = dump_table(plan, name);
    if (!table) co_return table.error();
    tables.push_back(*table);
  }
  std::vector<std::string> statements = ledger_of(coordinator, plan).copy_again_sql(tables);
  co_return co_await coordinator.update(applier::SourceUpdate(), std::move(statements));
}

Awaitable<void> pin_log(applier::Coordinator& coordinator, const TaskPlan& plan,
                        const std::string& task, SourceRunner& source) {
  relay::LogCatalog& catalog = source.log().catalog();
  if (plan.rows.source.phase == kPhaseSync) {
    const Result<relay::LogPosition> low = catalog.parse(plan.rows.source.low_position);
    co_return low ? catalog.pin("task " + task, *low) : Result<void>();
  }
  // A copy that begins now needs nothing of what is here but the last file.
  const Result<std::vector<dumper::TableRow>> copied = co_await read_copied(coordinator, plan);
  if (!copied) co_return copied.error();
  const Result<relay::LogPosition> from = replay_start(catalog, *copied, plan.server);
  co_return from ? catalog.pin("task " + task, *from) : Result<void>();
}

Awaitable<applier::ApplyStart> make_apply_start(applier::Coordinator& coordinator, TaskPlan& plan,
                                                SourceRunner& source) {
  relay::LogCatalog& catalog = source.log().catalog();
  applier::ApplyStart start;
  const Result<relay::LogPosition> low = catalog.parse(plan.rows.source.low_position);
  if (!low) co_return low.error().in("checkpoint of source " + plan.dump.source_id);
  start.position = *low;
  const Result<std::vector<dumper::TableRow>> copied = co_await read_copied(coordinator, plan);
  if (!copied) co_return copied.error();
  for (const dumper::TableRow& row : *copied) {
    const Result<applier::TableWindow> window = window_of(catalog, row, plan.server);
    if (!window) co_return window.error();
    start.windows[row.source] = *window;
  }
  if (!plan.schemas) {
    const Result<void> restored = restore_schemas(plan);
    if (!restored) co_return restored.error();
    const Result<void> laid = co_await lay_copies_over(coordinator, plan, *copied, start);
    if (!laid) co_return laid.error();
  }
  const Result<void> fetched = co_await fetch_targets(coordinator, plan);
  if (!fetched) co_return fetched.error();
  start.rows = std::move(plan.rows);
  co_return start;
}

}  // namespace tiderelay::control
