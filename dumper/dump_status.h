// dumper/dump_status.h: how far the full phase is, as values for a person.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "applier/table_schema.h"

namespace tiderelay::dumper {

enum class TableStage : std::uint8_t { kWaiting, kPreparing, kCopying, kMoving, kLoaded };
[[nodiscard]] inline const char* stage_text(TableStage stage) {
  constexpr const char* kTexts[] = {"waiting", "preparing", "copying", "moving", "loaded"};
  return kTexts[static_cast<std::size_t>(stage)];
}

struct TableStatus {
  applier::TableName source;
  applier::TableName target;
  TableStage stage = TableStage::kWaiting;
  bool keyless = false;
  std::uint64_t rows_done = 0;
  std::uint64_t rows_estimated = 0;  // by the source's statistics, corrected upwards by rows_done
  std::uint64_t bytes_done = 0;      // as they arrived from the source
  std::uint64_t chunks_done = 0;
  std::uint64_t chunks_total = 0;  // planned so far
  std::string note;                // what the user should know, or what it waits for
};

struct DumpStatus {
  std::vector<TableStatus> tables;
  std::uint64_t tables_done = 0;
  std::uint64_t rows_done = 0;
  std::uint64_t rows_estimated = 0;
  std::uint64_t bytes_done = 0;
  double rows_per_second = 0;  // of the last ten seconds
  double bytes_per_second = 0;
  std::optional<std::chrono::seconds> time_left;
  std::vector<std::string> notes;
};

}  // namespace tiderelay::dumper
