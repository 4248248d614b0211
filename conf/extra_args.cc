// conf/extra_args.cc: one table of all arguments, short and long.
#include "conf/extra_args.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

#include "base/nearest.h"

namespace tiderelay::conf {
namespace {

enum class What : std::uint8_t {
  kSchemas,
  kTables,
  kFilter,
  kRegex,
  kNoLocks,
  kConsistency,
  kThreads,
  kChunkSize,
  kStatementSize,
  kRows,
  kWhere,
  kCa,
  kCert,
  kKey,
  kNoEffect,
  kRefused,
};

struct Argument {
  char short_name;  // 0: none
  std::string_view long_name;
  bool takes_value;
  What what;
  std::string_view reason;  // for kNoEffect and kRefused
};

constexpr auto kArguments = std::to_array<Argument>({
    {'B', "database", true, What::kSchemas, ""},
    {'T', "tables-list", true, What::kTables, ""},
    {'f', "filter", true, What::kFilter, ""},
    {'x', "regex", true, What::kRegex, ""},
    {0, "no-locks", false, What::kNoLocks, ""},
    {0, "consistency", true, What::kConsistency, ""},
    {'t', "threads", true, What::kThreads, ""},
    {'F', "filesize", true, What::kChunkSize, ""},
    {0, "chunk-filesize", true, What::kChunkSize, ""},
    {'s', "statement-size", true, What::kStatementSize, ""},
    {'r', "rows", true, What::kRows, ""},
    {0, "where", true, What::kWhere, ""},
    {0, "ca", true, What::kCa, ""},
    {0, "cert", true, What::kCert, ""},
    {0, "key", true, What::kKey, ""},
    {'W', "no-views", false, What::kNoEffect, "views are listed, never copied"},
    {0, "escape-backslash", false, What::kNoEffect, "rows are escaped as the target needs it"},
    {0, "transactional-consistency", false, What::kNoEffect,
     "each row is as of its table's position; no transaction over all tables is needed"},
    {0, "trx-consistency-only", false, What::kNoEffect,
     "each row is as of its table's position; no transaction over all tables is needed"},
    {0, "less-locking", false, What::kNoEffect, "there are no global locks to shorten"},
    {0, "skip-tz-utc", false, What::kNoEffect, "both ends always have the same time zone"},
    {'k', "no-lock", false, What::kNoEffect,
     "there is no global lock to leave out; --no-locks leaves out those of tables as well"},
    {'o', "success-on-1146", false, What::kNoEffect, "a table dropped meanwhile is no failure"},
    {'c', "compress", false, What::kNoEffect, "no dump files are written"},
    {'l', "long-query-guard", true, What::kNoEffect,
     "long queries do not matter without a global lock"},
    {0, "snapshot", true, What::kRefused, "for TiDB sources only; leave it out"},
});

struct Word {
  const Argument* argument = nullptr;
  std::string name;  // as written, "-B" or "--database"
  std::string value;
};

class ExtraArgs {
 public:
  ExtraArgs(Reader& reader, const YamlNode& at, DumpConfig& dump)
      : reader_(reader), at_(at), dump_(dump) {}

  void read() {
    split();
    for (std::size_t i = 0; i < words_.size();) {
      const std::optional<Word> word = take(i);
      if (!word) return;  // what follows cannot be told apart from its value
      apply(*word);
    }
    finish();
  }

 private:
  void split() {
    std::istringstream stream(dump_.extra_args);
    for (std::string word; stream >> word;) {
      const bool quoted = word.size() >= 2 && word.front() == word.back() &&
                          (word.front() == '"' || word.front() == '\'');
      words_.push_back(quoted ? word.substr(1, word.size() - 2) : word);
    }
  }

  // The argument at `i` with its value; moves `i` behind it.
  std::optional<Word> take(std::size_t& i) {
    const std::string text = words_[i++];
    Word word;
    std::optional<std::string> value;
    if (text.starts_with("--")) {
      const std::size_t equals = text.find('=');
      word.name = text.substr(0, equals);
      if (equals != std::string::npos) value = text.substr(equals + 1);
      const auto found = std::ranges::find(kArguments, std::string_view(word.name).substr(2),
                                           &Argument::long_name);
      if (found != kArguments.end()) word.argument = &*found;
    } else if (text.size() >= 2 && text.front() == '-') {
      word.name = text.substr(0, 2);
      if (text.size() > 2) value = text.substr(text[2] == '=' ? 3 : 2);
      const auto found = std::ranges::find(kArguments, text[1], &Argument::short_name);
      if (found != kArguments.end()) word.argument = &*found;
    } else {
      refuse("\"" + text + "\" is no argument, they begin with a dash");
      return std::nullopt;
    }
    if (word.argument == nullptr) {
      refuse_unknown(word.name);
      return std::nullopt;
    }
    if (!word.argument->takes_value) {
      if (value && *value != "true") {
        refuse(word.name + " takes no value, got \"" + *value + "\"");
        return std::nullopt;
      }
      return word;
    }
    if (!value) {
      if (i == words_.size()) {
        refuse(word.name + " needs a value");
        return std::nullopt;
      }
      value = words_[i++];
    }
    word.value = *value;
    return word;
  }

  void refuse_unknown(const std::string& name) {
    std::vector<std::string_view> names;
    for (const Argument& argument : kArguments) names.push_back(argument.long_name);
    const std::string_view near =
        name.starts_with("--") ? nearest(std::string_view(name).substr(2), names) : "";
    refuse(name + " is not known" +
           (near.empty() ? "; leave it out" : "; did you mean --" + std::string(near) + "?"));
  }

  void apply(const Word& word) {
    switch (word.argument->what) {
      case What::kSchemas:
        return append(word.value, dump_.selection.schemas);
      case What::kTables:
        return add_tables(word.value);
      case What::kFilter:
        dump_.selection.filters.push_back(word.value);
        return;
      case What::kRegex:
        dump_.selection.regex = word.value;
        return;
      case What::kNoLocks:
        no_locks_ = true;
        return;
      case What::kConsistency:
        return set_consistency(word.value);
      case What::kThreads:
        return set_number(word, dump_.threads);
      case What::kRows:
        return set_number(word, dump_.rows);
      case What::kChunkSize:
        return set_size(word, std::uint64_t{1} << 20U, dump_.chunk_filesize);
      case What::kStatementSize:
        return set_size(word, 1, dump_.statement_size);
      case What::kWhere:
        dump_.where = word.value;
        return;
      case What::kCa:
        return set_tls_file(word, dump_.security.ca_path);
      case What::kCert:
        return set_tls_file(word, dump_.security.cert_path);
      case What::kKey:
        return set_tls_file(word, dump_.security.key_path);
      case What::kNoEffect:
        return reader_.note(at_, Verdict::kNoEffect,
                            word.name + ": " + std::string(word.argument->reason));
      case What::kRefused:
        return refuse(word.name + ": " + std::string(word.argument->reason));
    }
  }

  static void append(const std::string& list, std::vector<std::string>& to) {
    std::istringstream stream(list);
    for (std::string item; std::getline(stream, item, ',');) {
      if (!item.empty()) to.push_back(item);
    }
  }

  void add_tables(const std::string& list) {
    std::vector<std::string> names;
    append(list, names);
    for (const std::string& name : names) {
      const std::size_t dot = name.find('.');
      if (dot == std::string::npos) {
        dump_.selection.tables.push_back({"", name});
      } else {
        dump_.selection.tables.push_back({name.substr(0, dot), name.substr(dot + 1)});
      }
    }
  }

  void set_consistency(const std::string& word) {
    consistency_ = word;
    if (word == "none") return;
    if (word == "snapshot") {
      return refuse("--consistency snapshot is for TiDB sources only; leave it out");
    }
    if (word != "auto" && word != "flush" && word != "lock") {
      return refuse("--consistency wants auto, flush, lock or none, got \"" + word + "\"");
    }
    reader_.note(at_, Verdict::kMapped,
                 "--consistency " + word +
                     ": no locks wherever the source has GTIDs, else a short lock per table");
  }

  template <class N>
  void set_number(const Word& word, N& to) {
    const Result<std::uint64_t> number = parse_unsigned(word.value);
    if (!number || *number > std::numeric_limits<N>::max()) {
      return refuse(word.name + " wants a whole number, got \"" + word.value + "\"");
    }
    to = static_cast<N>(*number);
  }

  void set_size(const Word& word, std::uint64_t unit, ByteSize& to) {
    const Result<ByteSize> size = parse_size(word.value, unit);
    if (!size) return refuse(word.name + " " + size.error().text());
    to = *size;
  }

  void set_tls_file(const Word& word, std::string& to) {
    to = reader_.beside(word.value);
    reader_.note(at_, Verdict::kMapped,
                 word.name + ": as the source's security, for the full phase");
  }

  void finish() {
    const bool other = !consistency_.empty() && consistency_ != "none";
    if (no_locks_ && other) {
      refuse("--no-locks and --consistency " + consistency_ + " contradict each other");
    }
    dump_.no_locks = no_locks_ || consistency_ == "none";
    const applier::DumpSelectionOptions& selection = dump_.selection;
    if (!selection.filters.empty() && !selection.tables.empty()) {
      refuse("-T and -f cannot stand together; write the tables as -f too");
    }
    if (selection.regex.find("(?") != std::string::npos) {
      const auto has = [&](const char* what) {
        return selection.regex.find(what) != std::string::npos;
      };
      if (has("(?=") || has("(?!") || has("(?<=") || has("(?<!")) {
        return refuse(
            "-x: look-arounds are not possible; leave tables out with "
            "-f '*.*' -f '!schema.table', or in the task's block-allow-list");
      }
    }
    const auto made = applier::DumpSelection::make(selection, false);
    if (!made) refuse(made.error().text());
  }

  void refuse(const std::string& text) { reader_.refuse(at_, text); }

  Reader& reader_;
  const YamlNode& at_;
  DumpConfig& dump_;
  std::vector<std::string> words_;
  bool no_locks_ = false;
  std::string consistency_;
};

}  // namespace

void read_extra_args(Reader& reader, const YamlNode& at, DumpConfig& dump) {
  ExtraArgs(reader, at, dump).read();
}

}  // namespace tiderelay::conf
