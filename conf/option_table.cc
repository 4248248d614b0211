// conf/option_table.cc: reading and showing the plain types of values.
#include "conf/option_table.h"

#include <algorithm>
#include <limits>

#include "base/nearest.h"

namespace tiderelay::conf {
namespace {

bool is_scalar(Reader& reader, const YamlNode& node, const std::string& wanted) {
  if (node.kind == YamlNode::Kind::kScalar) return true;
  reader.refuse_type(node, wanted);
  return false;
}

std::uint32_t code_of(const Option& option) {
  return option.dm_code == 0 ? kDmYamlError : option.dm_code;
}

void read_number(Reader& reader, const YamlNode& node, std::uint64_t most, std::uint64_t& into) {
  const std::string wanted = "a whole number";
  if (!is_scalar(reader, node, wanted)) return;
  if (node.quoted) return reader.refuse_type(node, wanted + " (without quotes)");
  const Result<std::uint64_t> number = parse_unsigned(node.text);
  if (!number) return reader.refuse_type(node, wanted);
  if (*number > most) {
    return reader.refuse(node, node.text + " is above the largest, " + std::to_string(most));
  }
  into = *number;
}

}  // namespace

std::string Value<std::string>::show(const std::string& value) { return value; }
void Value<std::string>::read(Reader& reader, const Option& /*option*/, const YamlNode& node,
                              std::string& into) {
  if (is_scalar(reader, node, "a text")) into = node.text;
}

std::string Value<bool>::show(const bool& value) { return value ? "true" : "false"; }
void Value<bool>::read(Reader& reader, const Option& /*option*/, const YamlNode& node, bool& into) {
  if (!is_scalar(reader, node, "true or false")) return;
  std::string word = node.text;
  std::ranges::transform(word, word.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const bool yes = word == "true" || word == "yes" || word == "on" || word == "y";
  const bool no = word == "false" || word == "no" || word == "off" || word == "n";
  if (node.quoted || (!yes && !no)) {
    return reader.refuse_type(node,
                              node.quoted ? "true or false (without quotes)" : "true or false");
  }
  into = yes;
}

std::string Value<std::uint16_t>::show(const std::uint16_t& value) { return std::to_string(value); }
void Value<std::uint16_t>::read(Reader& reader, const Option& /*option*/, const YamlNode& node,
                                std::uint16_t& into) {
  std::uint64_t number = into;
  read_number(reader, node, std::numeric_limits<std::uint16_t>::max(), number);
  into = static_cast<std::uint16_t>(number);
}

std::string Value<std::uint32_t>::show(const std::uint32_t& value) { return std::to_string(value); }
void Value<std::uint32_t>::read(Reader& reader, const Option& /*option*/, const YamlNode& node,
                                std::uint32_t& into) {
  std::uint64_t number = into;
  read_number(reader, node, std::numeric_limits<std::uint32_t>::max(), number);
  into = static_cast<std::uint32_t>(number);
}

std::string Value<std::uint64_t>::show(const std::uint64_t& value) { return std::to_string(value); }
void Value<std::uint64_t>::read(Reader& reader, const Option& /*option*/, const YamlNode& node,
                                std::uint64_t& into) {
  read_number(reader, node, std::numeric_limits<std::uint64_t>::max(), into);
}

std::string Value<ByteSize>::show(const ByteSize& value) { return to_text(value); }
void Value<ByteSize>::read(Reader& reader, const Option& option, const YamlNode& node,
                           ByteSize& into) {
  if (!is_scalar(reader, node, "a size such as 64MiB")) return;
  const Result<ByteSize> size = parse_size(node.text, option.plain_unit);
  if (!size) return reader.refuse(node, size.error().text());
  into = *size;
}

std::string Value<Duration>::show(const Duration& value) { return to_text(value); }
void Value<Duration>::read(Reader& reader, const Option& option, const YamlNode& node,
                           Duration& into) {
  if (!is_scalar(reader, node, "a duration such as 30s")) return;
  const Duration unit(static_cast<Duration::rep>(option.plain_unit));
  const Result<Duration> duration = parse_duration(node.text, unit);
  if (!duration) return reader.refuse(node, duration.error().text());
  into = *duration;
}

std::string Value<Secret>::show(const Secret& /*value*/) { return ""; }
void Value<Secret>::read(Reader& reader, const Option& /*option*/, const YamlNode& node,
                         Secret& into) {
  if (node.kind != YamlNode::Kind::kScalar) {
    return reader.refuse(node, "wants a text");  // never shows what stands there
  }
  OpenedSecret opened = open_secret(node.text, reader.access().secret_key);
  into = std::move(opened.secret);
  switch (opened.form) {
    case SecretForm::kPlain:
      break;
    case SecretForm::kOperatorKey:
      reader.note(node, Verdict::kHonoured, "cipher text, opened with the operator's key");
      break;
    case SecretForm::kBuiltInKey:
      reader.note(node, Verdict::kHonoured,
                  "cipher text, opened with the key that every DM up to 7.6 contains; it protects "
                  "nothing: prefer password-file or password-env");
      break;
    case SecretForm::kPlainLikeACipher:
      reader.note(node, Verdict::kHonoured,
                  "has the form of cipher text, but no known key opens it: taken as plain text; "
                  "if it is cipher text, name its key file in secret-key-path");
      break;
  }
}

std::string Value<ListenAddress>::show(const ListenAddress& value) {
  return value.port == 0 ? "" : value.text();
}
void Value<ListenAddress>::read(Reader& reader, const Option& /*option*/, const YamlNode& node,
                                ListenAddress& into) {
  if (!is_scalar(reader, node, "host:port")) return;
  const Result<ListenAddress> address = parse_listen_address(node.text);
  if (!address) return reader.refuse(node, address.error().text());
  into = *address;
}

std::string joined_words(const std::vector<std::string_view>& words, char between) {
  std::string all;
  for (const std::string_view word : words) {
    if (word.empty()) continue;
    if (!all.empty()) all += between;
    all += word;
  }
  return all;
}

int read_word(Reader& reader, const Option& option, const YamlNode& node,
              const std::vector<std::string_view>& words) {
  std::string wanted = "one of";
  for (const std::string_view word : words) {
    if (!word.empty()) wanted += (wanted == "one of" ? " " : ", ") + std::string(word);
  }
  if (!is_scalar(reader, node, wanted)) return -1;
  const auto found = std::ranges::find(words, node.text);
  if (found != words.end()) return static_cast<int>(found - words.begin());
  const std::string_view near = nearest(node.text, words);
  reader.refuse(node,
                "wants " + wanted + ", got " + node.described() +
                    (near.empty() ? "" : "; did you mean " + std::string(near) + "?"),
                code_of(option));
  return -1;
}

const Option* option_to_read(Reader& reader, const Section& section, const YamlNode& map,
                             const YamlEntry& entry) {
  YamlNode at;  // the key's place, not that of a value on a later line
  at.line = entry.line;
  at.path = entry.value.path;
  const Option* option = find_option(section, entry.key);
  if (option == nullptr) {
    reader.refuse(at, unknown_key(section, entry.key));
    return nullptr;
  }
  const YamlNode* newer = map.find(option->name);
  if (entry.key == option->older_name && newer != nullptr && !newer->says_nothing()) {
    reader.refuse(at, "this is the older name of " + option->name + ", which is given as well");
    return nullptr;
  }
  if (entry.value.kind == YamlNode::Kind::kNull) return nullptr;
  if (option->verdict == Verdict::kRefused) {
    if (!entry.value.says_nothing()) reader.refuse(at, option->reason);
    return nullptr;
  }
  if (option->verdict != Verdict::kHonoured) reader.note(at, option->verdict, option->reason);
  return option;
}

void refuse_missing(Reader& reader, const Section& section, const YamlNode& map) {
  for (const Option& option : section.options) {
    if (!option.required || map.find(option.name) != nullptr) continue;
    if (!option.older_name.empty() && map.find(option.older_name) != nullptr) continue;
    reader.refuse(map, "the key " + option.name + " is missing", code_of(option));
  }
}

}  // namespace tiderelay::conf
