// conf/option.cc: finding keys in the tables, and the tables as text.
#include "conf/option.h"

#include <algorithm>
#include <functional>

#include "base/nearest.h"

namespace tiderelay::conf {
namespace {

constexpr std::size_t kListedKeysMax = 12;

// The key's place below `section`, as "security.ssl-ca"; empty: not there.
std::string place_below(const Section& section, std::string_view key, int levels) {
  for (const Option& option : section.options) {
    if (option.inside == nullptr || levels == 0) continue;
    const Section& inner = *option.inside();
    if (find_option(inner, key) != nullptr) return option.name;
    const std::string deeper = place_below(inner, key, levels - 1);
    if (!deeper.empty()) return option.name + "." + deeper;
  }
  return "";
}

using Visit = std::function<void(const std::string& path, const Option& option)>;

void visit_options(const Section& section, const std::string& path, const Visit& visit) {
  for (const Option& option : section.options) {
    const std::string full = path + option.name;
    visit(full, option);
    if (option.inside == nullptr) continue;
    const bool list = option.type.starts_with("list of ");
    const bool named = option.type.starts_with("map of name ");
    visit_options(*option.inside(), full + (list ? "[]." : named ? ".NAME." : "."), visit);
  }
}

std::string what_becomes(const Option& option) {
  switch (option.verdict) {
    case Verdict::kHonoured:
      return option.meaning;
    case Verdict::kMapped:
      return option.meaning + (option.meaning.empty() ? "" : "; ") + "mapped: " + option.reason;
    case Verdict::kNoEffect:
      return option.meaning + (option.meaning.empty() ? "" : "; ") + "no effect: " + option.reason;
    case Verdict::kRefused:
      return option.meaning + (option.meaning.empty() ? "" : "; ") + "refused: " + option.reason;
  }
  return "";
}

std::string default_of(const Option& option) {
  if (option.required) return "required";
  return option.default_value;
}

std::string escaped(std::string text) {  // for a markdown table
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) {
    text.insert(at, "\\");
  }
  return text;
}

}  // namespace

const Option* find_option(const Section& section, std::string_view key) {
  const auto found = std::ranges::find_if(section.options, [key](const Option& option) {
    return option.name == key || (!option.older_name.empty() && option.older_name == key);
  });
  return found == section.options.end() ? nullptr : &*found;
}

std::string unknown_key(const Section& section, std::string_view key) {
  std::string text = "unknown key";
  if (const std::size_t colon = key.find(':'); colon != std::string_view::npos) {
    const std::string_view name = key.substr(0, colon);
    if (find_option(section, name) != nullptr) {
      return text + "; a blank is missing after the colon: \"" + std::string(name) + ": …\"";
    }
    key = name;
  }
  std::vector<std::string_view> names;
  for (const Option& option : section.options) {
    names.push_back(option.name);
    if (!option.older_name.empty()) names.push_back(option.older_name);
  }
  const std::string place = place_below(section, key, 3);
  if (!place.empty()) return text + "; it belongs under " + place;
  const std::string_view near = nearest(key, names);
  if (!near.empty()) return text + "; did you mean \"" + std::string(near) + "\"?";
  text += "; known here: ";
  for (std::size_t i = 0; i < section.options.size() && i < kListedKeysMax; ++i) {
    text += (i == 0 ? "" : ", ") + section.options[i].name;
  }
  return text + (section.options.size() > kListedKeysMax ? ", … (tiderelay options)" : "");
}

std::string options_text(std::string_view only) {
  std::string text;
  for (const FileOptions& file : all_options()) {
    std::string keys;
    visit_options(*file.root, "", [&](const std::string& path, const Option& option) {
      if (path.find(only) == std::string::npos && option.older_name.find(only) == std::string::npos)
        return;
      const std::string initial = default_of(option);
      keys += "  " + path + "  <" + option.type + ">";
      if (!option.older_name.empty()) keys += "  (also: " + option.older_name + ")";
      if (!initial.empty()) keys += "  [" + initial + "]";
      keys += "\n";
      const std::string meaning = what_becomes(option);
      if (!meaning.empty()) keys += "      " + meaning + "\n";
    });
    if (keys.empty()) continue;
    text += (text.empty() ? "" : "\n") + file.file + ": " + file.meaning + "\n" + keys;
  }
  return text;
}

std::string options_markdown() {
  std::string text =
      "# Options\n\nMade by `tiderelay options --markdown`. Types: sizes take KiB, MiB, GiB, "
      "durations ms, s, m, h, d.\n`[]` stands for each item of a list, `NAME` for a name of your "
      "own.\n";
  for (const FileOptions& file : all_options()) {
    text += "\n## " + file.file + "\n\n" + file.meaning +
            "\n\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n";
    visit_options(*file.root, "", [&text](const std::string& path, const Option& option) {
      text += "| `" + path + "`";
      if (!option.older_name.empty()) text += ", older `" + option.older_name + "`";
      text += " | " + escaped(option.type) + " | " + escaped(default_of(option)) + " | " +
              escaped(what_becomes(option)) + " |\n";
    });
  }
  return text;
}

}  // namespace tiderelay::conf
