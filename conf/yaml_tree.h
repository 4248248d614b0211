// conf/yaml_tree.h: YAML text as a tree that knows line and path of each value.
//
// Told apart here, because a YAML library does not: keys that occur twice, lines indented with
// tabs, a second document. A byte order mark is skipped, CRLF reads as LF. Anchors, aliases and
// merge keys
// (<<) are expanded. Limits: kConfigFileBytesMax, kYamlNodesMax values after expansion, 60 levels.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "conf/problem.h"

namespace tiderelay::conf {

inline constexpr std::size_t kYamlNodesMax = 200'000;

struct YamlEntry;

struct YamlNode {
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  std::uint32_t line = 0;  // from 1
  bool quoted = false;     // a scalar that is text whatever it looks like
  std::string text;        // of a scalar
  std::string path;        // "mysql-instances[0].source-id"; empty for the root
  std::vector<YamlNode> items;
  std::vector<YamlEntry> entries;

  [[nodiscard]] const YamlNode* find(std::string_view key) const;  // null: not there, or null
  [[nodiscard]] bool says_nothing() const {                        // null, "", [] or {}
    return text.empty() && items.empty() && entries.empty();
  }
  [[nodiscard]] std::string described() const;  // "a list", "the text \"abc\"": for messages
};

struct YamlEntry {
  std::string key;
  std::uint32_t line = 0;
  YamlNode value;
};

// Problems with the syntax or with keys that occur twice are added to `problems`; after the former
// the tree is empty.
[[nodiscard]] YamlNode parse_yaml(std::string_view yaml, const std::string& file,
                                  std::vector<Problem>& problems);

}  // namespace tiderelay::conf
