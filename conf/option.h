// conf/option.h: every key is declared once: name, type, default, verdict, meaning. The YAML
// reader, `tiderelay options` and docs/options.md come from these tables.
//
// A table belongs to the struct that it fills: table_of<PurgeConfig>() is the one of PurgeConfig.
// The default is what the struct itself begins with, unless default_text() says it in words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/problem.h"

namespace tiderelay::conf {

class Reader;
struct YamlNode;

struct Section;

struct Option {
  std::string name;
  std::string older_name;  // "black-white-list"; both at once are an error
  std::string type;        // "text", "true|false", "number", "duration", "list of text", …
  std::string default_value;
  Verdict verdict = Verdict::kHonoured;
  std::string meaning;
  std::string reason;  // kMapped: to what; kNoEffect: why; kRefused: why, and the way out
  bool required = false;
  std::uint32_t dm_code = 0;             // DM's number for: missing, or not one of its words
  std::uint64_t plain_unit = 0;          // bytes or milliseconds that a number alone counts in
  const Section* (*inside)() = nullptr;  // the keys of a map, of each item of a list, …
};

struct Section {
  std::vector<Option> options;
};

// A file's name with the section of its root, for `tiderelay options` and the docs.
struct FileOptions {
  std::string file;     // "task file (task.yaml)"
  std::string meaning;  // one sentence
  const Section* root = nullptr;
};
[[nodiscard]] std::vector<FileOptions> all_options();

// The option that a key names; null: there is none.
[[nodiscard]] const Option* find_option(const Section& section, std::string_view key);
// "unknown key; did you mean …?", "unknown key; it belongs under …", "…; known here: …".
[[nodiscard]] std::string unknown_key(const Section& section, std::string_view key);

// All options of all files as people read them: plain text, or markdown for the docs.
[[nodiscard]] std::string options_text(
    std::string_view only);  // "": all; else paths that contain it
[[nodiscard]] std::string options_markdown();

}  // namespace tiderelay::conf
