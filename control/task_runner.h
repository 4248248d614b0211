// control/task_runner.h: a task's share of one source, from the full phase to the end of the log.
//
// Has a thread of its own. start() begins (or goes on) where the checkpoint in the target says;
// pause() and stop() end in order and leave everything resumable; an error that needs a person
// pauses by itself. All calls from the control thread except status(), which any thread may call.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "applier/table_schema.h"
#include "base/error.h"
#include "conf/task_config.h"
#include "control/source_runner.h"

namespace tiderelay::control {

// The copy streams: it is kDump until the first rows are in the target, then kLoad.
enum class Unit : std::uint8_t { kCheck, kDump, kLoad, kSync };

struct TableProgress {
  std::string source, target;  // "db.table"
  std::uint64_t rows_done = 0, rows_estimated = 0, chunks_done = 0, chunks_total = 0;
  std::uint64_t bytes_done = 0;
  bool done = false;
  std::string note;
};

struct LagHistogram {
  static constexpr std::size_t kBuckets = 12;        // up to 0.5, 1, 2 ... 1024 s
  std::array<std::uint64_t, kBuckets + 1> counts{};  // the last: more than that
  double sum_seconds = 0;
  void add(double seconds);
};

struct TaskStatus {
  Stage stage = Stage::kNew;
  Unit unit = Unit::kCheck;
  std::optional<Error> error;
  std::vector<std::string>
      notes;  // what the user should know: mapped collations, tables without proof

  // Full phase.
  std::vector<TableProgress> tables;
  double rows_per_second = 0;
  double bytes_per_second = 0;
  std::optional<std::chrono::seconds> time_left;
  std::string copy_position, copy_gtids;  // where the source's log ended when the copy began

  // Log.
  std::string applied_position, applied_set;  // low-water mark
  std::string log_end_position;
  bool caught_up = false;          // all that was synced to the relay log has been applied
  bool reached_start_end = false;  // all that the source had when its share began has been applied
  std::uint64_t rows = 0, transactions = 0, statements = 0;
  std::uint64_t bytes_behind = 0;
  double lag_seconds = 0;         // of the newest applied transaction; 0 when caught up
  std::uint64_t rows_missed = 0;  // UPDATE or DELETE that found no row, where the task counts them

  // Of the statement that it stands at; empty: it stands at none.
  std::string failed_statement, failed_position;

  // Since the runner was made: what ended its work, by whether it went on by itself.
  std::uint64_t errors_passing = 0, errors_lasting = 0;
  LagHistogram lags;  // a look twice a second while it follows the log
};

class TaskRunner {
 public:
  struct Options {
    conf::TaskConfig task;
    std::string source_id;
    bool remove_meta = false;  // forget the checkpoint and begin anew
    bool new_rules = false;    // lists and filters may differ from the checkpoint's
    std::vector<applier::TableName> copy_again;  // of the source, also where they are copied
    // Called on the runner's thread once that is done: from here on it goes on where it was.
    std::function<void()> on_forgotten;
    std::function<void()> on_copies_asked;  // the same of copy_again
  };

  // The source outlives the runner.
  TaskRunner(Options options, SourceRunner& source);
  ~TaskRunner();
  TaskRunner(const TaskRunner&) = delete;
  TaskRunner& operator=(const TaskRunner&) = delete;

  void start();
  void pause();
  void resume();
  void stop();
  // After pause(): until nothing is under way any more. false: not within the time.
  [[nodiscard]] bool wait_at_rest(std::chrono::milliseconds patience) const;
  [[nodiscard]] TaskStatus status() const;
  // The lag in seconds every other second, oldest first, at most ten minutes.
  [[nodiscard]] std::vector<float> lag_curve() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tiderelay::control
