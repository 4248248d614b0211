#include "conf/yaml_tree.h"

#include <gtest/gtest.h>

#include "conf/file_access.h"

namespace tiderelay::conf {
namespace {

YamlNode parsed(const std::string& yaml) {
  std::vector<Problem> problems;
  YamlNode root = parse_yaml(yaml, "f.yaml", problems);
  for (const Problem& problem : problems) ADD_FAILURE() << to_text(problem);
  return root;
}

std::string first_problem(const std::string& yaml) {
  std::vector<Problem> problems;
  const YamlNode root = parse_yaml(yaml, "f.yaml", problems);
  return problems.empty() ? "no problem" : to_text(problems.front());
}

TEST(YamlTree, KnowsLineAndPathOfEachValue) {
  const YamlNode root = parsed("a: 1\nb:\n- c: x\n- c: y\n");
  const YamlNode* list = root.find("b");
  ASSERT_NE(list, nullptr);
  ASSERT_EQ(list->items.size(), 2U);
  const YamlNode* value = list->items[1].find("c");
  ASSERT_NE(value, nullptr);
  EXPECT_EQ(value->path, "b[1].c");
  EXPECT_EQ(value->line, 4U);
  EXPECT_EQ(value->text, "y");
}

TEST(YamlTree, ReadsTheSameWithByteOrderMarkCrLfAndTabsBetweenWords) {
  const std::string plain = "a: 1\nb: {c: \"d\"} # note\n";
  const std::string dressed =
      "\xef\xbb\xbf"
      "a:\t1\r\nb: {c:\t\"d\"}\t# note\r\n";
  for (const std::string& yaml : {plain, dressed}) {
    const YamlNode root = parsed(yaml);
    ASSERT_EQ(root.entries.size(), 2U);
    EXPECT_EQ(root.entries[0].key, "a");
    EXPECT_EQ(root.entries[0].value.text, "1");
    EXPECT_EQ(root.entries[1].value.find("c")->text, "d");
    EXPECT_EQ(root.entries[1].line, 2U);
  }
}

TEST(YamlTree, ExpandsAliasesAndMergeKeys) {
  const YamlNode root = parsed(
      "base: &b {host: h, port: 1}\nx:\n  <<: *b\n  port: 2\ny: *b\nz: {<<: [*b, {q: 3}]}\n");
  EXPECT_EQ(root.find("x")->find("host")->text, "h");
  EXPECT_EQ(root.find("x")->find("port")->text, "2") << "the map's own entry wins";
  EXPECT_EQ(root.find("y")->find("port")->text, "1");
  EXPECT_EQ(root.find("y")->find("port")->path, "y.port");
  EXPECT_EQ(root.find("z")->find("q")->text, "3");
}

TEST(YamlTree, TellsNothingFromAnEmptyText) {
  const YamlNode root = parsed("a:\nb: ~\nc: \"\"\nd: null\ne: \"~\"\nf: ~x\n");
  EXPECT_EQ(root.find("a"), nullptr);
  EXPECT_EQ(root.find("b"), nullptr);
  ASSERT_NE(root.find("c"), nullptr);
  EXPECT_EQ(root.find("d"), nullptr);
  EXPECT_EQ(root.find("e")->text, "~");
  EXPECT_EQ(root.find("f")->text, "~x") << "the regexes of the lists begin so";
}

TEST(YamlTree, NamesWhatIsWrongWithItsLine) {
  struct Row {
    const char* fact;
    std::string yaml;
    const char* problem;
  };
  const Row rows[] = {
      {"a key twice", "a: 1\nb: 2\na: 3\n",
       "f.yaml:3: a: the key occurs twice; it is already in line 1"},
      {"a tab as indentation", "a:\n  b: 1\n\tc: 2\n",
       "f.yaml:3: indented with a tab; YAML wants blanks"},
      {"a tab where a key should be", "from:\n\thost: a\n\tport: 3\n",
       "f.yaml:2: indented with a tab; YAML wants blanks"},
      {"indentation that goes nowhere", "a:\n b: 1\n  c: 2\n",
       "f.yaml:3: not valid YAML: illegal map value; compare its indentation with the line above"},
      {"a text that never ends", "a: 1\nb: \"x\nc: 2\n",
       "f.yaml:2: the quoted text that begins here is never closed"},
      {"the same with single quotes", "b: 'x''\n",
       "f.yaml:1: the quoted text that begins here is never closed"},
      {"two documents", "a: 1\n---\nb: 2\n",
       "f.yaml:2: a second document begins here; one file, one"},
      {"a lone comma", "# note\n,", "f.yaml:2: not valid YAML: a stray character"},
      {"a key that is a list", "? [a]\n: b\n", "f.yaml:1: a key must be a plain word"},
      {"a binary file", std::string("a: 1\nb: \0", 9),
       "f.yaml:2: a zero byte; this is not a text file"},
      {"UTF-16",
       "\xff\xfe"
       "a",
       "f.yaml:1: the file is UTF-16; save it as UTF-8"},
      {"too large", std::string(kConfigFileBytesMax + 1, '#'), "f.yaml: larger than 4 MiB"},
      {"a password glued to its key is not shown",
       "a: {password:x1}\nb: {password:x1, password:x1}",
       "f.yaml:2: password:…: the key occurs twice; it is already in line 2"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    EXPECT_EQ(first_problem(row.yaml), row.problem);
  }
}

TEST(YamlTree, RefusesAliasesThatMultiply) {
  std::string yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    yaml += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) yaml += (j == 0 ? "" : ", ") + last;
    yaml += "]\n";
  }
  EXPECT_EQ(first_problem(yaml),
            "f.yaml:6: more than 200000 values (aliases count with all they stand for)");
}

TEST(YamlTree, RefusesDeepNesting) {
  EXPECT_EQ(first_problem(std::string(100, '[')), "f.yaml:1: nested too deeply");
}

}  // namespace
}  // namespace tiderelay::conf
