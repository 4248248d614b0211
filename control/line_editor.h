// control/line_editor.h: lines typed at a terminal, with history (kept over sessions in
// $XDG_STATE_HOME/tiderelay/history) and completion of words with the tabulator. libedit, whose
// state is global: one at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tiderelay::control {

class LineEditor {
 public:
  // Gives the words that may stand at the end of `line`, whose last word is begun.
  using Candidates = std::function<std::vector<std::string>(const std::string& line)>;

  explicit LineEditor(Candidates candidates);
  ~LineEditor();  // writes the history
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  [[nodiscard]] std::optional<std::string> read(const std::string& prompt);  // nothing: the end

 private:
  std::string history_file_;
};

}  // namespace tiderelay::control
