// relay/binlog_range.h: which events of a sequence of files are asked for: from a position, time or
// GTID to another.
//
// Positions count in the first and in the last file. As with mysqlbinlog: a start is the first
// event at or behind it, a stop the first event that is not shown; a start GTID is the first
// transaction shown, a stop GTID the last one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "protocol/event.h"

namespace tiderelay::relay {

struct BinlogRangeOptions {
  std::optional<std::uint64_t> start_position, stop_position;
  std::optional<std::uint32_t> start_seconds, stop_seconds;
  std::string start_gtid, stop_gtid;  // as their text() is; empty: none
};

class BinlogRange {
 public:
  enum class Verdict : std::uint8_t { kBefore, kInside, kBehind };

  explicit BinlogRange(BinlogRangeOptions options)
      : options_(std::move(options)), started_(options_.start_gtid.empty()) {}

  void begin_file(bool last) { last_file_ = last; }
  // kBehind is final. An error: a GTID event that cannot be read.
  [[nodiscard]] Result<Verdict> judge(const protocol::EventView& event, std::uint64_t begin_offset);
  // The start GTID was met, or none was asked for.
  [[nodiscard]] bool started() const { return started_; }

 private:
  const BinlogRangeOptions options_;
  bool started_;
  bool in_time_ = false;
  bool last_file_ = false;
  bool stop_gtid_met_ = false;
  bool behind_ = false;
};

// "3E11FA47-…:5" or "0-1-100" as text() prints it; kConfig: neither.
[[nodiscard]] Result<std::string> normal_gtid(const std::string& text);

}  // namespace tiderelay::relay
