// applier/name_pattern.h: one pattern of a rule against one schema or table name.
//
// Wildcards match the whole name, character by character (UTF-8): `*` is zero or more characters
// and may only be the last one, `?` is exactly one, [abc], [a-z], [!a-z] are one of a set; `[!]` is
// a literal "!", a `[` that is never closed is literal. No escapes, so `_` and `%` are ordinary. A
// leading `~` makes the rest a regex (RE2, unanchored: "~t" matches "qTq"), where rules allow it.
// Case: by default pattern and name are lower-cased, a regex gets (?i); case_sensitive: exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace re2 {
class RE2;
}

namespace tiderelay::applier {

// Simple lower case, character by character, as Unicode defines it; bytes that are not UTF-8 stay.
[[nodiscard]] std::string lower_case_name(std::string_view utf8);

// A regex of a rule or a filter; null pointers never occur in a Result that holds a value.
[[nodiscard]] Result<std::shared_ptr<const re2::RE2>> compile_regex(const std::string& text,
                                                                    bool case_sensitive);
[[nodiscard]] std::size_t capture_groups(const re2::RE2& regex);
[[nodiscard]] bool regex_finds(const re2::RE2& regex, std::string_view text);  // unanchored

class NamePattern {
 public:
  enum class Regexes : bool { kRefused, kAllowed };

  [[nodiscard]] static Result<NamePattern> make(const std::string& text, Regexes regexes,
                                                bool case_sensitive);

  [[nodiscard]] bool matches(std::string_view name) const;
  [[nodiscard]] bool is_regex() const { return regex_ != nullptr; }
  [[nodiscard]] const std::string& key() const { return key_; }  // equal for equal patterns

 private:
  struct Range {
    char32_t first = 0;
    char32_t last = 0;
  };
  struct Part {  // one character of a name
    enum class Kind : std::uint8_t { kOneOf, kNoneOf, kAnyOne };
    Kind kind = Kind::kOneOf;
    std::vector<Range> ranges;
  };
  [[nodiscard]] static Result<std::size_t> add_set(const std::u32string& text, std::size_t open,
                                                   NamePattern& to);
  [[nodiscard]] static bool matches_part(const Part& part, char32_t character);

  bool case_sensitive_ = false;
  bool open_end_ = false;  // ended in `*`
  std::vector<Part> parts_;
  std::shared_ptr<const re2::RE2> regex_;
  std::string key_;
};

}  // namespace tiderelay::applier
