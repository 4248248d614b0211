// control/rest.cc: the table of routes, and what reading paths answer.
#include "control/rest.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/utf8.h"
#include "control/api.h"
#include "control/dm_answers.h"
#include "control/rest_bodies.h"
#include "control/version.h"

namespace tiderelay::control {

namespace json = boost::json;

namespace {

using Access = Route::Access;

constexpr Route kRoutes[] = {
    {"GET", "/", "the status page", "", Access::kOpen},
    {"GET", "/healthz", "the process answers", "", Access::kOpen},
    {"GET", "/readyz", "every source receives and no task is paused by an error: 200, else 503", "",
     Access::kOpen},
    {"GET", "/openapi.json", "this document", "", Access::kOpen},
    {"GET", "/api/v1/dm.json", "this document, by DM's name", "", Access::kOpen},
    {"GET", "/metrics", "Prometheus", "", Access::kToken},
    {"GET", "/api/v1/status", "everything that the status page shows", "", Access::kToken},
    {"GET", "/api/v1/events", "the same every second, as server-sent events", "", Access::kToken},
    {"POST", kCtlPath, "a command of `tiderelay ctl`, answered as dmctl does", "Ctl",
     Access::kToken},
    {"GET", "/api/v1/sources", "all sources", "", Access::kToken},
    {"POST", "/api/v1/sources", "take a source", "CreateSource", Access::kToken},
    {"GET", "/api/v1/sources/{source-name}", "one source", "", Access::kToken},
    {"PUT", "/api/v1/sources/{source-name}", "change a source", "CreateSource", Access::kToken},
    {"DELETE", "/api/v1/sources/{source-name}", "remove a source; its relay log stays", "",
     Access::kToken},
    {"GET", "/api/v1/sources/{source-name}/status", "its relay log", "", Access::kToken},
    {"POST", "/api/v1/sources/{source-name}/relay/purge", "remove old files of its relay log",
     "PurgeRelay", Access::kToken},
    {"GET", "/api/v1/tasks", "all tasks", "", Access::kToken},
    {"POST", "/api/v1/tasks", "check a task and start it", "CreateTask", Access::kToken},
    {"GET", "/api/v1/tasks/{task-name}", "one task", "", Access::kToken},
    {"DELETE", "/api/v1/tasks/{task-name}", "end a task; its checkpoint stays", "", Access::kToken},
    {"GET", "/api/v1/tasks/{task-name}/status", "its state at each source", "", Access::kToken},
    {"POST", "/api/v1/tasks/{task-name}/start", "go on (resume-task)", "TaskAction",
     Access::kToken},
    {"POST", "/api/v1/tasks/{task-name}/stop", "pause (pause-task)", "TaskAction", Access::kToken},
    {"GET", "/api/v1/cluster/info", "this process", "", Access::kToken},
    {"GET", "/api/v1/cluster/masters", "this process", "", Access::kToken},
    {"GET", "/api/v1/cluster/workers", "this process, once for each source", "", Access::kToken},
    {"GET", "/relay", "relay logs: where they end and where their source's logs end", "",
     Access::kToken},
    {"GET", "/followers", "who follows the relay logs, and how far behind each of them is", "",
     Access::kToken},
};

// A path may hold any bytes; an answer must not.
std::string as_utf8(std::string text) {
  if (is_utf8(text)) return text;
  for (char& c : text) c = static_cast<unsigned char>(c) < 0x80 ? c : '?';
  return text;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto digit = [&](std::size_t at) -> int {
      if (at >= text.size()) return -1;
      const char c = text[at];
      if (c >= '0' && c <= '9') return c - '0';
      if (c >= 'a' && c <= 'f') return c - 'a' + 10;
      return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    };
    const int high = digit(i + 1);
    const int low = digit(i + 2);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

// Whether a path fits a route's; the parameters are filled in.
bool fits(std::string_view pattern, std::string_view path, std::vector<std::string>& parameters) {
  parameters.clear();
  while (!pattern.empty() && !path.empty()) {
    const std::size_t part_end = std::min(pattern.find('/', 1), pattern.size());
    const std::size_t path_end = std::min(path.find('/', 1), path.size());
    const std::string_view part = pattern.substr(0, part_end);
    const std::string_view word = path.substr(0, path_end);
    if (part.starts_with("/{")) {
      const std::optional<std::string> value = decoded(word.substr(1));
      if (word.size() < 2 || !value) return false;
      parameters.push_back(*value);
    } else if (part != word) {
      return false;
    }
    pattern.remove_prefix(part_end);
    path.remove_prefix(path_end);
  }
  return pattern.empty() && path.empty();
}

json::object list_of(json::array items) {
  json::object list;
  list["total"] = items.size();
  list["data"] = std::move(items);
  return list;
}

json::object source_object(const SourceSnapshot& source) {
  const conf::SourceConfig& config = source.config;
  json::object object;
  object["source_name"] = config.source_id;
  object["host"] = config.from.host;
  object["port"] = config.from.port;
  object["user"] = config.from.user;
  object["password"] = "******";
  object["enable"] = config.enable;
  object["enable_gtid"] = config.enable_gtid;
  object["flavor"] = config.flavor == conf::Flavor::kMariadb ? "mariadb" : "mysql";
  object["relay_config"] = {{"enable_relay", true}, {"relay_dir", config.relay_dir}};
  object["purge"] = {{"interval", config.purge.interval.count()},
                     {"expires", config.purge.expires.count()}};
  return object;
}

json::object source_status(const SourceSnapshot& source, const std::string& worker) {
  const SourceRunner::Status& status = source.status;
  json::object relay;
  relay["master_binlog"] = position_text(status.upstream_file, status.upstream_offset_bytes);
  relay["master_binlog_gtid"] = status.upstream_gtids;
  relay["relay_dir"] = status.folder;
  relay["relay_binlog"] = position_text(status.upstream.file, status.upstream.offset_bytes);
  relay["relay_binlog_gtid"] = status.upstream.gtids;
  relay["relay_catch_up_master"] = status.caught_up;
  relay["stage"] = stage_name(status.stage);
  json::object object;
  object["source_name"] = source.config.source_id;
  object["worker_name"] = worker;
  object["relay_status"] = std::move(relay);
  const std::optional<Error>& error = status.error ? status.error : status.no_room;
  if (error) object["error_msg"] = with_way_out(*error);
  object["tiderelay"] = in_snake_case(relay_more_object(status));
  return object;
}

const char* mode_word(conf::TaskMode mode) {
  switch (mode) {
    case conf::TaskMode::kFull:
      return "full";
    case conf::TaskMode::kIncremental:
      return "incremental";
    case conf::TaskMode::kAll:
      break;
  }
  return "all";
}

json::object task_object(const TaskSnapshot& task) {
  const conf::TaskConfig& config = task.config;
  json::object object;
  object["name"] = config.name;
  object["task_mode"] = mode_word(config.mode);
  object["meta_schema"] = config.meta_schema;
  object["enhance_online_schema_change"] = config.online_ddl;
  object["target_config"] = {{"host", config.target.host},
                             {"port", config.target.port},
                             {"user", config.target.user},
                             {"password", "******"}};
  json::array sources;
  for (const conf::InstanceConfig& instance : config.instances) {
    sources.push_back(json::object{{"source_name", instance.source_id}});
  }
  object["source_config"] = {{"source_conf", std::move(sources)}};
  return object;
}

json::object share_status(const Snapshot& snapshot, const TaskSnapshot& task,
                          const ShareSnapshot& share) {
  const SourceSnapshot* const source = snapshot.find_source(share.source_id);
  SubtaskView view{task.config.name, share.source_id, share.status};
  const json::object dm = subtask_object(view, source == nullptr ? nullptr : &source->status);
  json::object object;
  object["name"] = task.config.name;
  object["source_name"] = share.source_id;
  object["worker_name"] = "tiderelay";
  object["stage"] = dm.at("stage");
  object["unit"] = dm.at("unit");
  if (share.status.error) object["error_msg"] = with_way_out(*share.status.error);
  for (const char* const unit : {"dump", "load", "sync"}) {
    const json::value* const status = dm.if_contains(unit);
    if (status != nullptr) object[std::string(unit) + "_status"] = in_snake_case(*status);
  }
  object["tiderelay"] = in_snake_case(dm.at("tiderelay"));
  return object;
}

HttpResponse sources_answer_of(const RouteMatch& match, const Snapshot& snapshot) {
  const std::string path = match.route->path;
  if (match.parameters.empty()) {
    json::array all;
    for (const SourceSnapshot& source : snapshot.sources) all.push_back(source_object(source));
    return json_response(200, list_of(std::move(all)));
  }
  const SourceSnapshot* const source = snapshot.find_source(match.parameters.front());
  if (source == nullptr) return error_response(404, "no source " + match.parameters.front());
  if (!path.ends_with("/status")) return json_response(200, source_object(*source));
  json::array one;
  one.push_back(source_status(*source, "tiderelay"));
  return json_response(200, list_of(std::move(one)));
}

HttpResponse tasks_answer_of(const RouteMatch& match, const Snapshot& snapshot) {
  const std::string path = match.route->path;
  if (match.parameters.empty()) {
    json::array all;
    for (const TaskSnapshot& task : snapshot.tasks) all.push_back(task_object(task));
    return json_response(200, list_of(std::move(all)));
  }
  const TaskSnapshot* const task = snapshot.find_task(match.parameters.front());
  if (task == nullptr) return error_response(404, "no task " + match.parameters.front());
  if (!path.ends_with("/status")) return json_response(200, task_object(*task));
  json::array shares;
  for (const ShareSnapshot& share : task->shares) {
    shares.push_back(share_status(snapshot, *task, share));
  }
  return json_response(200, list_of(std::move(shares)));
}

HttpResponse cluster_answer(const std::string& path, const Snapshot& snapshot) {
  json::array members;
  if (path.ends_with("/info")) return json_response(200, json::object{{"cluster_id", 0}});
  if (path.ends_with("/masters")) {
    members.push_back(json::object{
        {"name", "tiderelay"}, {"addr", snapshot.address}, {"alive", true}, {"leader", true}});
  } else {
    for (const SourceSnapshot& source : snapshot.sources) {
      members.push_back(json::object{{"name", "tiderelay"},
                                     {"addr", snapshot.address},
                                     {"bound_stage", "bound"},
                                     {"bound_source_name", source.config.source_id}});
    }
  }
  return json_response(200, list_of(std::move(members)));
}

HttpResponse followers_answer(const Snapshot& snapshot) {
  json::array all;
  for (const SourceSnapshot& source : snapshot.sources) {
    for (const relay::Follower& one : source.status.followers) {
      json::object object;
      object["source_name"] = source.config.source_id;
      const json::value facts = in_snake_case(follower_object(one));
      for (const auto& [name, value] : facts.get_object()) object[name] = value;
      all.push_back(std::move(object));
    }
  }
  return json_response(200, list_of(std::move(all)));
}

HttpResponse readiness(const Snapshot& snapshot) {
  std::string text;
  for (const SourceSnapshot& source : snapshot.sources) {
    if (source.status.stage != Stage::kPaused || !source.status.error) continue;
    text += "source " + source.config.source_id + ": " + source.status.error->text() + "\n";
  }
  for (const TaskSnapshot& task : snapshot.tasks) {
    for (const ShareSnapshot& share : task.shares) {
      if (share.status.stage != Stage::kPaused || !share.status.error) continue;
      text += "task " + task.config.name + " at " + share.source_id + ": " +
              share.status.error->text() + "\n";
    }
  }
  return HttpResponse(text.empty() ? 200 : 503, "text/plain; charset=utf-8",
                      text.empty() ? "ready\n" : text);
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

RouteMatch match_route(const std::string& method, const std::string& path) {
  RouteMatch match;
  for (const Route& route : kRoutes) {
    std::vector<std::string> parameters;
    if (!fits(route.path, path, parameters)) continue;
    if (method == route.method) {
      match.route = &route;
      match.parameters = std::move(parameters);
      return match;
    }
    match.allow += (match.allow.empty() ? "" : ", ") + std::string(route.method);
  }
  return match;
}

Result<std::optional<RestCommand>> command_of(const RouteMatch& match, const HttpRequest& request) {
  const std::string method = match.route->method;
  const std::string path = match.route->path;
  RestCommand command;
  if (method == "GET" || path == kCtlPath) return std::optional<RestCommand>();
  const std::string name = match.parameters.empty() ? "" : match.parameters.front();
  if (method == "DELETE") {
    command.words = path.starts_with("/api/v1/tasks")
                        ? std::vector<std::string>{"stop-task", "--", name}
                        : std::vector<std::string>{"operate-source", "stop", "--", name};
    command.status = 204;
    return std::optional(std::move(command));
  }
  if (path.ends_with("/relay/purge")) {
    const Result<PurgeAction> purge = purge_of_body(request.body);
    if (!purge) return purge.error();
    command.words = {"purge-relay", "-s", name, "-f", purge->file};
    if (!purge->folder.empty()) {
      command.words.insert(command.words.end(), {"--sub-dir", purge->folder});
    }
    return std::optional(std::move(command));
  }
  if (path.ends_with("/start") || path.ends_with("/stop")) {
    const Result<TaskAction> action = action_of_body(request.body);
    if (!action) return action.error();
    command.words = {path.ends_with("/start") ? "resume-task" : "pause-task"};
    for (const std::string& source : action->sources) {
      command.words.insert(command.words.end(), {"-s", source});
    }
    command.words.insert(command.words.end(), {"--", name});
    return std::optional(std::move(command));
  }
  const bool task = path == "/api/v1/tasks";
  const Result<ConvertedFile> file =
      task ? task_of_body(request.body) : source_of_body(request.body);
  if (!file) return file.error();
  if (method == "PUT" && file->name != name) {
    return Error(Errc::kConfig,
                 "source.source_name: is " + file->name + ", the path names " + name);
  }
  const std::string place = "/api/" + file->name + ".yaml";
  command.files[place] = file->text;
  command.words = task              ? std::vector<std::string>{"start-task", place}
                  : method == "PUT" ? std::vector<std::string>{"operate-source", "update", place}
                                    : std::vector<std::string>{"operate-source", "create", place};
  command.status = method == "PUT" ? 200 : 201;
  return std::optional(std::move(command));
}

HttpResponse read_answer(const RouteMatch& match, const Snapshot& snapshot) {
  const std::string path = match.route->path;
  if (path == "/healthz") return HttpResponse(200, "text/plain; charset=utf-8", "ok\n");
  if (path == "/readyz") return readiness(snapshot);
  if (path.ends_with(".json")) return json_response(200, openapi_document());
  if (path == "/api/v1/status") return json_response(200, status_object(snapshot));
  if (path.starts_with("/api/v1/sources")) return sources_answer_of(match, snapshot);
  if (path.starts_with("/api/v1/tasks")) return tasks_answer_of(match, snapshot);
  if (path.starts_with("/api/v1/cluster")) return cluster_answer(path, snapshot);
  if (path == "/followers") return followers_answer(snapshot);
  json::array logs;
  for (const SourceSnapshot& source : snapshot.sources) {
    logs.push_back(source_status(source, "tiderelay"));
  }
  return json_response(200, list_of(std::move(logs)));
}

json::object status_object(const Snapshot& snapshot) {
  json::object object;
  object["version"] = version_line();
  object["uptime_seconds"] = snapshot.uptime.count();
  json::array sources;
  for (const SourceSnapshot& source : snapshot.sources) {
    json::object one = source_status(source, "tiderelay");
    one["host"] = source.config.from.host;
    one["port"] = source.config.from.port;
    one["state"] = relay::state_name(source.status.upstream.state);
    one["received_bytes"] = source.status.upstream.received_bytes;
    one["disk_free_bytes"] = source.disk_free_bytes;
    one["disk_bytes"] = source.disk_bytes;
    sources.push_back(std::move(one));
  }
  object["sources"] = std::move(sources);
  json::array tasks;
  for (const TaskSnapshot& task : snapshot.tasks) {
    json::object one = task_object(task);
    json::array shares;
    for (const ShareSnapshot& share : task.shares) {
      json::object status = share_status(snapshot, task, share);
      status["caught_up"] = share.status.caught_up;
      if (share.status.error) {
        status["error"] = error_object(*share.status.error);
      }
      json::array curve;
      for (const float lag : share.lag_curve) curve.push_back(json::value(lag));
      status["lag_curve"] = std::move(curve);
      shares.push_back(std::move(status));
    }
    one["shares"] = std::move(shares);
    tasks.push_back(std::move(one));
  }
  object["tasks"] = std::move(tasks);
  return object;
}

HttpResponse json_response(unsigned status, const json::value& value) {
  return HttpResponse(status, "application/json", json_text(value));
}

HttpResponse error_response(unsigned status, const std::string& text) {
  return json_response(status, json::object{{"error_code", status}, {"error_msg", as_utf8(text)}});
}

}  // namespace tiderelay::control
