// control/progress.h: what `tiderelay run` shows: a few lines per task and source, redrawn in place
// on a terminal, or one line now and then where the output goes to a file.
//
// Plain text in, plain text out: no terminal is touched here. Widths are columns.
#pragma once

#include <string>
#include <vector>

#include "control/task_runner.h"

namespace tiderelay::control {

struct NamedStatus {
  std::string task;
  std::string source_id;
  TaskStatus status;
};

struct ProgressStyle {
  unsigned columns = 80;
  bool colour = false;
};

// "#######----" of `columns` cells for done of total; a total of 0 is empty, more than total is
// full.
[[nodiscard]] std::string progress_bar(double done, double total, unsigned columns);
// 1234567 -> "1.2 M", 950 -> "950"
[[nodiscard]] std::string short_count(double count);
// "58 s", "12 min", "3 h 20 min"
[[nodiscard]] std::string short_duration(std::chrono::seconds duration);

// The lines to draw, without control characters but colours. Tables that are done are summed up; at
// most a dozen tables are shown, the busy ones first.
[[nodiscard]] std::vector<std::string> progress_lines(const std::vector<NamedStatus>& all,
                                                      const ProgressStyle& style);
// One line for a log, e.g. "test/mysql-replica-01: sync, 1.2 M rows, lag 0.3 s".
[[nodiscard]] std::string progress_line(const NamedStatus& one);

}  // namespace tiderelay::control
