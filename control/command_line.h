// control/command_line.h: `tiderelay COMMAND …`: finds the command and runs it.
//
// Exit codes: 0 done, 1 the work failed, 2 wrong usage or configuration. Human text goes to `err`,
// data to `out`. To add a command: an add_…_command() in a control/commands_*.cc, declared in
// control/commands.h and named in the list of command_line.cc.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace tiderelay::control {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

struct Streams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
};

// `arguments` without the program's name.
[[nodiscard]] int run_command_line(const std::vector<std::string>& arguments, Streams streams);

}  // namespace tiderelay::control
