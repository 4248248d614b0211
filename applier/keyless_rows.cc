// applier/keyless_rows.cc: compares images byte by byte.
#include "applier/keyless_rows.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "applier/cell_value.h"

namespace tiderelay::applier {

using protocol::Cell;

namespace {

bool lists_well(const BoundColumn& column) {
  const SqlType type = column.source.type;
  const bool number = is_integer(type) || type == SqlType::kDecimal;
  return column.written && column.literal == Literal::kPlain &&
         (number || type == SqlType::kDate || type == SqlType::kDateTime || is_text(type)) &&
         column.target->type == type;
}

}  // namespace

std::optional<std::uint32_t> candidate_column(const NetEffect& net,
                                              std::span<const std::uint32_t> rows) {
  const TableBinding& binding = *net.changes[rows.front()].binding;
  std::optional<std::uint32_t> best;
  std::pair<bool, std::size_t> best_worth;
  for (const std::uint32_t at : binding.written()) {
    if (!lists_well(binding.columns()[at]) || !binding.key_columns()[at].logged) continue;
    std::set<std::string_view> values;
    const bool full = std::ranges::all_of(rows, [&](std::uint32_t row) {
      const Cell& cell = net.changes[row].before[at];
      values.insert(as_text(cell.bytes()));
      return !cell.is_null();
    });
    const std::pair<bool, std::size_t> worth(binding.columns()[at].indexed, values.size());
    if (!full || (best && worth <= best_worth)) continue;
    best = at;
    best_worth = worth;
  }
  return best;
}

KeylessDeletes keyless_deletes(const NetEffect& net, std::span<const std::uint32_t> run) {
  std::map<std::string, std::vector<std::uint32_t>> by_image;
  std::string image;
  for (const std::uint32_t row : run) {
    image.clear();
    for (const Cell& cell : net.changes[row].before) {
      image.push_back(static_cast<char>(cell.state));
      image += std::to_string(cell.size_bytes) + ":";
      image += as_text(cell.bytes());
    }
    by_image[image].push_back(row);
  }
  KeylessDeletes deletes;
  for (const auto& [bytes, rows] : by_image) {
    std::vector<std::uint32_t>& into = rows.size() == 1 ? deletes.together : deletes.alone;
    into.insert(into.end(), rows.begin(), rows.end());
  }
  if (deletes.together.size() == 1) {
    deletes.alone.push_back(deletes.together.front());
    deletes.together.clear();
  }
  std::ranges::sort(deletes.together);
  std::ranges::sort(deletes.alone);
  return deletes;
}

}  // namespace tiderelay::applier
