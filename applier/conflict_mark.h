// applier/conflict_mark.h: one 64-bit mark of what a change touches: 62 bits of hash, the kind in
// the two highest bits.
//
// Marks of equal values are equal. Where a collation's equality is known for some values only
// (collation_fold.h), every value of the key also marks its group: shared by the values that are
// known, exclusive by one that is not, which so conflicts with all others of the group.
#pragma once

#include <cstdint>

namespace tiderelay::applier {

enum class MarkKind : std::uint8_t { kValue = 0, kShared = 1, kExclusive = 2 };

constexpr unsigned kMarkKindShift = 62;

constexpr std::uint64_t conflict_mark(MarkKind kind, std::uint64_t hash) {
  const std::uint64_t cut = hash & ((std::uint64_t{1} << kMarkKindShift) - 1);
  // 0 means "none" to the planner.
  return (cut == 0 ? 1 : cut) | static_cast<std::uint64_t>(kind) << kMarkKindShift;
}
constexpr MarkKind kind_of_mark(std::uint64_t mark) {
  return static_cast<MarkKind>(mark >> kMarkKindShift);
}
constexpr std::uint64_t with_kind(std::uint64_t mark, MarkKind kind) {
  return conflict_mark(kind, mark);
}

}  // namespace tiderelay::applier
