#include "applier/name_pattern.h"

#include <gtest/gtest.h>

namespace tiderelay::applier {
namespace {

bool matches(const std::string& pattern, std::string_view name, bool case_sensitive = false) {
  const auto made = NamePattern::make(pattern, NamePattern::Regexes::kAllowed, case_sensitive);
  EXPECT_TRUE(made) << pattern;
  return made && made->matches(name);
}

TEST(NamePattern, MatchesWholeNamesCharacterByCharacter) {
  struct Row {
    const char* pattern;
    const char* name;
    bool matches;
  };
  const Row rows[] = {
      {"doc", "doc", true},       {"doc", "docs", false},      {"doc*", "doc", true},
      {"doc*", "document", true}, {"doc*", "dodo", false},     {"*", "", true},
      {"*", "anything", true},    {"t?", "t1", true},          {"t?", "t", false},
      {"t?", "t12", false},       {"?*", "", false},           {"?*", "x", true},
      {"a_%", "a_%", true},       {"a_%", "ax%", false},       {"a.b", "a.b", true},
      {"a.b", "axb", false},      {"测试库", "测试库", true},  {"测试库", "测试", false},
      {"测?库", "测试库", true},  {"测*", "测试库", true},     {"?", "é", true},
      {"??", "é", false},         {"[一-龥]库", "试库", true}, {"[abc]", "b", true},
      {"[abc]", "d", false},      {"[a-c]x", "bx", true},      {"[a-c]x", "dx", false},
      {"[!a-c]", "d", true},      {"[!a-c]", "a", false},      {"[!a-c]", "", false},
      {"[!]", "!", true},         {"[!]", "a", false},         {"[a-]", "-", true},
      {"[?*]", "?", true},        {"[?*]", "a", false},        {"t[0-9]*", "t5_old", true},
      {"a[b", "a[b", true},       {"a[b", "ab", false},        {"a]", "a]", true},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.pattern) + " on " + row.name);
    EXPECT_EQ(matches(row.pattern, row.name), row.matches);
  }
}

TEST(NamePattern, IgnoresCaseUnlessTold) {
  EXPECT_TRUE(matches("Test_DB", "tEST_db"));
  EXPECT_FALSE(matches("Test_DB", "tEST_db", true));
  EXPECT_TRUE(matches("ÄRGER*", "ärgernis"));
  EXPECT_TRUE(matches("[A-C]1", "b1"));
  EXPECT_FALSE(matches("[A-C]1", "b1", true));
  EXPECT_TRUE(matches("~^T\\d$", "t1"));
  EXPECT_FALSE(matches("~^T\\d$", "t1", true));
  EXPECT_TRUE(matches("~\\D", "x")) << "a regex is not lower-cased itself: \\d is not \\D";
  EXPECT_FALSE(matches("~\\D", "1"));
}

TEST(NamePattern, MatchesRegexesAnywhereInTheName) {
  EXPECT_TRUE(matches("~t", "qTq"));
  EXPECT_FALSE(matches("~^t", "qTq"));
  EXPECT_TRUE(matches("~^(a|b)_[0-9]+$", "b_12"));
  EXPECT_TRUE(matches("~^.试$", "测试")) << "a dot is a character, not a byte";
}

TEST(NamePattern, KeepsBytesThatAreNoUtf8) {
  EXPECT_TRUE(matches("a\xff", "A\xff"));
  EXPECT_FALSE(matches("a\xff", "a\xfe"));
  EXPECT_EQ(lower_case_name("Ab\xff\xc3\x84"), "ab\xff\xc3\xa4");
}

TEST(NamePattern, RefusesWhatCannotBeMeant) {
  struct Row {
    const char* pattern;
    NamePattern::Regexes regexes;
    const char* error;
  };
  const Row rows[] = {
      {"", NamePattern::Regexes::kAllowed, "the pattern is empty"},
      {"do*c", NamePattern::Regexes::kAllowed,
       "pattern \"do*c\": * may only be the last character"},
      {"**", NamePattern::Regexes::kAllowed, "pattern \"**\": * may only be the last character"},
      {"a[]", NamePattern::Regexes::kAllowed, "pattern \"a[]\": [] matches no character"},
      {"[z-a]", NamePattern::Regexes::kAllowed, "pattern \"[z-a]\": a range runs backwards"},
      {"~(", NamePattern::Regexes::kAllowed, "the regex \"(\" does not compile: missing ): ("},
      {"~(?<!a)b", NamePattern::Regexes::kAllowed,
       "the regex \"(?<!a)b\" does not compile: invalid perl operator: (?< (RE2 has no "
       "look-arounds)"},
      {"~a", NamePattern::Regexes::kRefused,
       "pattern \"~a\": regexes (~) are not possible here, only the wildcards * (at the end), ? "
       "and [...]; a literal ~ is written [~]"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.pattern);
    const auto made = NamePattern::make(row.pattern, row.regexes, false);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().text(), row.error);
  }
}

}  // namespace
}  // namespace tiderelay::applier
