// control/migration_files.cc: see migration_files.h.
#include "control/migration_files.h"

#include <algorithm>

#include "conf/daemon_config.h"
#include "conf/file_access.h"

namespace tiderelay::control {

namespace {

Result<conf::FileAccess> access_with(const std::string& key_path) {
  conf::FileAccess access = conf::real_files();
  if (key_path.empty()) return access;
  const Result<conf::SecretKey> key = conf::read_secret_key(key_path);
  if (!key) return key.error();
  access.secret_key = *key;
  return access;
}

}  // namespace

Result<conf::SourceConfig> read_source_file(const std::string& source_file,
                                            const std::string& key_path) {
  const Result<conf::FileAccess> access = access_with(key_path);
  if (!access) return access.error();
  return conf::load_source(source_file, *access);
}

Result<MigrationFiles> read_task_for(const std::string& task_file, const std::string& source_file,
                                     const std::string& key_path) {
  Result<conf::SourceConfig> source = read_source_file(source_file, key_path);
  if (!source) return source.error();
  const Result<conf::FileAccess> access = access_with(key_path);
  if (!access) return access.error();
  Result<conf::TaskConfig> task = conf::load_task(task_file, *access);
  if (!task) return task.error();
  if (task->find_instance(source->source_id) == nullptr) {
    return Error(Errc::kConfig, task_file + " does not name the source " + source->source_id)
        .with_way_out("mysql-instances lists its sources");
  }
  MigrationFiles files;
  files.task = std::move(*task);
  files.sources.push_back(std::move(*source));
  return files;
}

Result<MigrationFiles> read_migration(const std::string& task_file,
                                      const std::vector<std::string>& source_files,
                                      const std::string& key_path) {
  const Result<conf::FileAccess> access = access_with(key_path);
  if (!access) return access.error();
  MigrationFiles files;
  Result<conf::TaskConfig> task = conf::load_task(task_file, *access);
  if (!task) return task.error();
  files.task = std::move(*task);
  std::vector<conf::SourceConfig> given;
  for (const std::string& file : source_files) {
    Result<conf::SourceConfig> source = conf::load_source(file, *access);
    if (!source) return source.error();
    given.push_back(std::move(*source));
  }
  const std::vector<conf::Problem> problems = conf::check_together(given, {files.task});
  if (!problems.empty()) return conf::to_error(problems);
  for (const conf::InstanceConfig& instance : files.task.instances) {
    const auto source =
        std::ranges::find(given, instance.source_id, &conf::SourceConfig::source_id);
    if (source == given.end()) {
      return Error(Errc::kConfig, task_file + ": no --source file has the id " + instance.source_id)
          .with_way_out("give one --source for each of mysql-instances");
    }
    files.sources.push_back(*source);
  }
  return files;
}

}  // namespace tiderelay::control
