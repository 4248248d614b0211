// control/daemon_about.cc: what the daemon tells about itself, and the commands on relay logs.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "conf/shown.h"
#include "control/daemon.h"

namespace tiderelay::control {

namespace json = boost::json;

namespace {

SourceOutcome outcome_of(const std::string& id, const Result<void>& done) {
  SourceOutcome outcome;
  outcome.source_id = id;
  outcome.result = done.has_value();
  if (!done) outcome.message = with_way_out(done.error());
  return outcome;
}

json::object errors_object(const ShareSnapshot& share, const std::string& task) {
  json::array errors;
  if (share.status.error) {
    errors.push_back(json::object{{"msg", with_way_out(*share.status.error)},
                                  {"failedBinlogPosition", share.status.failed_position.empty()
                                                               ? share.status.applied_position
                                                               : share.status.failed_position},
                                  {"errorSQL", share.status.failed_statement}});
  }
  const char* unit = share.status.unit == Unit::kSync   ? "sync"
                     : share.status.unit == Unit::kLoad ? "load"
                     : share.status.unit == Unit::kDump ? "dump"
                                                        : "check";
  json::object object;
  object["name"] = task;
  object["stage"] = stage_name(share.status.stage);
  object["unit"] = unit;
  object[unit] = {{"errors", std::move(errors)}};
  return object;
}

}  // namespace

json::object Daemon::list_member(const CtlCall& call) const {
  const auto wanted = [&](char part) {
    return call.parts.empty() || call.parts.find(part) != std::string::npos;
  };
  json::array members;
  if (wanted('l')) {
    json::object leader{{"msg", ""}, {"name", "tiderelay"}, {"addr", options_.address}};
    members.push_back(json::object{{"leader", std::move(leader)}});
  }
  if (wanted('m')) {
    const json::array urls{json::string("http://" + options_.address)};
    json::object one{{"name", "tiderelay"},
                     {"memberID", "1"},
                     {"alive", true},
                     {"peerURLs", urls},
                     {"clientURLs", urls}};
    json::array masters;
    masters.push_back(std::move(one));
    json::object master{{"msg", ""}, {"masters", std::move(masters)}};
    members.push_back(json::object{{"master", std::move(master)}});
  }
  if (wanted('w')) {
    json::array workers;
    const std::lock_guard lock(mutex_);
    for (const auto& [id, source] : sources_) {
      workers.push_back(json::object{
          {"name", "tiderelay"}, {"addr", options_.address}, {"stage", "bound"}, {"source", id}});
    }
    json::object worker{{"msg", ""}, {"workers", std::move(workers)}};
    members.push_back(json::object{{"worker", std::move(worker)}});
  }
  json::object answer = plain_answer(true, "");
  answer["members"] = std::move(members);
  return answer;
}

json::object Daemon::show_config(const CtlCall& call) const {
  if (call.action == "export") return export_config();
  if (call.action == "import") return plain_answer(false, "ctl itself sends what it imports");
  if (call.action != "task" && call.action != "source") {
    return plain_answer(false,
                        "there are no masters, workers and templates: `tiderelay options` "
                        "explains tiderelay.yaml, the file of this daemon");
  }
  const std::string& name = call.arguments.front();
  std::string yaml;
  bool from_config = false;
  {
    const std::lock_guard lock(mutex_);
    const auto source = sources_.find(name);
    const auto task = tasks_.find(name);
    const bool wants_source = call.action == "source";
    if (wants_source && source == sources_.end()) return refusal(unknown_source(name));
    if (!wants_source && task == tasks_.end()) return refusal(unknown_task(name));
    yaml = wants_source ? source->second.state.yaml : task->second.state.yaml;
    from_config = wants_source ? source->second.from_config : task->second.from_config;
  }
  if (from_config) return plain_answer(false, name + " is in the daemon's own file: look there");
  const Result<std::string> shown = conf::without_secrets(yaml);
  if (!shown) return refusal(shown.error());
  json::object answer = plain_answer(true, "");
  answer["cfg"] = *shown;
  return answer;
}

// Whole files, passwords included as they were given: for ctl, which writes them with mode 0600.
json::object Daemon::export_config() const {
  json::object files;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, source] : sources_) {
    if (!source.from_config) files["sources/" + id + ".yaml"] = source.state.yaml;
  }
  for (const auto& [name, task] : tasks_) {
    if (!task.from_config && !task.shares.empty())
      files["tasks/" + name + ".yaml"] = task.state.yaml;
  }
  json::object answer = plain_answer(true, "");
  answer["files"] = std::move(files);
  return answer;
}

json::object Daemon::set_relays(const CtlCall& call) {
  const bool pausing = call.command == CtlCommand::kPauseRelay;
  std::vector<SourceOutcome> outcomes;
  for (const std::string& id : call.sources) {
    const auto source = sources_.find(id);
    if (source == sources_.end()) {
      outcomes.push_back(outcome_of(id, unknown_source(id)));
      continue;
    }
    pausing ? source->second.runner->pause() : source->second.runner->resume();
    outcomes.push_back(outcome_of(id, Result<void>()));
  }
  json::object answer;
  answer["op"] = pausing ? "PauseRelay" : "ResumeRelay";
  for (auto& member : sources_answer(outcomes)) answer[member.key()] = std::move(member.value());
  return answer;
}

json::object Daemon::purge_relays(const CtlCall& call) {
  std::vector<SourceOutcome> outcomes;
  for (const std::string& id : call.sources) {
    const auto source = sources_.find(id);
    if (source == sources_.end()) {
      outcomes.push_back(outcome_of(id, unknown_source(id)));
      continue;
    }
    if (source->second.runner->failed()) {
      outcomes.push_back(outcome_of(id, *source->second.runner->status().error));
      continue;
    }
    const std::vector<std::string> users = tasks_of(id);
    relay::LogCatalog& catalog = source->second.runner->log().catalog();
    std::vector<relay::LogPosition> needed;
    for (const std::string& name : users) {
      const std::string applied = tasks_.at(name).shares.at(id).runner->status().applied_position;
      const Result<relay::LogPosition> position = catalog.parse(applied);
      if (position) needed.push_back(*position);
    }
    if (needed.size() != users.size()) {
      const Error busy = Error(Errc::kConfig, "task " + users.front() +
                                                  " has not said yet which part of the relay log "
                                                  "it needs")
                             .with_way_out("try again when query-status shows the unit Sync");
      outcomes.push_back(outcome_of(id, busy));
      continue;
    }
    outcomes.push_back(purge_relay(id, catalog, call, needed, options_.retain));
  }
  return sources_answer(outcomes);
}

// Files before the named one, but none that a task at this source still needs.
SourceOutcome Daemon::purge_relay(const std::string& id, relay::LogCatalog& catalog,
                                  const CtlCall& call,
                                  const std::vector<relay::LogPosition>& needed,
                                  const relay::RetainOptions& retain) {
  std::optional<relay::LogPosition> place;
  for (const relay::LogFile& file : catalog.files()) {
    const bool folder = call.folder.empty() || file.folder == call.folder;
    if (folder && file.name == call.file) place = file.begin;
  }
  if (!place) {
    return outcome_of(id, Error(Errc::kConfig, "the relay log has no file " + call.file));
  }
  std::string held;
  for (const relay::LogPosition& position : needed) {
    if (position >= *place) continue;
    place = position;
    held = "; a task is still at " + catalog.text(position);
  }
  const Result<relay::PurgeOutcome> purged = catalog.purge_before(*place, retain.follower_bytes);
  if (!purged) return outcome_of(id, purged.error());
  SourceOutcome outcome = outcome_of(id, Result<void>());
  outcome.message = fmt::format("{} files removed{}", purged->removed.size(), held);
  if (!purged->held_by.empty()) outcome.message += "; " + purged->held_by + " needs the others";
  return outcome;
}

json::object Daemon::query_error(const CtlCall& call, const SentFiles& files) const {
  const Snapshot now = snapshot();
  std::string name;
  if (!call.arguments.empty()) {
    const Result<std::string> given = task_name(call.arguments.front(), files);
    if (!given) return refusal(given.error());
    name = *given;
    if (now.find_task(name) == nullptr) return refusal(unknown_task(name));
  }
  for (const std::string& id : call.sources) {
    if (now.find_source(id) == nullptr) return refusal(unknown_source(id));
  }
  json::array workers;
  for (const SourceSnapshot& source : now.sources) {
    const std::string& id = source.config.source_id;
    const bool wanted =
        call.sources.empty() || std::ranges::find(call.sources, id) != call.sources.end();
    if (!wanted) continue;
    json::array subtasks;
    for (const TaskSnapshot& task : now.tasks) {
      if (!name.empty() && name != task.config.name) continue;
      for (const ShareSnapshot& share : task.shares) {
        if (share.source_id == id) subtasks.push_back(errors_object(share, task.config.name));
      }
    }
    json::object worker{{"result", true}, {"worker", "tiderelay"}, {"source", id}, {"msg", ""}};
    worker["subTaskError"] = std::move(subtasks);
    const auto& error = source.status.error;
    worker["RelayError"] = {{"msg", error ? with_way_out(*error) : std::string()}};
    workers.push_back(std::move(worker));
  }
  json::object answer = plain_answer(true, "");
  answer["workers"] = std::move(workers);
  return answer;
}

// shard-mode is refused when a task is read, so there never is a lock.
json::object Daemon::shard_locks(const CtlCall& call) const {
  const bool unlocks = !call.arguments.empty() && call.arguments.front() == "unlock";
  if (unlocks) {
    return plain_answer(false, call.arguments.size() < 2
                                   ? std::string("unlock needs the lock's id")
                                   : "no lock with the id " + call.arguments[1]);
  }
  json::object answer = plain_answer(true, "no DDL lock exists");
  answer["locks"] = json::array();
  return answer;
}

}  // namespace tiderelay::control
