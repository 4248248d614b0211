// control/command_verify.h: `tiderelay verify`: compares source and target.
#pragma once

#include <string>
#include <vector>

#include "control/command_line.h"
#include "control/verify.h"

namespace tiderelay::control {

struct VerifyArguments {
  std::string task_file;
  std::vector<std::string> source_files;
  std::string secret_key_path;
  std::uint64_t wait_seconds = 60;
  VerifyOptions options;
};

// The report as JSON on `out`; 0 when everything is equal (or was mended), 1 when not, 2 where the
// files are wrong.
[[nodiscard]] int run_verify_command(VerifyArguments arguments, Streams streams);

}  // namespace tiderelay::control
