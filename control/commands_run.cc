// control/commands_run.cc: the arguments of `tiderelay run`.
#include <CLI/CLI.hpp>
#include <memory>

#include "control/command_check.h"
#include "control/command_dump.h"
#include "control/command_run.h"
#include "control/command_verify.h"
#include "control/commands.h"

namespace tiderelay::control {

namespace {
constexpr const char* kFilesKeyHelp = "the key of the files' cipher texts, 64 hex digits";
}  // namespace

void add_check_command(CLI::App& program, Invocation& invocation) {
  CLI::App* command = program.add_subcommand("check", "the prechecks of a task alone, as JSON");
  const auto arguments = std::make_shared<CheckArguments>();
  command->add_option("--task", arguments->task_file, "DM's task file")->required();
  command->add_option("--source", arguments->source_files, "DM's source file; one for each source")
      ->required();
  command->add_option("--data-dir", arguments->data_dir, "where the relay logs will be")
      ->capture_default_str();
  take_count(*command->add_option("-e,--error", arguments->errors_max, "failed rows shown at most")
                  ->capture_default_str());
  take_count(
      *command->add_option("-w,--warn", arguments->warnings_max, "rows with warnings shown at most")
           ->capture_default_str());
  command->add_option("--secret-key-path", arguments->secret_key_path, kFilesKeyHelp)
      ->envname("TIDERELAY_SECRET_KEY_PATH");
  command->footer(
      "Example:\n  tiderelay check --task task.yaml --source source-1.yaml\n"
      "Exit code 0: the task may start; 1: a check failed, the answer has the way out.");
  command->callback([arguments, &invocation] {
    invocation.run = [arguments, &invocation] { return run_check(*arguments, invocation.streams); };
  });
}

void add_run_command(CLI::App& program, Invocation& invocation) {
  CLI::App* command = program.add_subcommand(
      "run", "a whole migration in the foreground: copy, then follow the log");
  const auto arguments = std::make_shared<RunArguments>();
  command->add_option("--task", arguments->task_file, "DM's task file")->required();
  command->add_option("--source", arguments->source_files, "DM's source file; one for each source")
      ->required();
  command->add_option("--data-dir", arguments->data_dir, "relay logs and locks")
      ->capture_default_str();
  command->add_flag("--until-synced", arguments->until_synced,
                    "end once all that the sources had at the start has been applied");
  command->add_flag("--remove-meta", arguments->remove_meta,
                    "forget the task's checkpoint and begin anew");
  command->add_flag("--no-checks", arguments->no_checks, "begin without the prechecks");
  command->add_option("--secret-key-path", arguments->secret_key_path, kFilesKeyHelp)
      ->envname("TIDERELAY_SECRET_KEY_PATH");
  command->footer(
      "Example:\n  tiderelay run --task task.yaml --source source-1.yaml --source source-2.yaml\n"
      "SIGINT or SIGTERM stops in order; the same command goes on from there.");
  command->callback([arguments, &invocation] {
    invocation.run = [arguments] { return run_migration(*arguments); };
  });
}

void add_dump_command(CLI::App& program, Invocation& invocation) {
  CLI::App* command = program.add_subcommand(
      "dump", "the rows of a source as files for myloader, tidb-lightning and mysql");
  const auto arguments = std::make_shared<DumpArguments>();
  DumpFilesOptions& options = arguments->options;
  command->add_option("--source", arguments->source_file, "DM's source file")->required();
  command->add_option("--task", arguments->task_file,
                      "DM's task file: which tables and rows; without it all");
  command->add_option("--output", options.folder, "a folder that is new or empty")->required();
  command->add_option("--threads", options.threads, "tables at a time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command
      ->add_option("--filesize", arguments->file_mib, "MiB after which a table's next file begins")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_flag("--no-locks", options.no_locks,
                    "no LOCK TABLES: the rows are then not of one moment");
  command->add_option("--secret-key-path", arguments->secret_key_path, kFilesKeyHelp)
      ->envname("TIDERELAY_SECRET_KEY_PATH");
  command->footer(
      "Example:\n  tiderelay dump --source source-1.yaml --task task.yaml --output dump-1\n"
      "The position is in the file `metadata`, which is written last.");
  command->callback([arguments, &invocation] {
    invocation.run = [arguments, &invocation] {
      return run_dump_command(*arguments, invocation.streams);
    };
  });
}

void add_verify_command(CLI::App& program, Invocation& invocation) {
  CLI::App* command =
      program.add_subcommand("verify", "compares source and target row by row, while writes go on");
  const auto arguments = std::make_shared<VerifyArguments>();
  VerifyOptions& options = arguments->options;
  command->add_option("--task", arguments->task_file, "DM's task file")->required();
  command->add_option("--source", arguments->source_files, "DM's source file; one for each source")
      ->required();
  command->add_option("--table", options.tables,
                      "only this one, as db.table of source or target; may be given again");
  command->add_flag("--repair", options.repair,
                    "makes the target's rows the source's, each in one transaction with a record");
  command->add_option("--threads", options.threads, "tables at a time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("--chunk-rows", options.chunk_rows, "rows of a table that one sum covers")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  command
      ->add_option("--wait", arguments->wait_seconds,
                   "seconds for the task to apply what a comparison needs")
      ->check(CLI::Range(0, 86'400))
      ->capture_default_str();
  take_count(*command->add_option("--differences", options.differences_max, "rows shown at most")
                  ->capture_default_str());
  command->add_option("--secret-key-path", arguments->secret_key_path, kFilesKeyHelp)
      ->envname("TIDERELAY_SECRET_KEY_PATH");
  command->footer(
      "Example:\n  tiderelay verify --task task.yaml --source source-1.yaml\n"
      "Exit code 0: every table is equal, or was mended; 1: not. The task goes on meanwhile.");
  command->callback([arguments, &invocation] {
    invocation.run = [arguments, &invocation] {
      return run_verify_command(*arguments, invocation.streams);
    };
  });
}

}  // namespace tiderelay::control
