// control/daemon_statements.cc: binlog skip, replace, inject, revert and list: what an operator
// orders for one statement of a source's log.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "applier/ddl_parser.h"
#include "applier/sql_text.h"
#include "applier/statement_order.h"
#include "control/daemon.h"
#include "control/target_query.h"

namespace tiderelay::control {

namespace json = boost::json;
using applier::StatementOrder;

namespace {

Result<std::vector<StatementOrder>> orders_of(const conf::TaskConfig& task,
                                              const applier::CheckpointScope& scope) {
  const Result<relay::StatementResult> rows = query_target(
      task, {"CREATE DATABASE IF NOT EXISTS " + applier::quoted_name(task.meta_schema),
             applier::order_table_sql(task.meta_schema), applier::read_orders_sql(scope)});
  if (!rows) return rows.error();
  return applier::read_orders(*rows);
}

// Statements that change tables, with the schema of each: the session has none of its own.
Result<void> check_statements(const std::vector<std::string>& statements) {
  for (const std::string& sql : statements) {
    applier::ParseOptions options;
    options.lex.dialect = applier::Dialect::kTidb;
    const Result<applier::DdlStatement> parsed = applier::parse_statement(sql, options);
    const bool unknown = !parsed || parsed->kind == applier::StatementKind::kUnknown ||
                         parsed->kind == applier::StatementKind::kSkipped;
    if (unknown) {
      return Error(Errc::kConfig, "not a statement that changes a table: " + sql)
          .with_way_out("only statements on tables and schemas can be given here");
    }
    for (const applier::TableName& table : parsed->tables) {
      if (!table.schema.empty()) continue;
      return Error(Errc::kConfig, "the schema of table " + table.table + " is missing in: " + sql)
          .with_way_out("write it as schema.table, by its name in the target");
    }
  }
  return {};
}

std::string order_text(const StatementOrder& order) {
  json::object object{{"position", order.position},
                      {"op", applier::action_text(order.action)},
                      {"sqls", json::array(order.sql.begin(), order.sql.end())},
                      {"operator", order.by},
                      {"time", order.made},
                      {"done", order.done}};
  return json::serialize(object);
}

}  // namespace

// The orders at one source: of the statement that is named, or that the task stands at.
SourceOutcome Daemon::order_statement(const CtlCall& call, const conf::TaskConfig& task,
                                      const std::string& source_id, const TaskStatus& status) {
  SourceOutcome outcome;
  outcome.source_id = source_id;
  const auto fail = [&outcome](const Error& error) {
    outcome.result = false;
    outcome.message = with_way_out(error);
    return outcome;
  };
  const applier::CheckpointScope scope = checkpoint_scope(task, source_id);
  const Result<std::vector<StatementOrder>> known = orders_of(task, scope);
  if (!known) return fail(known.error());
  std::string position;
  const std::string& named = call.position.empty() ? status.failed_position : call.position;
  if (!named.empty()) {
    const Result<std::string> plain = applier::plain_position(named);
    if (!plain) return fail(plain.error());
    position = *plain;
  }
  if (call.action == "list") {
    for (const StatementOrder& order : *known) {
      if (!call.position.empty() && order.position < position) continue;
      outcome.message += (outcome.message.empty() ? "" : "\n") + order_text(order);
    }
    return outcome;
  }
  if (position.empty()) {
    return fail(Error(Errc::kConfig, "task " + task.name + " does not stand at a statement there")
                    .with_way_out("name the statement's place with -b mysql-bin.000003:4711"));
  }
  std::vector<std::string> statements;
  if (call.action == "revert") {
    statements.push_back(applier::revert_order_sql(scope, position));
  } else {
    StatementOrder order;
    order.position = position;
    order.action = *applier::action_of(call.action);
    for (const std::string& text : call.statements) {
      for (std::string& sql : applier::split_statements(text)) order.sql.push_back(std::move(sql));
    }
    const Result<void> fits = check_statements(order.sql);
    if (!fits) return fail(fits.error());
    order.by = call.by.empty() ? "unknown" : call.by;
    statements.push_back(applier::store_order_sql(scope, order));
  }
  const Result<relay::StatementResult> stored = query_target(task, std::move(statements));
  if (!stored) return fail(stored.error());
  if (call.action == "revert" && stored->affected_rows == 0) {
    return fail(Error(Errc::kConfig, "nothing that waits is ordered at " + position)
                    .with_way_out("binlog list " + task.name + " shows all orders"));
  }
  outcome.message = call.action == "revert" ? "" : call.action + " at " + position;
  return outcome;
}

json::object Daemon::order_statements(const CtlCall& call, const SentFiles& files) {
  CtlCall shares = call;
  shares.arguments.resize(1);
  const auto chosen = chosen_shares(shares, files);
  if (!chosen) return refusal(chosen.error());
  const bool runs = call.action == "replace" || call.action == "inject";
  if (runs != !call.statements.empty()) {
    return refusal(Error(Errc::kConfig, runs ? "the statements to run are missing"
                                             : call.action + " takes no statements")
                       .with_way_out("help binlog"));
  }
  // Without -b only where the task stands at a statement: other sources are not meant.
  std::vector<std::pair<std::string, std::string>> meant;
  for (const auto& [name, id] : *chosen) {
    const TaskStatus status = tasks_.at(name).shares.at(id).runner->status();
    const bool any = !call.position.empty() || call.action == "list" || !call.sources.empty();
    if (any || !status.failed_position.empty()) meant.emplace_back(name, id);
  }
  if (meant.empty()) meant = *chosen;
  std::vector<SourceOutcome> outcomes;
  bool all = true;
  for (const auto& [name, id] : meant) {
    TaskEntry& entry = tasks_.at(name);
    const Share& share = entry.shares.at(id);
    outcomes.push_back(order_statement(call, entry.config, id, share.runner->status()));
    all = all && outcomes.back().result;
    const bool ordered = call.action != "list" && call.action != "revert";
    const bool stands = share.runner->status().stage == Stage::kPaused &&
                        !share.runner->status().failed_position.empty();
    if (ordered && outcomes.back().result && stands) share.runner->resume();
  }
  json::object answer = sources_answer(outcomes);
  answer["result"] = all;
  return answer;
}

}  // namespace tiderelay::control
