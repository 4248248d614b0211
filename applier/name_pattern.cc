// applier/name_pattern.cc: patterns are kept as one set of characters per place in the name.
#include "applier/name_pattern.h"

#include <re2/re2.h>
#include <unicode/uchar.h>

#include <algorithm>

#include "base/utf8.h"

namespace tiderelay::applier {
namespace {

constexpr char32_t kStrayByte = 0x110000;  // + byte: what is not UTF-8 equals only itself

std::u32string characters_of(std::string_view text) {
  std::u32string characters;
  characters.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text.substr(at));
    const auto lead = static_cast<unsigned char>(text[at]);
    if (length == 0) {
      characters.push_back(kStrayByte + lead);
      ++at;
      continue;
    }
    char32_t character = length == 1 ? lead : lead & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
      character = (character << 6U) | (static_cast<unsigned char>(text[at + i]) & 0x3fU);
    }
    characters.push_back(character);
    at += length;
  }
  return characters;
}

char32_t lower(char32_t character) {
  if (character < 0x80) {
    return character >= U'A' && character <= U'Z' ? character + (U'a' - U'A') : character;
  }
  if (character >= kStrayByte) return character;
  return static_cast<char32_t>(u_tolower(static_cast<UChar32>(character)));
}

void append_utf8(char32_t character, std::string& to) {
  const auto byte = [&to](char32_t bits) { to.push_back(static_cast<char>(bits)); };
  if (character >= kStrayByte) {
    byte(character - kStrayByte);
  } else if (character < 0x80) {
    byte(character);
  } else if (character < 0x800) {
    byte(0xc0U | (character >> 6U));
    byte(0x80U | (character & 0x3fU));
  } else if (character < 0x10000) {
    byte(0xe0U | (character >> 12U));
    byte(0x80U | ((character >> 6U) & 0x3fU));
    byte(0x80U | (character & 0x3fU));
  } else {
    byte(0xf0U | (character >> 18U));
    byte(0x80U | ((character >> 12U) & 0x3fU));
    byte(0x80U | ((character >> 6U) & 0x3fU));
    byte(0x80U | (character & 0x3fU));
  }
}

}  // namespace

std::string lower_case_name(std::string_view utf8) {
  std::string lowered;
  lowered.reserve(utf8.size());
  for (const char32_t character : characters_of(utf8)) append_utf8(lower(character), lowered);
  return lowered;
}

Result<std::shared_ptr<const re2::RE2>> compile_regex(const std::string& text,
                                                      bool case_sensitive) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_case_sensitive(case_sensitive);
  auto regex = std::make_shared<const re2::RE2>(text, options);
  if (!regex->ok()) {
    const bool look_around = text.find("(?=") != std::string::npos ||
                             text.find("(?!") != std::string::npos ||
                             text.find("(?<") != std::string::npos;
    return Error(Errc::kConfig, "the regex \"" + text + "\" does not compile: " + regex->error() +
                                    (look_around ? " (RE2 has no look-arounds)" : ""));
  }
  return std::shared_ptr<const re2::RE2>(std::move(regex));
}

std::size_t capture_groups(const re2::RE2& regex) {
  return static_cast<std::size_t>(regex.NumberOfCapturingGroups());
}

bool regex_finds(const re2::RE2& regex, std::string_view text) {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regex);
}

// The set that opens at `open`; gives the place behind it. REQUIRES: a "]" follows.
Result<std::size_t> NamePattern::add_set(const std::u32string& text, std::size_t open,
                                         NamePattern& to) {
  const std::size_t close = text.find(U']', open);
  std::size_t at = open + 1;
  Part part;
  if (text[at] == U'!' && at + 1 < close) {
    part.kind = Part::Kind::kNoneOf;
    ++at;
  }
  while (at < close) {
    const bool is_range = at + 2 < close && text[at + 1] == U'-';
    const Range range{text[at], is_range ? text[at + 2] : text[at]};
    if (range.first > range.last) return Error(Errc::kConfig, "a range runs backwards");
    part.ranges.push_back(range);
    at += is_range ? 3 : 1;
  }
  if (part.ranges.empty()) return Error(Errc::kConfig, "[] matches no character");
  to.parts_.push_back(std::move(part));
  return close + 1;
}

Result<NamePattern> NamePattern::make(const std::string& text, Regexes regexes,
                                      bool case_sensitive) {
  NamePattern pattern;
  pattern.case_sensitive_ = case_sensitive;
  if (text.empty()) return Error(Errc::kConfig, "the pattern is empty");
  if (text.front() == '~') {
    if (regexes == Regexes::kRefused) {
      return Error(Errc::kConfig, "pattern \"" + text +
                                      "\": regexes (~) are not possible here, only the wildcards "
                                      "* (at the end), ? and [...]; a literal ~ is written [~]");
    }
    auto regex = compile_regex(text.substr(1), case_sensitive);
    if (!regex) return regex.error();
    pattern.regex_ = *regex;
    pattern.key_ = text;
    return pattern;
  }
  pattern.key_ = case_sensitive ? text : lower_case_name(text);
  const std::u32string characters = characters_of(pattern.key_);
  for (std::size_t at = 0; at < characters.size();) {
    const char32_t character = characters[at];
    if (character == U'*') {
      if (at + 1 != characters.size()) {
        return Error(Errc::kConfig, "pattern \"" + text + "\": * may only be the last character");
      }
      pattern.open_end_ = true;
      ++at;
    } else if (character == U'[' && characters.find(U']', at) != std::u32string::npos) {
      const Result<std::size_t> behind = add_set(characters, at, pattern);
      if (!behind) return behind.error().in("pattern \"" + text + "\"");
      at = *behind;
    } else {
      const bool any = character == U'?';
      pattern.parts_.push_back(
          {any ? Part::Kind::kAnyOne : Part::Kind::kOneOf, {{character, character}}});
      ++at;
    }
  }
  return pattern;
}

bool NamePattern::matches_part(const Part& part, char32_t character) {
  if (part.kind == Part::Kind::kAnyOne) return true;
  const bool in_set = std::ranges::any_of(part.ranges, [character](const Range& range) {
    return range.first <= character && character <= range.last;
  });
  return in_set == (part.kind == Part::Kind::kOneOf);
}

bool NamePattern::matches(std::string_view name) const {
  if (regex_) return regex_finds(*regex_, name);
  const std::u32string characters = characters_of(name);
  if (characters.size() < parts_.size()) return false;
  if (characters.size() > parts_.size() && !open_end_) return false;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const char32_t character = case_sensitive_ ? characters[i] : lower(characters[i]);
    if (!matches_part(parts_[i], character)) return false;
  }
  return true;
}

}  // namespace tiderelay::applier
