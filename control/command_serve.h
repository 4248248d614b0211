// control/command_serve.h: `tiderelay serve`: the daemon, until a signal ends it.
#pragma once

#include <string>

#include "base/error.h"
#include "conf/daemon_config.h"

namespace tiderelay::control {

struct ServeArguments {
  std::string config_file;  // empty: defaults alone
  std::string data_dir;     // wins over the file's
  std::string listen;       // wins over the file's
};

// Refuses what would offer the API to others without TLS and tokens.
[[nodiscard]] Result<void> check_api(const conf::ApiConfig& api);

// The exit code: 0 stopped in order, 1 it could not start or go on, 2 wrong configuration.
[[nodiscard]] int run_serve(const ServeArguments& arguments);

}  // namespace tiderelay::control
