// applier/statement_runner_pump.cc: intent, execution, done; after a crash the marker and the
// fingerprints tell what has run.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "applier/schema_compare.h"
#include "applier/statement_fate.h"
#include "applier/statement_plan.h"
#include "applier/statement_runner.h"
#include "applier/target_table.h"
#include "relay/signal.h"

namespace tiderelay::applier {

using relay::Awaitable;

namespace {

constexpr const char* kCopyWayOut =
    "resync-table TASK SCHEMA.TABLE copies the table as the source has it now";
constexpr std::chrono::milliseconds kLooksAtRunning{300};
constexpr std::chrono::hours kStatementPatience{24};  // an ADD INDEX says nothing while it runs
constexpr std::uint64_t kSqlModeStrict =
    0x200000 | 0x400000;  // STRICT_TRANS_TABLES, STRICT_ALL_TABLES

// "exists", "does not exist": done before, if the definition is the one afterwards.
bool says_done_before(std::uint16_t code) {
  constexpr std::uint16_t kCodes[] = {1007, 1008, 1050, 1051, 1054, 1060, 1061,
                                      1068, 1091, 1146, 1176, 1507, 1517};
  return std::find(std::begin(kCodes), std::end(kCodes), code) != std::end(kCodes);
}

bool connection_lost(const Error& error) { return error.code() == Errc::kConnection; }

std::string short_text(const std::string& sql) {
  constexpr std::size_t kShown = 300;
  return sql.size() <= kShown ? sql : sql.substr(0, kShown) + " ...";
}

StatementSession session_of(const DdlEvent& event, const TrackerOptions& server) {
  const protocol::Dialect dialect =
      server.dialect == Dialect::kMariaDb ? protocol::Dialect::kMariadb : protocol::Dialect::kMysql;
  StatementSession session;
  session.schema = event.schema;
  session.strict = (event.sql_mode & kSqlModeStrict) != 0;
  session.explicit_defaults_for_timestamp =
      event.explicit_defaults_for_timestamp.value_or(server.explicit_defaults_for_timestamp);
  const auto collation = protocol::find_collation(event.charset.server, dialect);
  if (collation) session.server_collation = collation->name;
  if (event.utf8mb4_default_collation) {
    const auto utf8mb4 = protocol::find_collation(*event.utf8mb4_default_collation, dialect);
    if (utf8mb4) session.default_collations["utf8mb4"] = utf8mb4->name;
  }
  return session;
}

}  // namespace

Target StatementRunner::target() const {
  Target target;
  target.kind = coordinator_.target().kind;
  target.version = coordinator_.target().version;
  return target;
}

std::string StatementRunner::table() const {
  return quoted_name(scope_.meta_schema) + ".tiderelay_ddl";
}

std::string StatementRunner::where() const {
  return " WHERE task=" + quoted_string(scope_.task) +
         " AND source=" + quoted_string(scope_.source) +
         " AND position=" + quoted_string(position_);
}

std::vector<std::string> StatementRunner::closing_sql() const {
  std::vector<std::string> statements = {"DELETE FROM " + table() + where()};
  if (order_) statements.push_back(order_done_sql(scope_, order_->position));
  return statements;
}

Awaitable<void> StatementRunner::read_order(std::string begin) {
  order_.reset();
  const Result<relay::QueryOutcome> answer = co_await coordinator_.query(read_orders_sql(scope_));
  if (!answer) co_return answer.error();
  if (answer->error) co_return *answer->error;
  Result<std::vector<StatementOrder>> orders = read_orders(answer->results.front());
  if (!orders) co_return orders.error();
  for (StatementOrder& order : *orders) {
    if (!order.done && position_in(order.position, begin, position_)) order_ = std::move(order);
  }
  co_return Result<void>();
}

Awaitable<StatementRunner::Outcome> StatementRunner::run(DdlEvent event, std::string begin,
                                                         std::string low_position,
                                                         std::string low_set,
                                                         std::map<TableName, TableWindow> windows) {
  position_ = low_position;
  const Result<void> ordered = co_await read_order(std::move(begin));
  if (!ordered) co_return ordered.error();
  Outcome outcome;
  const Result<bool> follows = selection_.follows(event);
  if (!follows && !is_left_out()) co_return follows.error();
  if (follows && *follows) {
    Result<Outcome> followed = co_await run_followed(event, windows);
    if (!followed || !followed->copy_again.empty() || followed->past) co_return followed;
    outcome = std::move(*followed);
  } else if (is_left_out()) {  // its tables are not known: only what is to run instead
    StatementPlan plan;
    plan.sql = order_->sql;
    const Result<void> executed = co_await execute(event, std::move(plan));
    if (!executed) co_return executed.error();
  }
  if (order_) {
    outcome.notes.push_back(fmt::format("{} at {}, by {}: {}", action_text(order_->action),
                                        order_->position, order_->by, short_text(event.sql)));
  }
  const Result<void> done = co_await finish(event, std::move(low_position), std::move(low_set));
  if (!done) co_return done.error();
  co_return outcome;
}

// The definitions follow the source also where nothing is executed.
Awaitable<StatementRunner::Outcome> StatementRunner::run_followed(
    const DdlEvent& event, const std::map<TableName, TableWindow>& windows) {
  Outcome outcome;
  const Result<DdlStatement> statement = selection_.parse(event);
  if (!statement) co_return statement.error();
  const std::vector<TableName> taken = selection_.taken_tables(*statement, event.schema);
  StatementFate fate = fate_of(event, *statement, taken, windows);
  outcome.past = fate.kind == StatementFate::Kind::kPast;
  if (outcome.past) co_return outcome;
  Result<StatementEffects> effects =
      schemas_.tracker().apply(*statement, session_of(event, schemas_.tracker().options()));
  if (!effects && is_left_out()) effects = StatementEffects();
  if (!effects) {
    if (effects.error().code() == Errc::kCopyAgain) outcome.copy_again = taken;
    // The definition was read just before LOW: a statement may lie between the two.
    if (fate.kind == StatementFate::Kind::kCopyAgain) outcome.copy_again = fate.tables;
    if (!outcome.copy_again.empty()) co_return outcome;
    co_return effects.error().in("statement " + short_text(event.sql));
  }
  if (fate.kind == StatementFate::Kind::kCopyAgain && !changes_nothing(*effects)) {
    outcome.copy_again = std::move(fate.tables);
    co_return outcome;
  }
  const Result<void> apart = check_names(*effects);
  if (!apart) co_return apart.error().in("statement " + short_text(event.sql));
  const Result<bool> wanted = selection_.executes(*statement, event.schema);
  if (!wanted && !is_left_out()) co_return wanted.error();
  if (!order_ && !*wanted) co_return outcome;
  Result<StatementPlan> plan = plan_of(*statement, *effects, outcome.notes);
  if (!plan) co_return plan.error().in("statement " + short_text(event.sql));
  for (const TableName& name : plan->numbered) {
    const Result<void> same = co_await check_empty(name);
    if (!same) co_return same.error().in("statement " + short_text(event.sql));
  }
  const Result<void> executed = co_await execute(event, std::move(*plan));
  if (!executed) co_return executed.error();
  const Result<void> fits = verify(*effects);
  if (!fits && !is_left_out()) co_return fits.error();
  if (!fits) outcome.notes.push_back(fits.error().text());
  co_return outcome;
}

// What is to run, with the tables that it may change.
Result<StatementPlan> StatementRunner::plan_of(const DdlStatement& statement,
                                               const StatementEffects& effects,
                                               std::vector<std::string>& notes) const {
  auto route = [this](const TableName& name) { return route_of(name); };
  if (is_left_out()) {
    StatementPlan plan;
    plan.sql = order_->sql;
    for (const TableEffect& effect : effects.tables) {
      const std::optional<TableName> target = route_of(effect.name);
      if (target) plan.targets.push_back(*target);
    }
    return plan;
  }
  Result<StatementPlan> plan = plan_statement(statement, effects, target(), route);
  if (!plan) return plan;
  notes = plan->notes;
  if (order_) plan->sql.insert(plan->sql.begin(), order_->sql.begin(), order_->sql.end());
  return plan;
}

std::optional<TableName> StatementRunner::route_of(const TableName& name) const {
  if (name.table.empty()) {
    if (!selection_.list().takes_schema(name.schema)) return std::nullopt;
    const Result<std::string> schema = selection_.router().route_schema(name.schema);
    if (!schema) return std::nullopt;
    return TableName{*schema, ""};
  }
  const Result<std::optional<TableName>> target = selection_.target_of(name);
  return target ? *target : std::nullopt;
}

Awaitable<std::string> StatementRunner::fingerprints(std::vector<TableName> tables) {
  std::string all;
  for (const TableName& name : tables) {
    const Result<std::optional<TableSchema>> found =
        co_await fetch_target_table(coordinator_, name);
    if (!found) co_return found.error();
    all += *found ? fingerprint(**found) : "absent";
    all += ';';
    schemas_.set_target(name, *found);
  }
  co_return fingerprint(all);
}

Awaitable<void> StatementRunner::execute(const DdlEvent& event, StatementPlan plan) {
  for (std::size_t step = 0; step < plan.sql.size(); ++step) {
    const Result<void> ran = co_await execute_step(event, plan, step);
    if (!ran) {
      co_return ran.error().in("statement " + short_text(event.sql) + " as " +
                               short_text(plan.sql[step]));
    }
  }
  const Result<std::string> after = co_await fingerprints(plan.targets);
  if (!after) co_return after.error();
  co_return Result<void>();
}

// A new table must not be another one's to the target.
Result<void> StatementRunner::check_names(const StatementEffects& effects) const {
  const bool named = std::ranges::any_of(effects.tables, [](const TableEffect& effect) {
    return effect.kind == TableEffect::Kind::kCreated || effect.kind == TableEffect::Kind::kRenamed;
  });
  if (!named || coordinator_.target().kind != TargetKind::kTidb) return {};
  std::vector<TableName> targets;
  for (const TableName& source : schemas_.tracker().tables()) {
    const std::optional<TableName> name = route_of(source);
    if (name) targets.push_back(*name);
  }
  return check_case(targets);
}

// Rows that are there would get numbers of the target's own.
Awaitable<void> StatementRunner::check_empty(TableName name) {
  const std::string place = quoted_table(name);
  const Result<relay::QueryOutcome> row =
      co_await coordinator_.query("SELECT 1 FROM " + place + " LIMIT 1");
  if (!row) co_return row.error();
  if (row->error || row->results.front().rows.empty()) co_return Result<void>();
  co_return Error(Errc::kUnsupported,
                  "its AUTO_INCREMENT column numbers the rows of " + place +
                      " in an order of the server's own, the target's would not be the source's")
      .with_way_out(kCopyWayOut);
}

// The target's tables can hold what the source's tables hold now.
Result<void> StatementRunner::verify(const StatementEffects& effects) const {
  for (const TableEffect& effect : effects.tables) {
    const bool renamed = effect.kind == TableEffect::Kind::kRenamed;
    const TableName& source = renamed ? effect.new_name : effect.name;
    // Names that are only passed through (a swap by RENAME) have no table in the end.
    const std::shared_ptr<const TableSchema> known = schemas_.tracker().find(source);
    const std::optional<TableName> name = route_of(source);
    if (!name || !known) continue;
    const TableSchema* there = schemas_.target_table(*name);
    const std::string place = name->schema + "." + name->table;
    if (there == nullptr) {
      return Error(Errc::kDiverged, "the target has no table " + place + " after the statement")
          .with_way_out("make it as the source has it, then resume-task");
    }
    auto route = [this](const TableName& table) { return route_of(table); };
    const Result<Compatibility> fits = compare_with_target(*known, *there, target(), route);
    if (!fits) return fits.error();
    if (fits->compatible()) continue;
    return Error(Errc::kDiverged, "target table " + place + ": " + fits->errors.front())
        .with_way_out("change it by hand so that it fits, then resume-task");
  }
  return {};
}

// One statement: intent, then execution. A row that is there already is what a crash left.
Awaitable<void> StatementRunner::execute_step(const DdlEvent& event, const StatementPlan& plan,
                                              std::size_t step) {
  const std::string step_where = where() + " AND step=" + std::to_string(step);
  const std::string read =
      "SELECT state,fingerprint_before,target_sql FROM " + table() + step_where;
  const Result<relay::QueryOutcome> known = co_await coordinator_.query(read);
  if (!known) co_return known.error();
  auto rows = known->results.front().rows;
  const bool other = !rows.empty() && rows[0][2].value_or("") != plan.sql[step];
  if (!other && !rows.empty() && rows[0][0].value_or("") == "done") co_return Result<void>();
  const Result<void> ended = co_await end_forgotten(step, !rows.empty());
  if (!ended) co_return ended.error();
  if (other) {  // somebody has ordered something else in its place
    std::vector<std::string> forget;
    forget.push_back("DELETE FROM " + table() + step_where);
    const Result<void> forgotten = co_await coordinator_.update(SourceUpdate(), std::move(forget));
    if (!forgotten) co_return forgotten.error();
    rows.clear();
  }
  const Result<std::string> now = co_await fingerprints(plan.targets);
  if (!now) co_return now.error();
  bool run_it = true;
  if (rows.empty()) {
    const Result<void> noted = co_await note_intent(event, plan.sql[step], step, *now);
    if (!noted) co_return noted.error();
  } else {
    run_it = rows[0][1].value_or("") == *now;  // nothing has changed yet: it has not run
  }
  while (run_it) {
    const Result<bool> again = co_await send_statement(event, plan, step, *now);
    if (!again) co_return again.error();
    run_it = *again;
  }
  std::vector<std::string> statements;
  statements.push_back("UPDATE " + table() + " SET state='done'" + step_where);
  co_return co_await coordinator_.update(SourceUpdate(), std::move(statements));
}

Awaitable<void> StatementRunner::note_intent(const DdlEvent& event, std::string sql,
                                             std::size_t step, std::string before) {
  std::vector<std::string> statements;
  statements.push_back(fmt::format(
      "INSERT INTO {} (task,source,position,step,statement,target_sql,fingerprint_before,"
      "fingerprint_after,connection_id,state) VALUES ({},{},{},{},{},{},{},'',CONNECTION_ID(),"
      "'intent')",
      table(), quoted_string(scope_.task), quoted_string(scope_.source), quoted_string(position_),
      step, quoted_string(event.sql), quoted_string(sql), quoted_string(before)));
  co_return co_await coordinator_.update(SourceUpdate(), std::move(statements));
}

StatementMoment StatementRunner::moment_of(const DdlEvent& event) const {
  StatementMoment moment;
  moment.seconds = event.timestamp_seconds;
  moment.microseconds = event.microseconds;
  moment.time_zone = event.time_zone == "SYSTEM" ? source_time_zone_ : event.time_zone;
  moment.strict = (event.sql_mode & kSqlModeStrict) != 0;
  return moment;
}

// true: send it again. A lost answer is decided by what became of the statement.
Awaitable<bool> StatementRunner::send_statement(const DdlEvent& event, const StatementPlan& plan,
                                                std::size_t step, std::string before) {
  const Result<relay::Connection*> session = co_await coordinator_.session();
  if (!session) co_return session.error();
  const std::string is_noted = "SELECT connection_id=CONNECTION_ID() FROM " + table() + where() +
                               " AND step=" + std::to_string(step);
  const Result<relay::QueryOutcome> noted = co_await (*session)->query(is_noted);
  if (!noted && connection_lost(noted.error())) co_return true;
  if (!noted) co_return noted.error();
  const bool same = !noted->error && noted->results.size() == 1 &&
                    noted->results[0].rows.size() == 1 &&
                    noted->results[0].rows[0][0].value_or("") == "1";
  if (!same) {
    const Result<void> note = co_await note_session(step);
    if (!note) co_return note.error();
    co_return true;
  }
  const Result<relay::QueryOutcome> set =
      co_await (*session)->query(before_statement_sql(moment_of(event)));
  if (!set && connection_lost(set.error())) co_return true;
  if (!set) co_return set.error();
  if (set->error) {
    co_return set->error->with_way_out(
        "the statement ran in time zone " + event.time_zone +
        ": load the time zone tables into the target (mysql_tzinfo_to_sql), then resume-task");
  }
  const std::string sql = fmt::format("{} /* {} */", plan.sql[step], marker(step));
  (*session)->set_io_timeout(kStatementPatience);
  const Result<relay::QueryOutcome> outcome = co_await (*session)->query(sql);
  (*session)->set_io_timeout((*session)->options().io_timeout);
  if (outcome) {
    const Result<relay::QueryOutcome> back = co_await coordinator_.query(after_statement_sql());
    if (!back) co_return back.error();
    if (!outcome->error) co_return false;
    const Error error = *outcome->error;
    if (says_done_before(error.server_code())) co_return false;  // verify() judges
    co_return error.with_way_out(
        std::string("binlog replace TASK \"...\" runs other statements in its place; or do to the "
                    "target by hand what it should do there, then binlog skip TASK; or ") +
        kCopyWayOut);
  }
  if (!connection_lost(outcome.error())) co_return outcome.error();
  const Result<void> ended = co_await end_forgotten(step, true);
  if (!ended) co_return ended.error();
  const Result<std::string> now = co_await fingerprints(plan.targets);
  if (!now) co_return now.error();
  co_return *now == before;
}

std::string StatementRunner::marker(std::size_t step) const {
  return "tiderelay:" + scope_.task + ":" + position_ + ":" + std::to_string(step);
}

// The session that sends is the one that the intent names: end_forgotten() ends that one.
Awaitable<void> StatementRunner::note_session(std::size_t step) {
  std::vector<std::string> statements;
  statements.push_back("UPDATE " + table() + " SET connection_id=CONNECTION_ID()" + where() +
                       " AND step=" + std::to_string(step));
  co_return co_await coordinator_.update(SourceUpdate(), std::move(statements));
}

// A session of before may still run the statement, or have it in its socket unread, which no
// process list shows: the noted session is ended, and a job of TiDB's waited for.
Awaitable<void> StatementRunner::end_forgotten(std::size_t step, bool possible) {
  if (!possible) co_return Result<void>();
  const std::string like = quoted_string("%" + marker(step) + "%");
  const bool tidb = coordinator_.target().kind == TargetKind::kTidb;
  relay::Signal pause(coordinator_.loop());
  const std::string noted =
      "SELECT connection_id FROM " + table() + where() + " AND step=" + std::to_string(step);
  const Result<relay::QueryOutcome> named = co_await coordinator_.query(noted);
  if (!named) co_return named.error();
  const auto& named_rows = named->results.front().rows;
  const std::string id = named_rows.empty() ? "0" : named_rows[0][0].value_or("0");
  for (;;) {
    const std::string running =
        "SELECT ID FROM information_schema.PROCESSLIST WHERE ID<>CONNECTION_ID() AND "
        "USER=SUBSTRING_INDEX(USER(),'@',1) AND (ID=" +
        id + " OR INFO LIKE " + like + ")";
    const Result<relay::QueryOutcome> found = co_await coordinator_.query(running);
    if (!found) co_return found.error();
    for (const auto& row : found->results.front().rows) {
      const std::string kill = (tidb ? "KILL TIDB " : "KILL ") + row[0].value_or("0");
      const Result<relay::Connection*> session = co_await coordinator_.session();
      if (!session) co_return session.error();
      const Result<relay::QueryOutcome> killed = co_await (*session)->query(kill);
      if (!killed) co_return killed.error();
    }
    bool busy = !found->results.front().rows.empty();
    if (tidb) {
      const std::string jobs =
          "SELECT COUNT(*) FROM information_schema.ddl_jobs WHERE QUERY LIKE " + like +
          " AND STATE NOT IN ('synced','cancelled','rollback done')";
      const Result<relay::QueryOutcome> open = co_await coordinator_.query(jobs);
      if (!open) co_return open.error();
      busy = busy || open->results.front().rows[0][0].value_or("0") != "0";
    }
    if (!busy) co_return Result<void>();
    co_await pause.wait_for(kLooksAtRunning);
  }
}

// The done rows, the low-water mark and the schema in one transaction. A statement whose
// transaction goes on with rows (CREATE TABLE ... SELECT) leaves the mark before it: it is met
// again, and found done.
Awaitable<void> StatementRunner::finish(const DdlEvent& event, std::string low_position,
                                        std::string low_set) {
  SourceUpdate update;
  std::vector<std::string> statements;
  if (event.completes) {
    update.low_position = std::move(low_position);
    update.low_set = std::move(low_set);
    update.schema_snapshot = schemas_.tracker().snapshot();
    statements = closing_sql();
  }
  co_return co_await coordinator_.update(std::move(update), std::move(statements));
}

}  // namespace tiderelay::applier
