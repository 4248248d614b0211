// conf/daemon_config.cc: tiderelay.yaml with the files that it names, and what holds between them.
#include "conf/daemon_config.h"

#include <map>
#include <set>

#include "conf/file_options.h"

namespace tiderelay::conf {
namespace {

constexpr std::uint32_t kDmUnknownSource = 20031;

DaemonConfig read_daemon(Reader& reader, const YamlNode& root) {
  DaemonConfig daemon;
  if (root.kind == YamlNode::Kind::kNull) return daemon;  // everything is optional
  option_table(Tag<DaemonConfig>()).read(reader, root, daemon);
  for (std::string* path : {&daemon.secret_key_path, &daemon.log_file, &daemon.data_dir}) {
    if (!path->empty()) *path = reader.beside(*path);
  }
  if (!reader.problems().empty()) return daemon;
  for (Problem& problem : check_together(daemon.sources, daemon.tasks)) {
    problem.file = reader.file();
    reader.problems().push_back(std::move(problem));
  }
  return daemon;
}

}  // namespace

Result<DaemonConfig> parse_daemon(std::string_view yaml, const std::string& file,
                                  const FileAccess& access, std::vector<Problem>* problems) {
  // The key must be there before the first password is read.
  std::vector<Problem> ignored;
  const YamlNode root = parse_yaml(yaml, file, ignored);
  const YamlNode* key_path = root.find("secret-key-path");
  FileAccess with_key = access;
  if (key_path != nullptr && key_path->kind == YamlNode::Kind::kScalar) {
    Reader reader(file, access);
    const Result<SecretKey> key = parse_secret_key(reader.read_named_file(*key_path));
    if (!key && reader.problems().empty()) reader.refuse(*key_path, key.error().text());
    if (!key) {
      if (problems != nullptr) *problems = reader.problems();
      return to_error(reader.problems());
    }
    with_key.secret_key = *key;
  }
  return read_file<DaemonConfig>(yaml, file, with_key, problems, read_daemon);
}

Result<DaemonConfig> load_daemon(const std::string& path, const FileAccess& access) {
  const Result<std::string> yaml = access.read_file(path);
  if (!yaml) return yaml.error();
  return parse_daemon(*yaml, path, access);
}

std::vector<Problem> check_together(const std::vector<SourceConfig>& sources,
                                    const std::vector<TaskConfig>& tasks) {
  std::vector<Problem> problems;
  const auto add = [&problems](const std::string& path, const std::string& text,
                               std::uint32_t dm_code) {
    problems.push_back({"", 0, path, text, dm_code});
  };
  std::set<std::string> ids;
  std::map<std::string, std::string> relay_dirs;
  for (const SourceConfig& source : sources) {
    if (!ids.insert(source.source_id).second) {
      add("sources", "two sources are called \"" + source.source_id + "\"", 0);
    }
    if (source.relay_dir.empty()) continue;
    const auto [other, fresh] = relay_dirs.emplace(source.relay_dir, source.source_id);
    if (!fresh) {
      add("sources",
          "\"" + source.source_id + "\" and \"" + other->second + "\" have the same relay-dir, " +
              source.relay_dir,
          0);
    }
  }
  std::set<std::string> names;
  for (const TaskConfig& task : tasks) {
    if (!names.insert(task.name).second) {
      add("tasks", "two tasks are called \"" + task.name + "\"", 0);
    }
    for (const InstanceConfig& instance : task.instances) {
      if (ids.contains(instance.source_id)) continue;
      add("tasks",
          "task \"" + task.name + "\" reads the source \"" + instance.source_id +
              "\", which is not there",
          kDmUnknownSource);
    }
  }
  return problems;
}

}  // namespace tiderelay::conf
