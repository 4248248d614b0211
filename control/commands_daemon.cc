// control/commands_daemon.cc: the arguments of `serve` and `ctl`.
#include <CLI/CLI.hpp>
#include <memory>

#include "control/command_ctl.h"
#include "control/command_serve.h"
#include "control/commands.h"
#include "control/ctl_words.h"

namespace tiderelay::control {

void add_serve_command(CLI::App& program, Invocation& invocation) {
  CLI::App* command = program.add_subcommand(
      "serve", "the daemon: sources, relay logs and tasks, commanded by `tiderelay ctl`");
  const auto arguments = std::make_shared<ServeArguments>();
  command->add_option("--config", arguments->config_file, "tiderelay.yaml; all of it is optional");
  command->add_option("--data-dir", arguments->data_dir,
                      "relay logs and tasks; default: the file's, or /var/lib/tiderelay");
  command->add_option(
      "--listen", arguments->listen,
      "address of the API and the status page; default: the file's, or 127.0.0.1:8261");
  command->footer(
      "Example:\n  tiderelay serve --config tiderelay.yaml\n"
      "SIGINT or SIGTERM stops in order, a second one at once. Sources and tasks go on at the next "
      "start.");
  command->callback(
      [arguments, &invocation] { invocation.run = [arguments] { return run_serve(*arguments); }; });
}

void add_ctl_command(CLI::App& program, Invocation& invocation) {
  CLI::App* command =
      program.add_subcommand("ctl", "dmctl's commands, sent to the daemon; without one: a prompt");
  const auto arguments = std::make_shared<CtlArguments>();
  const auto seconds = std::make_shared<unsigned>(600);
  command->add_option("--addr,--master-addr", arguments->address, "where the daemon listens")
      ->capture_default_str();
  command->add_option("--token-file", arguments->token_file, "a token of the daemon's tokens-file");
  command->add_option("--ca,--ssl-ca", arguments->ca_file,
                      "the CA that signed the daemon's certificate; for https:// addresses");
  take_count(*command->add_option("--timeout", *seconds, "seconds to wait for an answer")
                  ->capture_default_str());
  command->prefix_command();  // what follows is the command's own
  command->footer(ctl_help() +
                  "Example:\n  tiderelay ctl operate-source create source-1.yaml\n"
                  "  tiderelay ctl start-task task.yaml\n  tiderelay ctl query-status test");
  command->callback([arguments, seconds, command, &invocation] {
    arguments->words = command->remaining();
    arguments->deadline = std::chrono::seconds(*seconds);
    invocation.run = [arguments, &invocation] { return run_ctl(*arguments, invocation.streams); };
  });
}

}  // namespace tiderelay::control
