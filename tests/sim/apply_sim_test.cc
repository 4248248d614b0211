// Applying under every kind of trouble, from one seed each.
//
// Fault model: connections are cut anywhere, with packets delivered in part; the server then
// notices at once or goes on with what it got and commits late; answers to COMMIT are lost, with
// and without the commit; statements fail with transient errors; the process dies anywhere and
// starts again with another number of workers; a second process takes the task over while the first
// one runs. Not modelled: a target that forgets commits, DDL, collations.
//
// Oracles, after every commit on the target: its rows are exactly those that the applied set
// (low-water mark and members, whole or in part) gives on the source, for every table that is not
// being replayed, so no transaction is missing, doubled, halved or out of order. At the end: all
// rows equal.
#include <gtest/gtest.h>

#include "tests/seeds.h"
#include "tests/sim/sim_applier.h"

namespace tiderelay::tests::sim {
namespace {

// The rows that the applied set stands for. Tables that are being replayed are left empty.
SimState expected(const SimWorld& world) {
  const applier::AppliedSet applied = world.target->applied();
  const std::size_t low = world.target->data().low;
  SimState state(sim_tables().size());
  std::vector<bool> exact(sim_tables().size(), true);
  const std::vector<SimTransaction>& history = world.source->history();
  for (std::size_t number = 0; number < history.size(); ++number) {
    const bool whole = number < low || applied.contains(sim_id(number));
    for (std::uint32_t ordinal = 0; ordinal < history[number].size(); ++ordinal) {
      const SimChange& change = history[number][ordinal];
      const bool is_applied = whole || applied.contains_row(sim_id(number), ordinal);
      const bool in_window = number < world.windows[change.table].high;
      if (in_window && !is_applied) exact[change.table] = false;
      if (!is_applied && !in_window) continue;
      if (!apply_change(state, change)) exact[change.table] = false;
    }
  }
  for (std::size_t i = 0; i < state.size(); ++i) {
    const bool replayed = world.windows[i].high == 0 || exact[i];
    if (!replayed) state[i].clear();
  }
  return state;
}

std::string text_of(const std::multiset<SimRow>& rows) {
  std::string text;
  for (const SimRow& row : rows) {
    text += " (";
    for (const SimValue& value : row) text += (value ? std::to_string(*value) : "null") + " ";
    text.back() = ')';
  }
  return text;
}

std::optional<std::string> difference(const SimWorld& world, const SimState& wanted) {
  const SimState found = world.target->state();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const bool replaying = world.windows[i].high > 0 && wanted[i].empty();
    if (replaying || wanted[i] == found[i]) continue;
    return "table " + sim_tables()[i].name + ": wanted" + text_of(wanted[i]) + ", found" +
           text_of(found[i]) + ", applied " + world.target->applied().text() + ", low " +
           std::to_string(world.target->data().low);
  }
  return std::nullopt;
}

// Chunks of a table, each as the source was at some moment at or after the chunk's LOW.
SimWindow copy_table(const SimWorld& world, std::size_t table, std::mt19937_64& random) {
  const std::size_t count = world.source->history().size();
  SimWindow window;
  window.low = count;
  for (const std::int64_t end_key : {3, 6, 8}) {
    const std::size_t low = random() % (count / 2);
    const std::size_t seen = low + random() % (count / 2);
    window.low = std::min(window.low, low);
    window.high = std::max(window.high, seen + 1);
    window.chunks.push_back({end_key, low});
    auto& rows = world.target->data().tables[table];
    for (const SimRow& row : world.source->state_before(seen)[table]) {
      const std::int64_t key = row[0].value_or(0);
      const bool mine = key < end_key && (end_key == 3 || key >= (end_key == 6 ? 3 : 6));
      if (!mine) continue;
      const auto unique = sim_tables()[table].unique;
      const auto meets = [&](const auto& other) {
        return unique && row[*unique] && other.second[*unique] == row[*unique];
      };
      const auto displaced = std::ranges::find_if(rows, meets);
      if (displaced != rows.end() && random() % 2 == 0) continue;  // noted, and left out
      if (displaced != rows.end()) rows.erase(displaced);
      rows[table * 1000 + static_cast<std::size_t>(key)] = row;
    }
  }
  window.high = std::min(window.high, count);
  return window;
}

// Nothing: all went well. Otherwise what did not.
std::optional<std::string> run(std::uint64_t seed, const Broken& broken) {
  std::mt19937_64 random(seed);
  const SimSource source(random());
  SimWorld world;
  world.optimistic = random() % 2 == 0;
  world.broken = broken;
  world.source = &source;
  SimTarget target(random(), world.optimistic, broken);
  world.target = &target;
  for (std::size_t i = 0; i < sim_tables().size(); ++i) {
    world.windows.push_back(sim_tables()[i].copied ? copy_table(world, i, random) : SimWindow());
  }
  target.trouble(static_cast<int>(random() % 3) * 5);
  const auto crash_every = 200 + random() % 2000;

  std::vector<std::unique_ptr<SimApplier>> appliers;
  std::uint64_t commits = 0;
  for (int step = 0; step < 60'000; ++step) {
    if (appliers.empty() || random() % (2 * crash_every) == 0) {
      appliers.push_back(std::make_unique<SimApplier>(world, random()));
    }
    if (random() % crash_every == 0) {
      appliers.erase(appliers.begin() + static_cast<std::ptrdiff_t>(random() % appliers.size()));
      continue;
    }
    SimApplier& one = *appliers[random() % appliers.size()];
    if (random() % 2 == 0) {
      target.run_one();
    } else {
      one.step();
    }
    if (!one.failure().empty()) return one.failure();
    if (commits != target.commits()) {
      commits = target.commits();
      if (auto wrong = difference(world, expected(world))) return wrong;
    }
    if (one.finished()) return difference(world, source.end());
    std::erase_if(appliers, [](const auto& applier) { return applier->superseded(); });
  }
  return "no end after 60000 steps";
}

TEST(ApplySim, RowsAndPositionsStayTogether) {
  for (const std::uint64_t seed : seeds()) {
    SCOPED_TRACE(replay(seed));
    const std::optional<std::string> failure = run(seed, Broken());
    ASSERT_FALSE(failure) << *failure;
  }
}

// A simulation that cannot fail proves nothing: without any one of these rules it does.
TEST(ApplySim, NoticesEveryRuleThatIsTakenOut) {
  struct Case {
    const char* rule;
    Broken broken;
  };
  const Case cases[] = {
      {"the checkpoint statement is fenced", {.fence = true}},
      {"a BEGIN leaves after what it depends on was acknowledged",
       {.counts = true, .early_begin = true}},
      {"deletes go before inserts", {.inserts_first = true}},
      {"applied is a set, not a maximum", {.maximum = true}},
      {"all unique keys conflict", {.one_key = true}},
      {"a replay is not filtered by the chunks' own LOWs", {.chunk_filter = true}},
      {"a takeover raises the epoch", {.epoch = true}},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.rule);
    std::optional<std::string> noticed;
    for (std::uint64_t seed = 1; seed <= 500 && !noticed; ++seed) noticed = run(seed, one.broken);
    ASSERT_TRUE(noticed) << "no seed notices that it is gone";
    std::printf("without '%s': %.110s\n", one.rule, noticed->c_str());
  }
}

}  // namespace
}  // namespace tiderelay::tests::sim
