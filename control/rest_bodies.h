// control/rest_bodies.h: bodies of DM's OpenAPI, turned into the files that DM's users write.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace tiderelay::control {

struct ConvertedFile {
  std::string name;  // the source's id, the task's name
  std::string text;  // JSON, which is YAML
};
// `{"source": {...}}` and `{"task": {...}}`. kConfig names the key's path: "source.prot: unknown
// key".
[[nodiscard]] Result<ConvertedFile> source_of_body(const std::string& body);
[[nodiscard]] Result<ConvertedFile> task_of_body(const std::string& body);

// `{"remove_meta": true, "source_name_list": [...]}`, all optional.
struct TaskAction {
  std::vector<std::string> sources;
};
[[nodiscard]] Result<TaskAction> action_of_body(const std::string& body);
// `{"relay_binlog_name": "...", "relay_dir": "..."}`
struct PurgeAction {
  std::string file;
  std::string folder;
};
[[nodiscard]] Result<PurgeAction> purge_of_body(const std::string& body);

}  // namespace tiderelay::control
