#include "control/ctl_words.h"

#include <gtest/gtest.h>

namespace tiderelay::control {
namespace {

using Words = std::vector<std::string>;

TEST(CtlWords, DmctlsLinesAreUnderstood) {
  const auto start =
      parse_ctl({"start-task", "-s", "a", "--source=b", "-sc", "--remove-meta", "f"});
  ASSERT_TRUE(start) << start.error().text();
  EXPECT_EQ(start->command, CtlCommand::kStartTask);
  EXPECT_EQ(start->sources, (Words{"a", "b", "c"}));
  EXPECT_TRUE(start->remove_meta);
  EXPECT_EQ(start->arguments, Words{"f"});
  const auto create = parse_ctl({"operate-source", "create", "1.yaml", "2.yaml"});
  ASSERT_TRUE(create);
  EXPECT_EQ(create->action, "create");
  EXPECT_EQ(file_words(*create), (Words{"1.yaml", "2.yaml"}));
  const auto check = parse_ctl({"check-task", "f", "-e", "3", "--warn=0"});
  ASSERT_TRUE(check);
  EXPECT_EQ(check->errors_max, 3U);
  EXPECT_EQ(check->warnings_max, 0U);
  EXPECT_TRUE(parse_ctl({"query-status"}));
  EXPECT_TRUE(parse_ctl({"operate-source", "show"}));
}

struct Wrong {
  Words words;
  std::string text;
};

TEST(CtlWords, AWrongLineSaysWhatWouldBeRight) {
  const std::vector<Wrong> cases = {
      {{"start-taks", "f"}, "did you mean start-task?"},
      {{"operate-source", "crate", "f"}, "did you mean create?"},
      {{"operate-source", "create"}, "needs a file"},
      {{"start-task"}, "an argument is missing"},
      {{"start-task", "a", "b"}, "too many arguments: b"},
      {{"start-task", "f", "--remove-mata"}, "unknown option --remove-mata"},
      {{"stop-task", "test", "--remove-meta"}, "unknown option --remove-meta"},
      {{"check-task", "f", "-e", "x"}, "\"x\" is no number"},
      {{"query-status", "-s"}, "-s needs a value"},
      {{"stop-task"}, "name a task"},
      {{}, "no command"},
  };
  for (const Wrong& wrong : cases) {
    const auto call = parse_ctl(wrong.words);
    ASSERT_FALSE(call) << wrong.text;
    EXPECT_EQ(call.error().code(), Errc::kConfig);
    EXPECT_NE(call.error().text().find(wrong.text), std::string::npos) << call.error().text();
    EXPECT_FALSE(call.error().way_out().empty()) << wrong.text;
  }
}

TEST(CtlWords, HelpNamesEveryCommandWithItsUsage) {
  for (const char* name : {"check-task", "operate-source", "query-status", "stop-task"}) {
    EXPECT_NE(ctl_help().find(name), std::string::npos);
    EXPECT_EQ(ctl_help(name).rfind(std::string("usage: ") + name, 0), 0U);
  }
}

TEST(CtlWords, ALineIsSplitAtBlanksOutsideQuotes) {
  EXPECT_EQ(*split_line("  query-status\ttest \r"), (Words{"query-status", "test"}));
  EXPECT_EQ(*split_line("a 'b c' d\"e f\" ''"), (Words{"a", "b c", "de f", ""}));
  EXPECT_FALSE(split_line("a 'b"));
}

}  // namespace
}  // namespace tiderelay::control
