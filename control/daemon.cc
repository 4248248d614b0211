// control/daemon.cc: the daemon's life, its sources, and what it tells about itself.
#include "control/daemon.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/nearest.h"
#include "control/ctl_table.h"
#include "control/prechecks.h"

namespace tiderelay::control {

namespace json = boost::json;

namespace {

SourceOutcome refused(const std::string& source_id, const Error& error) {
  SourceOutcome outcome;
  outcome.source_id = source_id;
  outcome.result = false;
  outcome.message = with_way_out(error);
  return outcome;
}

SourceOutcome accepted(const std::string& source_id, const std::string& message = "") {
  SourceOutcome outcome;
  outcome.source_id = source_id;
  outcome.message = message;
  return outcome;
}

}  // namespace

Daemon::Daemon(Options options) : options_(std::move(options)) {}

Daemon::~Daemon() { stop(); }

bool Daemon::changes(const CtlCall& call) {
  switch (call.command) {
    case CtlCommand::kOperateSource:
      return call.action != "show";
    case CtlCommand::kBinlog:
    case CtlCommand::kBinlogSchema:
    case CtlCommand::kResyncTable:
    case CtlCommand::kUpdateTask:
    case CtlCommand::kPauseRelay:
    case CtlCommand::kPauseTask:
    case CtlCommand::kPurgeRelay:
    case CtlCommand::kResumeRelay:
    case CtlCommand::kResumeTask:
    case CtlCommand::kStartTask:
    case CtlCommand::kStopTask:
      return true;
    case CtlCommand::kCheckTask:
    case CtlCommand::kConfig:
    case CtlCommand::kListMember:
    case CtlCommand::kNoEffect:
    case CtlCommand::kQueryError:
    case CtlCommand::kQueryStatus:
    case CtlCommand::kRefused:
    case CtlCommand::kShardLocks:
    case CtlCommand::kValidation:
      return false;
  }
  return true;
}

json::object Daemon::answer(const CtlCall& call, const SentFiles& files) {
  json::object answer = plain_answer_of(call, files);
  add_empty_fields(call, answer);
  return answer;
}

json::object Daemon::plain_answer_of(const CtlCall& call, const SentFiles& files) {
  switch (call.command) {
    case CtlCommand::kCheckTask:
      return check_task(call, files);
    case CtlCommand::kConfig:
      return show_config(call);
    case CtlCommand::kListMember:
      return list_member(call);
    case CtlCommand::kNoEffect:
      return plain_answer(true, std::string(find_command(call.name)->about));
    case CtlCommand::kPauseRelay:
    case CtlCommand::kResumeRelay:
      return set_relays(call);
    case CtlCommand::kPurgeRelay:
      return purge_relays(call);
    case CtlCommand::kQueryError:
      return query_error(call, files);
    case CtlCommand::kRefused:
    case CtlCommand::kValidation:
      return plain_answer(false, std::string(find_command(call.name)->about));
    case CtlCommand::kShardLocks:
      return shard_locks(call);
    case CtlCommand::kBinlog:
      return order_statements(call, files);
    case CtlCommand::kBinlogSchema:
      return operate_schemas(call, files);
    case CtlCommand::kOperateSource:
      return operate_source(call, files);
    case CtlCommand::kPauseTask:
      return set_stages(call, files, WantedStage::kPaused);
    case CtlCommand::kQueryStatus:
      return query_status(call, files);
    case CtlCommand::kResumeTask:
      return set_stages(call, files, WantedStage::kRunning);
    case CtlCommand::kStartTask:
      return start_task(call, files);
    case CtlCommand::kStopTask:
      return stop_tasks(call, files);
    case CtlCommand::kResyncTable:
      return resync_tables(call, files);
    case CtlCommand::kUpdateTask:
      return update_task(call, files);
  }
  return plain_answer(false, "not a command");
}

Result<void> Daemon::restore(const std::vector<conf::SourceConfig>& sources,
                             const std::vector<conf::TaskConfig>& tasks) {
  const Result<void> restored = restore_sources(sources);
  if (!restored) return restored.error();
  return restore_tasks(tasks);
}

Result<void> Daemon::restore_sources(const std::vector<conf::SourceConfig>& sources) {
  for (const conf::SourceConfig& source : sources) {
    StateFile state;
    state.name = source.source_id;
    const Result<void> ran = run_source(source, std::move(state), true, true);
    if (!ran) return ran.error();
  }
  Result<std::vector<StateFile>> states = load_states(options_.data_dir, StateKind::kSource);
  if (!states) return states.error();
  for (StateFile& state : *states) {
    if (sources_.contains(state.name)) {
      spdlog::warn("source {}: the daemon's file has it, sources/{}.yaml is not used", state.name,
                   state.name);
      continue;
    }
    const Result<conf::SourceConfig> source =
        conf::parse_source(state.yaml, state.file, options_.access);
    if (!source) return source.error().in("source " + state.name);
    const Result<void> ran = run_source(*source, std::move(state), false, true);
    if (!ran) return ran.error();
  }
  return {};
}

Result<void> Daemon::restore_tasks(const std::vector<conf::TaskConfig>& tasks) {
  Result<std::vector<StateFile>> states = load_states(options_.data_dir, StateKind::kTask);
  if (!states) return states.error();
  std::map<std::string, TaskEntry> restored;
  for (const conf::TaskConfig& task : tasks) {
    TaskEntry& entry = restored[task.name];
    entry.config = task;
    entry.from_config = true;
    entry.state.name = task.name;
    for (const conf::InstanceConfig& instance : task.instances) {
      entry.state.stages[instance.source_id] = WantedStage::kRunning;
    }
  }
  for (StateFile& state : *states) {
    const auto known = restored.find(state.name);
    if (known != restored.end()) {
      known->second.state.stages = state.stages;
      known->second.state.forget = state.forget;
      continue;
    }
    if (state.yaml.empty()) continue;  // was the daemon's file's, which names it no more
    Result<conf::TaskConfig> task = conf::parse_task(state.yaml, state.file, options_.access);
    if (!task) return task.error().in("task " + state.name);
    TaskEntry& entry = restored[state.name];
    entry.config = std::move(*task);
    entry.state = std::move(state);
  }
  for (const auto& [name, entry] : restored) {
    for (const auto& [source, stage] : entry.state.stages) {
      if (!sources_.contains(source)) return unknown_source(source).in("task " + name);
    }
  }
  {
    const std::lock_guard lock(mutex_);
    tasks_ = std::move(restored);
  }
  drop_stale_pins();
  for (auto& [name, entry] : tasks_) {
    const std::map<std::string, WantedStage> stages = entry.state.stages;
    for (const auto& [source, stage] : stages) {
      if (entry.config.find_instance(source) == nullptr) continue;
      if (!sources_.at(source).runner->failed()) run_share(entry, source);
    }
  }
  return {};
}

// A crash inside stop-task leaves the pin of a task that nobody runs any more: it would keep the
// relay log's files for ever.
void Daemon::drop_stale_pins() {
  constexpr std::string_view kReader = "task ";
  for (const auto& [id, source] : sources_) {
    if (source.runner->failed()) continue;
    relay::LogCatalog& catalog = source.runner->log().catalog();
    for (const auto& [reader, position] : catalog.pins()) {
      if (!reader.starts_with(kReader)) continue;
      const auto task = tasks_.find(reader.substr(kReader.size()));
      if (task != tasks_.end() && task->second.state.stages.contains(id)) continue;
      spdlog::info("source {}: {} is gone, what it needed is kept no longer", id, reader);
      const Result<void> unpinned = catalog.unpin(reader);
      if (!unpinned) spdlog::error("source {}: {}", id, unpinned.error().text());
    }
  }
}

void Daemon::stop() {
  std::vector<Share> shares;
  for (const auto& [name, task] : tasks_) {
    for (const auto& [source, share] : task.shares) shares.push_back(share);
  }
  for (const Share& share : shares) share.runner->pause();  // all at once
  for (const Share& share : shares) share.runner->stop();
  for (const auto& [id, source] : sources_) source.runner->stop();
  const std::lock_guard lock(mutex_);
  tasks_.clear();
  sources_.clear();
}

Result<void> Daemon::run_source(const conf::SourceConfig& source, StateFile state, bool from_config,
                                bool may_fail) {
  SourceRunner::Options runner_options;
  runner_options.data_dir = options_.data_dir;
  runner_options.source = source;
  runner_options.watcher = options_.watcher;
  runner_options.retain = options_.retain;
  runner_options.max_log_bytes = options_.max_log_bytes;
  runner_options.pack_bytes_a_second = options_.pack_bytes_a_second;
  runner_options.semi_sync = options_.semi_sync;
  runner_options.semi_sync_followers = options_.semi_sync_followers;
  if (!runner_options.retain.max_age && source.purge.expires.count() > 0) {
    runner_options.retain.max_age =
        std::chrono::duration_cast<std::chrono::seconds>(source.purge.expires);
  }
  auto runner = std::make_shared<SourceRunner>(std::move(runner_options));
  const Result<void> started = runner->start();
  if (!started && !may_fail) return started.error();
  if (!started) {
    spdlog::error("{}; the others go on without it", started.error().text());
    runner->fail(started.error());
  }
  SourceEntry entry;
  entry.runner = std::move(runner);
  entry.state = std::move(state);
  entry.from_config = from_config;
  const std::lock_guard lock(mutex_);
  sources_[source.source_id] = std::move(entry);
  return {};
}

Result<conf::SourceConfig> Daemon::sent_source(const std::string& word,
                                               const SentFiles& files) const {
  const auto file = files.find(word);
  if (file == files.end()) {
    return Error(Errc::kConfig, "the file " + word + " was not sent")
        .with_way_out("name a source file that ctl can read");
  }
  Result<conf::SourceConfig> source =
      conf::parse_source(file->second, file->first, options_.access);
  if (!source) return source.error();
  const Result<void> named = check_state_name(source->source_id);
  if (!named) return named.error();
  return source;
}

SourceOutcome Daemon::create_source(const std::string& word, const SentFiles& files) {
  const Result<conf::SourceConfig> source = sent_source(word, files);
  if (!source) return refused(word, source.error());
  const std::string& id = source->source_id;
  if (sources_.contains(id)) {
    return refused(id, Error(Errc::kConfig, "source " + id + " is here already")
                           .with_way_out("operate-source update changes it, operate-source stop "
                                         "removes it"));
  }
  if (options_.checks) {
    const Result<void> reached = try_connect(*source);
    if (!reached) return refused(id, reached.error());
  }
  StateFile state = sent_state(id, word, files);
  const Result<void> saved = save_state(options_.data_dir, StateKind::kSource, state);
  if (!saved) return refused(id, saved.error());
  const Result<void> ran = run_source(*source, std::move(state), false);
  if (!ran) {
    const Result<void> forgotten = remove_state(options_.data_dir, StateKind::kSource, id);
    if (!forgotten) spdlog::error("source {}: {}", id, forgotten.error().text());
    return refused(id, ran.error());
  }
  return accepted(id);
}

SourceOutcome Daemon::update_source(const std::string& word, const SentFiles& files) {
  const Result<conf::SourceConfig> source = sent_source(word, files);
  if (!source) return refused(word, source.error());
  const std::string& id = source->source_id;
  if (!sources_.contains(id)) return refused(id, unknown_source(id));
  if (options_.checks) {  // while the old one still receives
    const Result<void> reached = try_connect(*source);
    if (!reached) return refused(id, reached.error());
  }
  const std::optional<Error> busy = why_not_changed(id);
  if (busy) return refused(id, *busy);
  StateFile state = sent_state(id, word, files);
  // The file first: a crash in between begins with the new one.
  const Result<void> saved = save_state(options_.data_dir, StateKind::kSource, state);
  if (!saved) return refused(id, saved.error());
  take_source(id)->stop();
  const Result<void> ran = run_source(*source, std::move(state), false);
  if (ran) return accepted(id);
  return refused(id, ran.error().with_way_out("the source is stopped; operate-source create it"));
}

StateFile Daemon::sent_state(const std::string& name, const std::string& word,
                             const SentFiles& files) {
  StateFile state;
  state.name = name;
  state.file = word;
  state.yaml = files.at(word);
  return state;
}

// Why a source can be neither changed nor removed now.
std::optional<Error> Daemon::why_not_changed(const std::string& id) const {
  const auto known = sources_.find(id);
  if (known == sources_.end()) return unknown_source(id);
  if (known->second.from_config) {
    return Error(Errc::kConfig, "source " + id + " is in the daemon's own file")
        .with_way_out("change that file and start the daemon again");
  }
  const std::vector<std::string> users = tasks_of(id);
  if (users.empty()) return std::nullopt;
  return Error(Errc::kConfig,
               fmt::format("source {} is in use by task {}", id, fmt::join(users, ", ")))
      .with_way_out("stop-task " + users.front() + " first");
}

std::shared_ptr<SourceRunner> Daemon::take_source(const std::string& id) {
  const std::lock_guard lock(mutex_);
  return std::move(sources_.extract(id).mapped().runner);
}

SourceOutcome Daemon::remove_source(const std::string& word, const SentFiles& files) {
  std::string id = word;
  if (files.contains(word)) {
    const Result<conf::SourceConfig> source = sent_source(word, files);
    if (!source) return refused(word, source.error());
    id = source->source_id;
  }
  const std::optional<Error> busy = why_not_changed(id);
  if (busy) return refused(id, *busy);
  const Result<void> forgotten = remove_state(options_.data_dir, StateKind::kSource, id);
  if (!forgotten) return refused(id, forgotten.error());
  take_source(id)->stop();
  return accepted(id, "its relay log stays in " + options_.data_dir + "/sources/" + id);
}

json::object Daemon::operate_source(const CtlCall& call, const SentFiles& files) {
  std::vector<std::string> words = call.arguments;
  words.insert(words.end(), call.sources.begin(), call.sources.end());
  if (call.action == "show") return show_sources(words);
  std::vector<SourceOutcome> outcomes;
  for (const std::string& word : words) {
    if (call.action == "create") {
      outcomes.push_back(create_source(word, files));
    } else if (call.action == "update") {
      outcomes.push_back(update_source(word, files));
    } else {
      outcomes.push_back(remove_source(word, files));
    }
  }
  return sources_answer(outcomes);
}

json::object Daemon::show_sources(const std::vector<std::string>& wanted) const {
  std::vector<SourceOutcome> outcomes;
  const std::lock_guard lock(mutex_);
  for (const std::string& id : wanted) {
    if (!sources_.contains(id)) outcomes.push_back(refused(id, unknown_source(id)));
  }
  for (const auto& [id, source] : sources_) {
    const bool shown = wanted.empty() || std::ranges::find(wanted, id) != wanted.end();
    if (shown) outcomes.push_back(accepted(id));
  }
  return sources_answer(outcomes);
}

Error Daemon::unknown_source(const std::string& id) const {
  std::vector<std::string_view> ids;
  for (const auto& [known, source] : sources_) ids.push_back(known);
  const std::string near(nearest(id, ids));
  std::string text = "source " + id + " is not here";
  if (!near.empty()) text += "; did you mean " + near + "?";
  if (near.empty() && !ids.empty()) text += fmt::format(" (known: {})", fmt::join(ids, ", "));
  return Error(Errc::kConfig, text)
      .with_way_out("operate-source create takes its source file; operate-source show lists all");
}

std::vector<std::string> Daemon::tasks_of(const std::string& source_id) const {
  std::vector<std::string> names;
  for (const auto& [name, task] : tasks_) {
    if (task.shares.contains(source_id)) names.push_back(name);
  }
  return names;
}

}  // namespace tiderelay::control
