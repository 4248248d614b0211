// control/daemon_tasks.cc: the daemon's commands on tasks.
#include <fmt/format.h>
#include <fnmatch.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "base/nearest.h"
#include "control/daemon.h"
#include "control/prechecks.h"

namespace tiderelay::control {

namespace json = boost::json;

namespace {

constexpr std::chrono::milliseconds kPausePatience{30'000};
// "test-*" and "test-?" mean every name that fits.
bool has_wildcard(const std::string& word) {
  return word.find_first_of("*?[") != std::string::npos;
}
bool matches(const std::string& name, const std::string& word) {
  return name == word || (has_wildcard(word) && ::fnmatch(word.c_str(), name.c_str(), 0) == 0);
}

json::object with_op(const char* op, json::object answer) {
  json::object whole;
  whole["op"] = op;
  for (auto& item : answer) whole[item.key()] = std::move(item.value());
  return whole;
}

std::vector<SourceOutcome> all_accepted(const std::vector<std::string>& ids) {
  std::vector<SourceOutcome> outcomes;
  for (const std::string& id : ids) {
    SourceOutcome outcome;
    outcome.source_id = id;
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

std::vector<std::string> sources_in(
    const std::vector<std::pair<std::string, std::string>>& shares) {
  std::set<std::string> ids;
  for (const auto& [task, source] : shares) ids.insert(source);
  return {ids.begin(), ids.end()};
}

}  // namespace

Result<conf::TaskConfig> Daemon::sent_task(const std::string& word, const SentFiles& files) const {
  const auto file = files.find(word);
  if (file == files.end()) {
    return Error(Errc::kConfig, "the file " + word + " was not sent")
        .with_way_out("name a task file that ctl can read");
  }
  Result<conf::TaskConfig> task = conf::parse_task(file->second, file->first, options_.access);
  if (!task) return task.error();
  const Result<void> named = check_state_name(task->name);
  if (!named) return named.error();
  return task;
}

Result<std::string> Daemon::task_name(const std::string& word, const SentFiles& files) const {
  if (!files.contains(word)) return word;
  const Result<conf::TaskConfig> task = sent_task(word, files);
  if (!task) return task.error();
  return task->name;
}

Error Daemon::unknown_task(const std::string& name) const {
  std::vector<std::string_view> names;
  for (const auto& [known, task] : tasks_) names.push_back(known);
  const std::string near(nearest(name, names));
  return Error(Errc::kConfig, "task " + name + " has no source or does not exist" +
                                  (near.empty() ? "" : "; did you mean " + near + "?"))
      .with_way_out("query-status lists all tasks; start-task takes a task file");
}

// The sources of a task that a command means: all, or those of -s, which must be its own.
Result<std::vector<std::string>> Daemon::chosen_sources(
    const conf::TaskConfig& task, const std::vector<std::string>& wanted) const {
  std::vector<std::string> chosen = wanted;
  if (chosen.empty()) {
    for (const conf::InstanceConfig& instance : task.instances) {
      chosen.push_back(instance.source_id);
    }
  }
  const std::lock_guard lock(mutex_);
  for (const std::string& id : chosen) {
    if (task.find_instance(id) == nullptr) {
      return Error(Errc::kConfig, "task " + task.name + " does not name the source " + id)
          .with_way_out("mysql-instances in its file lists its sources");
    }
    const auto known = sources_.find(id);
    if (known == sources_.end()) return unknown_source(id).in("task " + task.name);
    if (!known->second.runner->failed()) continue;
    return known->second.runner->status().error->with_way_out(
        "operate-source stop " + id + ", move its relay log away, operate-source create it");
  }
  return chosen;
}

std::vector<conf::SourceConfig> Daemon::configs_of(const std::vector<std::string>& ids) const {
  const std::lock_guard lock(mutex_);
  std::vector<conf::SourceConfig> configs;
  for (const std::string& id : ids) {
    const auto source = sources_.find(id);
    if (source != sources_.end()) configs.push_back(source->second.runner->config());
  }
  return configs;
}

json::object Daemon::check_task(const CtlCall& call, const SentFiles& files) const {
  const Result<conf::TaskConfig> task = sent_task(call.arguments.front(), files);
  if (!task) return refusal(task.error());
  const Result<std::vector<std::string>> ids = chosen_sources(*task, {});
  if (!ids) return refusal(ids.error());
  const CheckReport report = run_prechecks(*task, configs_of(*ids), options_.data_dir);
  return check_answer(report, ReportLimits{call.errors_max, call.warnings_max});
}

json::object Daemon::start_task(const CtlCall& call, const SentFiles& files) {
  const std::string& word = call.arguments.front();
  Result<conf::TaskConfig> task = sent_task(word, files);
  if (!task) return refusal(task.error());
  const std::string name = task->name;
  const auto known = tasks_.find(name);
  const bool exists = known != tasks_.end() && !known->second.shares.empty();
  if (exists && (call.sources.empty() || known->second.state.yaml != files.at(word))) {
    return refusal(Error(Errc::kConfig, "task " + name + " exists already")
                       .with_way_out("stop-task " + name +
                                     " first (its checkpoint stays), or resume-task " + name +
                                     " where it is paused; another task needs another name"));
  }
  const Result<std::vector<std::string>> ids = chosen_sources(*task, call.sources);
  if (!ids) return refusal(ids.error());
  for (const std::string& id : *ids) {
    if (!exists || !known->second.shares.contains(id)) continue;
    return refusal(Error(Errc::kConfig, "task " + name + " runs at source " + id + " already")
                       .with_way_out("stop-task -s " + id + " " + name + " ends it there"));
  }
  json::value check_result = nullptr;
  if (options_.checks) {
    const CheckReport report = run_prechecks(*task, configs_of(*ids), options_.data_dir);
    check_result = report_object(report, ReportLimits{call.errors_max, call.warnings_max});
    if (report.state() == CheckState::kFail) {
      json::object answer = sources_answer({}, check_message(report));
      answer["result"] = false;
      answer["checkResult"] = std::move(check_result);
      return answer;
    }
  }
  const Result<void> begun = begin_task(*task, word, files.at(word), *ids, call.remove_meta);
  if (!begun) return refusal(begun.error());
  json::object answer = sources_answer(all_accepted(*ids));
  answer["checkResult"] = std::move(check_result);
  return answer;
}

// First into the state file, then the runners: a crash in between begins them at the next start.
Result<void> Daemon::begin_task(const conf::TaskConfig& task, const std::string& file,
                                const std::string& yaml, const std::vector<std::string>& ids,
                                bool remove_meta) {
  TaskEntry* entry = nullptr;
  {
    const std::lock_guard lock(mutex_);
    entry = &tasks_[task.name];
    entry->config = task;
    entry->from_config = false;
  }
  const Result<void> saved = change_state(*entry, [&](StateFile& state) {
    state.name = task.name;
    state.file = file;
    state.yaml = yaml;
    for (const std::string& id : ids) {
      state.stages[id] = WantedStage::kRunning;
      if (remove_meta) state.forget.insert(id);
    }
  });
  if (!saved) return saved;
  for (const std::string& id : ids) run_share(*entry, id);
  return {};
}

// As the entry's state says.
void Daemon::run_share(TaskEntry& task, const std::string& source_id, bool new_rules) {
  const std::string& name = task.config.name;
  TaskRunner::Options options;
  options.task = task.config;
  options.source_id = source_id;
  options.new_rules = new_rules;
  bool paused = false;
  {
    const std::lock_guard lock(state_mutex_);
    options.remove_meta = task.state.forget.contains(source_id);
    const auto copy = task.state.copy.find(source_id);
    if (copy != task.state.copy.end()) {
      for (const auto& [schema, table] : copy->second)
        options.copy_again.push_back({schema, table});
    }
    const auto stage = task.state.stages.find(source_id);
    paused = stage != task.state.stages.end() && stage->second == WantedStage::kPaused;
  }
  options.on_forgotten = [this, name, source_id] {
    note_done(name, [&source_id](StateFile& state) { state.forget.erase(source_id); });
  };
  options.on_copies_asked = [this, name, source_id] {
    note_done(name, [&source_id](StateFile& state) { state.copy.erase(source_id); });
  };
  Share share;
  share.source = sources_.at(source_id).runner;
  share.runner = std::make_shared<TaskRunner>(std::move(options), *share.source);
  const std::shared_ptr<TaskRunner> runner = share.runner;
  {
    const std::lock_guard lock(mutex_);
    task.shares[source_id] = std::move(share);
  }
  if (paused) runner->pause();  // before it begins anything
  runner->start();
}

// From a runner's thread. Its entry stays as long as it runs.
void Daemon::note_done(const std::string& task, const StateChange& change) {
  TaskEntry* entry = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto known = tasks_.find(task);
    if (known != tasks_.end()) entry = &known->second;
  }
  if (entry == nullptr) return;
  const Result<void> saved = change_state(*entry, change);
  if (!saved) spdlog::error("task {}: {}", task, saved.error().text());
}

// Changes what is remembered of a task, here and in its file. A task of the daemon's own file is
// remembered by its stages alone.
Result<void> Daemon::change_state(TaskEntry& task, const StateChange& change) {
  const std::lock_guard lock(state_mutex_);
  change(task.state);
  if (task.state.stages.empty() && task.state.forget.empty() && !task.from_config) {
    return remove_state(options_.data_dir, StateKind::kTask, task.state.name);
  }
  return save_state(options_.data_dir, StateKind::kTask, task.state);
}

// (task, source) pairs that a command means: of one task, or of all tasks at the sources of -s.
Result<std::vector<std::pair<std::string, std::string>>> Daemon::chosen_shares(
    const CtlCall& call, const SentFiles& files) const {
  std::string name;
  if (!call.arguments.empty()) {
    const Result<std::string> given = task_name(call.arguments.front(), files);
    if (!given) return given.error();
    name = *given;
  }
  const std::lock_guard lock(mutex_);
  if (!name.empty() && !has_wildcard(name)) {
    const auto known = tasks_.find(name);
    if (known == tasks_.end() || known->second.shares.empty()) return unknown_task(name);
  }
  for (const std::string& id : call.sources) {
    if (!has_wildcard(id) && !sources_.contains(id)) return unknown_source(id);
  }
  std::vector<std::pair<std::string, std::string>> chosen;
  for (const auto& [task, entry] : tasks_) {
    if (!name.empty() && !matches(task, name)) continue;
    for (const auto& [id, share] : entry.shares) {
      const bool named = std::ranges::any_of(
          call.sources, [&](const std::string& word) { return matches(id, word); });
      if (!call.sources.empty() && !named) continue;
      chosen.emplace_back(task, id);
    }
  }
  if (chosen.empty()) {
    return Error(Errc::kConfig, "no task runs there").with_way_out("query-status lists all tasks");
  }
  return chosen;
}

json::object Daemon::stop_tasks(const CtlCall& call, const SentFiles& files) {
  const auto chosen = chosen_shares(call, files);
  if (!chosen) return with_op("Delete", refusal(chosen.error()));
  for (const auto& [name, id] : *chosen) tasks_.at(name).shares.at(id).runner->pause();
  for (const auto& [name, id] : *chosen) {
    TaskEntry& entry = tasks_.at(name);
    const std::string& source_id = id;
    // What is to be forgotten stays so until the next start.
    const Result<void> saved = change_state(entry, [&](StateFile& state) {
      state.stages.erase(source_id);
      state.copy.erase(source_id);
    });
    if (!saved) return with_op("Delete", refusal(saved.error()));
    entry.shares.at(id).runner->stop();
    // Without the task nobody may ever move its pin: the relay log would fill up to its cap.
    const Result<void> unpinned = entry.shares.at(id).source->log().catalog().unpin("task " + name);
    if (!unpinned) return with_op("Delete", refusal(unpinned.error()));
    const std::lock_guard lock(mutex_);
    entry.shares.erase(id);
    if (entry.shares.empty() && entry.state.forget.empty() && !entry.from_config) {
      tasks_.erase(name);
    }
  }
  return with_op("Delete", sources_answer(all_accepted(sources_in(*chosen))));
}

json::object Daemon::set_stages(const CtlCall& call, const SentFiles& files, WantedStage stage) {
  const bool pausing = stage == WantedStage::kPaused;
  const char* const op = pausing ? "Pause" : "Resume";
  const auto chosen = chosen_shares(call, files);
  if (!chosen) return with_op(op, refusal(chosen.error()));
  for (const auto& [name, id] : *chosen) {
    TaskEntry& entry = tasks_.at(name);
    const std::string& source_id = id;
    const Result<void> saved =
        change_state(entry, [&](StateFile& state) { state.stages[source_id] = stage; });
    if (!saved) return with_op(op, refusal(saved.error()));
    TaskRunner& runner = *entry.shares.at(id).runner;
    if (pausing) {
      runner.pause();
    } else {
      entry.shares.at(id).source->resume();
      runner.resume();
    }
  }
  std::vector<SourceOutcome> outcomes = all_accepted(sources_in(*chosen));
  for (const auto& [name, id] : *chosen) {
    if (!pausing || tasks_.at(name).shares.at(id).runner->wait_at_rest(kPausePatience)) continue;
    const auto late = std::ranges::find(outcomes, id, &SourceOutcome::source_id);
    late->result = false;
    late->message = "task " + name + " is still ending what is under way; query-status shows when";
  }
  return with_op(op, sources_answer(outcomes));
}

json::object Daemon::query_status(const CtlCall& call, const SentFiles& files) const {
  std::string name;
  if (!call.arguments.empty()) {
    const Result<std::string> given = task_name(call.arguments.front(), files);
    if (!given) return refusal(given.error());
    name = *given;
  }
  struct View {
    std::string task;
    std::string source_id;
    Share share;
  };
  std::vector<View> shares;
  std::map<std::string, std::shared_ptr<SourceRunner>> runners;
  {
    const std::lock_guard lock(mutex_);
    if (!name.empty() && !has_wildcard(name)) {
      const auto known = tasks_.find(name);
      if (known == tasks_.end() || known->second.shares.empty()) return refusal(unknown_task(name));
    }
    for (const std::string& word : call.sources) {
      if (!has_wildcard(word) && !sources_.contains(word)) return refusal(unknown_source(word));
      for (const auto& [id, source] : sources_) {
        if (matches(id, word)) runners[id] = source.runner;
      }
    }
    for (const auto& [task, entry] : tasks_) {
      if (!name.empty() && !matches(task, name)) continue;
      for (const auto& [id, share] : entry.shares) {
        if (!call.sources.empty() && !runners.contains(id)) continue;
        shares.push_back({task, id, share});
      }
    }
    if (!name.empty() && shares.empty()) {
      return refusal(Error(Errc::kConfig, "no task fits " + name + " there")
                         .with_way_out("query-status lists all tasks"));
    }
    if (call.sources.empty() && name.empty()) {
      for (const auto& [id, source] : sources_) runners[id] = source.runner;
    }
  }
  std::vector<SubtaskView> subtasks;
  for (const View& view : shares) {
    subtasks.push_back({view.task, view.source_id, view.share.runner->status()});
    if (call.sources.empty()) runners[view.source_id] = view.share.source;
  }
  std::vector<SourceView> sources;
  const std::vector<relay::Follower> all = followers();
  for (const auto& [id, runner] : runners) sources.push_back({id, status_of(*runner, all)});
  if (name.empty() && call.sources.empty() && !call.more) return short_status(sources, subtasks);
  return long_status(sources, subtasks);
}

}  // namespace tiderelay::control
