// control/daemon_schemas.cc: binlog-schema list, update and delete: the table definitions that a
// task's checkpoint holds, and by which it reads the log's rows when it goes on.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/json.hpp>

#include "applier/router.h"
#include "applier/schema_builder.h"
#include "applier/schema_sql.h"
#include "applier/schema_tracker.h"
#include "applier/sql_text.h"
#include "applier/target_table.h"
#include "control/daemon.h"
#include "control/target_query.h"
#include "dumper/source_server.h"

namespace tiderelay::control {

namespace json = boost::json;

namespace {

struct StoredSchemas {
  applier::SourceFence fence;
  applier::SchemaTracker tracker{applier::TrackerOptions()};
};

Result<StoredSchemas> read_stored(const conf::TaskConfig& task,
                                  const applier::CheckpointScope& scope) {
  const Result<relay::StatementResult> found = query_target(
      task, {fmt::format("SELECT epoch,seq,schema_snapshot FROM {}.tiderelay_source "
                         "WHERE task={} AND source={}",
                         applier::quoted_name(scope.meta_schema), applier::quoted_text(scope.task),
                         applier::quoted_text(scope.source))});
  const Error none = Error(Errc::kConfig, "task " + task.name +
                                              " has no definitions yet at source " + scope.source)
                         .with_way_out("it has them once query-status shows the unit Sync");
  if (!found) return found.error().server_code() == 1146 ? none : found.error();
  if (found->rows.empty() || found->rows[0].size() < 3 || !found->rows[0][2] ||
      found->rows[0][2]->empty()) {
    return none;
  }
  StoredSchemas stored;
  stored.fence.epoch = std::stoll(found->rows[0][0].value_or("0"));
  stored.fence.seq = std::stoll(found->rows[0][1].value_or("0"));
  const Result<void> restored = stored.tracker.restore(*found->rows[0][2]);
  if (!restored) return restored.error();
  return stored;
}

// A task that has not passed the table's copy yet lays the copy's definition over the checkpoint's.
std::string copied_definition_sql(const applier::CheckpointScope& scope,
                                  const applier::TableSchema& schema) {
  using applier::quoted_text;
  return fmt::format(
      "UPDATE {}.tiderelay_table SET schema_sql={} WHERE task={} AND source={} AND schema_name={} "
      "AND table_name={}",
      applier::quoted_name(scope.meta_schema), quoted_text(applier::create_sql(schema)),
      quoted_text(scope.task), quoted_text(scope.source), quoted_text(schema.name.schema),
      quoted_text(schema.name.table));
}

// As the source has it where names are folded; else as typed.
applier::TableName stored_name(const applier::SchemaTracker& tracker,
                               const applier::TableName& name) {
  if (tracker.find(name)) return name;
  const applier::TableName folded{applier::lower_case_name(name.schema),
                                  applier::lower_case_name(name.table)};
  return tracker.find(folded) ? folded : name;
}

Result<std::string> shown_table(const applier::SchemaTracker& tracker,
                                const applier::TableName& name) {
  const auto schema = tracker.find(stored_name(tracker, name));
  if (schema) return applier::create_sql(*schema);
  return Error(Errc::kConfig, "the task knows no table " + name.schema + "." + name.table)
      .with_way_out("binlog-schema list TASK shows all that it knows");
}

std::string shown_tables(const applier::SchemaTracker& tracker, const std::string& schema) {
  std::string text;
  for (const applier::TableName& name : tracker.tables()) {
    if (!schema.empty() && name.schema != schema) continue;
    text += (text.empty() ? "" : "\n") + name.schema + "." + name.table;
  }
  return text;
}

// The one table of a text that CREATE TABLE or SHOW CREATE TABLE could be, under the name wanted.
Result<applier::TableSchema> schema_of_text(const applier::TrackerOptions& options,
                                            const applier::SchemaTracker& known,
                                            const applier::TableName& name, std::string_view text) {
  applier::SchemaContext context;
  context.charsets.dialect = options.dialect;
  context.charsets.server_version = options.server_version;
  context.database = known.database(name.schema).value_or(applier::CharsetClause());
  context.explicit_defaults_for_timestamp = options.explicit_defaults_for_timestamp;
  applier::ParseOptions parsing;
  parsing.lex.dialect = options.dialect;
  Result<applier::TableSchema> schema =
      applier::parse_create_table(text, name.schema, context, parsing);
  if (!schema) {
    return schema.error()
        .as(Errc::kConfig)
        .with_way_out("one CREATE TABLE statement is wanted, as SHOW CREATE TABLE prints it");
  }
  schema->name = name;
  return schema;
}

Result<applier::TrackerOptions> options_of(const relay::ConnectOptions& source) {
  const Result<relay::StatementResult> version = query_source(source, {"SELECT @@version"});
  if (!version) return version.error();
  const Result<relay::StatementResult> facts =
      query_source(source, {dumper::describe_source_sql()});
  if (!facts) return facts.error();
  const Result<dumper::SourceServer> server =
      dumper::describe_source(version->rows.at(0).at(0).value_or(""), *facts);
  if (!server) return server.error();
  applier::TrackerOptions options;
  options.dialect = server->mariadb ? applier::Dialect::kMariaDb : applier::Dialect::kMySql;
  options.server_version = server->version;
  options.lower_case_table_names = server->lower_case_table_names;
  options.explicit_defaults_for_timestamp = server->explicit_defaults_for_timestamp;
  return options;
}

std::string show_create_sql(const applier::TableName& name) {
  return "SHOW CREATE TABLE " + applier::qualified_name(name);
}

std::string shown_text(const relay::StatementResult& shown) {
  if (shown.rows.empty() || shown.rows[0].size() < 2) return "";
  return shown.rows[0][1].value_or("");
}

Result<applier::TableSchema> schema_of_target(const conf::TaskConfig& task,
                                              const std::string& source_id,
                                              const applier::TableName& name) {
  const Result<applier::Router> router =
      applier::Router::make(task.find_instance(source_id)->routes, task.case_sensitive);
  if (!router) return router.error();
  const Result<applier::TableName> target = router->route(name);
  if (!target) return target.error();
  const Result<relay::StatementResult> shown = query_target(task, {show_create_sql(*target)});
  if (!shown) return shown.error();
  const Result<relay::StatementResult> version = query_target(task, {"SELECT VERSION()"});
  if (!version) return version.error();
  const applier::TargetInfo server =
      applier::TargetInfo::from_greeting(version->rows.at(0).at(0).value_or(""));
  Result<applier::TableSchema> schema = applier::parse_shown_table(
      shown_text(*shown), name.schema, applier::dialect_of(server.kind), server.version);
  if (!schema) return schema.error();
  schema->name = name;
  return schema;
}

Result<applier::TableSchema> new_schema(const CtlCall& call, const conf::TaskConfig& task,
                                        const SourceRunner& source,
                                        const applier::SchemaTracker& known,
                                        const applier::TableName& name,
                                        const std::string& file_text) {
  using Definition = CtlCall::Definition;
  const std::string& source_id = source.config().source_id;
  if (call.action == "delete" || call.definition == Definition::kOfTarget) {
    return schema_of_target(task, source_id, name);
  }
  const Result<applier::TrackerOptions> options = options_of(source.connect());
  if (!options) return options.error();
  if (call.definition == Definition::kOfFile) {
    Result<applier::TableSchema> schema = schema_of_text(*options, known, name, file_text);
    if (!schema) return schema.error().in(call.file);
    return schema;
  }
  const Result<relay::StatementResult> shown =
      query_source(source.connect(), {show_create_sql(name)});
  if (!shown) return shown.error();
  return schema_of_text(*options, known, name, shown_text(*shown));
}

}  // namespace

// The text to show; of a change: what stands there from now on. A change is one fenced transaction
// on the checkpoint of a task at rest, which is read anew when the task goes on.
Result<std::string> Daemon::operate_schema(const CtlCall& call, const conf::TaskConfig& task,
                                           const SourceRunner& source, const TaskStatus& status,
                                           const std::string& file_text) {
  const std::string& source_id = source.config().source_id;
  const applier::CheckpointScope scope = checkpoint_scope(task, source_id);
  const bool changes = call.action != "list";
  if (changes && status.stage != Stage::kPaused) {
    return Error(Errc::kConfig, std::string("task ") + task.name + " is " +
                                    stage_name(status.stage) + ", not paused")
        .with_way_out("pause-task " + task.name + " first");
  }
  Result<StoredSchemas> stored = read_stored(task, scope);
  if (!stored) return stored.error();
  applier::SchemaTracker& tracker = stored->tracker;
  if (!changes && call.table.empty()) return shown_tables(tracker, call.schema);
  const applier::TableName name = stored_name(tracker, {call.schema, call.table});
  if (!changes) return shown_table(tracker, name);
  Result<applier::TableSchema> schema = new_schema(call, task, source, tracker, name, file_text);
  if (!schema) return schema.error();
  tracker.set_table(std::move(*schema));
  applier::SourceUpdate update;
  update.schema_snapshot = tracker.snapshot();
  const Result<relay::StatementResult> stored_now =
      query_target(task, {"BEGIN", applier::source_update_sql(scope, stored->fence, update),
                          copied_definition_sql(scope, *tracker.find(name)), "COMMIT"});
  if (!stored_now) return stored_now.error();
  spdlog::info("task {} at {}: {} of the definition of {}.{} by {}", task.name, source_id,
               call.action, name.schema, name.table, call.by.empty() ? "unknown" : call.by);
  return shown_table(tracker, name);
}

json::object Daemon::operate_schemas(const CtlCall& call, const SentFiles& files) {
  const auto chosen = chosen_shares(call, files);
  if (!chosen) return refusal(chosen.error());
  std::string file_text;
  if (!call.file.empty()) {
    const auto file = files.find(call.file);
    if (file == files.end()) {
      return refusal(Error(Errc::kConfig, "the file " + call.file + " was not sent")
                         .with_way_out("name a file with a CREATE TABLE statement"));
    }
    file_text = file->second;
  }
  std::vector<SourceOutcome> outcomes;
  for (const auto& [name, id] : *chosen) {
    const TaskEntry& entry = tasks_.at(name);
    const Share& share = entry.shares.at(id);
    SourceOutcome outcome;
    outcome.source_id = id;
    const Result<std::string> done =
        operate_schema(call, entry.config, *share.source, share.runner->status(), file_text);
    outcome.result = done.has_value();
    outcome.message = done ? *done : with_way_out(done.error());
    outcomes.push_back(std::move(outcome));
  }
  return sources_answer(outcomes);
}

}  // namespace tiderelay::control
