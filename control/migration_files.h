// control/migration_files.h: a task file and its source files, read together, for the commands that
// work without a daemon.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "conf/source_config.h"
#include "conf/task_config.h"

namespace tiderelay::control {

struct MigrationFiles {
  conf::TaskConfig task;
  std::vector<conf::SourceConfig> sources;  // one for each of the task's instances, in their order
};

// `key_path`: the operator's key for cipher texts; may be empty. kConfig: every problem, a line
// each.
[[nodiscard]] Result<MigrationFiles> read_migration(const std::string& task_file,
                                                    const std::vector<std::string>& source_files,
                                                    const std::string& key_path);

// One source of the task, which may name others.
[[nodiscard]] Result<MigrationFiles> read_task_for(const std::string& task_file,
                                                   const std::string& source_file,
                                                   const std::string& key_path);
[[nodiscard]] Result<conf::SourceConfig> read_source_file(const std::string& source_file,
                                                          const std::string& key_path);

}  // namespace tiderelay::control
