// control/verify_table_pump.cc: one target table: its sums, range by range, and where the task is.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "applier/schema_builder.h"
#include "applier/sql_text.h"
#include "applier/target_table.h"
#include "control/precheck_target.h"
#include "control/task_plan.h"
#include "control/verify_impl.h"
#include "relay/loop.h"

namespace tiderelay::control {

using applier::quoted_name;
using applier::quoted_text;
using applier::TableName;
using applier::TableSchema;
using dumper::CheckSum;
using dumper::Session;
using relay::Awaitable;
using relay::StatementResult;

namespace {

constexpr std::chrono::milliseconds kLooksAtCheckpoint{100};

struct FilePlace {
  std::uint64_t file = 0, offset = 0;
  friend auto operator<=>(const FilePlace&, const FilePlace&) = default;
};

// "mysql-bin.000003:4711", also with a folder before it.
Result<FilePlace> file_place(const std::string& text) {
  const std::size_t dot = text.rfind('.');
  const std::size_t colon = text.rfind(':');
  FilePlace place;
  if (dot != std::string::npos && colon != std::string::npos && dot < colon) {
    const char* const end = text.data() + text.size();
    const auto file = std::from_chars(text.data() + dot + 1, text.data() + colon, place.file);
    const auto offset = std::from_chars(text.data() + colon + 1, end, place.offset);
    if (file.ptr == text.data() + colon && offset.ptr == end) return place;
  }
  return Error(Errc::kCorrupt, "'" + text + "' is no position in a log");
}

Session::Setup setup_of(Session::Side side, const relay::ConnectOptions& connect,
                        const applier::SessionOptions& session) {
  Session::Setup setup;
  setup.side = side;
  setup.connect = connect;
  setup.target = session;
  return setup;
}

bool same_names(const std::vector<dumper::KeyColumn>& a, const std::vector<dumper::KeyColumn>& b) {
  return std::ranges::equal(a, b, {}, &dumper::KeyColumn::name, &dumper::KeyColumn::name);
}

}  // namespace

TableCheck::TableCheck(Verifier& verifier, const VerifyGroup& group)
    : verifier_(verifier),
      group_(group),
      target_(verifier.loop,
              setup_of(Session::Side::kTarget, verifier.target, verifier.target_session)) {}

Awaitable<void> TableCheck::run() {
  const Result<void> prepared = co_await prepare();
  if (!prepared || parts_.empty()) co_return prepared;
  const Result<std::vector<std::string>> ends = co_await log_ends();
  if (!ends) co_return ends.error();
  for (std::size_t i = 0; i < parts_.size(); ++i) shown().parts[i].position = (*ends)[i];
  const Result<void> waited = co_await wait_applied(*ends);
  if (!waited) co_return waited.error();
  Result<void> checked;
  if (by_key_) {
    checked = co_await check_ranges();
  } else {
    checked = co_await check_buckets();
  }
  if (!checked) co_return checked.error();
  const bool equal = shown().different() == 0 && shown().unsettled == 0;
  shown().state = equal ? VerifiedTable::State::kEqual : VerifiedTable::State::kDifferent;
  if (shown().unsettled > 0 && shown().note.empty()) {
    shown().note = "rows that are written all the time could not be compared";
  }
  co_return Result<void>();
}

Awaitable<std::string> TableCheck::show_create(Session& session, TableName table) {
  const Result<StatementResult> shown =
      co_await session.execute("SHOW CREATE TABLE " + applier::quoted_table(table));
  if (!shown) co_return shown.error();
  if (shown->rows.empty() || shown->rows[0].size() < 2) {
    co_return Error(Errc::kUnsupported, text_of(table) + " is no table");
  }
  co_return shown->rows[0][1].value_or("");
}

Awaitable<void> TableCheck::prepare() {
  const Result<void> opened = co_await target_.open();
  if (!opened) co_return opened.error().in("target");
  kind_ = target_.target().kind;
  const Result<std::string> there = co_await show_create(target_, group_.target);
  if (!there && there.error().code() == Errc::kServer) {
    shown().state = VerifiedTable::State::kFailed;
    shown().note = "the target has no such table: " + there.error().text();
    co_return Result<void>();
  }
  if (!there) co_return there.error().in("target");
  const Result<TableSchema> schema = applier::parse_shown_table(
      *there, group_.target.schema, applier::dialect_of(kind_), target_.target().version);
  if (!schema) co_return schema.error();
  by_key_ = true;
  for (const VerifyGroup::Part& part : group_.parts) {
    const Result<void> added = co_await add_part(part, *schema);
    if (!added) co_return added.error();
    const dumper::TablePlan& plan = parts_.back().plan;
    by_key_ = by_key_ && dumper::has_check_key(plan, kind_) &&
              same_names(plan.key, parts_.front().plan.key);
  }
  co_return Result<void>();
}

Awaitable<void> TableCheck::add_part(const VerifyGroup::Part& part, TableSchema there) {
  VerifySource& source = *verifier_.sources[part.source];
  Part made;
  made.source = part.source;
  made.session = std::make_unique<Session>(
      verifier_.loop, setup_of(Session::Side::kSource, source.connect, verifier_.target_session));
  const Result<std::string> create = co_await show_create(*made.session, part.table);
  if (!create) co_return create.error().in("source " + source.config->source_id);
  const auto dialect =
      source.server.mariadb ? applier::Dialect::kMariaDb : applier::Dialect::kMySql;
  const Result<TableSchema> schema =
      applier::parse_shown_table(*create, part.table.schema, dialect, source.server.version);
  if (!schema) co_return schema.error();
  Result<dumper::TablePlan> plan = dumper::plan_table(
      {part.table, group_.target, group_.parts.size() > 1}, *schema, there, kind_);
  if (!plan) co_return plan.error();
  made.plan = std::move(*plan);
  parts_.push_back(std::move(made));
  co_return Result<void>();
}

std::string TableCheck::limited(const Part& part, const std::string& condition) const {
  const std::string& where = source_of(part).instance->dump.where;
  return where.empty() ? condition : dumper::both(condition, "(" + where + ")");
}

Awaitable<CheckSum> TableCheck::sum_of(Session& session, std::string sql) {
  const Result<StatementResult> answer = co_await session.execute(std::move(sql));
  if (!answer) co_return answer.error();
  if (answer->rows.size() != 1 || answer->rows[0].size() != 2) {
    co_return Error(Errc::kCorrupt, "a sum has no row");
  }
  co_return dumper::check_sum(answer->rows[0][0], answer->rows[0][1]);
}

Awaitable<void> TableCheck::check_ranges() {
  Area area;
  Part& first = parts_.front();
  for (bool last = false; !last; area.lower = area.upper) {
    const Result<StatementResult> next = co_await first.session->execute(
        dumper::next_bound_sql(first.plan, area.lower, verifier_.options.chunk_rows));
    if (!next) co_return next.error().in("cutting the table into ranges");
    const Result<dumper::Bound> upper = dumper::next_bound(first.plan.key, *next);
    if (!upper) co_return upper.error();
    area.upper = *upper;
    last = !area.upper;
    CheckSum sources;
    for (Part& part : parts_) {
      const std::string where =
          limited(part, dumper::chunk_condition(part.plan.key, area.lower, area.upper));
      const Result<CheckSum> sum =
          co_await sum_of(*part.session, dumper::chunk_sum_sql(part.plan, Side::kSource, where));
      if (!sum) co_return sum.error().in("source " + source_of(part).config->source_id);
      sources.add(*sum);
    }
    const std::string where =
        limited(first, dumper::chunk_condition(first.plan.target_key, area.lower, area.upper));
    const Result<CheckSum> sum =
        co_await sum_of(target_, dumper::chunk_sum_sql(first.plan, Side::kTarget, where));
    if (!sum) co_return sum.error().in("target");
    shown().rows += sources.rows;
    ++shown().ranges;
    if (*sum == sources) continue;
    ++shown().ranges_looked_into;
    const Result<void> looked = co_await look_into(area);
    if (!looked) co_return looked.error();
  }
  co_return Result<void>();
}

Awaitable<std::map<std::string, CheckSum>> TableCheck::bucket_sums(Session& session,
                                                                   std::string sql) {
  const Result<StatementResult> answer = co_await session.execute(std::move(sql));
  if (!answer) co_return answer.error();
  std::map<std::string, CheckSum> sums;
  for (const auto& row : answer->rows) {
    const Result<CheckSum> sum = dumper::check_sum(row.at(1), row.at(2));
    if (!sum) co_return sum.error();
    sums[row[0].value_or("")] = *sum;
  }
  co_return sums;
}

Awaitable<void> TableCheck::check_buckets() {
  std::map<std::string, CheckSum> wanted;
  for (Part& part : parts_) {
    const auto sums = co_await bucket_sums(
        *part.session, dumper::bucket_sums_sql(part.plan, Side::kSource, limited(part, "")));
    if (!sums) co_return sums.error().in("source " + source_of(part).config->source_id);
    for (const auto& [bucket, sum] : *sums) wanted[bucket].add(sum);
  }
  const Part& first = parts_.front();
  const auto there = co_await bucket_sums(
      target_, dumper::bucket_sums_sql(first.plan, Side::kTarget, limited(first, "")));
  if (!there) co_return there.error().in("target");
  std::vector<std::string> differing;
  for (const auto& [bucket, sum] : wanted) {
    shown().rows += sum.rows;
    const auto found = there->find(bucket);
    if (found == there->end() || !(found->second == sum)) differing.push_back(bucket);
  }
  for (const auto& [bucket, sum] : *there) {
    if (!wanted.contains(bucket)) differing.push_back(bucket);
  }
  shown().ranges = std::max(wanted.size(), there->size());
  shown().ranges_looked_into = differing.size();
  // Texts that the two sides print differently put one row into two buckets: all at once, then.
  const bool alike = std::ranges::all_of(first.plan.columns, [](const auto& column) {
    return column.type != applier::SqlType::kJson && column.type != applier::SqlType::kDouble &&
           column.type != applier::SqlType::kFloat && column.type != applier::SqlType::kVector;
  });
  if (!alike && !differing.empty()) differing.assign(1, "");
  for (const std::string& bucket : differing) {
    Area area;
    area.bucket = bucket;
    const Result<void> looked = co_await look_into(std::move(area));
    if (!looked) co_return looked.error();
  }
  co_return Result<void>();
}

Awaitable<std::string> TableCheck::log_end(Part& part) {
  const Result<StatementResult> status =
      co_await part.session->execute(source_of(part).server.position_statement());
  if (!status) co_return status.error().in("source " + source_of(part).config->source_id);
  co_return dumper::position_of(*status);
}

Awaitable<std::vector<std::string>> TableCheck::log_ends() {
  std::vector<std::string> ends;
  for (Part& part : parts_) {
    const Result<std::string> end = co_await log_end(part);
    if (!end) co_return end.error();
    ends.push_back(*end);
  }
  co_return ends;
}

Awaitable<TableCheck::Applied> TableCheck::read_applied(const Part& part, bool locked) {
  const conf::TaskConfig& task = verifier_.task;
  const Result<StatementResult> row = co_await target_.execute(fmt::format(
      "SELECT phase,low_position,epoch FROM {}.tiderelay_source WHERE task={} AND source={}{}",
      quoted_name(task.meta_schema), quoted_text(task.name),
      quoted_text(source_of(part).config->source_id), locked ? " FOR UPDATE" : ""));
  Applied applied;
  if (!row && (row.error().server_code() == 1146 || row.error().server_code() == 1049)) {
    co_return applied;
  }
  if (!row) co_return row.error().in("target");
  if (row->rows.empty()) co_return applied;
  applied.known = true;
  applied.phase = row->rows[0][0].value_or("");
  applied.low = row->rows[0][1].value_or("");
  applied.epoch = row->rows[0][2].value_or("");
  co_return applied;
}

// Without a checkpoint somebody else moves the rows: nothing can be waited for.
Result<bool> TableCheck::has_reached(const Part& part, const Applied& applied,
                                     const std::string& position) const {
  if (!applied.known) return true;
  const std::string& id = source_of(part).config->source_id;
  if (applied.phase != kPhaseSync || applied.low.empty()) {
    return Error(Errc::kConfig, "task " + verifier_.task.name + " still copies from source " + id)
        .with_way_out("compare when it follows the log");
  }
  const Result<FilePlace> low = file_place(applied.low);
  if (!low) return low.error();
  const Result<FilePlace> wanted = file_place(position);
  if (!wanted) return wanted.error();
  const dumper::SourceServer& server = source_of(part).server;
  const bool same_server = server.mariadb || applied.low.starts_with(server.server_uuid);
  return same_server && *low >= *wanted;
}

Awaitable<void> TableCheck::wait_applied(std::vector<std::string> positions) {
  const auto until = std::chrono::steady_clock::now() + verifier_.options.wait;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    for (;;) {
      const Result<Applied> applied = co_await read_applied(parts_[i], false);
      if (!applied) co_return applied.error();
      const Result<bool> reached = has_reached(parts_[i], *applied, positions[i]);
      if (!reached) co_return reached.error();
      if (*reached) break;
      if (std::chrono::steady_clock::now() > until) {
        co_return Error(
            Errc::kStopped,
            fmt::format("the target is at {} of source {}, whose log "
                        "ends at {}",
                        applied->low, source_of(parts_[i]).config->source_id, positions[i]))
            .with_way_out("start the task, or give it more time with --wait");
      }
      const Result<void> slept = co_await relay::sleep_for(verifier_.loop, kLooksAtCheckpoint);
      if (!slept) co_return slept.error();
    }
  }
  co_return Result<void>();
}

}  // namespace tiderelay::control
