// dumper/chunk_bounds.cc: see chunk_bounds.h.
#include "dumper/chunk_bounds.h"

#include <algorithm>

#include "applier/sql_text.h"
#include "base/check.h"

namespace tiderelay::dumper {
namespace {

using applier::quoted_name;
using applier::quoted_table;
using applier::quoted_text;

using applier::SqlType;

// A table smaller than all chunks that can run at once is cut finer, down to this.
constexpr std::uint64_t kSmallChunkBytes = std::uint64_t{1} << 20U;
constexpr std::uint64_t kRoundsOfParallel = 4;

enum class Rendering : std::uint8_t { kAsPrinted, kNumber, kQuoted, kCharacters, kBytes };

Rendering rendering_of(const KeyColumn& column) {
  switch (column.type) {
    case SqlType::kEnum:
    case SqlType::kSet:
    case SqlType::kBit:
      return Rendering::kNumber;
    case SqlType::kDate:
    case SqlType::kTime:
    case SqlType::kDateTime:
    case SqlType::kTimestamp:
    case SqlType::kUuid:
    case SqlType::kInet:
      return Rendering::kQuoted;
    case SqlType::kChar:
    case SqlType::kVarchar:
    case SqlType::kTinyText:
    case SqlType::kText:
    case SqlType::kMediumText:
    case SqlType::kLongText:
      return Rendering::kCharacters;
    case SqlType::kBinary:
    case SqlType::kVarbinary:
    case SqlType::kTinyBlob:
    case SqlType::kBlob:
    case SqlType::kMediumBlob:
    case SqlType::kLongBlob:
      return Rendering::kBytes;
    default:
      return Rendering::kAsPrinted;
  }
}

// What the column is compared and ordered as.
std::string compared(const KeyColumn& column) {
  const bool number = rendering_of(column) == Rendering::kNumber;
  return number ? quoted_name(column.name) + "+0" : quoted_name(column.name);
}

std::string selected(const KeyColumn& column) {
  const std::string name = quoted_name(column.name);
  switch (rendering_of(column)) {
    case Rendering::kNumber:
      return name + "+0";
    case Rendering::kCharacters:
    case Rendering::kBytes:
      return "HEX(" + name + ")";
    case Rendering::kAsPrinted:
      return column.type == SqlType::kFloat || column.type == SqlType::kDouble ? name + "*1e0"
                                                                               : name;
    case Rendering::kQuoted:
      return name;
  }
  return name;
}

std::string literal(const KeyColumn& column, const std::string& text) {
  switch (rendering_of(column)) {
    case Rendering::kQuoted:
      return quoted_text(text);
    case Rendering::kCharacters:
      return "_" + column.charset + " x'" + text + "'";
    case Rendering::kBytes:
      return "x'" + text + "'";
    case Rendering::kAsPrinted:
    case Rendering::kNumber:
      return text;
  }
  return text;
}

// key < or > bound from column `at` on, or equal where `or_equal`. The first term alone bounds an
// index range.
std::string beyond(const std::vector<KeyColumn>& key, const std::vector<std::string>& bound,
                   std::size_t at, char side, bool or_equal) {
  const std::string column = compared(key[at]);
  const std::string strictly = column + side + bound[at];
  if (at + 1 == key.size()) return or_equal ? column + side + "=" + bound[at] : strictly;
  return "(" + column + side + "=" + bound[at] + " AND (" + strictly + " OR (" + column + "=" +
         bound[at] + " AND " + beyond(key, bound, at + 1, side, or_equal) + ")))";
}

}  // namespace

std::vector<std::string> bound_literals(const std::string& bound) {
  std::vector<std::string> literals;
  for (std::size_t from = 0;;) {
    const std::size_t comma = bound.find(',', from);
    literals.push_back(bound.substr(from, comma - from));
    if (comma == std::string::npos) return literals;
    from = comma + 1;
  }
}

std::string both(const std::string& condition, const std::string& other) {
  if (condition.empty()) return other;
  return other.empty() ? condition : condition + " AND " + other;
}

std::string chunk_condition(const std::vector<KeyColumn>& key, const Bound& lower,
                            const Bound& upper) {
  CHECK(!key.empty(), "only tables with a key have chunks");
  std::string condition;
  if (lower) condition = beyond(key, bound_literals(*lower), 0, '>', false);
  return upper ? both(condition, beyond(key, bound_literals(*upper), 0, '<', true)) : condition;
}

std::string key_equals(const std::vector<KeyColumn>& key, const std::string& bound) {
  const std::vector<std::string> literals = bound_literals(bound);
  std::string condition;
  for (std::size_t i = 0; i < key.size(); ++i) {
    condition = both(condition, compared(key[i]) + "=" + literals[i]);
  }
  return condition;
}

std::string bound_columns(const std::vector<KeyColumn>& key) {
  std::string columns;
  for (const KeyColumn& column : key) columns += (columns.empty() ? "" : ",") + selected(column);
  return columns;
}

std::string next_bound_sql(const TablePlan& plan, const Bound& lower, std::uint64_t rows) {
  std::string order;
  for (const KeyColumn& column : plan.key) {
    order += (order.empty() ? "" : ",") + quoted_name(column.name);
  }
  std::string sql = "SELECT " + bound_columns(plan.key) + " FROM " +
                    quoted_table(plan.table.source) + " FORCE INDEX (" +
                    quoted_name(plan.key_name) + ")";
  if (lower) sql += " WHERE " + chunk_condition(plan.key, lower, std::nullopt);
  return sql + " ORDER BY " + order + " LIMIT 1 OFFSET " + std::to_string(rows - 1);
}

Result<Bound> next_bound(const std::vector<KeyColumn>& key, const relay::StatementResult& answer) {
  if (answer.rows.empty()) return Bound();
  const auto& row = answer.rows.front();
  if (row.size() != key.size()) return Error(Errc::kCorrupt, "a bound lacks columns");
  std::string bound;
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (!row[i]) {
      return Error(Errc::kDiverged, "key column " + quoted_name(key[i].name) + " holds NULL");
    }
    bound += (i == 0 ? "" : ",") + literal(key[i], *row[i]);
  }
  return Bound(std::move(bound));
}

ChunkSizer::ChunkSizer(Limits limits, std::uint64_t rows_estimated,
                       std::uint64_t row_bytes_estimated)
    : limits_(limits),
      rows_estimated_(rows_estimated),
      row_bytes_(std::max<std::uint64_t>(row_bytes_estimated, 1)) {}

void ChunkSizer::saw(std::uint64_t rows, std::uint64_t bytes) {
  seen_rows_ += rows;
  seen_bytes_ += bytes;
  if (seen_rows_ > 0) row_bytes_ = std::max<std::uint64_t>(seen_bytes_ / seen_rows_, 1);
}

std::uint64_t ChunkSizer::rows() const {
  const std::uint64_t table_bytes = rows_estimated_ * row_bytes_;
  const std::uint64_t fair = table_bytes / (limits_.parallel * kRoundsOfParallel);
  const std::uint64_t bytes = std::min(
      limits_.chunk_bytes, std::max(fair, std::min(kSmallChunkBytes, limits_.chunk_bytes)));
  return std::clamp<std::uint64_t>(bytes / row_bytes_, 1,
                                   std::max<std::uint64_t>(limits_.chunk_rows_max, 1));
}

}  // namespace tiderelay::dumper
