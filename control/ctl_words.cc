// control/ctl_words.cc: words against the table of commands.
#include "control/ctl_words.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "base/nearest.h"
#include "base/utf8.h"
#include "control/ctl_table.h"

namespace tiderelay::control {

namespace {

constexpr std::size_t kShownBytes = 100;
constexpr std::size_t kWordBytesMax = 4096;  // a path's
constexpr std::size_t kSqlBytesMax = 1U << 20;

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

// What a message shows of a word.
std::string shown(const std::string& word) {
  if (word.size() <= kShownBytes) return word;
  return word.substr(0, utf8_prefix(word.substr(0, kShownBytes))) + "…";
}

Error unknown_command(const std::string& word) {
  std::vector<std::string_view> names;
  for (const CommandRow& row : command_rows()) names.push_back(row.name);
  const std::string near(nearest(word, names));
  const CommandRow* const row = find_command(near);
  return Error(Errc::kConfig, "unknown command \"" + shown(word) + "\"" + did_you_mean(word, names))
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
      if (value->empty()) {
        value.reset();
        problem = wrong(row_, std::string(name) + " needs a value");
      }
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
    return wrong(row, "\"" + shown(text) + "\" is no number");
  }
  return count;
}

bool takes_sources(CtlCommand command) {
  return command != CtlCommand::kCheckTask && command != CtlCommand::kConfig &&
         command != CtlCommand::kListMember && command != CtlCommand::kShardLocks;
}

bool is_answered_only(CtlCommand command) {
  return command == CtlCommand::kNoEffect || command == CtlCommand::kRefused ||
         command == CtlCommand::kValidation;
}

// An option with a text, of one command: true when the word was it.
Result<bool> read_text_option(Words& words, const char* letter, const char* name,
                              std::string& into) {
  std::optional<std::string> value;
  std::optional<Error> problem;
  if (!words.option(letter, name, value, problem)) return false;
  if (problem) return *problem;
  into = *value;
  return true;
}

Result<bool> read_schema_option(const CommandRow& row, Words& words, CtlCall& call) {
  if (row.name == "operate-schema") {
    const Result<bool> schema = read_text_option(words, "-d", "--database", call.schema);
    if (!schema || *schema) return schema;
    const Result<bool> table = read_text_option(words, "-t", "--table", call.table);
    if (!table || *table) return table;
  }
  const Result<bool> by = read_text_option(words, "--by", "--by", call.by);
  if (!by || *by) return by;
  const std::string& word = words.word();
  const bool from_source = word == "--from-source";
  if (from_source || word == "--from-target") {
    call.definition = from_source ? CtlCall::Definition::kOfSource : CtlCall::Definition::kOfTarget;
  } else if (!word.starts_with("--flush") && !word.starts_with("--sync")) {  // always both
    return false;
  }
  words.next();
  return true;
}

Result<bool> read_command_option(const CommandRow& row, Words& words, CtlCall& call) {
  if (row.command == CtlCommand::kBinlog) {
    const Result<bool> place = read_text_option(words, "-b", "--binlog-pos", call.position);
    if (!place || *place) return place;
    const Result<bool> by = read_text_option(words, "--by", "--by", call.by);
    if (!by || *by || !row.name.starts_with("sql-")) return by;
    if (words.word() == "--sharding") return wrong(row, "there are no shard locks: leave it out");
    std::string worker;
    const Result<bool> named = read_text_option(words, "-w", "--worker", worker);
    if (named && *named) call.sources.push_back(worker);
    return named;
  }
  if (row.command == CtlCommand::kBinlogSchema) return read_schema_option(row, words, call);
  if (row.command == CtlCommand::kPurgeRelay) {
    const Result<bool> file = read_text_option(words, "-f", "--filename", call.file);
    if (!file || *file) return file;
    return read_text_option(words, "--sub-dir", "--sub-dir", call.folder);
  }
  if (row.command == CtlCommand::kConfig) {
    return read_text_option(words, "-p", "--path", call.folder);
  }
  const bool filter =
      row.command == CtlCommand::kListMember &&
      (words.word() == "--leader" || words.word() == "-l" || words.word() == "--master" ||
       words.word() == "-m" || words.word() == "--worker" || words.word() == "-w");
  if (!filter) return false;
  const std::string& word = words.word();
  call.parts.push_back(word[1] == '-' ? word[2] : word[1]);
  words.next();
  return true;
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
  const Result<bool> own = read_command_option(row, words, call);
  if (!own || *own) return own;
  if (row.command == CtlCommand::kStartTask && word.starts_with("--start-time")) {
    return wrong(row, "--start-time is not in this version yet; name the place under `meta`");
  }
  const bool remove = row.command == CtlCommand::kStartTask && word == "--remove-meta";
  const bool more = row.command == CtlCommand::kQueryStatus && word == "--more";
  if (!remove && !more) return false;
  call.remove_meta = call.remove_meta || remove;
  call.more = call.more || more;
  words.next();
  return true;
}

// TASK [DB [TABLE [FILE]]], or TASK [FILE] with -d and -t, to one form.
Result<void> read_definition(const CommandRow& row, CtlCall& call) {
  std::vector<std::string>& words = call.arguments;
  if (row.name == "operate-schema") {
    if (words.size() > 1) call.file = words.back();
    const std::pair<const char*, const char*> names[] = {
        {"get", "list"}, {"set", "update"}, {"remove", "delete"}};
    for (const auto& [older, name] : names) {
      if (call.action == older) call.action = name;
    }
  } else {
    if (words.size() > 1) call.schema = words[1];
    if (words.size() > 2) call.table = words[2];
    if (words.size() > 3) call.file = words[3];
  }
  words.resize(1);
  if (call.action == "list") return {};
  if (call.schema.empty() || call.table.empty()) {
    return wrong(row, call.action + " needs the table's schema and name");
  }
  const bool of_file = call.definition == CtlCall::Definition::kOfFile;
  if (call.action == "update" && of_file == call.file.empty()) {
    return wrong(row, "update needs a file, --from-source or --from-target, and only one");
  }
  return {};
}

Result<void> read_action(const CommandRow& row, CtlCall& call) {
  if (row.name.starts_with("sql-")) call.action = row.name.substr(4);
  if (row.actions[0].empty()) return {};
  if (row.name == "handle-error" && call.arguments.size() > 1) {
    std::swap(call.arguments[0], call.arguments[1]);  // the task comes first there
  }
  std::vector<std::string_view> known;
  for (const std::string_view action : row.actions) {
    if (!action.empty()) known.push_back(action);
  }
  if (call.arguments.empty()) return wrong(row, "what is to be done is missing");
  call.action = call.arguments.front();
  call.arguments.erase(call.arguments.begin());
  if (std::ranges::find(known, call.action) == known.end()) {
    return wrong(
        row, "unknown action \"" + shown(call.action) + "\"" + did_you_mean(call.action, known));
  }
  const bool needs_names = row.command == CtlCommand::kOperateSource && call.action != "show";
  if (needs_names && call.arguments.empty() && call.sources.empty()) {
    return wrong(row, call.action + " needs a file" + (call.action == "stop" ? " or an id" : ""));
  }
  return {};
}

// An empty word is a variable of a script that was not set: it must not mean "all".
Result<void> check_words(const CommandRow& row, const std::vector<std::string>& words) {
  const bool sql = row.command == CtlCommand::kBinlog;
  for (std::size_t at = 1; at < words.size(); ++at) {
    const std::string& word = words[at];
    const std::string place = "argument " + std::to_string(at);
    if (word.empty()) return wrong(row, place + " is empty");
    if (word.size() > (sql ? kSqlBytesMax : kWordBytesMax)) {
      return wrong(row, place + " is too long: " + std::to_string(word.size()) + " bytes");
    }
    const bool control = std::ranges::any_of(
        word, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (control && !sql) return wrong(row, place + " has a control character");
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
  call.name = words.front();
  const Result<void> plain = check_words(*row, words);
  if (!plain) return plain.error();
  if (is_answered_only(row->command)) {  // whatever follows
    if (words.size() > 1) call.action = words[1];
    return call;
  }
  Words rest(*row, words);
  bool ended = false;
  while (rest.more()) {
    const std::string word = rest.word();
    if (word == "--" && !ended) {  // what follows are arguments, whatever they look like
      ended = true;
      rest.next();
      continue;
    }
    const bool option = !ended && word.size() > 1 && word.starts_with('-');
    if (!option) {
      call.arguments.push_back(word);
      rest.next();
      continue;
    }
    const Result<bool> known = read_option(*row, rest, call);
    if (!known) return known.error();
    if (!*known) return wrong(*row, "unknown option " + shown(word));
  }
  const Result<void> action = read_action(*row, call);
  if (!action) return action.error();
  if (call.command == CtlCommand::kBinlog && !call.arguments.empty()) {
    call.statements.assign(call.arguments.begin() + 1, call.arguments.end());
    call.arguments.resize(1);
  }
  if (call.command == CtlCommand::kBinlogSchema && !call.arguments.empty()) {
    if (call.arguments.size() > row->arguments_max) {
      return wrong(*row, "too many arguments: " + shown(call.arguments.back()));
    }
    const Result<void> definition = read_definition(*row, call);
    if (!definition) return definition.error();
  }
  if (call.arguments.size() < row->arguments_min) return wrong(*row, "an argument is missing");
  if (call.arguments.size() > row->arguments_max) {
    return wrong(*row, "too many arguments: " + shown(call.arguments.back()));
  }
  const bool of_config =
      call.command == CtlCommand::kConfig && (call.action == "task" || call.action == "source");
  if (of_config && call.arguments.empty()) return wrong(*row, call.action + " needs a name");
  const bool of_relay = call.command == CtlCommand::kPauseRelay ||
                        call.command == CtlCommand::kResumeRelay ||
                        call.command == CtlCommand::kPurgeRelay;
  if (of_relay && call.sources.empty()) return wrong(*row, "-s names the source");
  if (call.command == CtlCommand::kPurgeRelay && call.file.empty()) {
    return wrong(*row, "-f names the first file that stays");
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
  if (call.command == CtlCommand::kConfig || call.command == CtlCommand::kShardLocks) return {};
  if (call.command == CtlCommand::kResyncTable) return {call.arguments.front()};
  if (call.command == CtlCommand::kBinlogSchema) {
    return call.file.empty() ? std::vector<std::string>() : std::vector{call.file};
  }
  return call.arguments;
}

std::string ctl_help(const std::string& command) {
  const CommandRow* const one = find_command(command);
  if (one != nullptr) return usage_of(*one) + "\n  " + std::string(one->about) + "\n";
  std::string text = "commands:\n";
  for (const CommandRow& row : command_rows()) {
    if (is_answered_only(row.command)) continue;
    std::string line = "  " + std::string(row.name) + " " + std::string(row.arguments);
    line.resize(std::max<std::size_t>(line.size() + 1, 60), ' ');
    text += line + std::string(row.about) + "\n";
  }
  return text;
}

std::vector<std::string> ctl_candidates(const std::string& line) {
  std::vector<std::string> found;
  const std::size_t begin = line.find_first_not_of(' ');
  const std::size_t end = begin == std::string::npos ? begin : line.find(' ', begin);
  if (end == std::string::npos) {
    for (const CommandRow& row : command_rows()) found.emplace_back(row.name);
    for (const char* const more : {"help", "exit"}) found.emplace_back(more);
    return found;
  }
  const CommandRow* const row = find_command(line.substr(begin, end - begin));
  if (row == nullptr) return found;
  for (const std::string_view action : row->actions) {
    if (!action.empty()) found.emplace_back(action);
  }
  const std::string usage(row->arguments);  // "[-s SOURCE] [--remove-meta] FILE"
  for (std::size_t at = usage.find('-'); at != std::string::npos; at = usage.find('-', at)) {
    const std::size_t stop = std::min(usage.find_first_of(" ]|", at), usage.size());
    const bool option = at == 0 || usage[at - 1] == ' ' || usage[at - 1] == '[';
    if (option) found.push_back(usage.substr(at, stop - at));
    at = stop;
  }
  return found;
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
