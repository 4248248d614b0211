// conf/yaml_tree.cc: builds the tree from yaml-cpp's events, which still have every key.
#include "conf/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "base/utf8.h"
#include "conf/file_access.h"

namespace tiderelay::conf {
namespace {

constexpr std::size_t kDepthMax = 60;
constexpr std::size_t kShownTextBytes = 40;
constexpr std::uint32_t kDmYamlError = 20003;

struct Refusal {  // thrown through yaml-cpp, caught in parse_yaml()
  std::uint32_t line;
  std::string text;
};

std::uint32_t line_of(const YAML::Mark& mark) { return static_cast<std::uint32_t>(mark.line + 1); }

std::size_t size_of(const YamlNode& node) {
  std::size_t nodes = 1;
  for (const YamlNode& item : node.items) nodes += size_of(item);
  for (const YamlEntry& entry : node.entries) nodes += size_of(entry.value);
  return nodes;
}

// "password:secret" without a blank is one word to YAML: what follows the colon is not shown.
std::string shown_key(const std::string& key) {
  const std::size_t colon = key.find(':');
  return colon == std::string::npos ? key : key.substr(0, colon + 1) + "…";
}

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& text, std::vector<Problem>& problems, const std::string& file)
      : text_(text), problems_(problems), file_(file) {}

  YamlNode take() && { return std::move(root_); }
  [[nodiscard]] bool empty() const { return root_.kind == YamlNode::Kind::kNull; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (!empty()) throw Refusal{line_of(mark), "a second document begins here; one file, one"};
    // yaml-cpp 0.7 gives empty documents for ever where it meets a lone comma.
    if (mark.pos == document_) throw Refusal{line_of(mark), "not valid YAML: a stray character"};
    document_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(node(YamlNode::Kind::kNull, mark), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Refusal{line_of(mark), "an alias inside its own anchor"};
    count(size_of(found->second), line_of(mark));
    YamlNode copy = found->second;
    place(std::move(copy), line_of(mark));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode scalar = node(YamlNode::Kind::kScalar, mark);
    scalar.text = value;
    scalar.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (tag == "!" && !is_closed(mark)) {
      throw Refusal{scalar.line, "the quoted text that begins here is never closed"};
    }
    add(std::move(scalar), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(node(YamlNode::Kind::kList, mark), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(node(YamlNode::Kind::kMap, mark), anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    YamlNode node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::optional<YamlEntry> key;  // of a map, waiting for its value
  };

  static YamlNode node(YamlNode::Kind kind, const YAML::Mark& mark) {
    YamlNode made;
    made.kind = kind;
    made.line = line_of(mark);
    return made;
  }

  // yaml-cpp 0.7 ends an unclosed text with the file, without a word.
  [[nodiscard]] bool is_closed(const YAML::Mark& mark) const {
    auto at = static_cast<std::size_t>(mark.pos);
    if (at >= text_.size() || (text_[at] != '"' && text_[at] != '\'')) return true;
    const char quote = text_[at];
    for (++at; at < text_.size(); ++at) {
      if (text_[at] == '\\' && quote == '"') {
        ++at;
      } else if (text_[at] == quote) {
        if (quote == '"' || at + 1 >= text_.size() || text_[at + 1] != quote) return true;
        ++at;
      }
    }
    return false;
  }

  void count(std::size_t nodes, std::uint32_t line) {
    nodes_ += nodes;
    if (nodes_ > kYamlNodesMax) {
      throw Refusal{line, "more than " + std::to_string(kYamlNodesMax) +
                              " values (aliases count with all they stand for)"};
    }
  }
  void open(YamlNode made, YAML::anchor_t anchor) {
    if (levels_.size() >= kDepthMax) throw Refusal{made.line, "nested too deeply"};
    count(1, made.line);
    levels_.push_back({std::move(made), anchor, std::nullopt});
  }
  void close() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    const std::uint32_t line = level.node.line;
    if (level.anchor != YAML::NullAnchor) anchors_[level.anchor] = level.node;
    place(std::move(level.node), line);
  }
  void add(YamlNode made, YAML::anchor_t anchor) {
    const std::uint32_t line = made.line;
    count(1, line);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = made;
    place(std::move(made), line);
  }

  void place(YamlNode made, std::uint32_t line) {
    if (levels_.empty()) {
      root_ = std::move(made);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == YamlNode::Kind::kList) {
      level.node.items.push_back(std::move(made));
      return;
    }
    if (!level.key) {
      if (made.kind != YamlNode::Kind::kScalar) throw Refusal{line, "a key must be a plain word"};
      level.key = YamlEntry{made.text, line, {}};
      return;
    }
    YamlEntry entry = std::move(*level.key);
    level.key.reset();
    entry.value = std::move(made);
    const auto same = std::ranges::find(level.node.entries, entry.key, &YamlEntry::key);
    if (same == level.node.entries.end()) {
      level.node.entries.push_back(std::move(entry));
    } else {
      problems_.push_back(
          {file_, entry.line, shown_key(entry.key),
           "the key occurs twice; it is already in line " + std::to_string(same->line),
           kDmYamlError});
    }
  }

  const std::string& text_;
  std::vector<Problem>& problems_;
  const std::string& file_;
  YamlNode root_;
  int document_ = -1;  // where the last one began
  std::vector<Level> levels_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  std::size_t nodes_ = 0;
};

// "<<: *other" and "<<: [*one, *two]": their entries count where the map has none of its own.
void merge(YamlNode& node) {
  const auto found = std::ranges::find(node.entries, "<<", &YamlEntry::key);
  if (found == node.entries.end()) return;
  const YamlNode merged = std::move(found->value);
  node.entries.erase(found);
  const auto add = [&node](const YamlNode& from) {
    for (const YamlEntry& entry : from.entries) {
      if (std::ranges::find(node.entries, entry.key, &YamlEntry::key) == node.entries.end()) {
        node.entries.push_back(entry);
      }
    }
  };
  add(merged);
  for (const YamlNode& item : merged.items) add(item);
}

void finish(YamlNode& node, std::string path) {
  node.path = std::move(path);
  merge(node);
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    finish(node.items[i], node.path + "[" + std::to_string(i) + "]");
  }
  for (YamlEntry& entry : node.entries) {
    finish(entry.value, (node.path.empty() ? "" : node.path + ".") + shown_key(entry.key));
  }
}

std::string with_plain_line_ends(std::string_view yaml) {
  if (yaml.starts_with("\xef\xbb\xbf")) yaml.remove_prefix(3);
  std::string text;
  text.reserve(yaml.size());
  for (std::size_t i = 0; i < yaml.size(); ++i) {
    if (yaml[i] == '\r' && i + 1 < yaml.size() && yaml[i + 1] == '\n') continue;
    text.push_back(yaml[i]);
  }
  return text;
}

std::uint32_t line_at(std::string_view text, std::size_t offset) {
  return static_cast<std::uint32_t>(1 + std::ranges::count(text.substr(0, offset), '\n'));
}

// The first line whose indentation has a tab, 0: none. Such a line is wrong YAML
// unless it stands in a multi-line text, so it is asked for only where something is wrong anyway.
std::uint32_t tab_indented_line(std::string_view text) {
  std::uint32_t line = 1;
  bool indentation = true;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      indentation = true;
    } else if (c == '\t' && indentation) {
      return line;
    } else if (c != ' ') {
      indentation = false;
    }
  }
  return 0;
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto found = std::ranges::find(entries, key, &YamlEntry::key);
  return found == entries.end() || found->value.kind == Kind::kNull ? nullptr : &found->value;
}

std::string YamlNode::described() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
    case Kind::kScalar:
      break;
  }
  const std::string shown =
      text.size() > kShownTextBytes ? text.substr(0, kShownTextBytes) + "…" : text;
  return quoted ? "the text \"" + shown + "\"" : "\"" + shown + "\"";
}

YamlNode parse_yaml(std::string_view yaml, const std::string& file,
                    std::vector<Problem>& problems) {
  const auto refuse = [&](std::uint32_t line, const std::string& text) {
    problems.push_back({file, line, "", text, kDmYamlError});
    return YamlNode();
  };
  if (yaml.size() > kConfigFileBytesMax) {
    return refuse(0, "larger than " + std::to_string(kConfigFileBytesMax >> 20U) + " MiB");
  }
  if (yaml.starts_with("\xff\xfe") || yaml.starts_with("\xfe\xff")) {
    return refuse(1, "the file is UTF-16; save it as UTF-8");
  }
  const std::string text = with_plain_line_ends(yaml);
  if (const std::size_t zero = text.find('\0'); zero != std::string::npos) {
    return refuse(line_at(text, zero), "a zero byte; this is not a text file");
  }
  if (const std::size_t good = utf8_prefix(text); good < text.size()) {
    return refuse(line_at(text, good), "not UTF-8; save the file as UTF-8");
  }
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    TreeBuilder builder(text, problems, file);
    while (parser.HandleNextDocument(builder)) {
    }
    YamlNode root = std::move(builder).take();
    finish(root, "");
    return root;
  } catch (const Refusal& refusal) {
    return refuse(refusal.line, refusal.text);
  } catch (const YAML::Exception& error) {
    const std::uint32_t tab = tab_indented_line(text);
    const std::uint32_t line = error.mark.is_null() ? 0 : line_of(error.mark);
    if (tab != 0 && tab <= line + 1) {
      return refuse(tab, "indented with a tab; YAML wants blanks");
    }
    const bool misplaced = error.msg == YAML::ErrorMsg::MAP_VALUE;
    return refuse(line, "not valid YAML: " + error.msg +
                            (misplaced ? "; compare its indentation with the line above" : ""));
  }
}

}  // namespace tiderelay::conf
