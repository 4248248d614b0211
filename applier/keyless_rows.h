// applier/keyless_rows.h: which rows of a table without a key one DELETE may take together.
//
// Such a row is found by all of its values, which reads the whole table, so many rows share a
// statement: those that are there once in the run. Where the target has more rows like one of them,
// the statement's count is wrong and refuses the batch, whose second try deletes row by row.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "applier/net_effect.h"

namespace tiderelay::applier {

struct KeylessDeletes {
  std::vector<std::uint32_t> together;  // indices of net.changes, in log order; none or several
  std::vector<std::uint32_t> alone;     // likewise
};

// `run`: deletes of one binding.
[[nodiscard]] KeylessDeletes keyless_deletes(const NetEffect& net,
                                             std::span<const std::uint32_t> run);

// The column by which a list of values narrows down the rows best: never NULL in these rows, the
// one with the most values, an indexed one first. Rows that are equal to the byte are equal in it.
[[nodiscard]] std::optional<std::uint32_t> candidate_column(const NetEffect& net,
                                                            std::span<const std::uint32_t> rows);

}  // namespace tiderelay::applier
