// control/command_ctl.h: `tiderelay ctl`: dmctl's commands, sent to the daemon.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "control/command_line.h"

namespace tiderelay::control {

struct CtlArguments {
  std::string address = "127.0.0.1:8261";
  std::string token_file;
  std::string ca_file;  // of the CA of the daemon's certificate; then it is asked over TLS
  std::chrono::seconds deadline{600};
  std::vector<std::string> words;  // empty: an interactive prompt
};

// The exit code: 0 "result": true, 1 "result": false or no answer, 2 wrong usage.
[[nodiscard]] int run_ctl(CtlArguments arguments, Streams streams);

}  // namespace tiderelay::control
