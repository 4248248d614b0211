// control/verify_rows_pump.cc: rows of a range whose sums differ: settled one by one, and mended.
#include <fmt/format.h>

#include <algorithm>

#include "applier/sql_text.h"
#include "control/operations.h"
#include "control/precheck_target.h"
#include "control/task_plan.h"
#include "control/verify_impl.h"
#include "dumper/row_encoder.h"
#include "protocol/number_text.h"
#include "relay/loop.h"

namespace tiderelay::control {

using dumper::Session;
using relay::Awaitable;
using relay::StatementResult;

namespace {

constexpr std::size_t kKeysAStatement = 100;
constexpr std::size_t kRepairsATransaction = 100;
constexpr std::size_t kShownBytes = 200;
constexpr unsigned kRounds = 20;
constexpr unsigned kStrikes = 2;  // more than one: a row may have changed and changed back
constexpr std::chrono::milliseconds kPause{100};
constexpr std::chrono::milliseconds kPauseMax{1000};

// Equal texts: the same rows.
template <class Rows>
std::vector<std::string> values_of(const Rows& rows, const std::string& key) {
  std::vector<std::string> values;
  const auto found = rows.find(key);
  if (found == rows.end()) return values;
  for (const auto& row : found->second) values.push_back(row.values);
  std::ranges::sort(values);
  return values;
}

template <class Rows>
auto rows_of(const Rows& rows, const std::string& key) {
  const auto found = rows.find(key);
  return found == rows.end() ? typename Rows::mapped_type() : found->second;
}

// Bytes as x'00ff', long values cut.
std::optional<std::string> shown_value(const dumper::PlannedColumn& column,
                                       const std::optional<std::string>& value) {
  if (!value) return std::nullopt;
  std::string text = value->substr(0, kShownBytes);
  const bool bytes = column.form == dumper::ValueForm::kBytes;
  if (bytes) {
    std::string hex = "x'";
    protocol::append_hex(hex, as_bytes(text));
    text = hex + "'";
  } else if (text.size() < value->size()) {  // not within a character
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0U) == 0x80U) {
      text.pop_back();
    }
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0x80U) text.pop_back();
  }
  if (value->size() > kShownBytes) text += fmt::format("... ({} bytes)", value->size());
  return text;
}

}  // namespace

Result<std::string> TableCheck::condition(const Part& part, Side side, const Area& area,
                                          std::size_t first_key) const {
  if (!by_key_) {
    const std::string all =
        area.bucket.empty() ? std::string() : dumper::in_bucket(part.plan, side, area.bucket);
    return limited(part, all);
  }
  if (area.keys.empty()) {
    const auto& key = side == Side::kSource ? part.plan.key : part.plan.target_key;
    return limited(part, dumper::chunk_condition(key, area.lower, area.upper));
  }
  std::string any;
  const std::size_t end = std::min(first_key + kKeysAStatement, area.keys.size());
  for (std::size_t i = first_key; i < end; ++i) {
    const Result<std::string> one = dumper::same_key(part.plan, side, as_bytes(area.keys[i]));
    if (!one) return one.error();
    any += (any.empty() ? "(" : " OR (") + *one + ")";
  }
  return limited(part, "(" + any + ")");
}

Awaitable<void> TableCheck::read_rows(Session& session, std::size_t part, Side side,
                                      const Area& area, const char* lock, Rows& rows) {
  const dumper::TablePlan& plan = parts_[part].plan;
  const bool with_text = !by_key_;
  std::size_t first_key = 0;
  do {
    const Result<std::string> where = condition(parts_[part], side, area, first_key);
    if (!where) co_return where.error();
    const Result<void> opened = co_await session.open();
    if (!opened) co_return opened.error();
    const auto columns = co_await session.connection().stream(
        dumper::rows_sql(plan, side, *where, with_text) + lock);
    if (!columns) co_return columns.error();
    for (;;) {
      const auto packets = co_await session.connection().next_rows();
      if (!packets) co_return packets.error();
      if (packets->empty()) break;
      for (const ByteView packet : *packets) {
        ByteReader reader(packet);
        Row row;
        if (with_text) row.text = std::string(reader.lenenc_text());
        row.raw = std::string(as_text(reader.rest()));
        row.part = part;
        const Result<RowValues> values = comparable_values(plan.columns, as_bytes(row.raw));
        if (!values) co_return values.error();
        row.values = values_text(*values);
        const std::string key = by_key_ ? key_text(plan, *values) : row.values;
        rows[key].push_back(std::move(row));
      }
    }
    first_key += kKeysAStatement;
  } while (first_key < area.keys.size());
  co_return Result<void>();
}

Awaitable<TableCheck::Rows> TableCheck::read_sources(const Area& area, const char* lock) {
  Rows rows;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Result<void> read =
        co_await read_rows(*parts_[i].session, i, Side::kSource, area, lock, rows);
    if (!read) co_return read.error().in("source " + source_of(parts_[i]).config->source_id);
  }
  co_return rows;
}

Awaitable<TableCheck::Rows> TableCheck::read_target(const Area& area) {
  Rows rows;
  const Result<void> read = co_await read_rows(target_, 0, Side::kTarget, area, "", rows);
  if (!read) co_return read.error().in("target");
  co_return rows;
}

Awaitable<void> TableCheck::look_into(Area area) {
  const Result<Rows> source = co_await read_sources(area, "");
  if (!source) co_return source.error();
  const Result<Rows> target = co_await read_target(area);
  if (!target) co_return target.error();
  Suspects suspects;
  for (const Rows* rows : {&*source, &*target}) {
    for (const auto& [key, same] : *rows) {
      if (values_of(*source, key) == values_of(*target, key)) continue;
      suspects[key].raw = same.front().raw;
    }
  }
  if (suspects.empty()) co_return Result<void>();
  co_return co_await settle(suspects, area);
}

TableCheck::Area TableCheck::area_of(const Suspects& suspects, const Area& area) const {
  if (!by_key_) return area;
  Area single;
  for (const auto& [key, suspect] : suspects) single.keys.push_back(suspect.raw);
  return single;
}

Awaitable<void> TableCheck::settle(Suspects& suspects, const Area& area) {
  Suspects proved;
  for (unsigned round = 0; round < kRounds && !suspects.empty(); ++round) {
    const Result<void> settled = co_await settle_once(suspects, proved, area);
    if (!settled) co_return settled.error();
    if (suspects.empty()) break;
    const Result<void> slept =
        co_await relay::sleep_for(verifier_.loop, std::min(kPause * (round + 1), kPauseMax));
    if (!slept) co_return slept.error();
  }
  shown().unsettled += suspects.size();
  if (proved.empty()) co_return Result<void>();
  co_return co_await conclude(std::move(proved), area);
}

// Equal with the source before or after: settled. Unequal, and the source is the same before and
// after: a strike.
Awaitable<void> TableCheck::settle_once(Suspects& suspects, Suspects& proved, const Area& area) {
  const Area looked_at = area_of(suspects, area);
  const Result<Rows> before = co_await read_sources(looked_at, "");
  if (!before) co_return before.error();
  const Result<std::vector<std::string>> ends = co_await log_ends();
  if (!ends) co_return ends.error();
  const Result<void> waited = co_await wait_applied(*ends);
  if (!waited) co_return waited.error();
  const Result<Rows> target = co_await read_target(looked_at);
  if (!target) co_return target.error();
  const Result<Rows> after = co_await read_sources(looked_at, "");
  if (!after) co_return after.error();
  for (auto it = suspects.begin(); it != suspects.end();) {
    const auto was = values_of(*before, it->first);
    const auto is = values_of(*after, it->first);
    const auto there = values_of(*target, it->first);
    if (there == was || there == is) {
      it = suspects.erase(it);
      continue;
    }
    it->second.strikes = was == is ? it->second.strikes + 1 : 0;
    if (it->second.strikes < kStrikes) {
      ++it;
      continue;
    }
    it->second.source = rows_of(*after, it->first);
    it->second.target = rows_of(*target, it->first);
    proved.insert(suspects.extract(it++));
  }
  co_return Result<void>();
}

std::string TableCheck::described(const Row& row) const {
  const dumper::TablePlan& plan = parts_[row.part].plan;
  return dumper::describe_row(plan.columns, as_bytes(row.raw), plan.key);
}

void TableCheck::note_difference(const Suspect& suspect, bool repaired) {
  using Kind = RowDifference::Kind;
  RowDifference difference;
  const std::size_t here = suspect.source.size();
  const std::size_t there = suspect.target.size();
  difference.kind = here > there ? Kind::kMissing : here < there ? Kind::kExtra : Kind::kChanged;
  if (by_key_ && here > 1) difference.kind = Kind::kTwice;
  VerifiedTable& table = shown();
  const std::uint64_t count = by_key_ ? 1 : std::max(here, there) - std::min(here, there);
  std::uint64_t* const counters[] = {&table.missing, &table.extra, &table.changed, &table.twice};
  *counters[static_cast<int>(difference.kind)] += count;
  if (repaired) table.repaired += count;
  difference.table = table.target;
  difference.repaired = repaired;
  for (const VerifiedTable::Part& part : table.parts) {
    const std::size_t at = static_cast<std::size_t>(&part - table.parts.data());
    const bool holds = here == 0 || std::ranges::any_of(suspect.source, [at](const Row& row) {
                         return row.part == at;
                       });
    if (!holds) continue;
    difference.sources +=
        (difference.sources.empty() ? "" : ", ") + part.source_id + " " + part.table;
  }
  const Row& shown_row = here > 0 ? suspect.source.front() : suspect.target.front();
  difference.key = described(shown_row);
  const auto& columns = parts_[shown_row.part].plan.columns;
  const auto values = [&](const std::vector<Row>& rows) {
    if (rows.empty()) return RowValues(columns.size());
    return *comparable_values(columns, as_bytes(rows.front().raw));
  };
  const RowValues is = values(suspect.source);
  const RowValues was = values(suspect.target);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (here > 0 && there > 0 && is[i] == was[i]) continue;
    difference.values.push_back(
        {columns[i].name, shown_value(columns[i], is[i]), shown_value(columns[i], was[i])});
  }
  verifier_.add_difference(std::move(difference));
}

Awaitable<void> TableCheck::conclude(Suspects proved, const Area& area) {
  bool repaired = verifier_.options.repair;
  if (repaired && by_key_) {
    std::vector<std::string> keys;
    for (const auto& [key, suspect] : proved) {
      if (suspect.source.size() < 2) keys.push_back(suspect.raw);
    }
    for (std::size_t from = 0; from < keys.size(); from += kRepairsATransaction) {
      Area some;
      const std::size_t count = std::min(kRepairsATransaction, keys.size() - from);
      const auto begin = keys.begin() + static_cast<std::ptrdiff_t>(from);
      some.keys.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
      const Result<void> mended = co_await repair(some);
      if (!mended) co_return mended.error();
    }
  } else if (repaired) {
    const Result<void> mended = co_await repair(area);
    if (!mended) co_return mended.error();
  }
  for (const auto& [key, suspect] : proved) {
    note_difference(suspect, repaired && (!by_key_ || suspect.source.size() < 2));
  }
  co_return Result<void>();
}

// While the source's rows are locked its log up to now has all that ever happened to them.
Awaitable<void> TableCheck::repair(const Area& area) {
  for (Part& part : parts_) {
    const Result<StatementResult> begun = co_await part.session->execute("START TRANSACTION");
    if (!begun) co_return begun.error();
  }
  Result<void> done;
  const Result<Rows> wanted = co_await read_sources(area, " LOCK IN SHARE MODE");
  if (!wanted) {
    done = wanted.error().with_way_out(
        "repairing locks the rows at the source: GRANT SELECT, LOCK TABLES to its account");
  } else {
    const Result<std::vector<std::string>> ends = co_await log_ends();
    if (!ends) {
      done = ends.error();
    } else {
      done = co_await wait_applied(*ends);
      if (done) done = co_await write_rows(area, *wanted, *ends);
    }
  }
  if (!done) target_.drop();
  for (Part& part : parts_) {
    const Result<StatementResult> ended = co_await part.session->execute("ROLLBACK");
    if (!ended) part.session->drop();
  }
  co_return done;
}

Awaitable<void> TableCheck::write_rows(const Area& area, const Rows& wanted,
                                       const std::vector<std::string>& positions) {
  const std::string& meta = verifier_.task.meta_schema;
  const Result<StatementResult> made = co_await target_.execute(operation_table_sql(meta));
  if (!made) co_return made.error().in("target");
  const bool tidb = kind_ == applier::TargetKind::kTidb;
  const Result<StatementResult> begun =
      co_await target_.execute(tidb ? "BEGIN PESSIMISTIC" : "START TRANSACTION");
  if (!begun) co_return begun.error();
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Result<Applied> applied = co_await read_applied(parts_[i], true);
    if (!applied) co_return applied.error();
    const Result<bool> reached = has_reached(parts_[i], *applied, positions[i]);
    if (!reached) co_return reached.error();
    if (!applied->known || !*reached) {
      co_return Error(Errc::kFenced, "the target has no checkpoint of task " + verifier_.task.name +
                                         " that these rows belong to")
          .with_way_out("rows are mended only where tiderelay runs the task");
    }
  }
  const Result<Rows> there = co_await read_target(area);
  if (!there) co_return there.error();
  const Result<std::vector<std::string>> statements = repair_sql(wanted, *there);
  if (!statements) co_return statements.error();
  for (const std::string& sql : *statements) {
    const Result<StatementResult> written = co_await target_.execute(sql);
    if (!written) co_return written.error().in("mending the target's rows");
  }
  Operation operation;
  operation.task = verifier_.task.name;
  operation.source = source_of(parts_.front()).config->source_id;
  operation.by = verifier_.options.by;
  operation.what = "verify --repair";
  operation.position = positions.front();
  operation.detail = fmt::format("{} statements on {}", statements->size(), shown().target);
  const Result<StatementResult> noted =
      co_await target_.execute(insert_operation_sql(meta, operation));
  if (!noted) co_return noted.error();
  const Result<StatementResult> committed = co_await target_.execute("COMMIT");
  if (!committed) co_return committed.error().in("mending the target's rows");
  co_return Result<void>();
}

// Deletes first: values of unique keys become free before they are taken again.
Result<std::vector<std::string>> TableCheck::repair_sql(const Rows& wanted,
                                                        const Rows& there) const {
  const dumper::TablePlan& plan = parts_.front().plan;
  const std::string target = applier::quoted_table(group_.target);
  std::vector<std::string> statements;
  std::vector<std::string> inserts;
  const auto insert = [&](const Row& row) -> Result<void> {
    std::string sql = dumper::insert_prefix(parts_[row.part].plan, target, "");
    const Result<void> appended =
        dumper::append_tuple(sql, parts_[row.part].plan.columns, as_bytes(row.raw));
    inserts.push_back(std::move(sql));
    return appended;
  };
  for (const auto& [key, rows] : there) {
    const std::size_t keep = by_key_ ? (values_of(wanted, key) == values_of(there, key) ? 1 : 0)
                                     : std::min(rows_of(wanted, key).size(), rows.size());
    if (keep >= rows.size()) continue;
    std::string where =
        fmt::format("{}='{}'", dumper::check_text_sql(plan, Side::kTarget), rows.front().text);
    if (by_key_) {
      const Result<std::string> same =
          dumper::same_key(plan, Side::kTarget, as_bytes(rows.front().raw));
      if (!same) return same.error();
      where = *same;
    }
    statements.push_back(
        fmt::format("DELETE FROM {} WHERE {} LIMIT {}", target, where, rows.size() - keep));
  }
  for (const auto& [key, rows] : wanted) {
    const std::size_t has = by_key_ ? (values_of(wanted, key) == values_of(there, key) ? 1 : 0)
                                    : rows_of(there, key).size();
    if (by_key_ && rows.size() > 1) continue;
    for (std::size_t i = has; i < rows.size(); ++i) {
      const Result<void> added = insert(rows[i]);
      if (!added) return added.error();
    }
  }
  statements.insert(statements.end(), inserts.begin(), inserts.end());
  return statements;
}

}  // namespace tiderelay::control
