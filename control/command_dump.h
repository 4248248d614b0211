// control/command_dump.h: `tiderelay dump`: the rows that exist, as files.
#pragma once

#include <string>

#include "control/command_line.h"
#include "control/dump_files.h"

namespace tiderelay::control {

struct DumpArguments {
  std::string source_file;
  std::string task_file;  // empty: everything but system schemas
  std::string secret_key_path;
  std::uint64_t file_mib = 256;
  DumpFilesOptions options;
};

// One line on `out` that says where the rows belong in the log; 0 done, 1 not whole, 2 wrong files.
[[nodiscard]] int run_dump_command(DumpArguments arguments, Streams streams);

}  // namespace tiderelay::control
