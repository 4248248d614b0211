// dumper/insert_pump.cc: a chunk by strict INSERTs: where LOAD DATA LOCAL is switched off, and
// where it was not proved. What is wrong with a row is an error here, and named with the row.
//
// A second unique key makes duplicates that are no error: another chunk holds an older state of a
// row whose value has moved on. The older row gives way, its key is noted, and it is read again at
// the end (displaced_pump.cc). Rules: docs/exactly-once.md, 3.
#include <utility>

#include "applier/error_class.h"
#include "applier/sql_text.h"
#include "dumper/dump_impl.h"

namespace tiderelay::dumper {
namespace {

using applier::quoted_name;
using applier::quoted_table;
using relay::Awaitable;
using relay::StatementResult;

constexpr std::uint16_t kDuplicate = 1062;

std::string into(const TableTask& table) {
  return table.staging.empty() ? quoted_table(table.table.target) : table.staging;
}

Error refused_row(const TableTask& table, const std::string& row, const Error& error) {
  const std::string place =
      "row " + describe_row(table.plan.columns, as_bytes(row), table.plan.key);
  return Error(Errc::kData, place + " is refused by the target: " + error.text())
      .with_way_out(applier::way_out(error.server_code()));
}

// "`a` = 1 AND `b` = 'x'"; "" where a value is NULL, and so equal to none.
Result<std::string> values_equal(const TableTask& table, const std::string& row,
                                 const std::vector<std::size_t>& columns) {
  std::string condition;
  for (const std::size_t column : columns) {
    const auto value = literal_of(table.plan.columns, as_bytes(row), column);
    if (!value) return value.error();
    if (*value == "NULL") return std::string();
    condition =
        both(condition, quoted_name(table.plan.columns[column].target_name) + " = " + *value);
  }
  return condition;
}

Result<std::string> key_is(const TableTask& table, const std::string& row) {
  std::vector<std::size_t> columns;
  for (const KeyColumn& column : table.plan.key) {
    if (column.column == KeyColumn::kNotCopied) {
      return Error(Errc::kData, "the key of " + quoted_table(table.table.source) +
                                    " is generated: a duplicate cannot be looked up");
    }
    columns.push_back(column.column);
  }
  return values_equal(table, row, columns);
}

}  // namespace

Awaitable<DumpPump::Impl::Loaded> DumpPump::Impl::insert_chunk(Session& reader, Session& writer,
                                                               TableTask& table, ChunkRow& chunk) {
  const Result<void> begun = co_await begin(writer, true);
  if (!begun) co_return begun.error();
  const auto columns = co_await reader.connection().stream(chunk_select(table, chunk));
  if (!columns) co_return columns.error().in("reading the source");
  chunk.displaced.clear();
  Loaded loaded;
  Batch batch;
  Result<void> inserted = Result<void>();
  for (;;) {
    const auto rows = co_await reader.connection().next_rows();
    if (!rows) co_return rows.error().in("reading the source");
    if (rows->empty()) break;
    for (const ByteView row : *rows) {
      ++loaded.rows;
      loaded.bytes += row.size();
      const Result<void> added = add_to_batch(table, batch, row, chunk.chunk);
      if (!added) co_return added.error();
      if (batch.sql.size() < options.statement_bytes) continue;
      inserted = co_await insert_batch(writer, table, batch, chunk.displaced);
      if (!inserted) break;
    }
    if (!inserted) break;
  }
  if (inserted) inserted = co_await insert_batch(writer, table, batch, chunk.displaced);
  if (!inserted) {
    reader.drop();  // with the rows that nobody reads
    co_return inserted.error();
  }
  loaded.affected = loaded.rows;
  co_return loaded;
}

Result<void> DumpPump::Impl::add_to_batch(const TableTask& table, Batch& batch, ByteView row,
                                          std::uint32_t chunk) const {
  if (batch.rows.empty()) {
    batch.part = table.staging.empty() ? "" : std::to_string(chunk);
    batch.sql = insert_prefix(table.plan, into(table), batch.part);
  } else {
    batch.sql += ',';
  }
  batch.rows.emplace_back(as_text(row));
  return append_tuple(batch.sql, table.plan.columns, row, batch.part);
}

Awaitable<void> DumpPump::Impl::insert_batch(Session& writer, TableTask& table, Batch& batch,
                                             std::vector<std::string>& displaced) {
  if (batch.rows.empty()) co_return Result<void>();
  const std::uint64_t most = writer.facts().max_allowed_packet_bytes;
  const bool fits = most == 0 || batch.sql.size() < most;
  if (!fits && batch.rows.size() == 1) {
    const std::string place =
        describe_row(table.plan.columns, as_bytes(batch.rows.front()), table.plan.key);
    co_return Error(Errc::kLimit,
                    "row " + place + " needs a statement of " + std::to_string(batch.sql.size()) +
                        " bytes, the target's max_allowed_packet is " + std::to_string(most))
        .with_way_out("raise max_allowed_packet at the target, then resume the task");
  }
  bool whole = false;
  if (fits) {
    const Result<StatementResult> answer = co_await writer.execute(std::move(batch.sql));
    if (!answer && (answer.error().code() != Errc::kServer || is_passing(answer.error()))) {
      co_return answer.error();
    }
    whole = answer && answer->warnings == 0 && answer->affected_rows == batch.rows.size();
    if (answer && !whole) {
      const Result<StatementResult> undone = co_await undo_batch(writer, table, batch);
      if (!undone) co_return undone.error();
    }
  }
  if (!whole) {
    for (const std::string& row : batch.rows) {
      const Result<void> inserted =
          co_await insert_row(writer, table, row, batch.part, displaced, options.on_duplicate);
      if (!inserted) co_return inserted.error();
    }
  }
  batch.rows.clear();
  co_return Result<void>();
}

// A batch that was taken with warnings: they are shown, for nothing here may be changed on its way.
Awaitable<StatementResult> DumpPump::Impl::undo_batch(Session& writer, TableTask& table,
                                                      Batch& batch) {
  const Result<StatementResult> warnings = co_await writer.execute("SHOW WARNINGS LIMIT 1");
  if (!warnings) co_return warnings.error();
  std::string text = "rows were not taken as they are";
  if (!warnings->rows.empty() && warnings->rows[0].size() > 2) {
    text = warnings->rows[0][2].value_or(text);
  }
  co_return Error(Errc::kData, "rows from " +
                                   describe_row(table.plan.columns, as_bytes(batch.rows.front()),
                                                table.plan.key) +
                                   " on: the target warns: " + text)
      .with_way_out("make the target's column fit the source's, then resume the task");
}

Awaitable<void> DumpPump::Impl::insert_row(Session& writer, TableTask& table, std::string row,
                                           std::string part, std::vector<std::string>& displaced,
                                           OnDuplicate same_key) {
  std::string sql = insert_prefix(table.plan, into(table), part);
  const Result<void> appended = append_tuple(sql, table.plan.columns, as_bytes(row), part);
  if (!appended) co_return appended.error();
  for (int attempt = 0;; ++attempt) {
    const Result<StatementResult> answer = co_await writer.execute(sql);
    if (answer && answer->warnings == 0 && answer->affected_rows == 1) co_return Result<void>();
    if (answer) {
      const Result<StatementResult> warnings = co_await writer.execute("SHOW WARNINGS LIMIT 1");
      if (!warnings) co_return warnings.error();
      const bool told = !warnings->rows.empty() && warnings->rows[0].size() > 2;
      const Error warned(Errc::kData, told ? warnings->rows[0][2].value_or("") : "a warning");
      co_return refused_row(table, row, warned);
    }
    const Error error = answer.error();
    if (error.code() != Errc::kServer || is_passing(error)) co_return error;
    if (error.server_code() != kDuplicate || attempt > 0) co_return refused_row(table, row, error);
    const Result<bool> room = co_await make_room(writer, table, row, displaced, same_key);
    if (!room) co_return room.error();
    if (!*room) co_return Result<void>();
  }
}

Awaitable<bool> DumpPump::Impl::make_room(Session& writer, TableTask& table, std::string row,
                                          std::vector<std::string>& displaced,
                                          OnDuplicate same_key) {
  const std::string target_name = into(table);
  const std::string shown = describe_row(table.plan.columns, as_bytes(row), table.plan.key);
  if (table.plan.staged() || table.table.shared_target) {
    co_return Error(Errc::kData, "row " + shown + " meets another one with the same unique value " +
                                     "in the target, which this source shares with others")
        .with_way_out(
            "decide which of the two rows is right and change or delete the other one, "
            "then resume the task");
  }
  const Result<std::string> key = key_is(table, row);
  if (!key) co_return key.error();
  const Result<StatementResult> same =
      co_await writer.execute("SELECT 1 FROM " + target_name + " WHERE " + *key);
  if (!same) co_return same.error();
  if (!same->rows.empty()) {
    if (same_key == OnDuplicate::kIgnore) co_return false;
    if (same_key == OnDuplicate::kError) {
      co_return Error(Errc::kData, "row " + shown + " is in the target already")
          .with_way_out("empty the target's table, or set on-duplicate to replace or ignore");
    }
    const Result<StatementResult> gone =
        co_await writer.execute("DELETE FROM " + target_name + " WHERE " + *key);
    if (!gone) co_return gone.error();
  }
  for (const std::vector<std::size_t>& columns : table.plan.other_unique) {
    if (columns.empty()) continue;
    const Result<std::string> equal = values_equal(table, row, columns);
    if (!equal) co_return equal.error();
    if (equal->empty()) continue;
    const Result<void> gone = co_await displace(writer, table, *equal, displaced);
    if (!gone) co_return gone.error();
  }
  co_return true;
}

Awaitable<void> DumpPump::Impl::displace(Session& writer, TableTask& table, std::string condition,
                                         std::vector<std::string>& displaced) {
  const std::string from = " FROM " + into(table) + " WHERE " + condition;
  const Result<StatementResult> there =
      co_await writer.execute("SELECT " + bound_columns(table.plan.target_key) + from);
  if (!there) co_return there.error();
  if (there->rows.empty()) co_return Result<void>();
  const Result<Bound> bound = next_bound(table.plan.target_key, *there);
  if (!bound) co_return bound.error();
  const Result<StatementResult> gone = co_await writer.execute("DELETE" + from);
  if (!gone) co_return gone.error();
  displaced.push_back(bound->value());
  co_return Result<void>();
}

}  // namespace tiderelay::dumper
