// control/commands_run.cc: the arguments of `tiderelay run`.
#include <CLI/CLI.hpp>
#include <memory>

#include "control/command_run.h"
#include "control/commands.h"

namespace tiderelay::control {

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
  command->footer(
      "Example:\n  tiderelay run --task task.yaml --source source-1.yaml --source source-2.yaml\n"
      "SIGINT or SIGTERM stops in order; the same command goes on from there.");
  command->callback([arguments, &invocation] {
    invocation.run = [arguments] { return run_migration(*arguments); };
  });
}

}  // namespace tiderelay::control
