#include "applier/dump_selection.h"

#include <gtest/gtest.h>

namespace tiderelay::applier {
namespace {

using Texts = std::vector<std::string>;

DumpSelection selection(const DumpSelectionOptions& options, bool case_sensitive = false) {
  auto made = DumpSelection::make(options, case_sensitive);
  EXPECT_TRUE(made) << (made ? "" : made.error().text());
  return made ? *made : DumpSelection();
}

TEST(DumpSelection, TakesWhatMatchesAllThatIsGiven) {
  struct Row {
    const char* fact;
    DumpSelectionOptions options;
    TableName name;
    bool takes;
  };
  const Row rows[] = {
      {"nothing given", {}, {"a", "t"}, true},
      {"-B", {Texts{"a", "b"}, {}, {}, ""}, {"b", "t"}, true},
      {"-B", {Texts{"a", "b"}, {}, {}, ""}, {"c", "t"}, false},
      {"-B is literal", {Texts{"a*"}, {}, {}, ""}, {"ab", "t"}, false},
      {"-T", {{}, {{"a", "t"}}, {}, ""}, {"a", "t"}, true},
      {"-T", {{}, {{"a", "t"}}, {}, ""}, {"b", "t"}, false},
      {"bare -T with -B", {Texts{"a", "b"}, {{"", "t"}}, {}, ""}, {"b", "t"}, true},
      {"bare -T with -B", {Texts{"a", "b"}, {{"", "t"}}, {}, ""}, {"b", "u"}, false},
      {"any case", {Texts{"Test_DB"}, {}, {}, ""}, {"TEST_db", "t"}, true},
      {"-f", {{}, {}, {"db*.t?"}, ""}, {"db_5", "t1"}, true},
      {"-f", {{}, {}, {"db*.t?"}, ""}, {"db_5", "t12"}, false},
      {"-f, the last match decides", {{}, {}, {"*.*", "!a.log*"}, ""}, {"a", "log1"}, false},
      {"-f, the last match decides", {{}, {}, {"*.*", "!a.*", "a.t"}, ""}, {"a", "t"}, true},
      {"-f, a regex is unanchored", {{}, {}, {"/b\\d/.*"}, ""}, {"ab1c", "t"}, true},
      {"-f, a quoted name", {{}, {}, {"`a.b`.\"t\"\"x\""}, ""}, {"a.b", "t\"x"}, true},
      {"-f, sets", {{}, {}, {"[a-c]x.[!0-9]*"}, ""}, {"bx", "t"}, true},
      {"-f, sets", {{}, {}, {"[a-c]x.[!0-9]*"}, ""}, {"bx", "1t"}, false},
      {"-f, escapes", {{}, {}, {"a\\-b.*"}, ""}, {"a-b", "t"}, true},
      {"-f, outside ASCII", {{}, {}, {"测试?.*"}, ""}, {"测试库", "t"}, true},
      {"-f, a comment says nothing", {{}, {}, {"#a.*", "b.*"}, ""}, {"b", "t"}, true},
      {"-x on schema.table", {{}, {}, {}, "^a\\.(t|u)"}, {"A", "tx"}, true},
      {"-x on schema.table", {{}, {}, {}, "^a\\.(t|u)"}, {"b", "t"}, false},
      {"-B and -x", {Texts{"a"}, {}, {}, "t$"}, {"b", "t"}, false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.fact) + ": " + row.name.schema + "." + row.name.table);
    EXPECT_EQ(selection(row.options).takes(row.name), row.takes);
  }
}

TEST(DumpSelection, RefusesRulesThatItCannotRead) {
  for (const char* rule : {"a", "a.", ".t", "a.b.c", "/a.b", "//.t", "`a.b", "a-b.t", "[a.t",
                           "[].t", "a\\x.t", "@file", "a.t\\", "/(/.t"}) {
    EXPECT_FALSE(DumpSelection::make({{}, {}, {"*.*", rule}, ""}, false)) << rule;
  }
}

TEST(DumpSelection, MindsCaseWhenTold) {
  EXPECT_FALSE(selection({Texts{"A"}, {}, {}, ""}, true).takes({"a", "t"}));
  EXPECT_FALSE(selection({{}, {}, {"A.*"}, ""}, true).takes({"a", "t"}));
  EXPECT_TRUE(selection({{}, {}, {"A.*"}, ""}, false).takes({"a", "t"}));
}

}  // namespace
}  // namespace tiderelay::applier
