// control/command_run.h: `tiderelay run`: one whole migration in the foreground.
#pragma once

#include <string>
#include <vector>

namespace tiderelay::control {

struct RunArguments {
  std::string task_file;
  std::vector<std::string> source_files;
  std::string data_dir = "tiderelay-data";
  bool until_synced = false;
  bool remove_meta = false;
  bool no_checks = false;
  std::string secret_key_path;
};

// The exit code: 0 done or stopped in order, 1 the work failed, 2 wrong files.
[[nodiscard]] int run_migration(const RunArguments& arguments);

}  // namespace tiderelay::control
