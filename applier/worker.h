// applier/worker.h: one session on the target as a machine: a batch in, committed exactly once out.
//
// The owner does what step() says and reports with one of the events; the machine knows no socket
// and no clock. Unknown outcomes are decided by reading the own checkpoint row: its seq tells
// whether the batch was committed. A refused batch (wrong count, bad row) is tried a second time
// with one counted statement per change, which names the row.
//
// One Worker per (epoch, worker row). After an error that ends it (kStop), and before another
// Worker takes the same row, the task is taken over anew: a forgotten connection may still commit.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "applier/checkpoint.h"
#include "applier/error_class.h"
#include "applier/planner.h"
#include "applier/session_setup.h"
#include "applier/statements.h"
#include "base/error.h"
#include "relay/query_outcome.h"

namespace tiderelay::applier {

struct WorkerOptions {
  enum class WrongCount : std::uint8_t { kPause, kNoteAndGoOn };

  CheckpointScope scope;
  TargetInfo target;
  SessionOptions session;
  StatementOptions statements;
  // A strict UPDATE or DELETE that matches no row: somebody else writes the target, or it was not
  // equal to the source before. kNoteAndGoOn applies what matches and reports the rest.
  WrongCount on_wrong_count = WrongCount::kPause;
  std::chrono::milliseconds backoff_first{50};
  std::chrono::milliseconds backoff_max{5000};
  std::uint32_t tries_few = 5;  // for errors that may be lasting
};

class Worker {
 public:
  enum class Action : std::uint8_t {
    kConnect,  // drop the session, make a new one -> connected() or lost()
    kSend,     // send all packets without waiting, receive as many answers -> answered() or lost()
    kSleep,    // -> slept()
    kIdle,     // -> start()
    kDone,     // batch_id is committed -> start() the next one, or rest()
    kRefetch,  // read the target's table definitions again -> refetched(), or stop
    kPause,    // error says why -> retry() when the user has acted
    kStop,     // error says why; final
  };
  struct Step {
    Action action = Action::kConnect;
    std::vector<std::string> packets;
    std::chrono::milliseconds sleep{0};
    std::uint64_t batch_id = 0;
    Error error;
    std::vector<std::string> notes;  // kDone: rows that were not there, with kNoteAndGoOn
  };

  struct Stats {  // since the start
    std::uint64_t batches = 0;
    std::uint64_t retries = 0;  // after transient errors and lost connections
    std::uint64_t singles = 0;  // batches that went change by change
  };

  // `row`: as it is after the takeover.
  Worker(WorkerOptions options, WorkerRow row, std::uint64_t seed);

  [[nodiscard]] const Step& step() const { return step_; }

  // The step's packets, which may be large, to be sent: their texts are gone from step() after it.
  [[nodiscard]] std::vector<std::string> take_packets() {
    std::vector<std::string> taken(step_.packets.size());
    for (std::size_t i = 0; i < taken.size(); ++i) taken[i].swap(step_.packets[i]);
    return taken;
  }

  void start(std::shared_ptr<const Batch> batch);  // REQUIRES: kIdle or kDone
  void rest();                                     // REQUIRES: kDone
  void connected();
  void answered(std::vector<relay::QueryOutcome> outcomes);
  void lost(const Error& error);
  void slept();
  void refetched();
  void retry();

  // These are behind a committed low-water mark: the row forgets them with the next batch.
  void drop(const AppliedSet& passed) { row_.applied.subtract(passed); }

  [[nodiscard]] const WorkerRow& row() const { return row_; }
  [[nodiscard]] const Batch* batch() const { return batch_.get(); }
  [[nodiscard]] const Stats& stats() const { return stats_; }
  // What step().packets consist of, without the text: for the simulation and for messages.
  [[nodiscard]] const BatchSql* sql() const { return sql_ ? &*sql_ : nullptr; }

 private:
  enum class Phase : std::uint8_t {
    kSetup,          // session variables and the own row
    kLook,           // the own row
    kBatch,          // all of a batch up to COMMIT
    kSingles,        // all of a batch, one statement a change, without COMMIT
    kSinglesCommit,  // its checkpoint and COMMIT
    kAbandon,        // ROLLBACK before a pause
    kNone,           // nothing is sent
  };

  void send(Phase phase, std::vector<std::string> packets);
  void send_batch();
  void send_compact();
  void send_singles();
  void send_singles_commit();
  void look();
  void look_or_connect();
  void judge_row(const WorkerRow& found);
  void judge_abandoned(const relay::QueryOutcome& outcome);
  void judge_setup(const std::vector<relay::QueryOutcome>& outcomes);
  void judge_look(const relay::QueryOutcome& outcome);
  void judge_batch(const std::vector<relay::QueryOutcome>& outcomes);
  void judge_singles(const std::vector<relay::QueryOutcome>& outcomes);
  void judge_singles_commit(const relay::QueryOutcome& outcome);
  void refused(const Error& error, bool at_fence, bool at_commit, std::uint32_t statement);
  void act(ErrorClass error_class, const Error& error);
  void back_off(bool reconnect);
  void abandon(Error error);
  void pause(Error error);
  void stop(Error error);
  void committed();
  [[nodiscard]] AppliedSet applied_with_batch() const;
  [[nodiscard]] std::string begin_sql(bool locking) const;

  WorkerOptions options_;
  WorkerRow row_;  // as committed
  std::mt19937_64 random_;
  Step step_;
  Phase phase_ = Phase::kNone;
  bool has_session_ = false;
  bool reconnect_after_sleep_ = true;

  std::shared_ptr<const Batch> batch_;
  std::optional<BatchSql> sql_;
  bool single_ = false;     // the second try
  bool refetched_ = false;  // for this batch
  std::uint32_t tries_ = 0;
  std::uint32_t tries_few_ = 0;
  std::uint64_t attempt_ = 0;  // of all sends: a packet that ran marks itself with it
  std::vector<std::string> notes_;
  Stats stats_;
  Error pending_error_;  // kPause once the ROLLBACK is through
};

}  // namespace tiderelay::applier
