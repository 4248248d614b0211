// control/daemon_snapshot.cc: the daemon's state as values.
#include <algorithm>
#include <filesystem>

#include "control/daemon.h"

namespace tiderelay::control {

SourceRunner::Status Daemon::status_of(const SourceRunner& runner,
                                       const std::vector<relay::Follower>& all) {
  SourceRunner::Status status = runner.status();
  for (const relay::Follower& one : all) {
    if (one.source_id == runner.config().source_id) status.followers.push_back(one);
  }
  return status;
}

Snapshot Daemon::snapshot() const {
  struct Held {
    conf::TaskConfig config;
    std::map<std::string, Share> shares;
  };
  std::vector<std::shared_ptr<SourceRunner>> sources;
  std::vector<Held> tasks;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, source] : sources_) sources.push_back(source.runner);
    for (const auto& [name, task] : tasks_) {
      if (!task.shares.empty()) tasks.push_back({task.config, task.shares});
    }
  }
  Snapshot snapshot;
  snapshot.address = options_.address;
  snapshot.uptime =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - began_);
  std::error_code failure;
  const std::filesystem::space_info space = std::filesystem::space(options_.data_dir, failure);
  const std::vector<relay::Follower> all = followers();
  for (const auto& runner : sources) {
    SourceSnapshot source;
    source.config = runner->config();
    source.status = status_of(*runner, all);
    if (!failure) {
      source.disk_free_bytes = space.available;
      source.disk_bytes = space.capacity;
    }
    snapshot.sources.push_back(std::move(source));
  }
  for (const Held& held : tasks) {
    TaskSnapshot task;
    task.config = held.config;
    for (const auto& [id, share] : held.shares) {
      task.shares.push_back({id, share.runner->status(), share.runner->lag_curve()});
    }
    snapshot.tasks.push_back(std::move(task));
  }
  return snapshot;
}

const SourceSnapshot* Snapshot::find_source(const std::string& id) const {
  const auto found = std::ranges::find_if(
      sources, [&](const SourceSnapshot& source) { return source.config.source_id == id; });
  return found == sources.end() ? nullptr : &*found;
}

const TaskSnapshot* Snapshot::find_task(const std::string& name) const {
  const auto found = std::ranges::find_if(
      tasks, [&](const TaskSnapshot& task) { return task.config.name == name; });
  return found == tasks.end() ? nullptr : &*found;
}

}  // namespace tiderelay::control
