// control/snapshot.h: what the daemon is doing at one moment, as values: what the HTTP answers, the
// metrics and the status page are made of.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "conf/source_config.h"
#include "conf/task_config.h"
#include "control/source_runner.h"
#include "control/task_runner.h"

namespace tiderelay::control {

struct SourceSnapshot {
  conf::SourceConfig config;
  SourceRunner::Status status;
  std::uint64_t disk_free_bytes = 0, disk_bytes = 0;  // of the relay log's file system
};

struct ShareSnapshot {  // a task at one source
  std::string source_id;
  TaskStatus status;
  std::vector<float> lag_curve;
};

struct TaskSnapshot {
  conf::TaskConfig config;
  std::vector<ShareSnapshot> shares;
};

struct Snapshot {
  std::string address;  // of the API
  std::chrono::seconds uptime{0};
  std::vector<SourceSnapshot> sources;  // by id
  std::vector<TaskSnapshot> tasks;      // by name

  [[nodiscard]] const SourceSnapshot* find_source(const std::string& id) const;
  [[nodiscard]] const TaskSnapshot* find_task(const std::string& name) const;
};

}  // namespace tiderelay::control
