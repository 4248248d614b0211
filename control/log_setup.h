// control/log_setup.h: where the daemon's log goes, and the form of its lines.
//
// text:  [2026-11-28 08:42:27.511] [tiderelay] [info] listening at http://127.0.0.1:8261
// json:  {"time":"2026-11-28T08:42:27.511Z","level":"info","message":"listening at ..."}
//
// A line that is said again within a minute is counted, not written again.
#pragma once

#include <functional>

#include "base/error.h"
#include "conf/daemon_config.h"

namespace tiderelay::control {

// Makes spdlog's default logger. The answer opens the log file anew (log rotation), from any
// thread; it does nothing where the log is no file. kConfig: the file cannot be opened.
[[nodiscard]] Result<std::function<void()>> set_up_log(const conf::DaemonConfig& config);

}  // namespace tiderelay::control
