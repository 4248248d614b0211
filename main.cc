// main.cc: the program `tiderelay`; its commands are in control/commands_*.cc.
#include <iostream>
#include <string>
#include <vector>

#include "control/command_line.h"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return tiderelay::control::run_command_line(arguments, {std::cin, std::cout, std::cerr});
}
