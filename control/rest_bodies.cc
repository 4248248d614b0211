// control/rest_bodies.cc: strict: an unknown key or a wrong type is an error with its path.
#include "control/rest_bodies.h"

#include <boost/json.hpp>
#include <map>
#include <optional>
#include <set>

namespace tiderelay::control {

namespace json = boost::json;

namespace {

Error wrong(const std::string& path, const std::string& text) {
  return Error(Errc::kConfig, path + ": " + text)
      .with_way_out("/openapi.json describes the bodies");
}

// Takes the members of one object; what nobody took is an unknown key.
class Members {
 public:
  Members(const json::object& object, std::string path) : object_(object), path_(std::move(path)) {}

  // Null when it is missing. A wrong kind is a problem.
  const json::value* take(const char* key, std::optional<json::kind> kind = std::nullopt) {
    taken_.insert(key);
    const json::value* const value = object_.if_contains(key);
    if (value == nullptr || value->is_null()) return nullptr;
    const bool number = value->is_int64() || value->is_uint64();
    const bool fits = !kind || value->kind() == *kind || (*kind == json::kind::int64 && number);
    if (fits) return value;
    problem_ = problem_ ? problem_ : wrong(path_ + "." + key, "has the wrong type");
    return nullptr;
  }
  // Copies a member under another name.
  void copy(const char* key, json::object& into, const char* name, json::kind kind) {
    if (const json::value* const value = take(key, kind)) into[name] = *value;
  }
  std::string text(const char* key) {
    const json::value* const value = take(key, json::kind::string);
    return value == nullptr ? "" : std::string(value->get_string());
  }
  void ignore(const char* key) { taken_.insert(key); }
  void need(const char* key) {
    const json::value* const value = object_.if_contains(key);
    if ((value != nullptr && !value->is_null()) || problem_) return;
    problem_ = wrong(path_ + "." + key, "is missing");
  }
  [[nodiscard]] std::string path(const char* key) const { return path_ + "." + key; }

  [[nodiscard]] Result<void> done() const {
    if (problem_) return *problem_;
    for (const auto& member : object_) {
      if (taken_.contains(std::string(member.key()))) continue;
      return wrong(path_ + "." + std::string(member.key()), "unknown key");
    }
    return {};
  }

 private:
  const json::object& object_;
  const std::string path_;
  std::set<std::string> taken_;
  std::optional<Error> problem_;
};

Result<json::object> parsed(const std::string& body, bool may_be_empty) {
  if (body.empty() && may_be_empty) return json::object();
  boost::system::error_code failure;
  json::value value = json::parse(body, failure);
  if (failure) return wrong("body", "is no JSON: " + failure.message());
  if (!value.is_object()) return wrong("body", "is no object");
  return std::move(value.get_object());
}

Result<json::object> security(const json::value& value, const std::string& path) {
  Members members(value.get_object(), path);
  json::object out;
  members.copy("ssl_ca_content", out, "ssl-ca-bytes", json::kind::string);
  members.copy("ssl_cert_content", out, "ssl-cert-bytes", json::kind::string);
  members.copy("ssl_key_content", out, "ssl-key-bytes", json::kind::string);
  members.copy("cert_allowed_cn", out, "cert-allowed-cn", json::kind::array);
  const Result<void> done = members.done();
  if (!done) return done.error();
  return out;
}

Result<json::object> purge(const json::value& value, const std::string& path) {
  Members members(value.get_object(), path);
  json::object out;
  members.copy("interval", out, "interval", json::kind::int64);
  members.copy("expires", out, "expires", json::kind::int64);
  members.copy("remain_space", out, "remain-space", json::kind::int64);
  const Result<void> done = members.done();
  if (!done) return done.error();
  return out;
}

Result<json::object> endpoint(Members& members) {
  json::object from;
  members.copy("host", from, "host", json::kind::string);
  members.copy("port", from, "port", json::kind::int64);
  members.copy("user", from, "user", json::kind::string);
  members.copy("password", from, "password", json::kind::string);
  if (const json::value* const value = members.take("security", json::kind::object)) {
    const Result<json::object> tls = security(*value, members.path("security"));
    if (!tls) return tls.error();
    from["security"] = *tls;
  }
  return from;
}

struct TableRules {
  json::object routes;
  std::map<std::string, json::array> routes_of, lists;  // by source
};

Result<TableRules> table_rules(const json::array& rules, const std::string& path) {
  TableRules out;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string place = path + "[" + std::to_string(i) + "]";
    if (!rules[i].is_object()) return wrong(place, "is no object");
    Members rule(rules[i].get_object(), place);
    rule.need("source");
    const json::value* const source = rule.take("source", json::kind::object);
    const json::value* const target = rule.take("target", json::kind::object);
    if (rule.take("binlog_filter_rule") != nullptr) {
      return wrong(place + ".binlog_filter_rule", "filters are written in a task file so far");
    }
    const Result<void> done = rule.done();
    if (!done) return done.error();
    if (source == nullptr) return wrong(place + ".source", "is missing");
    Members from(source->get_object(), place + ".source");
    for (const char* const key : {"source_name", "schema", "table"}) from.need(key);
    const std::string id = from.text("source_name");
    const std::string schema = from.text("schema");
    const std::string table = from.text("table");
    const Result<void> from_done = from.done();
    if (!from_done) return from_done.error();
    out.lists[id].push_back(json::object{{"db-name", schema}, {"tbl-name", table}});
    if (target == nullptr) continue;
    Members to(target->get_object(), place + ".target");
    const std::string to_schema = to.text("schema");
    const std::string to_table = to.text("table");
    const Result<void> to_done = to.done();
    if (!to_done) return to_done.error();
    if (to_schema.empty() || (to_schema == schema && to_table == table)) continue;
    const std::string name = "rule-" + std::to_string(i);
    out.routes[name] = json::object{{"schema-pattern", schema},
                                    {"table-pattern", table},
                                    {"target-schema", to_schema},
                                    {"target-table", to_table}};
    out.routes_of[id].push_back(json::string(name));
  }
  return out;
}

struct Units {
  json::object dump, load, sync;
};

Result<Units> units(Members& config) {
  Units units;
  if (const json::value* const value = config.take("full_migrate_conf", json::kind::object)) {
    Members full(value->get_object(), config.path("full_migrate_conf"));
    full.copy("export_threads", units.dump, "threads", json::kind::int64);
    full.copy("import_threads", units.load, "pool-size", json::kind::int64);
    full.ignore("data_dir");  // rows stream, nothing is stored
    full.copy("import_mode", units.load, "import-mode", json::kind::string);
    full.copy("analyze", units.load, "analyze", json::kind::string);
    const std::string consistency = full.text("consistency");
    if (!consistency.empty()) units.dump["extra-args"] = "--consistency " + consistency;
    const Result<void> done = full.done();
    if (!done) return done.error();
  }
  if (const json::value* const value = config.take("incr_migrate_conf", json::kind::object)) {
    Members incremental(value->get_object(), config.path("incr_migrate_conf"));
    incremental.copy("repl_threads", units.sync, "worker-count", json::kind::int64);
    incremental.copy("repl_batch", units.sync, "batch", json::kind::int64);
    const Result<void> done = incremental.done();
    if (!done) return done.error();
  }
  return units;
}

Result<json::array> instances(Members& config, const TableRules& rules) {
  json::array out;
  config.need("source_conf");
  const json::value* const sources = config.take("source_conf", json::kind::array);
  if (sources == nullptr) return wrong(config.path("source_conf"), "is missing or no list");
  for (std::size_t i = 0; i < sources->get_array().size(); ++i) {
    const std::string place = config.path("source_conf") + "[" + std::to_string(i) + "]";
    const json::value& value = sources->get_array()[i];
    if (!value.is_object()) return wrong(place, "is no object");
    Members one(value.get_object(), place);
    one.need("source_name");
    const std::string id = one.text("source_name");
    json::object meta;
    one.copy("binlog_name", meta, "binlog-name", json::kind::string);
    one.copy("binlog_pos", meta, "binlog-pos", json::kind::int64);
    one.copy("binlog_gtid", meta, "binlog-gtid", json::kind::string);
    const Result<void> done = one.done();
    if (!done) return done.error();
    json::object instance{{"source-id", id},
                          {"mydumper-config-name", "global"},
                          {"loader-config-name", "global"},
                          {"syncer-config-name", "global"}};
    if (!meta.empty()) instance["meta"] = std::move(meta);
    if (rules.lists.contains(id)) instance["block-allow-list"] = id;
    if (rules.routes_of.contains(id)) instance["route-rules"] = rules.routes_of.at(id);
    out.push_back(std::move(instance));
  }
  return out;
}

// The parts of a task file that several members of the body make together.
Result<void> add_parts(const json::object& target, const json::array& table_list,
                       const json::object& sources, json::object& file) {
  Members to(target, "task.target_config");
  Result<json::object> database = endpoint(to);
  if (!database) return database.error();
  const Result<void> to_done = to.done();
  if (!to_done) return to_done;
  file["target-database"] = std::move(*database);
  Result<TableRules> rules = table_rules(table_list, "task.table_migrate_rule");
  if (!rules) return rules.error();
  Members config(sources, "task.source_config");
  Result<Units> made = units(config);
  if (!made) return made.error();
  Result<json::array> shares = instances(config, *rules);
  if (!shares) return shares.error();
  const Result<void> done = config.done();
  if (!done) return done;
  file["mysql-instances"] = std::move(*shares);
  json::object allowed;
  for (auto& [id, entries] : rules->lists) {
    allowed[id] = json::object{{"do-tables", std::move(entries)}};
  }
  file["block-allow-list"] = std::move(allowed);
  if (!rules->routes.empty()) file["routes"] = std::move(rules->routes);
  file["mydumpers"] = json::object{{"global", std::move(made->dump)}};
  file["loaders"] = json::object{{"global", std::move(made->load)}};
  file["syncers"] = json::object{{"global", std::move(made->sync)}};
  return {};
}

Result<ConvertedFile> converted_task(const json::object& object) {
  Members task(object, "task");
  for (const char* const key :
       {"name", "task_mode", "target_config", "table_migrate_rule", "source_config"}) {
    task.need(key);
  }
  json::object file;
  task.copy("name", file, "name", json::kind::string);
  task.copy("task_mode", file, "task-mode", json::kind::string);
  task.copy("shard_mode", file, "shard-mode", json::kind::string);
  task.copy("meta_schema", file, "meta-schema", json::kind::string);
  task.copy("ignore_checking_items", file, "ignore-checking-items", json::kind::array);
  task.copy("enhance_online_schema_change", file, "online-ddl", json::kind::bool_);
  task.ignore("on_duplicate");  // DM's API demands it and says itself that it has no effect
  task.ignore("status_list");
  if (task.take("binlog_filter_rule") != nullptr) {
    return wrong("task.binlog_filter_rule", "filters are written in a task file so far");
  }
  const json::value* const target = task.take("target_config", json::kind::object);
  const json::value* const rules = task.take("table_migrate_rule", json::kind::array);
  const json::value* const sources = task.take("source_config", json::kind::object);
  const Result<void> done = task.done();
  if (!done) return done.error();
  const Result<void> added =
      add_parts(target->get_object(), rules->get_array(), sources->get_object(), file);
  if (!added) return added.error();
  ConvertedFile converted;
  converted.name = std::string(file.at("name").get_string());
  converted.text = json::serialize(file);
  return converted;
}

}  // namespace

Result<ConvertedFile> source_of_body(const std::string& body) {
  const Result<json::object> object = parsed(body, false);
  if (!object) return object.error();
  Members whole(*object, "body");
  whole.need("source");
  const json::value* const inner = whole.take("source", json::kind::object);
  whole.ignore("worker_name");  // one process: nothing to choose
  Result<void> done = whole.done();
  if (!done) return done.error();
  Members source(inner->get_object(), "source");
  for (const char* const key : {"source_name", "host", "port", "user"}) source.need(key);
  json::object file;
  source.copy("source_name", file, "source-id", json::kind::string);
  source.copy("enable", file, "enable", json::kind::bool_);
  source.copy("enable_gtid", file, "enable-gtid", json::kind::bool_);
  source.copy("flavor", file, "flavor", json::kind::string);
  Result<json::object> from = endpoint(source);
  if (!from) return from.error();
  file["from"] = std::move(*from);
  if (const json::value* const value = source.take("purge", json::kind::object)) {
    const Result<json::object> times = purge(*value, "source.purge");
    if (!times) return times.error();
    file["purge"] = *times;
  }
  if (const json::value* const value = source.take("relay_config", json::kind::object)) {
    Members relay(value->get_object(), "source.relay_config");
    relay.copy("enable_relay", file, "enable-relay", json::kind::bool_);
    relay.copy("relay_binlog_name", file, "relay-binlog-name", json::kind::string);
    relay.copy("relay_binlog_gtid", file, "relay-binlog-gtid", json::kind::string);
    relay.copy("relay_dir", file, "relay-dir", json::kind::string);
    done = relay.done();
    if (!done) return done.error();
  }
  done = source.done();
  if (!done) return done.error();
  ConvertedFile converted;
  converted.name = std::string(file.at("source-id").get_string());
  converted.text = json::serialize(file);
  return converted;
}

Result<ConvertedFile> task_of_body(const std::string& body) {
  const Result<json::object> object = parsed(body, false);
  if (!object) return object.error();
  Members whole(*object, "body");
  whole.need("task");
  const json::value* const inner = whole.take("task", json::kind::object);
  const Result<void> done = whole.done();
  if (!done) return done.error();
  return converted_task(inner->get_object());
}

Result<TaskAction> action_of_body(const std::string& body) {
  const Result<json::object> object = parsed(body, true);
  if (!object) return object.error();
  Members members(*object, "body");
  TaskAction action;
  if (const json::value* const list = members.take("source_name_list", json::kind::array)) {
    for (const json::value& source : list->get_array()) {
      if (!source.is_string()) return wrong("body.source_name_list", "has a name that is no text");
      action.sources.emplace_back(source.get_string());
    }
  }
  for (const char* const key : {"timeout_duration", "safe_mode_time_duration"}) members.ignore(key);
  if (members.take("remove_meta") != nullptr) {
    return wrong("body.remove_meta",
                 "a task begins anew with DELETE and then `start-task --remove-meta`");
  }
  const Result<void> done = members.done();
  if (!done) return done.error();
  return action;
}

Result<PurgeAction> purge_of_body(const std::string& body) {
  const Result<json::object> object = parsed(body, false);
  if (!object) return object.error();
  Members members(*object, "body");
  members.need("relay_binlog_name");
  PurgeAction action;
  action.file = members.text("relay_binlog_name");
  action.folder = members.text("relay_dir");
  const Result<void> done = members.done();
  if (!done) return done.error();
  return action;
}

}  // namespace tiderelay::control
