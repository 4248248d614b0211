// control/metrics.h: the Prometheus text of a moment: DM's names and labels where DM has the thing,
// so that its dashboards and alert rules go on, and tiderelay's own beside them.
//
// Source: tiflow dm/syncer/metrics, dm/relay/metrics.go, dm/worker/metrics.go.
#pragma once

#include <string>

#include "control/snapshot.h"

namespace tiderelay::control {

[[nodiscard]] std::string metrics_text(const Snapshot& snapshot);
inline constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace tiderelay::control
