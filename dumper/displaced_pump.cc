// dumper/displaced_pump.cc: rows that gave way to others with the same unique value are read again
// when all chunks are loaded: most are gone or have another value by then. Two rows that both still
// hold it are equal for the target and different for the source: that needs a person.
#include <algorithm>
#include <utility>

#include "applier/sql_text.h"
#include "dumper/dump_impl.h"

namespace tiderelay::dumper {
namespace {

using relay::Awaitable;
using relay::QueryOutcome;
using relay::StatementResult;

constexpr int kRoundsMax = 10;

}  // namespace

Awaitable<void> DumpPump::Impl::repair_displaced(Hand& hand, TableTask& table) {
  std::set<std::string> open;
  for (const ChunkRow& chunk : table.row.chunks) {
    open.insert(chunk.displaced.begin(), chunk.displaced.end());
  }
  for (int round = 0; !open.empty(); ++round) {
    if (round == kRoundsMax) {
      co_return Error(Errc::kData,
                      "rows of the source with different values of a unique key are equal in the "
                      "target, one of them where " +
                          key_equals(table.plan.target_key, *open.begin()))
          .with_way_out("give the target's key the source's collation, or change one of the rows");
    }
    std::vector<std::string> displaced;
    for (const std::string& bound : open) {
      const Result<void> repaired = co_await repair_row(hand, table, bound, displaced);
      if (!repaired) co_return repaired.error();
    }
    open = std::set<std::string>(displaced.begin(), displaced.end());
  }
  co_return Result<void>();
}

Awaitable<void> DumpPump::Impl::repair_row(Hand& hand, TableTask& table, std::string bound,
                                           std::vector<std::string>& displaced) {
  hand.backoff.reset();
  for (;;) {
    std::vector<std::string> more;
    const Result<void> repaired = co_await repair_once(hand, table, bound, more);
    if (repaired) {
      displaced.insert(displaced.end(), more.begin(), more.end());
      co_return Result<void>();
    }
    hand.target.drop();
    if (!is_passing(repaired.error()) || hand.backoff.lasted(options.retry_for)) {
      co_return repaired.error();
    }
    const Result<void> paused = co_await pause(hand);
    if (!paused) co_return paused.error();
  }
}

Awaitable<void> DumpPump::Impl::repair_once(Hand& hand, TableTask& table, std::string bound,
                                            std::vector<std::string>& displaced) {
  const Result<void> opened = co_await hand.source.open();
  if (!opened) co_return opened.error();
  std::string condition = key_equals(table.plan.key, bound);
  if (!options.where.empty()) condition = both(condition, "(" + options.where + ")");
  const Result<std::vector<std::string>> rows =
      co_await read_rows(hand.source, select_sql(table.plan, condition));
  if (!rows) co_return rows.error();
  if (rows->empty()) co_return Result<void>();
  const Result<void> begun = co_await begin(hand.target, true);
  if (!begun) co_return begun.error();
  const Result<void> inserted =
      co_await insert_row(hand.target, table, rows->front(), "", displaced, OnDuplicate::kReplace);
  if (!inserted) co_return inserted.error();
  const std::uint32_t chunk = table.row.chunks.front().chunk;
  const Result<QueryOutcome> fenced =
      co_await hand.target.query(ledger->repair_fence_sql(table.table.source, chunk, displaced));
  if (!fenced) co_return fenced.error();
  if (fenced->error) co_return *fenced->error;
  const Result<StatementResult> committed = co_await hand.target.execute("COMMIT");
  if (!committed) co_return committed.error();
  co_return Result<void>();
}

Awaitable<std::vector<std::string>> DumpPump::Impl::read_rows(Session& reader, std::string sql) {
  const auto columns = co_await reader.connection().stream(std::move(sql));
  if (!columns) co_return columns.error();
  std::vector<std::string> copies;
  for (;;) {
    const auto rows = co_await reader.connection().next_rows();
    if (!rows) co_return rows.error();
    if (rows->empty()) co_return copies;
    for (const ByteView row : *rows) copies.emplace_back(as_text(row));
  }
}

}  // namespace tiderelay::dumper
