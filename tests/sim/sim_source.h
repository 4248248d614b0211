// tests/sim/sim_source.h: a source with a history: tables whose every state is known, and the
// transactions between these states as the applier gets them.
//
// Tables are small and their values few, so that keys meet again and again. Rows keep the source's
// own rules: primary keys and unique values are unique after every change.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "applier/applied_set.h"
#include "applier/change.h"
#include "tests/applier/table_maker.h"

namespace tiderelay::tests::sim {

using SimValue = std::optional<std::int64_t>;
using SimRow = std::vector<SimValue>;

struct SimTable {
  std::string name;
  std::size_t columns = 0;
  std::vector<std::size_t> primary;  // columns; empty: no key at all
  std::optional<std::size_t> unique;
  bool copied = false;  // was filled by chunks while the history went on
};

inline const std::vector<SimTable>& sim_tables() {
  static const std::vector<SimTable> tables = {
      {"plain", 3, {0}, std::nullopt, false}, {"pair", 3, {0, 1}, std::nullopt, false},
      {"two_keys", 3, {0}, 1, false},         {"keyless", 2, {}, std::nullopt, false},
      {"copied", 3, {0}, std::nullopt, true}, {"copied_two_keys", 3, {0}, 1, true},
  };
  return tables;
}

struct SimChange {
  std::size_t table = 0;
  std::optional<SimRow> before;
  std::optional<SimRow> after;
};
using SimTransaction = std::vector<SimChange>;
using SimState = std::vector<std::multiset<SimRow>>;  // by table

// False: the change does not fit the state.
inline bool apply_change(SimState& state, const SimChange& change) {
  std::multiset<SimRow>& rows = state[change.table];
  if (change.before) {
    const auto found = rows.find(*change.before);
    if (found == rows.end()) return false;
    rows.erase(found);
  }
  if (change.after) rows.insert(*change.after);
  return true;
}

class SimSource {
 public:
  explicit SimSource(std::uint64_t seed) : random_(seed) {
    SimState state(sim_tables().size());
    const std::size_t count = 20 + random_() % 60;
    states_.push_back(state);
    for (std::size_t i = 0; i < count; ++i) {
      SimTransaction transaction;
      const std::size_t size = random_() % 12 == 0 ? 8 + random_() % 20 : 1 + random_() % 5;
      for (std::size_t tries = 0; transaction.size() < size && tries < 100; ++tries) {
        draw(state, transaction);
      }
      history_.push_back(std::move(transaction));
      states_.push_back(state);
    }
  }

  [[nodiscard]] const std::vector<SimTransaction>& history() const { return history_; }
  [[nodiscard]] const SimState& state_before(std::size_t transaction) const {
    return states_[transaction];
  }
  [[nodiscard]] const SimState& end() const { return states_.back(); }

 private:
  SimValue small(int values) { return static_cast<std::int64_t>(random_() % values); }

  SimRow draw_row(const SimTable& table) {
    SimRow row;
    for (std::size_t i = 0; i < table.columns; ++i) {
      const bool key = std::ranges::find(table.primary, i) != table.primary.end();
      const bool keyless = table.primary.empty();
      row.push_back(key ? small(table.primary.size() > 1 ? 3 : 8) : small(keyless ? 3 : 6));
      if (!key && random_() % 6 == 0) row.back() = std::nullopt;
    }
    return row;
  }

  static bool fits(const SimTable& table, const std::multiset<SimRow>& rows, const SimRow& row) {
    return std::ranges::none_of(rows, [&](const SimRow& other) {
      const bool same_key =
          !table.primary.empty() &&
          std::ranges::all_of(table.primary, [&](std::size_t at) { return other[at] == row[at]; });
      const bool same_unique =
          table.unique && row[*table.unique] && other[*table.unique] == row[*table.unique];
      return same_key || same_unique;
    });
  }

  void draw(SimState& state, SimTransaction& transaction) {
    SimChange change;
    change.table = random_() % sim_tables().size();
    const SimTable& table = sim_tables()[change.table];
    std::multiset<SimRow>& rows = state[change.table];
    const auto kind = random_() % 10;
    if (kind >= 4 && !rows.empty()) {
      auto chosen = rows.begin();
      std::advance(chosen, static_cast<std::ptrdiff_t>(random_() % rows.size()));
      change.before = *chosen;
    }
    if (kind < 8) {
      SimRow row = draw_row(table);
      if (change.before && random_() % 3 != 0) {  // most updates change one column
        const std::size_t column = random_() % table.columns;
        const SimValue value = row[column];
        row = *change.before;
        row[column] = value;
      }
      change.after = std::move(row);
    }
    if (change.before == change.after) return;
    SimState next = state;
    if (change.before) next[change.table].erase(next[change.table].find(*change.before));
    if (change.after && !fits(table, next[change.table], *change.after)) return;
    if (!apply_change(state, change)) return;
    transaction.push_back(std::move(change));
  }

  std::mt19937_64 random_;
  std::vector<SimTransaction> history_;
  std::vector<SimState> states_;
};

// The transaction's name in applied sets, and its place in the log.
inline applier::TransactionId sim_id(std::size_t number) {
  return {"source", number + 1, number + 2};
}
inline relay::LogPosition sim_position(std::size_t number) { return {1, 1, 100 * (number + 1)}; }
inline std::size_t sim_number(const relay::LogPosition& position) {
  return position.generation == 0 ? 0 : position.offset_bytes / 100 - 1;
}

}  // namespace tiderelay::tests::sim
