// control/task_plan_pump.cc: asks the servers what the plan needs.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "applier/schema_builder.h"
#include "base/hash.h"
#include "control/task_plan.h"
#include "dumper/ledger.h"
#include "relay/signal.h"

namespace tiderelay::control {

namespace asio = relay::asio;
using applier::TableName;
using applier::TableSchema;
using relay::Awaitable;
using relay::StatementResult;

namespace {

constexpr std::chrono::milliseconds kLooksAtLog{100};
// Measured with bench/run.py: docs/performance.md.
constexpr std::uint32_t kBatchRows = 500;
constexpr std::size_t kSentBytesPerWorker = 1U << 20;

// Of what decides which rows go where. The order of rules counts.
std::string fingerprint_of(const conf::TaskConfig& task, const conf::InstanceConfig& instance) {
  std::string text = task.case_sensitive ? "case;" : ";";
  for (const std::string& schema : instance.list.do_schemas) text += "+" + schema + ";";
  for (const std::string& schema : instance.list.ignore_schemas) text += "-" + schema + ";";
  for (const auto& table : instance.list.do_tables)
    text += "+" + table.schema + "." + table.table + ";";
  for (const auto& table : instance.list.ignore_tables) {
    text += "-" + table.schema + "." + table.table + ";";
  }
  for (const applier::RouteOptions& route : instance.routes) {
    text += route.schema_pattern + "." + route.table_pattern + ">" + route.target_schema + "." +
            route.target_table + ";";
  }
  for (const applier::EventRuleOptions& rule : instance.filters) {
    text += rule.schema_pattern + "." + rule.table_pattern + "!" +
            std::to_string(static_cast<int>(rule.action));
    for (const std::string& event : rule.events) text += "," + event;
    for (const std::string& pattern : rule.sql_patterns) text += "~" + pattern;
    text += ";";
  }
  return fmt::format("{:016x}", hash_text(text));
}

// Without whole rows in the log nothing can be matched or written anew. 5.5 has no such variable:
// there every row is whole.
Awaitable<void> check_row_images(relay::Connection& source) {
  const Result<StatementResult> found =
      co_await source.execute("SHOW GLOBAL VARIABLES LIKE 'binlog_row_image'");
  if (!found) co_return found.error();
  if (found->rows.empty() || found->rows[0].size() < 2) co_return Result<void>();
  const std::string image = found->rows[0][1].value_or("");
  if (image == "FULL") co_return Result<void>();
  co_return Error(Errc::kConfig, "binlog_row_image is " + image + ", FULL is needed")
      .with_way_out(
          "at the source: SET GLOBAL binlog_row_image = 'FULL', then reconnect its writers");
}

// What time_zone SYSTEM means at the source now, as "+02:00". A statement of the other half of the
// year is an hour off where it puts local times into rows that exist.
Awaitable<std::string> read_system_time_zone(relay::Connection& source) {
  const Result<StatementResult> found = co_await source.execute(
      "SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', "
      "'SYSTEM'))");
  if (!found) co_return found.error();
  if (found->rows.empty() || !found->rows[0][0]) co_return std::string();
  const int minutes = std::atoi(found->rows[0][0]->c_str());
  co_return fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60,
                        std::abs(minutes) % 60);
}

// The relay log has begun, so that what the copy misses will be there.
Awaitable<void> wait_for_log(asio::any_io_executor loop, SourceRunner& source,
                             const applier::Coordinator& coordinator) {
  relay::Signal pause(loop);
  for (;;) {
    if (coordinator.stopped()) co_return Error(Errc::kStopped, "stopped");
    const SourceRunner::Status status = source.status();
    if (status.error) co_return *status.error;
    const bool begun = source.log().end().get().position.generation != 0;
    if (begun && !status.upstream_file.empty()) co_return Result<void>();
    const bool no_room = status.upstream.state == relay::UpstreamState::kDiskFull ||
                         status.upstream.state == relay::UpstreamState::kStorageCap;
    if (!begun && (status.upstream.failures > 2 || no_room) && status.upstream.error) {
      co_return *status.upstream.error;
    }
    co_await pause.wait_for(kLooksAtLog);
  }
}

// "mysql-bin.000003:4711" in the generation that is being received.
Result<relay::LogPosition> position_in_log(relay::LogCatalog& catalog, const std::string& text) {
  const auto generation = catalog.last_generation();
  if (!generation) return Error(Errc::kDiverged, "the relay log is empty");
  return catalog.parse(generation->folder() + "/" + text);
}

applier::Dialect dialect_of(const dumper::SourceServer& server) {
  return server.mariadb ? applier::Dialect::kMariaDb : applier::Dialect::kMySql;
}

dumper::DumpOptions dump_options(const conf::TaskConfig& task, const conf::InstanceConfig& instance,
                                 const applier::SessionOptions& session, std::int64_t epoch) {
  dumper::DumpOptions dump;
  dump.task = task.name;
  dump.source_id = instance.source_id;
  dump.meta_schema = task.meta_schema;
  dump.epoch = static_cast<std::uint64_t>(epoch);
  dump.readers = std::max(1U, instance.dump.threads);
  dump.writers = std::max(1U, instance.load.pool_size);
  dump.where = instance.dump.where;
  dump.no_locks = instance.dump.no_locks;
  dump.grace = std::chrono::duration_cast<std::chrono::milliseconds>(task.tiderelay.no_locks_grace);
  dump.on_duplicate = static_cast<dumper::OnDuplicate>(instance.load.on_duplicate);
  if (instance.dump.rows != 0) dump.chunk_rows_max = instance.dump.rows;
  dump.chunk_bytes = instance.dump.chunk_filesize.bytes;
  if (instance.dump.statement_size.bytes != 0) {
    dump.statement_bytes = instance.dump.statement_size.bytes;
  }
  dump.session = session;
  dump.analyze = static_cast<dumper::Analyze>(instance.load.analyze);
  dump.random_seed = std::random_device()();
  return dump;
}

applier::ApplyOptions apply_options(const conf::TaskConfig& task,
                                    const conf::InstanceConfig& instance,
                                    const applier::CoordinatorOptions& coordinator,
                                    const applier::TargetInfo& target,
                                    const dumper::SourceServer& server) {
  applier::ApplyOptions apply;
  apply.target = coordinator.target;
  apply.workers = std::max(1U, instance.sync.worker_count);
  apply.worker.scope = coordinator.scope;
  apply.worker.target = target;
  apply.worker.session = coordinator.session;
  if (task.tiderelay.on_missing_row == conf::OnMissingRow::kCount) {
    apply.worker.on_wrong_count = applier::WorkerOptions::WrongCount::kNoteAndGoOn;
  }
  apply.planner.batch_rows_max = task.tiderelay.batch_rows != 0
                                     ? task.tiderelay.batch_rows
                                     : std::max(instance.sync.batch, kBatchRows);
  apply.planner.batch_bytes_max = task.tiderelay.batch_bytes.bytes;
  apply.planner.bytes_max = task.tiderelay.memory_budget.bytes;
  apply.planner.sent_bytes_max = apply.workers * kSentBytesPerWorker;
  apply.planner.batches_max = std::max<std::size_t>(2UL * apply.workers, 8);
  apply.planner.keep_low_set = server.gtid_on;
  apply.log_source.split_bytes = task.tiderelay.memory_budget.bytes / 2;
  apply.log_source.split_rows = task.tiderelay.split_transaction_rows;
  apply.log_source.always_replay = instance.sync.safe_mode;
  apply.log_source.binding.target = target;
  apply.log_source.binding.virtual_columns_logged = !server.mariadb;
  apply.seed = std::random_device()();
  return apply;
}

// Tables of the task in more than one source, or routed together: nobody may displace rows there.
bool shares_targets(const conf::TaskConfig& task) { return task.instances.size() > 1; }

Result<void> add_tables(TaskPlan& plan, const conf::TaskConfig& task,
                        const conf::InstanceConfig& instance, const std::vector<TableName>& taken) {
  auto chosen = applier::DumpSelection::make(instance.dump.selection, task.case_sensitive);
  if (!chosen) return chosen.error().as(Errc::kConfig);
  std::map<TableName, int> uses;
  for (const TableName& name : taken) {
    const Result<std::optional<TableName>> target = plan.selection->target_of(name);
    if (!target) return target.error().as(Errc::kConfig);
    if (!*target) continue;
    if (!chosen->takes(name)) {
      plan.notes.push_back(name.schema + "." + name.table +
                           " is left out of the copy by extra-args, but its changes are applied");
      continue;
    }
    ++uses[**target];
    plan.tables.push_back({name, **target, shares_targets(task)});
  }
  std::vector<TableName> targets;
  for (dumper::DumpTable& table : plan.tables) {
    table.shared_target = table.shared_target || uses[table.target] > 1;
    targets.push_back(table.target);
  }
  const bool folds = plan.apply.worker.target.kind == applier::TargetKind::kTidb;
  return folds ? applier::check_case(targets) : Result<void>();
}

// What the file may say and nothing does yet.
Result<void> refuse_unsupported(const conf::TaskConfig& task,
                                const conf::InstanceConfig& instance) {
  if (task.shard_mode != conf::ShardMode::kNone) {
    return Error(Errc::kConfig, "shard-mode (is-sharding) is not supported yet")
        .with_way_out(
            "leave it out: each source's statements are then run by themselves, and one that the "
            "target has already counts as done where the tables fit; columns are dropped on all "
            "shards before the task goes on");
  }
  for (const applier::RouteOptions& route : instance.routes) {
    if (!route.extract_table && !route.extract_schema && !route.extract_source) continue;
    return Error(Errc::kConfig, "extract-table, extract-schema and extract-source of route " +
                                    route.schema_pattern + " are not supported yet")
        .with_way_out("leave them out, and give the target's column a default");
  }
  return {};
}

}  // namespace

Awaitable<std::vector<TableName>> list_tables(relay::Connection& source,
                                              const applier::TableFilter& list) {
  const Result<StatementResult> found = co_await source.execute(
      "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES "
      "WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY 1, 2");
  if (!found) co_return found.error();
  std::vector<TableName> tables;
  for (const auto& row : found->rows) {
    const TableName name{row[0].value_or(""), row[1].value_or("")};
    if (list.takes(name)) tables.push_back(name);
  }
  co_return tables;
}

Result<std::unique_ptr<applier::TaskSelection>> make_selection(const conf::TaskConfig& task,
                                                               const conf::InstanceConfig& instance,
                                                               const conf::SourceConfig& source,
                                                               const dumper::SourceServer& server) {
  applier::SelectionOptions options;
  options.case_sensitive = task.case_sensitive || source.case_sensitive;
  options.list = instance.list;
  options.routes = instance.routes;
  options.filters = conf::with_source_filters(instance, source.filters, options.case_sensitive);
  options.parse.lex.dialect = dialect_of(server);
  options.parse.lex.server_version = server.version;
  auto selection = applier::TaskSelection::make(options);
  if (!selection) return selection.error().as(Errc::kConfig);
  return std::make_unique<applier::TaskSelection>(std::move(*selection));
}

Result<void> make_coordinator_options(const conf::TaskConfig& task,
                                      const conf::InstanceConfig& instance,
                                      applier::CoordinatorOptions& options) {
  options.scope.meta_schema = task.meta_schema;
  options.scope.task = task.name;
  options.scope.source = instance.source_id;
  const Result<relay::ConnectOptions> target = connect_options(task.target);
  if (!target) return target.error();
  options.target = *target;
  for (const auto& [name, value] : task.target.session) {
    options.session.variables.emplace_back(name, value);
  }
  return {};
}

Awaitable<TaskPlan> make_task_plan(TaskPlanInput input, applier::Coordinator& coordinator) {
  TaskPlan plan;
  plan.rows = std::move(input.rows);
  plan.executor = input.executor;
  const conf::TaskConfig& task = *input.task;
  const conf::InstanceConfig& instance = *input.instance;
  const Result<void> supported = refuse_unsupported(task, instance);
  if (!supported) co_return supported.error();
  applier::CoordinatorOptions coordinator_options;
  const Result<void> made = make_coordinator_options(task, instance, coordinator_options);
  if (!made) co_return made.error();
  plan.target = coordinator_options.target;

  relay::Connection source(input.executor, input.source->connect());
  const Result<void> connected = co_await source.connect();
  if (!connected) co_return connected.error().in("source " + instance.source_id);
  const Result<StatementResult> facts = co_await source.execute(dumper::describe_source_sql());
  if (!facts) co_return facts.error().in("source " + instance.source_id);
  Result<dumper::SourceServer> server = dumper::describe_source(source.server_version(), *facts);
  if (!server) co_return server.error();
  plan.server = std::move(*server);
  const Result<void> whole = co_await check_row_images(source);
  if (!whole) co_return whole.error().in("source " + instance.source_id);
  auto selection = make_selection(task, instance, input.source->config(), plan.server);
  if (!selection) co_return selection.error();
  plan.selection = std::move(*selection);

  plan.rules_fingerprint = fingerprint_of(task, instance);
  const std::string& known = plan.rules_fingerprint;
  const std::string& before = plan.rows.source.rules_fingerprint;
  plan.rules_changed = !before.empty() && before != known;
  if (plan.rules_changed && !input.new_rules) {
    co_return Error(Errc::kConfig, "the lists, routes or filters of task " + task.name +
                                       " have changed since its checkpoint at source " +
                                       instance.source_id)
        .with_way_out(
            "update-task takes the changed file over; or put them back, give the task a new name, "
            "or begin anew with --remove-meta");
  }
  const Result<void> logged = co_await wait_for_log(input.executor, *input.source, coordinator);
  if (!logged) co_return logged.error().in("source " + instance.source_id);
  const SourceRunner::Status status = input.source->status();
  const Result<relay::LogPosition> goal =
      position_in_log(input.source->log().catalog(),
                      status.upstream_file + ":" + std::to_string(status.upstream_offset_bytes));
  if (goal) plan.goal = *goal;

  plan.apply =
      apply_options(task, instance, coordinator_options, coordinator.target(), plan.server);
  const Result<std::vector<TableName>> taken = co_await list_tables(source, plan.selection->list());
  if (!taken) co_return taken.error().in("source " + instance.source_id);
  const Result<void> added = add_tables(plan, task, instance, *taken);
  if (!added) co_return added.error();
  if (plan.tables.empty() && plan.rows.source.phase != kPhaseSync) {
    plan.notes.push_back("no table of source " + instance.source_id + " is selected at the moment");
  }
  plan.dump = dump_options(task, instance, coordinator_options.session, plan.rows.source.epoch);
  plan.dump.route = [selection = plan.selection.get()](const TableName& name) {
    const Result<std::optional<TableName>> target = selection->target_of(name);
    return target ? *target : std::nullopt;
  };
  Result<std::string> time_zone = co_await read_system_time_zone(source);
  if (!time_zone) co_return time_zone.error().in("source " + instance.source_id);
  plan.apply.source_time_zone = std::move(*time_zone);
  plan.shares_targets = shares_targets(task);
  plan.apply.log_source.binding.shared_target = plan.shares_targets;
  co_return plan;
}

Awaitable<void> list_tables_again(TaskPlan& plan, const conf::TaskConfig& task,
                                  const conf::InstanceConfig& instance, SourceRunner& source) {
  relay::Connection connection(plan.executor, source.connect());
  const Result<void> connected = co_await connection.connect();
  if (!connected) co_return connected.error().in("source " + instance.source_id);
  const Result<std::vector<TableName>> taken =
      co_await list_tables(connection, plan.selection->list());
  if (!taken) co_return taken.error().in("source " + instance.source_id);
  plan.tables.clear();
  co_return add_tables(plan, task, instance, *taken);
}

std::vector<TableProgress> table_progress(const dumper::DumpStatus& status) {
  std::vector<TableProgress> tables;
  for (const dumper::TableStatus& table : status.tables) {
    TableProgress progress;
    progress.source = table.source.schema + "." + table.source.table;
    progress.target = table.target.schema + "." + table.target.table;
    progress.rows_done = table.rows_done;
    progress.rows_estimated = table.rows_estimated;
    progress.chunks_done = table.chunks_done;
    progress.chunks_total = table.chunks_total;
    progress.bytes_done = table.bytes_done;
    progress.done = table.stage == dumper::TableStage::kLoaded;
    progress.note = table.note;
    tables.push_back(std::move(progress));
  }
  return tables;
}

}  // namespace tiderelay::control
