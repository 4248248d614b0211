// bench/apply_bench.cc: CPU that planning and writing statements cost per row.
//
//   cmake --preset release && cmake --build build/release --target apply_bench
//   build/release/bench/apply_bench
//
// "s_per_million" is CPU seconds per million changed rows, without reading the log and without the
// target. The table is sysbench's: an INT key, a secondary index, 190 bytes a row.
#include <benchmark/benchmark.h>

#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "applier/planner.h"
#include "applier/statements.h"
#include "applier/table_binding.h"

namespace tiderelay::applier {
namespace {

using protocol::Cell;

Column column(std::string name, SqlType type, std::string collation) {
  Column made;
  made.name = std::move(name);
  made.type = type;
  made.length = 200;
  made.not_null = true;
  made.type_text = "any";
  if (!collation.empty()) made.charset = "utf8mb4";
  made.collation = std::move(collation);
  return made;
}

std::shared_ptr<const TableBinding> sysbench_table(bool second_unique_key) {
  TableSchema schema;
  schema.name = {"sbtest", "sbtest1"};
  schema.columns = {column("id", SqlType::kInt, ""), column("k", SqlType::kInt, ""),
                    column("c", SqlType::kChar, "utf8mb4_bin"),
                    column("pad", SqlType::kChar, "utf8mb4_bin")};
  Key primary;
  primary.kind = KeyKind::kPrimary;
  primary.name = "PRIMARY";
  primary.parts.resize(1);
  primary.parts[0].column = "id";
  schema.keys.push_back(primary);
  if (second_unique_key) {
    primary.kind = KeyKind::kUnique;
    primary.name = "k";
    primary.parts[0].column = "k";
    schema.keys.push_back(primary);
  }
  std::vector<protocol::WireColumn> wire(4);
  wire[0].type = wire[1].type = protocol::ColumnType::kLong;
  wire[2].type = wire[3].type = protocol::ColumnType::kString;
  return TableBinding::make(wire, schema, schema, {}).value();
}

// The bytes and cells of one transaction, as a decoder leaves them.
class Images {
 public:
  explicit Images(std::size_t rows) {
    bytes_.reserve(rows * 200);
    cells_.reserve(rows * 4);
  }
  std::span<const Cell> row(std::uint32_t id, std::uint32_t k, char fill) {
    const std::size_t from = cells_.size();
    number(id);
    number(k);
    text(120, fill);
    text(60, fill);
    return std::span(cells_).subspan(from);
  }

 private:
  void number(std::uint32_t value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + 4);
    std::memcpy(&bytes_[at], &value, 4);
    cells_.push_back(Cell{as_bytes(bytes_).data() + at, 4, Cell::State::kValue});
  }
  void text(std::uint32_t size, char fill) {
    const std::size_t at = bytes_.size();
    bytes_.append(size, fill);
    cells_.push_back(Cell{as_bytes(bytes_).data() + at, size, Cell::State::kValue});
  }
  std::string bytes_;  // reserved: never moves
  std::vector<Cell> cells_;
};

// sysbench's write_only transaction: two updates, a delete and an insert of the row deleted.
Transaction four_changes(std::uint64_t number, const std::shared_ptr<const TableBinding>& table,
                         std::mt19937_64& random) {
  constexpr std::uint32_t kRows = 1'000'000;
  const auto images = std::make_shared<Images>(6);
  Transaction made;
  made.id = {"source", number, number + 1};
  made.changes.resize(4);
  const auto ids = {random() % kRows, random() % kRows, random() % kRows};
  const auto* id = ids.begin();
  for (std::size_t i = 0; i < 4; ++i) {
    RowChange& change = made.changes[i];
    const auto key = static_cast<std::uint32_t>(id[std::min<std::size_t>(i, 2)]);
    change.binding = table.get();
    change.ordinal = static_cast<std::uint32_t>(i);
    change.kind = i < 2    ? protocol::RowKind::kUpdate
                  : i == 2 ? protocol::RowKind::kDelete
                           : protocol::RowKind::kInsert;
    if (i < 3) change.before = images->row(key, key, 'a');
    if (i != 2) change.after = images->row(key, key, 'b');
  }
  made.bytes = 1200;
  made.keeps.push_back(images);
  made.bindings.push_back(table);
  return made;
}

Transaction inserts(std::uint64_t number, std::uint32_t rows,
                    const std::shared_ptr<const TableBinding>& table) {
  const auto images = std::make_shared<Images>(rows);
  Transaction made;
  made.id = {"source", number, number + 1};
  made.changes.resize(rows);
  for (std::uint32_t i = 0; i < rows; ++i) {
    RowChange& change = made.changes[i];
    const std::uint32_t key = static_cast<std::uint32_t>(number) * rows + i;
    change.binding = table.get();
    change.ordinal = i;
    change.after = images->row(key, key, 'b');
  }
  made.bytes = rows * 200;
  made.keeps.push_back(images);
  made.bindings.push_back(table);
  return made;
}

template <class Make>
void run(benchmark::State& state, std::size_t rows_each, Make make) {
  constexpr std::size_t kTransactions = 20'000;
  std::size_t rows = 0;
  std::size_t sql_bytes = 0;
  std::size_t batches = 0;
  const std::size_t count = std::max<std::size_t>(1, kTransactions * 4 / rows_each);
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<Transaction> transactions;
    for (std::size_t i = 0; i < count; ++i) transactions.push_back(make(i));
    Planner planner({}, {});
    std::deque<std::shared_ptr<const Batch>> running;
    const auto finish_one = [&] {
      planner.done(running.front()->id);
      running.pop_front();
    };
    state.ResumeTiming();
    for (Transaction& one : transactions) {
      while (planner.full()) finish_one();
      if (!planner.add(std::move(one))) std::abort();
      while (auto batch = planner.take(false)) {
        const Result<BatchSql> sql = batch_sql(*batch, {});
        if (!sql) std::abort();
        for (const BodyPacket& packet : sql->packets) sql_bytes += packet.sql.size();
        rows += batch->rows;
        ++batches;
        running.push_back(std::move(batch));
        if (running.size() == 16) finish_one();
      }
    }
    state.PauseTiming();
    while (!running.empty()) finish_one();
    transactions.clear();
    state.ResumeTiming();
  }
  state.counters["s_per_million"] = benchmark::Counter(
      static_cast<double>(rows) / 1e6, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["sql_bytes_per_row"] = static_cast<double>(sql_bytes) / static_cast<double>(rows);
  state.counters["rows_per_batch"] = static_cast<double>(rows) / static_cast<double>(batches);
}

void FourChanges(benchmark::State& state) {
  const auto table = sysbench_table(state.range(0) != 0);
  std::mt19937_64 random(1);
  run(state, 4, [&](std::size_t i) { return four_changes(i, table, random); });
}
BENCHMARK(FourChanges)->ArgName("second_unique_key")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

void Inserts(benchmark::State& state) {
  const auto table = sysbench_table(false);
  const auto rows = static_cast<std::uint32_t>(state.range(0));
  run(state, rows, [&](std::size_t i) { return inserts(i, rows, table); });
}
BENCHMARK(Inserts)->ArgName("rows")->Arg(1)->Arg(1000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tiderelay::applier

BENCHMARK_MAIN();
