// conf/option_table.h: fills structs from YAML, key by key.
//
// OptionTable<T> declares the keys of one map and the members of T that they fill; Value<V> reads
// and shows one value. A struct that is a map in the file has a function
//   const OptionTable<T>& option_table(Tag<T>);
// declared before Value<T> is used, defined with its table.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "conf/endpoint.h"
#include "conf/option.h"
#include "conf/reader.h"
#include "conf/secret.h"
#include "conf/values.h"

namespace tiderelay::conf {

template <class T>
struct Tag {};

// Words for the values of an enum: static constexpr std::array<std::pair<E, std::string_view>, N>.
template <class E>
struct EnumWords;
template <class E>
concept WordedEnum = requires {
  EnumWords<E>::kWords.size();
};

template <WordedEnum E>
std::string_view word_of(E value) {
  for (const auto& [candidate, word] : EnumWords<E>::kWords) {
    if (candidate == value) return word;
  }
  return {};
}

// How one value is read, named and shown. The primary template is a map with an option table.
template <class V>
struct Value {
  static std::string type() { return "map"; }
  static std::string show(const V& /*value*/) { return ""; }
  static const Section* inside() { return &option_table(Tag<V>()).section(); }
  static constexpr bool kHasInside = true;
  static void read(Reader& reader, const Option& /*option*/, const YamlNode& node, V& into) {
    option_table(Tag<V>()).read(reader, node, into);
  }
};

struct ScalarValue {  // what Value of a plain type has in common
  static const Section* inside() { return nullptr; }
  static constexpr bool kHasInside = false;
};

#define TIDERELAY_SCALAR(V, TYPE_TEXT)                                                     \
  template <>                                                                              \
  struct Value<V> : ScalarValue {                                                          \
    static std::string type() { return TYPE_TEXT; }                                        \
    static std::string show(const V& value);                                               \
    static void read(Reader& reader, const Option& option, const YamlNode& node, V& into); \
  }
TIDERELAY_SCALAR(std::string, "text");
TIDERELAY_SCALAR(bool, "true|false");
TIDERELAY_SCALAR(std::uint16_t, "number");
TIDERELAY_SCALAR(std::uint32_t, "number");
TIDERELAY_SCALAR(std::uint64_t, "number");
TIDERELAY_SCALAR(ByteSize, "size");
TIDERELAY_SCALAR(Duration, "duration");
TIDERELAY_SCALAR(Secret, "text");
TIDERELAY_SCALAR(ListenAddress, "host:port");
#undef TIDERELAY_SCALAR

// The word that a scalar is among `words`; -1 and a problem where it is none of them.
[[nodiscard]] int read_word(Reader& reader, const Option& option, const YamlNode& node,
                            const std::vector<std::string_view>& words);
[[nodiscard]] std::string joined_words(const std::vector<std::string_view>& words, char between);

template <WordedEnum E>
struct Value<E> : ScalarValue {
  static std::vector<std::string_view> words() {
    std::vector<std::string_view> all;
    for (const auto& [value, word] : EnumWords<E>::kWords) all.push_back(word);
    return all;
  }
  static std::string type() { return joined_words(words(), '|'); }
  static std::string show(const E& value) { return std::string(word_of(value)); }
  static void read(Reader& reader, const Option& option, const YamlNode& node, E& into) {
    const int index = read_word(reader, option, node, words());
    if (index >= 0) into = EnumWords<E>::kWords[static_cast<std::size_t>(index)].first;
  }
};

template <class V>
struct Value<std::vector<V>> {
  static std::string type() { return "list of " + Value<V>::type(); }
  static std::string show(const std::vector<V>& values) {
    std::string all;
    for (const V& value : values) all += (all.empty() ? "" : ", ") + Value<V>::show(value);
    return all;
  }
  static const Section* inside() { return Value<V>::inside(); }
  static constexpr bool kHasInside = Value<V>::kHasInside;
  static void read(Reader& reader, const Option& option, const YamlNode& node,
                   std::vector<V>& into) {
    if (node.kind != YamlNode::Kind::kList) return reader.refuse_type(node, "a " + type());
    into.clear();
    for (const YamlNode& item : node.items) {
      V value;
      if (item.kind == YamlNode::Kind::kNull) {
        reader.refuse_type(item, "a " + Value<V>::type());
      } else {
        Value<V>::read(reader, option, item, value);
      }
      into.push_back(std::move(value));  // also after a problem: places stay those of the file
    }
  }
};

template <class V>
struct Value<std::map<std::string, V>> {
  static std::string type() { return "map of name to " + Value<V>::type(); }
  static std::string show(const std::map<std::string, V>& /*values*/) { return ""; }
  static const Section* inside() { return Value<V>::inside(); }
  static constexpr bool kHasInside = Value<V>::kHasInside;
  static void read(Reader& reader, const Option& option, const YamlNode& node,
                   std::map<std::string, V>& into) {
    if (node.kind != YamlNode::Kind::kMap) return reader.refuse_type(node, "a " + type());
    for (const YamlEntry& entry : node.entries) {
      V value{};
      if (entry.value.kind != YamlNode::Kind::kNull) {
        Value<V>::read(reader, option, entry.value, value);
      }
      into.insert_or_assign(entry.key, std::move(value));
    }
  }
};

template <class V>
struct Value<std::optional<V>> {
  static std::string type() { return Value<V>::type(); }
  static std::string show(const std::optional<V>& value) {
    return value ? Value<V>::show(*value) : "";
  }
  static const Section* inside() { return Value<V>::inside(); }
  static constexpr bool kHasInside = Value<V>::kHasInside;
  static void read(Reader& reader, const Option& option, const YamlNode& node,
                   std::optional<V>& into) {
    into.emplace();
    Value<V>::read(reader, option, node, *into);
  }
};

// Reports an entry without option, and keys with N, M or R; null: nothing to be read.
[[nodiscard]] const Option* option_to_read(Reader& reader, const Section& section,
                                           const YamlNode& map, const YamlEntry& entry);
void refuse_missing(Reader& reader, const Section& section, const YamlNode& map);

template <class T>
class OptionTable {
 public:
  using Read = void (*)(Reader& reader, const Option& option, const YamlNode& node, T& into);
  using After = void (*)(Reader& reader, const YamlNode& map, T& filled);

  template <auto Member>
  OptionTable& field(std::string name, std::string meaning) {
    using V = std::remove_cvref_t<decltype(std::declval<T&>().*Member)>;
    const T initial{};
    add<V>(std::move(name), std::move(meaning),
           [](Reader& reader, const Option& option, const YamlNode& node, T& into) {
             Value<V>::read(reader, option, node, into.*Member);
           });
    last().default_value = Value<V>::show(initial.*Member);
    return *this;
  }
  // Read as a V, but by a function of its own.
  template <class V>
  OptionTable& custom(std::string name, std::string meaning, Read how) {
    return add<V>(std::move(name), std::move(meaning), how);
  }
  template <class V>
  OptionTable& ignored(std::string name, std::string meaning, std::string reason) {
    add<V>(std::move(name), std::move(meaning),
           [](Reader& reader, const Option& option, const YamlNode& node, T& /*into*/) {
             V value{};
             Value<V>::read(reader, option, node, value);
           });
    last().verdict = Verdict::kNoEffect;
    last().reason = std::move(reason);
    return *this;
  }
  OptionTable& refused(std::string name, std::string type, std::string meaning,
                       std::string reason) {
    Option option;
    option.name = std::move(name);
    option.type = std::move(type);
    option.meaning = std::move(meaning);
    option.verdict = Verdict::kRefused;
    option.reason = std::move(reason);
    section_.options.push_back(std::move(option));
    reads_.push_back(
        [](Reader& /*reader*/, const Option& /*option*/, const YamlNode& /*node*/, T& /*into*/) {});
    return *this;
  }

  // About the option declared last.
  OptionTable& required() { return last().required = true, *this; }
  OptionTable& dm_code(std::uint32_t code) { return last().dm_code = code, *this; }
  OptionTable& older(std::string name) { return last().older_name = std::move(name), *this; }
  OptionTable& plain_unit(std::uint64_t unit) { return last().plain_unit = unit, *this; }
  OptionTable& default_text(std::string text) {
    return last().default_value = std::move(text), *this;
  }
  OptionTable& mapped(std::string to) {
    last().verdict = Verdict::kMapped;
    last().reason = std::move(to);
    return *this;
  }
  OptionTable& no_effect(std::string why) {  // read and checked all the same
    last().verdict = Verdict::kNoEffect;
    last().reason = std::move(why);
    return *this;
  }
  OptionTable& after(After check) { return after_ = check, *this; }  // when all keys are read

  [[nodiscard]] const Section& section() const { return section_; }

  void read(Reader& reader, const YamlNode& node, T& into) const {
    if (node.kind != YamlNode::Kind::kMap) return reader.refuse_type(node, "a map of keys");
    for (const YamlEntry& entry : node.entries) {
      const Option* option = option_to_read(reader, section_, node, entry);
      if (option == nullptr) continue;
      reads_[static_cast<std::size_t>(option - section_.options.data())](reader, *option,
                                                                         entry.value, into);
    }
    refuse_missing(reader, section_, node);
    if (after_ != nullptr) after_(reader, node, into);
  }

 private:
  Option& last() { return section_.options.back(); }

  template <class V>
  OptionTable& add(std::string name, std::string meaning, Read how) {
    Option option;
    option.name = std::move(name);
    option.meaning = std::move(meaning);
    option.type = Value<V>::type();
    if constexpr (Value<V>::kHasInside) option.inside = &Value<V>::inside;
    section_.options.push_back(std::move(option));
    reads_.push_back(how);
    return *this;
  }

  Section section_;
  std::vector<Read> reads_;
  After after_ = nullptr;
};

}  // namespace tiderelay::conf
