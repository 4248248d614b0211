// control/daemon_changes.cc: a running task goes on with other tables, or copies some again.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "control/commands.h"
#include "control/daemon.h"
#include "control/prechecks.h"

namespace tiderelay::control {

namespace json = boost::json;

namespace {

constexpr std::chrono::milliseconds kEndPatience{30'000};

json::object accepted_at(const std::vector<std::string>& ids, const std::string& message) {
  std::vector<SourceOutcome> outcomes;
  for (const std::string& id : ids) {
    SourceOutcome outcome;
    outcome.source_id = id;
    outcome.message = message;
    outcomes.push_back(std::move(outcome));
  }
  return sources_answer(outcomes);
}

}  // namespace

// The runners are at rest and stopped afterwards; kConfig: one was not in time, and all go on.
Result<void> Daemon::end_shares(TaskEntry& task, const std::vector<std::string>& ids) {
  for (const std::string& id : ids) task.shares.at(id).runner->pause();
  for (const std::string& id : ids) {
    if (task.shares.at(id).runner->wait_at_rest(kEndPatience)) continue;
    for (const std::string& other : ids) task.shares.at(other).runner->resume();
    return Error(Errc::kConfig, "task " + task.config.name + " at source " + id +
                                    " is still ending what is under way")
        .with_way_out("try again");
  }
  for (const std::string& id : ids) task.shares.at(id).runner->stop();
  return {};
}

json::object Daemon::update_task(const CtlCall& call, const SentFiles& files) {
  const std::string& word = call.arguments.front();
  Result<conf::TaskConfig> task = sent_task(word, files);
  if (!task) return refusal(task.error());
  const auto known = tasks_.find(task->name);
  if (known == tasks_.end() || known->second.shares.empty()) {
    return refusal(unknown_task(task->name));
  }
  TaskEntry& entry = known->second;
  if (entry.from_config) {
    return refusal(Error(Errc::kConfig, "task " + task->name + " is in the daemon's own file")
                       .with_way_out("change that file and start the daemon again"));
  }
  std::vector<std::string> ids;
  for (const auto& [id, share] : entry.shares) {
    ids.push_back(id);
    if (task->find_instance(id) != nullptr) continue;
    return refusal(Error(Errc::kConfig, "the file does not name the source " + id)
                       .with_way_out("stop-task -s " + id + " " + task->name + " first"));
  }
  const bool moves = task->meta_schema != entry.config.meta_schema ||
                     task->target.host != entry.config.target.host ||
                     task->target.port != entry.config.target.port ||
                     task->mode != entry.config.mode;
  if (moves) {
    return refusal(Error(Errc::kConfig, "target, meta-schema and task-mode of a task stay")
                       .with_way_out("start another task under another name"));
  }
  if (options_.checks) {
    const CheckReport report = run_prechecks(*task, configs_of(ids), options_.data_dir);
    if (report.state() == CheckState::kFail) {
      return check_answer(report, ReportLimits{call.errors_max, call.warnings_max});
    }
  }
  const Result<void> ended = end_shares(entry, ids);
  if (!ended) return refusal(ended.error());
  {
    const std::lock_guard lock(mutex_);
    entry.config = *task;
  }
  const Result<void> saved = change_state(entry, [&](StateFile& state) {
    state.file = word;
    state.yaml = files.at(word);
  });
  for (const std::string& id : ids) run_share(entry, id, true);
  if (!saved) return refusal(saved.error());
  return accepted_at(ids, "");
}

json::object Daemon::resync_tables(const CtlCall& call, const SentFiles& files) {
  CtlCall shares = call;
  shares.arguments.resize(1);
  const auto chosen = chosen_shares(shares, files);
  if (!chosen) return refusal(chosen.error());
  std::vector<applier::TableName> tables;
  for (auto word = call.arguments.begin() + 1; word != call.arguments.end(); ++word) {
    const std::size_t dot = word->find('.');
    if (!is_table_name(*word)) {
      return refusal(Error(Errc::kConfig, *word + " is no table")
                         .with_way_out("name it as db.table, as the source has it"));
    }
    tables.push_back({word->substr(0, dot), word->substr(dot + 1)});
  }
  std::vector<std::string> ids;
  for (const auto& [name, id] : *chosen) {
    TaskEntry& entry = tasks_.at(name);
    if (entry.config.mode == conf::TaskMode::kIncremental) {
      return refusal(Error(Errc::kConfig, "task " + name + " copies nothing (task-mode)"));
    }
    for (const applier::TableName& table : tables) {
      const auto list = applier::TableFilter::make(entry.config.find_instance(id)->list,
                                                   entry.config.case_sensitive);
      if (list && list->takes(table)) continue;
      return refusal(Error(Errc::kConfig, "task " + name + " does not take " + table.schema + "." +
                                              table.table + " of source " + id)
                         .with_way_out("-s names the source that has it"));
    }
    ids.push_back(id);
  }
  for (const auto& [name, id] : *chosen) {
    TaskEntry& entry = tasks_.at(name);
    const Result<void> ended = end_shares(entry, {id});
    if (!ended) return refusal(ended.error());
    const Result<void> saved = change_state(entry, [&tables, &id = id](StateFile& state) {
      for (const applier::TableName& table : tables) {
        state.copy[id].emplace(table.schema, table.table);
      }
    });
    run_share(entry, id);
    if (!saved) return refusal(saved.error());
  }
  return accepted_at(ids, "");
}

}  // namespace tiderelay::control
