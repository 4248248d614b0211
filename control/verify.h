// control/verify.h: compares what a task moves, table by table, while writes go on.
//
// A target table is compared with all tables that go into it: sums over the same range of keys, and
// where they differ the rows. The target's rows of a moment are, with their position, those of a
// place in the source's log (rows and position commit together), so a row is settled by reading
// source, end of the log, target once that is applied, and source again: target and source equal at
// one moment is equal; twice unequal with an unchanged source is a difference. Rows that change all
// the time stay unsettled.
// Repair: the source's rows are locked (SHARE) while the target applies all of its log and gets
// these rows, in one transaction that holds the task's checkpoint row.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "conf/source_config.h"
#include "conf/task_config.h"

namespace tiderelay::control {

struct VerifyOptions {
  bool repair = false;
  unsigned threads = 4;               // tables at a time
  std::uint64_t chunk_rows = 10'000;  // rows in one sum
  std::chrono::seconds wait{60};      // for the task to apply what a comparison needs
  std::size_t differences_max = 100;  // rows kept for the answer; all are counted
  std::vector<std::string> tables;    // "db.table" of source or target; empty: all
  std::string by;                     // who repairs, for the record
};

struct RowDifference {
  enum class Kind : std::uint8_t { kMissing, kExtra, kChanged, kTwice } kind = Kind::kMissing;
  std::string table;    // the target's
  std::string sources;  // "source-id db.table", of the row or of all that could hold it
  std::string key;      // "`id` = 5"
  struct Value {
    std::string column;
    std::optional<std::string> source, target;
  };
  std::vector<Value> values;  // that differ
  bool repaired = false;
};
[[nodiscard]] const char* kind_name(RowDifference::Kind kind);

struct VerifiedTable {
  struct Part {
    std::string source_id, table;
    std::string position;  // all that the source had logged up to here is in the comparison
  };
  enum class State : std::uint8_t { kWaiting, kChecking, kEqual, kDifferent, kSkipped, kFailed };
  State state = State::kWaiting;
  std::string target;
  std::vector<Part> parts;
  std::uint64_t rows = 0, ranges = 0, ranges_looked_into = 0;
  std::uint64_t missing = 0, extra = 0, changed = 0, twice = 0, unsettled = 0, repaired = 0;
  std::string note;
  [[nodiscard]] std::uint64_t different() const { return missing + extra + changed + twice; }
  // Nothing is left that differs or is not known.
  [[nodiscard]] bool is_good() const {
    return state == State::kEqual || state == State::kSkipped ||
           (state == State::kDifferent && unsettled == 0 && repaired == different());
  }
};
[[nodiscard]] const char* state_name(VerifiedTable::State state);

struct VerifyReport {
  std::vector<VerifiedTable> tables;  // by name
  std::vector<RowDifference> differences;
  std::vector<std::string> notes;
  std::optional<Error> error;  // nothing, or not all, was compared
  [[nodiscard]] bool is_good() const;
};

// `on_progress`: called now and then with what is known so far, on a thread of verify's.
[[nodiscard]] VerifyReport run_verify(const conf::TaskConfig& task,
                                      const std::vector<conf::SourceConfig>& sources,
                                      const VerifyOptions& options,
                                      const std::function<void(const VerifyReport&)>& on_progress);

}  // namespace tiderelay::control
