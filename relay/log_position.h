// relay/log_position.h: a place in a source's relay log, totally ordered over files and
// generations.
#pragma once

#include <compare>
#include <cstdint>

namespace tiderelay::relay {

// generation: the <n> of the folder <server_uuid>.<n>; it only grows within a source, so a place on
// a server that was switched to is later than all places on the one before. file: the number at the
// end of the upstream's file name. offset_bytes: from the start of that file (4 is the first
// event).
struct LogPosition {
  std::uint32_t generation = 0;  // 0: nowhere yet
  std::uint64_t file = 0;
  std::uint64_t offset_bytes = 0;
  friend auto operator<=>(const LogPosition&, const LogPosition&) = default;
};

}  // namespace tiderelay::relay
