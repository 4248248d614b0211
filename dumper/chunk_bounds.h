// dumper/chunk_bounds.h: cuts a table into chunks by its key. The source's server orders, compares
// and renders; nothing is compared here.
//
// A bound is the key of one row, each column as an SQL literal that the server compares exactly as
// it stored it: characters as bytes behind the introducer of the column's own charset (the column's
// collation then rules), ENUM, SET and BIT by number, the rest as the server prints it. Literals
// hold no comma, so a bound's text is their list.
// A chunk is lower < key <= upper; the first is open below, the last above. Predicates are row-wise
// and written out, since not every server uses an index for (a,b) > (1,2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "dumper/table_plan.h"
#include "relay/query_outcome.h"

namespace tiderelay::dumper {

using Bound = std::optional<std::string>;  // nothing: open

// The literals of a bound's text.
[[nodiscard]] std::vector<std::string> bound_literals(const std::string& bound);

// The condition of a chunk; "" for all rows.
[[nodiscard]] std::string chunk_condition(const std::vector<KeyColumn>& key, const Bound& lower,
                                          const Bound& upper);
[[nodiscard]] std::string key_equals(const std::vector<KeyColumn>& key, const std::string& bound);
[[nodiscard]] std::string both(const std::string& condition, const std::string& other);

// "HEX(`a`),`b`": what next_bound() makes a bound of.
[[nodiscard]] std::string bound_columns(const std::vector<KeyColumn>& key);

// The key `rows` rows above `lower`; no row: what is above `lower` is the last chunk.
[[nodiscard]] std::string next_bound_sql(const TablePlan& plan, const Bound& lower,
                                         std::uint64_t rows);
[[nodiscard]] Result<Bound> next_bound(const std::vector<KeyColumn>& key,
                                       const relay::StatementResult& answer);

// How many rows a chunk gets: by bytes, from what the server estimates until rows have been seen.
class ChunkSizer {
 public:
  struct Limits {
    std::uint64_t chunk_bytes = 0;
    std::uint64_t chunk_rows_max = 0;
    unsigned parallel = 1;  // chunks that can be under way at once
  };
  ChunkSizer(Limits limits, std::uint64_t rows_estimated, std::uint64_t row_bytes_estimated);

  void saw(std::uint64_t rows, std::uint64_t bytes);
  [[nodiscard]] std::uint64_t rows() const;  // at least 1

 private:
  const Limits limits_;
  const std::uint64_t rows_estimated_;
  std::uint64_t row_bytes_;
  std::uint64_t seen_rows_ = 0;
  std::uint64_t seen_bytes_ = 0;
};

}  // namespace tiderelay::dumper
