// control/command_line.cc: the program's help, its errors of usage, and the list of its commands.
#include "control/command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <string_view>

#include "base/nearest.h"
#include "control/commands.h"
#include "control/version.h"

namespace tiderelay::control {
namespace {

constexpr const char* kAbout =
    "tiderelay: moves MySQL-protocol databases into TiDB, and serves their relay logs.";
constexpr const char* kFooter =
    "Exit codes: 0 done, 1 the work failed, 2 wrong usage or configuration.\n"
    "Each command explains itself: tiderelay COMMAND --help";

void add_commands(CLI::App& program, Invocation& invocation) {
  add_run_command(program, invocation);
  add_check_command(program, invocation);
  add_serve_command(program, invocation);
  add_ctl_command(program, invocation);
  add_verify_command(program, invocation);
  add_dump_command(program, invocation);
  add_binlog_command(program, invocation);
  add_import_command(program, invocation);
  add_encrypt_command(program, invocation);
  add_decrypt_command(program, invocation);
  add_options_command(program, invocation);
  add_version_command(program, invocation);
}

std::string name_of_chosen(const CLI::App& program) {
  const auto chosen = program.get_subcommands();
  return chosen.empty() ? "" : " " + chosen.front()->get_name();
}

// "unknown command "encrpyt"; did you mean encrypt?" where the line has no command at all.
std::string unknown_command(const CLI::App& program, const std::vector<std::string>& arguments) {
  const auto word = std::ranges::find_if(
      arguments, [](const std::string& argument) { return !argument.starts_with('-'); });
  if (word == arguments.end() || !program.get_subcommands().empty()) return "";
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands({})) names.push_back(command->get_name());
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string_view near = nearest(*word, views);
  return "unknown command \"" + *word + "\"" +
         (near.empty() ? "" : "; did you mean " + std::string(near) + "?");
}

// "unknown option --taks; did you mean --task?": CLI11 names what is missing first.
std::string unknown_option(const CLI::App& program, const std::vector<std::string>& arguments) {
  const auto chosen = program.get_subcommands();
  const CLI::App& app = chosen.empty() ? program : *chosen.front();
  if (app.get_prefix_command()) return "";  // its words are not the program's
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  const std::vector<std::string_view> views(known.begin(), known.end());
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    const std::string name = argument.substr(0, argument.find('='));
    if (!name.starts_with("--") || app.get_option_no_throw(name) != nullptr) continue;
    const std::string_view near = nearest(name, views);
    return "unknown option " + name +
           (near.empty() ? "" : "; did you mean " + std::string(near) + "?");
  }
  return "";
}

int usage_error(const CLI::App& program, const std::vector<std::string>& arguments,
                const std::string& text, std::ostream& err) {
  std::string unknown = unknown_command(program, arguments);
  if (unknown.empty()) unknown = unknown_option(program, arguments);
  const std::string command = "tiderelay" + name_of_chosen(program);
  err << command << ": " << (unknown.empty() ? text : unknown) << "\nSee: " << command
      << " --help\n";
  return kExitUsage;
}

}  // namespace

void take_count(CLI::Option& option, std::size_t digits_max) {
  option.check([digits_max](const std::string& text) -> std::string {
    const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    if (digits && !text.empty() && text.size() <= digits_max) return "";
    return "\"" + text + "\" is no whole number";
  });
}

bool is_table_name(const std::string& text) {
  const std::size_t dot = text.find('.');
  return dot != std::string::npos && dot > 0 && dot + 1 < text.size();
}

int failed(std::ostream& err, const Error& error) {
  err << "tiderelay: " << error.text() << '\n';
  if (!error.way_out().empty()) err << "way out: " << error.way_out() << '\n';
  return error.code() == Errc::kConfig ? kExitUsage : kExitFailed;
}

int run_command_line(const std::vector<std::string>& arguments, Streams streams) {
  CLI::App program(kAbout, "tiderelay");
  program.footer(kFooter);
  program.require_subcommand(1);
  program.set_version_flag("--version", version_line());
  Invocation invocation{streams, nullptr};
  add_commands(program, invocation);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
    program.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    const auto chosen = program.get_subcommands();
    streams.out << (chosen.empty() ? program.help() : chosen.front()->help("tiderelay"));
    return kExitDone;
  } catch (const CLI::CallForVersion&) {
    streams.out << version_line() << '\n';
    return kExitDone;
  } catch (const CLI::ParseError& error) {
    if (arguments.empty()) {
      streams.err << program.help();
      return kExitUsage;
    }
    return usage_error(program, arguments, error.what(), streams.err);
  }
  return invocation.run();
}

}  // namespace tiderelay::control
