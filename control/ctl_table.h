// control/ctl_table.h: the commands of ctl, one row each: what dmctl's users may type.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "control/ctl_words.h"

namespace tiderelay::control {

struct CommandRow {
  CtlCommand command;
  std::string_view name;
  std::string_view arguments;  // for the usage
  std::string_view about;      // for the help; of kNoEffect and kRefused: the answer
  std::size_t arguments_min;
  std::size_t arguments_max;
  std::array<std::string_view, 10> actions;  // of the first argument; empty: it has none
};

[[nodiscard]] std::span<const CommandRow> command_rows();  // by name
[[nodiscard]] const CommandRow* find_command(std::string_view name);

}  // namespace tiderelay::control
