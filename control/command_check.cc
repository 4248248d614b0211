// control/command_check.cc: files in, the daemon's answer to check-task out.
#include "control/command_check.h"

#include <ostream>

#include "control/commands.h"
#include "control/dm_answers.h"
#include "control/migration_files.h"
#include "control/prechecks.h"

namespace tiderelay::control {

int run_check(const CheckArguments& arguments, Streams streams) {
  const Result<MigrationFiles> files =
      read_migration(arguments.task_file, arguments.source_files, arguments.secret_key_path);
  if (!files) return failed(streams.err, files.error());
  const CheckReport report = run_prechecks(files->task, files->sources, arguments.data_dir);
  const ReportLimits limits{arguments.errors_max, arguments.warnings_max};
  streams.out << json_text(check_answer(report, limits));
  return report.state() == CheckState::kFail ? kExitFailed : kExitDone;
}

}  // namespace tiderelay::control
