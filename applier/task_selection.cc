// applier/task_selection.cc: lists first, then filters, then routes, as DM orders them.
#include "applier/task_selection.h"

#include <algorithm>

namespace tiderelay::applier {

namespace {

constexpr EventKind kKindOfRows[] = {EventKind::kInsert, EventKind::kUpdate, EventKind::kDelete};

std::string short_text(const std::string& sql) {
  constexpr std::size_t kShown = 200;
  return sql.size() <= kShown ? sql : sql.substr(0, kShown) + " ...";
}

TableName with_schema(const TableName& name, const std::string& schema) {
  TableName whole = name;
  if (whole.schema.empty()) whole.schema = schema;
  return whole;
}

}  // namespace

Result<TaskSelection> TaskSelection::make(const SelectionOptions& options) {
  TaskSelection selection;
  auto list = TableFilter::make(options.list, options.case_sensitive);
  if (!list) return list.error();
  auto router = Router::make(options.routes, options.case_sensitive);
  if (!router) return router.error();
  auto filter = EventFilter::make(options.filters, options.case_sensitive);
  if (!filter) return filter.error();
  selection.list_ = std::move(*list);
  selection.router_ = std::move(*router);
  selection.filter_ = std::move(*filter);
  selection.parse_ = options.parse;
  return selection;
}

Result<const TaskSelection::Fate*> TaskSelection::fate_of(const TableName& source) {
  const auto known = fates_.find(source);
  if (known != fates_.end()) return &known->second;
  Fate fate;
  if (list_.takes(source)) {
    const Result<TableName> target = router_.route(source);
    if (!target) return target.error();
    fate.target = *target;
    for (std::size_t kind = 0; kind < 3; ++kind) {
      const EventFilter::Decision decision = filter_.judge_rows(source, kKindOfRows[kind]);
      fate.drops[kind] = decision.fate == EventFilter::Fate::kDrop;
      if (decision.fate == EventFilter::Fate::kPause) fate.pauses[kind] = *decision.rule;
    }
  }
  return &fates_.emplace(source, std::move(fate)).first->second;
}

Result<std::optional<TableName>> TaskSelection::target_of(const TableName& source) {
  const Result<const Fate*> fate = fate_of(source);
  if (!fate) return fate.error();
  return (*fate)->target;
}

Result<bool> TaskSelection::drops_rows(const TableName& source, protocol::RowKind kind) {
  const Result<const Fate*> fate = fate_of(source);
  if (!fate) return fate.error();
  const auto at = static_cast<std::size_t>(kind);
  if (!(*fate)->pauses[at].empty()) {
    return Error(Errc::kData, "filter rule " + (*fate)->pauses[at] +
                                  " (action Error) stops at a change of " + source.schema + "." +
                                  source.table)
        .with_way_out("change the rule, or its action to Ignore, and start the task again");
  }
  return (*fate)->drops[at];
}

Result<DdlStatement> TaskSelection::parse(const DdlEvent& statement) const {
  ParseOptions options = parse_;
  set_sql_mode(options, statement.sql_mode);
  return parse_statement(statement.sql, options);
}

std::vector<TableName> TaskSelection::taken_tables(const DdlStatement& statement,
                                                   const std::string& schema) const {
  std::vector<TableName> taken;
  for (const TableName& table : statement.tables) {
    const TableName whole = with_schema(table, schema);
    if (list_.takes(whole)) taken.push_back(whole);
  }
  for (const AlterClause& clause : statement.clauses) {
    if (clause.table.table.empty()) continue;
    const TableName whole = with_schema(clause.table, schema);
    if (list_.takes(whole)) taken.push_back(whole);
  }
  return taken;
}

Result<bool> TaskSelection::concerns(const DdlEvent& statement) {
  const Result<DdlStatement> parsed = parse(statement);
  // What does not parse concerns the task unless nothing of its schema can.
  if (!parsed) return statement.schema.empty() || list_.takes_schema(statement.schema);
  switch (parsed->kind) {
    case StatementKind::kCreateDatabase:
    case StatementKind::kAlterDatabase:
    case StatementKind::kDropDatabase:
      return list_.takes_schema(parsed->database.empty() ? statement.schema : parsed->database);
    case StatementKind::kSkipped:
      break;
    case StatementKind::kUnknown:
      return statement.schema.empty() || list_.takes_schema(statement.schema);
    default:
      return !taken_tables(*parsed, statement.schema).empty();
  }
  if (parsed->skipped != "rows") return false;
  std::vector<std::string> schemas = statement.updated_schemas;
  if (schemas.empty()) schemas.push_back(statement.schema);
  return std::any_of(schemas.begin(), schemas.end(),
                     [this](const std::string& schema) { return list_.takes_schema(schema); });
}

Result<bool> TaskSelection::follows(const DdlEvent& statement) const {
  if (statement.unreadable) return *statement.unreadable;
  const Result<DdlStatement> parsed = parse(statement);
  if (parsed && parsed->kind == StatementKind::kSkipped) {
    return Error(Errc::kUnsupported,
                 "rows were changed by a statement: " + short_text(statement.sql))
        .with_way_out(
            "set binlog_format=ROW at the source, also in its sessions, and copy the table again");
  }
  if (parsed && parsed->kind != StatementKind::kUnknown) return true;
  const EventFilter::Decision decision =
      filter_.judge_statement(TableName(), EventKind::kUnknown, statement.sql);
  if (decision.fate == EventFilter::Fate::kDrop) return false;
  const Error error = parsed ? Error(Errc::kUnsupported, "statement that is not understood: " +
                                                             short_text(statement.sql))
                             : parsed.error().in("statement " + short_text(statement.sql));
  return error.with_way_out(
      "run what it means in the target by hand, then binlog skip it (or binlog replace it by "
      "statements for the target)");
}

Result<bool> TaskSelection::executes(const DdlStatement& statement,
                                     const std::string& schema) const {
  TableName judged;
  if (!statement.tables.empty()) judged = with_schema(statement.tables.front(), schema);
  if (judged.schema.empty())
    judged.schema = statement.database.empty() ? schema : statement.database;
  const EventFilter::Decision decision =
      filter_.judge_statement(judged, statement.event, statement.text);
  if (decision.fate == EventFilter::Fate::kPass) return true;
  if (decision.fate == EventFilter::Fate::kDrop) return false;
  return Error(Errc::kData, "filter rule " + *decision.rule + " (action Error) stops at " +
                                short_text(statement.text))
      .with_way_out("change the rule, or its action to Ignore, and start the task again");
}

}  // namespace tiderelay::applier
