// conf/shown.cc: writes the tree out again, except what nobody should read.
#include "conf/shown.h"

#include <yaml-cpp/emitter.h>

#include <algorithm>
#include <array>
#include <vector>

#include "conf/yaml_tree.h"

namespace tiderelay::conf {
namespace {

constexpr auto kHidden =
    std::to_array<std::string_view>({"password", "ssl-key-bytes", "ssl-key-base64"});

void write(YAML::Emitter& out, const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      out << YAML::Null;
      return;
    case YamlNode::Kind::kScalar:
      if (node.quoted) out << YAML::DoubleQuoted;
      out << node.text;
      return;
    case YamlNode::Kind::kList:
      out << YAML::BeginSeq;
      for (const YamlNode& item : node.items) write(out, item);
      out << YAML::EndSeq;
      return;
    case YamlNode::Kind::kMap:
      out << YAML::BeginMap;
      for (const YamlEntry& entry : node.entries) {
        out << YAML::Key << entry.key << YAML::Value;
        const bool hidden = std::ranges::find(kHidden, entry.key) != kHidden.end();
        if (hidden && !entry.value.says_nothing()) {
          out << YAML::DoubleQuoted << "******";
        } else {
          write(out, entry.value);
        }
      }
      out << YAML::EndMap;
      return;
  }
}

}  // namespace

Result<std::string> without_secrets(std::string_view yaml) {
  std::vector<Problem> problems;
  const YamlNode root = parse_yaml(yaml, "", problems);
  if (!problems.empty()) return to_error(problems);
  YAML::Emitter out;
  write(out, root);
  return std::string(out.c_str()) + "\n";
}

}  // namespace tiderelay::conf
