// control/openapi.cc: /openapi.json out of the table of routes.
#include <boost/json.hpp>
#include <string_view>

#include "control/rest.h"
#include "control/version.h"

namespace tiderelay::control {

namespace json = boost::json;

namespace {

// The bodies, as JSON schemas. Kept as text: that is how they are read.
constexpr std::string_view kSchemas = R"json({
"Error": {"type": "object", "required": ["error_code", "error_msg"], "properties": {
  "error_code": {"type": "integer"}, "error_msg": {"type": "string"}}},
"Word": {"type": "string", "minLength": 1},
"Count": {"type": "integer", "minimum": 1},
"Ctl": {"type": "object", "required": ["command"], "additionalProperties": false, "properties": {
  "command": {"type": "array", "minItems": 1,
    "items": {"$ref": "#/components/schemas/Word"}},
  "files": {"type": "object", "additionalProperties": {"type": "string"}}}},
"Security": {"type": "object", "additionalProperties": false, "properties": {
  "ssl_ca_content": {"type": "string"}, "ssl_cert_content": {"type": "string"},
  "ssl_key_content": {"type": "string"},
  "cert_allowed_cn": {"type": "array", "items": {"type": "string"}}}},
"CreateSource": {"type": "object", "required": ["source"], "additionalProperties": false,
  "properties": {"worker_name": {"type": "string"}, "source": {"type": "object",
  "required": ["source_name", "host", "port", "user"], "additionalProperties": false,
  "properties": {"source_name": {"$ref": "#/components/schemas/Word"},
  "host": {"$ref": "#/components/schemas/Word"},
  "port": {"type": "integer", "minimum": 1, "maximum": 65535},
  "user": {"$ref": "#/components/schemas/Word"},
  "password": {"type": "string"}, "enable": {"type": "boolean"},
  "enable_gtid": {"type": "boolean"}, "flavor": {"type": "string", "enum": ["mysql", "mariadb"]},
  "security": {"$ref": "#/components/schemas/Security"},
  "purge": {"type": "object", "additionalProperties": false, "properties": {
    "interval": {"type": "integer"}, "expires": {"type": "integer"},
    "remain_space": {"type": "integer"}}},
  "relay_config": {"type": "object", "additionalProperties": false, "properties": {
    "enable_relay": {"type": "boolean"}, "relay_binlog_name": {"type": "string"},
    "relay_binlog_gtid": {"type": "string"}, "relay_dir": {"type": "string"}}}}}}},
"PurgeRelay": {"type": "object", "required": ["relay_binlog_name"], "additionalProperties": false,
  "properties": {"relay_binlog_name": {"$ref": "#/components/schemas/Word"},
  "relay_dir": {"type": "string"}}},
"TaskAction": {"type": "object", "additionalProperties": false, "properties": {
  "source_name_list": {"type": "array", "items": {"type": "string"}},
  "timeout_duration": {"type": "string"}, "safe_mode_time_duration": {"type": "string"}}},
"CreateTask": {"type": "object", "required": ["task"], "additionalProperties": false,
  "properties": {"task": {"type": "object",
  "required": ["name", "task_mode", "target_config", "table_migrate_rule", "source_config"],
  "additionalProperties": false, "properties": {
  "name": {"$ref": "#/components/schemas/Word"}, "task_mode": {"type": "string",
    "enum": ["full", "incremental", "all"]},
  "shard_mode": {"type": "string"}, "meta_schema": {"$ref": "#/components/schemas/Word"},
  "enhance_online_schema_change": {"type": "boolean"}, "on_duplicate": {"type": "string"},
  "ignore_checking_items": {"type": "array", "items": {"type": "string"}},
  "target_config": {"type": "object", "additionalProperties": false, "properties": {
    "host": {"$ref": "#/components/schemas/Word"}, "port": {"type": "integer", "minimum": 1,
    "maximum": 65535}, "user": {"$ref": "#/components/schemas/Word"},
    "password": {"type": "string"}, "security": {"$ref": "#/components/schemas/Security"}}},
  "table_migrate_rule": {"type": "array", "items": {"type": "object", "required": ["source"],
    "additionalProperties": false, "properties": {
    "source": {"type": "object", "required": ["source_name", "schema", "table"],
      "additionalProperties": false,
      "properties": {"source_name": {"$ref": "#/components/schemas/Word"},
      "schema": {"type": "string"}, "table": {"type": "string"}}},
    "target": {"type": "object", "additionalProperties": false, "properties": {
      "schema": {"type": "string"}, "table": {"type": "string"}}}}}},
  "source_config": {"type": "object", "required": ["source_conf"], "additionalProperties": false,
    "properties": {
    "full_migrate_conf": {"type": "object", "additionalProperties": false, "properties": {
      "export_threads": {"$ref": "#/components/schemas/Count"},
      "import_threads": {"$ref": "#/components/schemas/Count"},
      "data_dir": {"type": "string"}, "consistency": {"type": "string"},
      "import_mode": {"type": "string"}, "analyze": {"type": "string"}}},
    "incr_migrate_conf": {"type": "object", "additionalProperties": false, "properties": {
      "repl_threads": {"$ref": "#/components/schemas/Count"},
      "repl_batch": {"$ref": "#/components/schemas/Count"}}},
    "source_conf": {"type": "array", "minItems": 1, "items": {"type": "object",
    "required": ["source_name"],
      "additionalProperties": false,
      "properties": {"source_name": {"$ref": "#/components/schemas/Word"},
      "binlog_name": {"type": "string"}, "binlog_pos": {"type": "integer"},
      "binlog_gtid": {"type": "string"}}}}}}}}}}
})json";

json::object content(const std::string& type, json::object schema) {
  return {{type, json::object{{"schema", std::move(schema)}}}};
}

json::object reference(const std::string& name) {
  return {{"$ref", "#/components/schemas/" + name}};
}

const char* type_of(std::string_view path) {
  if (path == "/") return "text/html";
  if (path == "/healthz" || path == "/readyz" || path == "/metrics") return "text/plain";
  return path == "/api/v1/events" ? "text/event-stream" : "application/json";
}

json::object responses(const Route& route) {
  json::object out;
  const std::string path = route.path;
  const bool creates = std::string_view(route.method) == "POST" &&
                       (path == "/api/v1/tasks" || path == "/api/v1/sources");
  const char* done = creates ? "201" : "200";
  if (std::string_view(route.method) == "DELETE") {
    out["204"] = {{"description", "done"}};
  } else {
    const std::string type = type_of(path);
    json::object schema;
    if (type == "application/json") schema["type"] = "object";
    if (type != "application/json") schema["type"] = "string";
    out[done] = {{"description", "done"}, {"content", content(type, std::move(schema))}};
  }
  const auto refused = [&](const char* status, const char* why) {
    out[status] = {{"description", why},
                   {"content", content("application/json", reference("Error"))}};
  };
  if (path == "/readyz") {
    out["503"] = {{"description", "what is not ready, a line each"},
                  {"content", content("text/plain", json::object{{"type", "string"}})}};
  }
  if (std::string_view(route.method) != "GET") refused("400", "refused, with the reason");
  if (std::string_view(route.body) != "") {
    refused("413", "the body is too large");
    refused("415", "the body is not application/json");
  }
  if (path.find('{') != std::string::npos) refused("404", "there is no such thing");
  if (route.access == Route::Access::kToken) refused("401", "a token is missing");
  return out;
}

json::array parameters(std::string_view path) {
  json::array out;
  for (std::size_t open = path.find('{'); open != std::string_view::npos;
       open = path.find('{', open + 1)) {
    const std::string_view name = path.substr(open + 1, path.find('}', open) - open - 1);
    out.push_back(json::object{{"name", std::string(name)},
                               {"in", "path"},
                               {"required", true},
                               {"schema", {{"type", "string"}, {"minLength", 1}}}});
  }
  return out;
}

std::string lower(std::string_view method) {
  std::string out;
  for (const char c : method) out += static_cast<char>(c | 0x20);
  return out;
}

}  // namespace

json::object openapi_document() {
  json::object paths;
  for (const Route& route : routes()) {
    json::object operation;
    operation["summary"] = route.summary;
    const json::array named = parameters(route.path);
    if (!named.empty()) operation["parameters"] = named;
    if (std::string_view(route.body) != "") {
      operation["requestBody"] = {{"required", true},
                                  {"content", content("application/json", reference(route.body))}};
    }
    operation["responses"] = responses(route);
    if (route.access == Route::Access::kToken) {
      // Or nothing: without api.tokens-file everybody on the machine may call.
      operation["security"] = json::array{json::object{{"token", json::array()}}, json::object()};
    }
    json::value& methods = paths[route.path];
    if (!methods.is_object()) methods = json::object();
    methods.get_object()[lower(route.method)] = std::move(operation);
  }
  json::object components;
  components["schemas"] = json::parse(json::string_view(kSchemas.data(), kSchemas.size()));
  components["securitySchemes"] = {{"token", {{"type", "http"}, {"scheme", "bearer"}}}};
  json::object document;
  document["openapi"] = "3.0.3";
  document["info"] = {{"title", "tiderelay"}, {"version", version_line()}};
  document["paths"] = std::move(paths);
  document["components"] = std::move(components);
  return document;
}

}  // namespace tiderelay::control
