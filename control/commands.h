// control/commands.h: the commands of the program, each declared where it is done.
#pragma once

#include <cstddef>
#include <functional>
#include <ostream>

#include "base/error.h"
#include "control/command_line.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace tiderelay::control {

// What a chosen command leaves behind; run_command_line() runs it when the whole line is parsed.
struct Invocation {
  Streams streams;
  std::function<int()> run;  // gives the exit code
};

// Each adds its subcommand to the program; its callback sets `invocation.run`.
void add_binlog_command(CLI::App& program, Invocation& invocation);
void add_check_command(CLI::App& program, Invocation& invocation);
void add_ctl_command(CLI::App& program, Invocation& invocation);
void add_decrypt_command(CLI::App& program, Invocation& invocation);
void add_dump_command(CLI::App& program, Invocation& invocation);
void add_encrypt_command(CLI::App& program, Invocation& invocation);
void add_import_command(CLI::App& program, Invocation& invocation);
void add_options_command(CLI::App& program, Invocation& invocation);
void add_run_command(CLI::App& program, Invocation& invocation);
void add_serve_command(CLI::App& program, Invocation& invocation);
void add_verify_command(CLI::App& program, Invocation& invocation);
void add_version_command(CLI::App& program, Invocation& invocation);

// CLI11 takes "-4" and what is too large for a number as other numbers: this refuses them.
void take_count(CLI::Option& option, std::size_t digits_max = 9);

// "db.table", both parts there.
[[nodiscard]] bool is_table_name(const std::string& text);

// Prints the error with its way out and gives the exit code that fits it.
[[nodiscard]] int failed(std::ostream& err, const Error& error);

}  // namespace tiderelay::control
