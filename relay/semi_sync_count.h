// relay/semi_sync_count.h: how far enough followers have acknowledged.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "relay/log_position.h"

namespace tiderelay::relay {

class SemiSyncCount {
 public:
  // One connection of a follower; what it has not acknowledged is generation 0. A follower that has
  // come again while its old connection is still there counts once.
  void add(const std::string& uuid, std::uint32_t server_id, const LogPosition& acknowledged) {
    const std::string who = uuid.empty() ? "#" + std::to_string(server_id) : uuid;
    LogPosition& reached = reached_[who];
    reached = std::max(reached, acknowledged);
  }

  // The furthest place that `needed` followers have; nothing: so many have acknowledged nothing.
  [[nodiscard]] std::optional<LogPosition> of(std::size_t needed) const {
    std::vector<LogPosition> places;
    for (const auto& [who, place] : reached_) places.push_back(place);
    std::ranges::sort(places, std::greater<>());
    if (needed == 0 || places.size() < needed) return std::nullopt;
    const LogPosition& place = places[needed - 1];
    return place.generation == 0 ? std::nullopt : std::optional(place);
  }

 private:
  std::map<std::string, LogPosition> reached_;
};

}  // namespace tiderelay::relay
