// control/command_check.h: `tiderelay check`: the prechecks alone.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "control/command_line.h"

namespace tiderelay::control {

struct CheckArguments {
  std::string task_file;
  std::vector<std::string> source_files;
  std::string data_dir = "/var/lib/tiderelay";
  std::string secret_key_path;
  std::size_t errors_max = 10;
  std::size_t warnings_max = 10;
};

// dmctl's JSON of check-task on `out`; 0 when nothing fails, 1 when something does, 2 where the
// files are wrong.
[[nodiscard]] int run_check(const CheckArguments& arguments, Streams streams);

}  // namespace tiderelay::control
