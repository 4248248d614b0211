// applier/planner.h: whole source transactions in, batches out, so that batches without a common
// key value may run side by side and everything else stays in order.
//
// A batch is open (takes transactions), sealed, sent, then done. It waits only for batches that
// were sealed before, so there is no cycle, and may be sent when all of them are done: never
// earlier, for an older snapshot would not see their rows (docs/exactly-once.md, 4).
//
// A transaction goes: without conflict into the fullest open batch that waits for nothing; with
// open batches in conflict into the emptiest of these, after the others are sealed; otherwise into
// the fullest one that waits already. So batches become large although they conflict, and those
// that wait don't hold up those that don't. A part of a split transaction has its batch for itself
// and waits for the part before it.
//
// Memory: the transactions in it, bytes(); full() tells when to stop reading. One 16-byte entry per
// live key value.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "applier/applied_set.h"
#include "applier/change.h"
#include "applier/conflict_table.h"
#include "base/error.h"
#include "relay/log_position.h"

namespace tiderelay::applier {

struct PlannerOptions {
  // What closes a batch. Larger: more rows a second, later rows, bigger transactions on the target.
  std::size_t batch_rows_max = 2000;
  std::size_t batch_bytes_max = 4U << 20;
  // Batches that are not done. At least twice the workers, so that none waits for the planner.
  std::size_t batches_max = 32;
  // Bytes of planned transactions that are not done: the applier's memory budget.
  std::size_t bytes_max = 64U << 20;
  // Bytes of batches that are sent and not done; a larger batch goes alone. Large transactions side
  // by side cost the target more than they bring: docs/performance.md.
  std::size_t sent_bytes_max = 16U << 20;
  // Transactions behind the low-water mark that a slow batch may hold up: bounds the applied sets.
  std::size_t transactions_max = 200'000;
  // A batch that is not full goes only while fewer than these are sealed or sent.
  std::size_t busy_for_partial = 4;
  // Keep the set of all transactions up to the low-water mark. Only with GTIDs.
  bool keep_low_set = false;
};

// Transactions that commit together on the target. Immutable once taken from the planner.
struct Batch {
  std::uint64_t id = 0;
  std::vector<Transaction> transactions;  // in log order
  // Per change, in order: hash of the row before, hash of the row after (TableBinding).
  std::vector<std::uint64_t> row_hashes;
  std::size_t rows = 0;
  std::size_t bytes = 0;
};

struct LowWater {
  relay::LogPosition position;  // everything that ends at or before it is done
  AppliedSet set;               // with keep_low_set: what that is; empty otherwise
};

class Planner {
 public:
  Planner(PlannerOptions options, LowWater start);

  // Nothing more may be added until done() was called.
  [[nodiscard]] bool full() const;

  // Takes the transaction, or leaves no trace of it: kData when one of its changes cannot be
  // applied as it is. REQUIRES: !full(); transactions in log order.
  Result<void> add(Transaction transaction);

  // The next batch that may be sent now, or null. `drained`: nothing more can be added at the
  // moment, so a batch that is not full may go as well.
  [[nodiscard]] std::shared_ptr<const Batch> take(bool drained);

  // The batch was committed, rows and position.
  void done(std::uint64_t batch_id);

  // Nothing is open, sealed or sent: what a DDL waits for.
  [[nodiscard]] bool idle() const { return live_.empty(); }

  [[nodiscard]] const LowWater& low_water() const { return low_water_; }
  // What has fallen behind the low-water mark since the last call: to be dropped from the workers'
  // sets once this low-water mark is committed.
  [[nodiscard]] AppliedSet take_passed();

  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t batches() const { return live_.size(); }
  [[nodiscard]] std::size_t transactions_behind() const { return log_.size(); }
  [[nodiscard]] std::uint64_t conflicts() const { return conflicts_; }  // since the start

 private:
  enum class State : std::uint8_t { kOpen, kSealed, kSent };
  struct Live {
    std::shared_ptr<Batch> batch;
    State state = State::kOpen;
    std::vector<std::uint64_t> waits_for;  // live batches, all sealed or sent
    std::vector<std::uint64_t> log_entries;
  };
  struct LogEntry {  // a transaction, or a part of one, in log order
    TransactionId id;
    relay::LogPosition end;
    bool done = false;
    bool boundary = true;               // its end is the end of a whole transaction
    std::optional<std::uint64_t> ends;  // the entry of the XA transaction that this one commits
  };

  [[nodiscard]] Live* find(std::uint64_t batch_id) const;
  Result<void> hash(const Transaction& transaction);
  [[nodiscard]] std::vector<Live*> conflicting() const;
  void record_marks(std::uint64_t batch_id);
  Live& place(const Transaction& transaction);
  Live& place_alone(const std::vector<Live*>& conflicts);
  // Of those that wait for others, or of those that don't; null: there is none.
  [[nodiscard]] Live* fullest_open(bool waiting) const;
  [[nodiscard]] bool partial_may_go(bool drained) const;
  Live& open_batch();
  static void seal_and_wait(Live& live, const std::vector<Live*>& others);
  [[nodiscard]] bool has_room(const Live& live, const Transaction& transaction) const;
  [[nodiscard]] std::optional<std::uint64_t> take_prepared(const std::string& xid);
  void release(std::optional<std::uint64_t> entry);
  void advance_low_water();

  const PlannerOptions options_;
  LowWater low_water_;
  AppliedSet passed_;
  std::vector<std::unique_ptr<Live>> live_;  // by id, ascending
  std::uint64_t next_batch_id_ = 1;
  std::uint64_t last_part_batch_ = 0;  // the batch of the part before, while a transaction is split
  ConflictTable table_;
  std::map<std::uint64_t, std::vector<std::uint64_t>> shared_;  // group -> batches, since the last
                                                                // exclusive one
  std::deque<LogEntry> log_;
  std::uint64_t first_log_entry_ = 0;  // number of log_.front()
  std::map<std::string, std::uint64_t>
      prepared_;  // open XA transactions: their entries, never done
  std::size_t bytes_ = 0;
  std::size_t sent_ = 0;  // batches
  std::size_t sent_bytes_ = 0;
  std::size_t rows_ = 0;
  std::uint64_t conflicts_ = 0;

  // Of the transaction being added.
  std::vector<std::uint64_t> hashes_;
  std::vector<std::uint64_t> row_hashes_;
  std::string scratch_;
};

}  // namespace tiderelay::applier
