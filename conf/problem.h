// conf/problem.h: what a configuration file has wrong, and what tiderelay makes of its keys.
//
// All problems of a file are collected and told at once, each with file, line and the key's path:
//   task.yaml:12: mysql-instances[0].sorce-id: unknown key; did you mean "source-id"?
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tiderelay::conf {

// What becomes of a key (docs/options.md).
enum class Verdict : std::uint8_t {
  kHonoured,
  kMapped,    // to another key or meaning: the note says which
  kNoEffect,  // accepted for DM's sake: the note says why
  kRefused,   // an error with the way out
};
[[nodiscard]] std::string_view to_text(Verdict verdict);  // "honoured", "mapped", …

struct Note {  // for `check-task`, `start-task` and the log: nothing is dropped silently
  std::string file;
  std::uint32_t line = 0;
  std::string path;  // "mydumpers.global.extra-args"
  Verdict verdict = Verdict::kHonoured;
  std::string text;
};
[[nodiscard]] std::string to_text(const Note& note);  // one line

struct Problem {
  std::string file;
  std::uint32_t line = 0;  // 0: the file as a whole
  std::string path;
  std::string text;
  std::uint32_t dm_code = 0;  // DM's error number where it means the same, else 0
};
[[nodiscard]] std::string to_text(const Problem& problem);           // one line
[[nodiscard]] Error to_error(const std::vector<Problem>& problems);  // kConfig; REQUIRES: not empty

}  // namespace tiderelay::conf
