// tests/sim/sim_applier.h: one process that applies a source's log to a target: reader, planner,
// workers and the low-water mark, driven step by step in the order of a seed.
#pragma once

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "applier/planner.h"
#include "applier/worker.h"
#include "tests/sim/sim_source.h"
#include "tests/sim/sim_target.h"

namespace tiderelay::tests::sim {

// How the copied tables were copied: chunks of keys, each read at some moment between LOW and HIGH.
struct SimWindow {
  std::size_t low = 0;   // transactions below are in every chunk
  std::size_t high = 0;  // from here on the table is exact
  struct Chunk {
    std::int64_t end_key = 0;
    std::size_t low = 0;
  };
  std::vector<Chunk> chunks;
};

struct SimWorld {
  const SimSource* source = nullptr;
  SimTarget* target = nullptr;
  std::vector<SimWindow> windows;  // by table; empty for tables that were not copied
  Broken broken;
  bool optimistic = true;
};

class SimApplier {
 public:
  // Takes the task over.
  SimApplier(SimWorld& world, std::uint64_t seed);
  ~SimApplier();

  void step();
  [[nodiscard]] bool finished() const;  // everything is applied and the low-water mark says so
  [[nodiscard]] bool superseded() const { return superseded_; }
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  struct Slot {
    std::unique_ptr<applier::Worker> worker;
    std::optional<SimTarget::SessionId> session;
    bool sent = false;
  };

  void read();
  void plan(applier::Transaction transaction);
  std::optional<applier::RowChange> change_of(std::size_t number, std::uint32_t ordinal,
                                              Images& images);
  [[nodiscard]] bool left_out(std::size_t number, const SimChange& change) const;
  void step_worker(Slot& slot);
  void send(Slot& slot);
  void lose(Slot& slot);
  void batch_done(Slot& slot);
  void save_low_water();

  SimWorld& world_;
  std::mt19937_64 random_;
  std::vector<std::shared_ptr<const applier::TableBinding>> bindings_;
  std::int64_t epoch_ = 0;
  applier::AppliedSet applied_;  // when it began
  std::unique_ptr<applier::Planner> planner_;
  std::vector<Slot> slots_;
  std::size_t next_ = 0;  // transaction to read
  std::size_t split_rows_ = 6;
  std::deque<applier::Transaction> parts_;  // of the transaction being read
  applier::AppliedSet passed_;
  bool superseded_ = false;
  std::string failure_;
};

}  // namespace tiderelay::tests::sim
