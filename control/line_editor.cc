// control/line_editor.cc: see line_editor.h. Source: editline(3), readline compatibility.
#include "control/line_editor.h"

#include <editline/readline.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace tiderelay::control {

namespace {

constexpr int kHistoryLinesMax = 1000;

LineEditor::Candidates g_candidates;
std::vector<std::string> g_found;

char* next_candidate(const char* begun, int state) {
  if (state == 0) {
    g_found.clear();
    const std::string line(rl_line_buffer == nullptr ? "" : rl_line_buffer);
    for (const std::string& word : g_candidates(line)) {
      if (word.starts_with(begun)) g_found.push_back(word);
    }
  }
  const auto at = static_cast<std::size_t>(state);
  return at < g_found.size() ? ::strdup(g_found[at].c_str()) : nullptr;
}

// Where nothing of ours fits, names of files are completed.
char** complete(const char* begun, int, int) {
  return rl_completion_matches(begun, next_candidate);
}

std::string history_path() {
  const char* const state = std::getenv("XDG_STATE_HOME");
  const char* const home = std::getenv("HOME");
  if (state == nullptr && home == nullptr) return "";
  const std::string folder =
      state != nullptr ? std::string(state) : std::string(home) + "/.local/state";
  std::error_code failure;
  std::filesystem::create_directories(folder + "/tiderelay", failure);
  return failure ? "" : folder + "/tiderelay/history";
}

}  // namespace

LineEditor::LineEditor(Candidates candidates) : history_file_(history_path()) {
  g_candidates = std::move(candidates);
  rl_initialize();
  using_history();
  stifle_history(kHistoryLinesMax);
  if (!history_file_.empty()) read_history(history_file_.c_str());
  rl_attempted_completion_function = complete;
}

LineEditor::~LineEditor() {
  if (!history_file_.empty()) write_history(history_file_.c_str());
}

std::optional<std::string> LineEditor::read(const std::string& prompt) {
  char* const typed = readline(prompt.c_str());
  if (typed == nullptr) return std::nullopt;
  std::string line(typed);
  std::free(typed);
  if (line.find_first_not_of(" \t") != std::string::npos) add_history(line.c_str());
  return line;
}

}  // namespace tiderelay::control
