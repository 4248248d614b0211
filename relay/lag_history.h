// relay/lag_history.h: when the relay log's end passed which place, with how many transactions
// before it: what a follower's lag in seconds and transactions is read from.
//
// A plain machine; time is an argument. Memory: kPointsMax points; of the older half every second
// one goes when there are more, so what is long ago is known less exactly.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "relay/log_position.h"

namespace tiderelay::relay {

class LagHistory {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kPointsMax = 2048;

  // The log ends at `end` now. Places that do not ascend are ignored.
  void note(const LogPosition& end, std::uint64_t transactions, Time now);

  struct Lag {
    std::uint64_t transactions = 0;
    std::chrono::milliseconds time{0};  // how long the first byte behind `place` has been here
  };
  // Between `place` and the last end that was noted; nothing: `place` lies before all of them.
  [[nodiscard]] std::optional<Lag> behind(const LogPosition& place, Time now) const;

  [[nodiscard]] std::size_t size() const { return points_.size(); }

 private:
  struct Point {
    LogPosition end;
    std::uint64_t transactions = 0;
    Time at;
  };
  std::vector<Point> points_;  // ascending
};

}  // namespace tiderelay::relay
