// control/rest.h: the HTTP paths beside ctl: DM's OpenAPI paths and tiderelay's own, one table that
// answers them and describes them in /openapi.json.
//
// Reading paths are made of a snapshot alone. Changing ones become the command of ctl that does the
// same (see docs/api.md for what differs from DM), with the file that it needs.
// Source: tiflow dm/openapi/spec/dm.yaml.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "control/http.h"
#include "control/snapshot.h"

namespace tiderelay::control {

struct Route {
  const char* method;
  const char* path;  // "/api/v1/tasks/{task-name}/status"
  const char* summary;
  const char* body;  // name of its schema in /openapi.json; empty: none
  enum class Access : std::uint8_t { kOpen, kToken } access;
};
[[nodiscard]] std::span<const Route> routes();

struct RouteMatch {
  const Route* route = nullptr;
  std::vector<std::string> parameters;  // decoded, in the path's order
  std::string allow;                    // another method has this path: "GET, POST"
};
[[nodiscard]] RouteMatch match_route(const std::string& method, const std::string& path);

// What a changing path does: the words of a command, the files that it names, the status when done.
struct RestCommand {
  std::vector<std::string> words;
  std::map<std::string, std::string> files;
  unsigned status = 200;
};
// nullopt: a reading path. Errors are kConfig with the key's path, or kUnsupported.
[[nodiscard]] Result<std::optional<RestCommand>> command_of(const RouteMatch& match,
                                                            const HttpRequest& request);
// REQUIRES: command_of() gave nothing.
[[nodiscard]] HttpResponse read_answer(const RouteMatch& match, const Snapshot& snapshot);

[[nodiscard]] boost::json::object status_object(const Snapshot& snapshot);  // /api/v1/status
[[nodiscard]] boost::json::object openapi_document();
[[nodiscard]] HttpResponse json_response(unsigned status, const boost::json::value& value);
[[nodiscard]] HttpResponse error_response(unsigned status, const std::string& text);

}  // namespace tiderelay::control
