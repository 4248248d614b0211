// control/commands_about.cc: `version` and `options`: what this program is and what it can be told.
#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>
#include <string>

#include "conf/option.h"
#include "control/commands.h"
#include "control/version.h"

namespace tiderelay::control {
namespace {

struct OptionsArguments {
  std::string only;
  bool markdown = false;
};

int run_options(const OptionsArguments& arguments, Streams streams) {
  if (arguments.markdown) {
    streams.out << conf::options_markdown();
    return kExitDone;
  }
  const std::string text = conf::options_text(arguments.only);
  if (text.empty()) {
    return failed(streams.err,
                  Error(Errc::kConfig, "no option has \"" + arguments.only + "\" in its name"));
  }
  streams.out << text;
  return kExitDone;
}

}  // namespace

void add_options_command(CLI::App& program, Invocation& invocation) {
  CLI::App* command = program.add_subcommand("options", "every option of every file");
  const auto arguments = std::make_shared<OptionsArguments>();
  command->add_option("name", arguments->only, "only options with this in their name");
  command->add_flag("--markdown", arguments->markdown, "as the reference page of the docs");
  command->footer("Example:\n  tiderelay options safe-mode");
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments] {
      return run_options(*arguments, invocation.streams);
    };
  });
}

void add_version_command(CLI::App& program, Invocation& invocation) {
  CLI::App* command = program.add_subcommand("version", "version, commit, compiler, libraries");
  command->footer("Example:\n  tiderelay version");
  command->callback([&invocation] {
    invocation.run = [&invocation] {
      invocation.streams.out << version_text();
      return kExitDone;
    };
  });
}

}  // namespace tiderelay::control
