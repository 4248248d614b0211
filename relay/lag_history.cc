// relay/lag_history.cc: see lag_history.h.
#include "relay/lag_history.h"

#include <algorithm>

namespace tiderelay::relay {

void LagHistory::note(const LogPosition& end, std::uint64_t transactions, Time now) {
  if (!points_.empty() && end <= points_.back().end) return;
  if (points_.size() == kPointsMax) {
    const std::size_t half = kPointsMax / 2;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < points_.size(); ++i) {
      if (i >= half || i % 2 == 0) points_[kept++] = points_[i];
    }
    points_.resize(kept);
  }
  Point point;
  point.end = end;
  point.transactions = transactions;
  point.at = now;
  points_.push_back(point);
}

std::optional<LagHistory::Lag> LagHistory::behind(const LogPosition& place, Time now) const {
  const auto later =
      std::upper_bound(points_.begin(), points_.end(), place,
                       [](const LogPosition& at, const Point& point) { return at < point.end; });
  if (later == points_.begin()) return std::nullopt;
  Lag lag;
  if (later == points_.end()) return lag;
  const Point& before = *(later - 1);
  lag.time = std::chrono::duration_cast<std::chrono::milliseconds>(now - later->at);
  lag.transactions = points_.back().transactions - before.transactions;
  const bool same_file = before.end.generation == later->end.generation &&
                         before.end.file == later->end.file && before.end.file == place.file;
  if (!same_file) return lag;
  // In between, transactions count as equally long.
  const auto part = static_cast<double>(place.offset_bytes - before.end.offset_bytes) /
                    static_cast<double>(later->end.offset_bytes - before.end.offset_bytes);
  lag.transactions -= static_cast<std::uint64_t>(
      part * static_cast<double>(later->transactions - before.transactions));
  return lag;
}

}  // namespace tiderelay::relay
