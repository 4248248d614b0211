// control/ctl_words.cc: one table of commands; its texts are the usage.
#include "control/ctl_words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "base/nearest.h"

namespace tiderelay::control {

namespace {

struct CommandRow {
  CtlCommand command;
  std::string_view name;
  std::string_view arguments;
  std::string_view about;
  std::size_t arguments_min;
  std::size_t arguments_max;
  std::array<std::string_view, 4> actions;  // of the first argument; empty: it has none
};

constexpr std::size_t kAny = 1000;

constexpr CommandRow kCommands[] = {
    {CtlCommand::kCheckTask,
     "check-task",
     "FILE [-e ERRORS] [-w WARNINGS]",
     "run the prechecks of a task",
     1,
     1,
     {}},
    {CtlCommand::kConfig,
     "config",
     "task|source NAME",
     "show a configuration without passwords",
     1,
     1,
     {"task", "source"}},
    {CtlCommand::kListMember, "list-member", "", "this daemon and its sources", 0, 0, {}},
    {CtlCommand::kOperateSource,
     "operate-source",
     "create|update|stop|show [FILE or ID ...]",
     "add, change, remove or list sources",
     0,
     kAny,
     {"create", "update", "stop", "show"}},
    {CtlCommand::kPauseTask,
     "pause-task",
     "[-s SOURCE] [TASK or FILE]",
     "pause a task, or all tasks of a source",
     0,
     1,
     {}},
    {CtlCommand::kQueryStatus,
     "query-status",
     "[-s SOURCE] [TASK or FILE] [--more]",
     "how far tasks and relay logs are",
     0,
     1,
     {}},
    {CtlCommand::kResumeTask,
     "resume-task",
     "[-s SOURCE] [TASK or FILE]",
     "go on with a task, or with all tasks of a source",
     0,
     1,
     {}},
    {CtlCommand::kStartTask,
     "start-task",
     "[-s SOURCE] [--remove-meta] FILE",
     "check a task and start it",
     1,
     1,
     {}},
    {CtlCommand::kStopTask,
     "stop-task",
     "[-s SOURCE] [TASK or FILE]",
     "end a task, or all tasks of a source; checkpoints stay",
     0,
     1,
     {}},
};

const CommandRow* find_command(std::string_view name) {
  const auto* const found = std::ranges::find(kCommands, name, &CommandRow::name);
  return found == std::end(kCommands) ? nullptr : found;
}

std::string usage_of(const CommandRow& row) {
  std::string text = "usage: " + std::string(row.name);
  if (!row.arguments.empty()) text += " " + std::string(row.arguments);
  return text;
}

Error wrong(const CommandRow& row, const std::string& text) {
  return Error(Errc::kConfig, std::string(row.name) + ": " + text).with_way_out(usage_of(row));
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& known) {
  const std::string_view near = nearest(word, known);
  return near.empty() ? "" : "; did you mean " + std::string(near) + "?";
}

Error unknown_command(const std::string& word) {
  std::vector<std::string_view> names;
  for (const CommandRow& row : kCommands) names.push_back(row.name);
  const std::string near(nearest(word, names));
  const CommandRow* const row = find_command(near);
  return Error(Errc::kConfig, "unknown command \"" + word + "\"" + did_you_mean(word, names))
      .with_way_out(row != nullptr ? usage_of(*row) : "help lists the commands");
}

// "-s x", "-sx", "--source x", "--source=x"
class Words {
 public:
  Words(const CommandRow& row, const std::vector<std::string>& words) : row_(row), words_(words) {}

  [[nodiscard]] bool more() const { return at_ < words_.size(); }
  [[nodiscard]] const std::string& word() const { return words_[at_]; }
  void next() { ++at_; }

  // Whether the word is this option. `value` is set, or `problem` says that there is none.
  bool option(std::string_view letter, std::string_view name, std::optional<std::string>& value,
              std::optional<Error>& problem) {
    const std::string& word = words_[at_];
    const std::string with_value = std::string(name) + "=";
    if (word == letter || word == name) {
      if (at_ + 1 >= words_.size()) {
        problem = wrong(row_, word + " needs a value");
      } else {
        value = words_[++at_];
      }
    } else if (word.starts_with(with_value)) {
      value = word.substr(with_value.size());
    } else if (!word.starts_with("--") && word.starts_with(letter) && word.size() > 2) {
      value = word.substr(2);
    }
    if (value || problem) ++at_;
    return value || problem;
  }

 private:
  const CommandRow& row_;
  const std::vector<std::string>& words_;
  std::size_t at_ = 1;
};

Result<std::size_t> count_of(const CommandRow& row, const std::string& text) {
  std::size_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failure != std::errc() || end != text.data() + text.size()) {
    return wrong(row, "\"" + text + "\" is no number");
  }
  return count;
}

bool takes_sources(CtlCommand command) {
  return command != CtlCommand::kCheckTask && command != CtlCommand::kConfig &&
         command != CtlCommand::kListMember;
}

// One option of the line; false: it is none that this command has.
Result<bool> read_option(const CommandRow& row, Words& words, CtlCall& call) {
  std::optional<std::string> value;
  std::optional<Error> problem;
  const std::string word = words.word();
  if (takes_sources(row.command) && words.option("-s", "--source", value, problem)) {
    if (problem) return *problem;
    call.sources.push_back(*value);
    return true;
  }
  if (row.command == CtlCommand::kCheckTask) {
    const bool errors = words.option("-e", "--error", value, problem);
    const bool warnings = !errors && words.option("-w", "--warn", value, problem);
    if (problem) return *problem;
    if (errors || warnings) {
      const Result<std::size_t> count = count_of(row, *value);
      if (!count) return count.error();
      (errors ? call.errors_max : call.warnings_max) = *count;
      return true;
    }
  }
  const bool remove = row.command == CtlCommand::kStartTask && word == "--remove-meta";
  const bool more = row.command == CtlCommand::kQueryStatus && word == "--more";
  if (!remove && !more) return false;
  call.remove_meta = call.remove_meta || remove;
  call.more = call.more || more;
  words.next();
  return true;
}

Result<void> read_action(const CommandRow& row, CtlCall& call) {
  if (row.actions[0].empty()) return {};
  std::vector<std::string_view> known;
  for (const std::string_view action : row.actions) {
    if (!action.empty()) known.push_back(action);
  }
  if (call.arguments.empty()) return wrong(row, "what is to be done is missing");
  call.action = call.arguments.front();
  call.arguments.erase(call.arguments.begin());
  if (std::ranges::find(known, call.action) == known.end()) {
    return wrong(row, "unknown action \"" + call.action + "\"" + did_you_mean(call.action, known));
  }
  const bool needs_names = row.command == CtlCommand::kOperateSource && call.action != "show";
  if (needs_names && call.arguments.empty() && call.sources.empty()) {
    return wrong(row, call.action + " needs a file" + (call.action == "stop" ? " or an id" : ""));
  }
  return {};
}

}  // namespace

Result<CtlCall> parse_ctl(const std::vector<std::string>& words) {
  if (words.empty()) return Error(Errc::kConfig, "no command").with_way_out(ctl_help());
  const CommandRow* const row = find_command(words.front());
  if (row == nullptr) return unknown_command(words.front());
  CtlCall call;
  call.command = row->command;
  Words rest(*row, words);
  while (rest.more()) {
    const std::string word = rest.word();
    const bool option = word.size() > 1 && word.starts_with('-');
    if (!option) {
      call.arguments.push_back(word);
      rest.next();
      continue;
    }
    const Result<bool> known = read_option(*row, rest, call);
    if (!known) return known.error();
    if (!*known) return wrong(*row, "unknown option " + word);
  }
  const Result<void> action = read_action(*row, call);
  if (!action) return action.error();
  if (call.arguments.size() < row->arguments_min) return wrong(*row, "an argument is missing");
  if (call.arguments.size() > row->arguments_max) {
    return wrong(*row, "too many arguments: " + call.arguments.back());
  }
  const bool changes_task = call.command == CtlCommand::kPauseTask ||
                            call.command == CtlCommand::kResumeTask ||
                            call.command == CtlCommand::kStopTask;
  if (changes_task && call.arguments.empty() && call.sources.empty()) {
    return wrong(*row, "name a task, or with -s a source whose tasks are all meant");
  }
  return call;
}

std::vector<std::string> file_words(const CtlCall& call) {
  if (call.command == CtlCommand::kConfig) return {};
  return call.arguments;
}

std::string ctl_help(const std::string& command) {
  const CommandRow* const one = find_command(command);
  if (one != nullptr) return usage_of(*one) + "\n  " + std::string(one->about) + "\n";
  std::string text = "commands:\n";
  for (const CommandRow& row : kCommands) {
    std::string line = "  " + std::string(row.name) + " " + std::string(row.arguments);
    line.resize(std::max<std::size_t>(line.size() + 1, 60), ' ');
    text += line + std::string(row.about) + "\n";
  }
  return text;
}

Result<std::vector<std::string>> split_line(const std::string& line) {
  std::vector<std::string> words;
  bool open = false;  // a word has begun
  char quote = 0;
  for (const char c : line) {
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
      if (!open) words.emplace_back();
      open = true;
    } else if (quote == 0 && (c == ' ' || c == '\t' || c == '\r')) {
      open = false;
    } else {
      if (!open) words.emplace_back();
      open = true;
      words.back() += c;
    }
  }
  if (quote != 0) return Error(Errc::kConfig, "a quote is not closed");
  return words;
}

}  // namespace tiderelay::control
