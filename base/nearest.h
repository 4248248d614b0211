// base/nearest.h: "did you mean": the known name that a misspelt one is nearest to.
#pragma once

#include <span>
#include <string_view>

namespace tiderelay {

// By the number of characters inserted, deleted, replaced or swapped with their neighbour; up to a
// third of the name may differ. Empty: none is near.
[[nodiscard]] std::string_view nearest(std::string_view name,
                                       std::span<const std::string_view> known);

}  // namespace tiderelay
