// relay/overlap_check.h: compares what the upstream sends again with what the log already has.
//
// At every connect the upstream is asked from before the last whole transaction: a server that lost
// its unsynced tail, was restored or replaced uses the same file names, and often the same GTIDs,
// for other bytes.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "relay/log_writer.h"

namespace tiderelay::relay {

class OverlapCheck {
 public:
  OverlapCheck() = default;  // nothing to compare
  OverlapCheck(std::uint64_t begin_bytes, std::uint64_t end_bytes)
      : at_(begin_bytes), end_(end_bytes) {}

  [[nodiscard]] bool done() const { return at_ >= end_; }
  [[nodiscard]] std::uint64_t at() const { return at_; }
  // The next stored bytes. kDiverged: they are not the log's; the text shows both events.
  [[nodiscard]] Result<void> compare(const LogWriter& log, ByteView piece, bool first);
  // The upstream says it has nothing more in this file. kDiverged unless done().
  [[nodiscard]] Result<void> upstream_ends() const;

 private:
  [[nodiscard]] Error difference(const LogWriter& log) const;

  std::uint64_t at_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t event_begin_ = 0;
  std::string event_head_;  // of the upstream's event, as far as it is needed to describe it
  std::string buffer_;
};

// "GTID 3e11fa47-...:100, 65 bytes, server 1, 2024-05-01 12:00:00 UTC" of an event's first bytes.
[[nodiscard]] std::string describe_event(ByteView head);

}  // namespace tiderelay::relay
