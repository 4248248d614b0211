#include "control/ctl_words.h"

#include <gtest/gtest.h>

#include <algorithm>

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

TEST(CtlWords, OrdersForStatementsHaveThreeGenerationsOfNames) {
  for (const Words& words : std::vector<Words>{
           {"binlog", "replace", "t", "a; b", "-b", "f.1:4", "-s", "s1"},
           {"handle-error", "t", "replace", "a; b", "--binlog-pos=f.1:4", "-s", "s1"},
           {"sql-replace", "-w", "s1", "-b", "f.1:4", "t", "a; b"}}) {
    const auto call = parse_ctl(words);
    ASSERT_TRUE(call) << words.front() << call.error().text();
    EXPECT_EQ(call->command, CtlCommand::kBinlog);
    EXPECT_EQ(call->action, "replace");
    EXPECT_EQ(call->arguments, Words{"t"});
    EXPECT_EQ(call->statements, Words{"a; b"});
    EXPECT_EQ(call->position, "f.1:4");
    EXPECT_EQ(call->sources, Words{"s1"});
  }
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
      {{"binlog", "skpi", "t"}, "did you mean skip?"},
      {{"binlog", "skip"}, "an argument is missing"},
      {{"handle-error", "t"}, "unknown action"},
      {{"sql-skip", "--sharding", "t"}, "no shard locks"},
      {{}, "no command"},
      {{"stop-task", ""}, "argument 1 is empty"},
      {{"pause-task", "-s", "", "t"}, "argument 2 is empty"},
      {{"stop-task", "--source=", "t"}, "--source needs a value"},
      {{"query-status", "a\nb"}, "has a control character"},
      {{"query-status", std::string(5000, 'x')}, "too long: 5000 bytes"},
      {{"start-task", "a", std::string(4000, 'b')}, std::string(100, 'b') + "…"},
      {{std::string(5000, 'x')}, std::string(100, 'x') + "…"},
  };
  for (const Wrong& wrong : cases) {
    const auto call = parse_ctl(wrong.words);
    ASSERT_FALSE(call) << wrong.text;
    EXPECT_EQ(call.error().code(), Errc::kConfig);
    EXPECT_NE(call.error().text().find(wrong.text), std::string::npos) << call.error().text();
    EXPECT_FALSE(call.error().way_out().empty()) << wrong.text;
  }
}

TEST(CtlWords, BehindTwoDashesEveryWordIsAnArgument) {
  const auto call = parse_ctl({"pause-task", "-s", "a", "--", "-s"});
  ASSERT_TRUE(call) << call.error().text();
  EXPECT_EQ(call->arguments, Words{"-s"});
  EXPECT_EQ(call->sources, Words{"a"});
}

TEST(CtlWords, EveryCommandOfDmctlIsKnown) {
  for (const char* name : {"binlog",          "binlog-schema",   "break-ddl-lock",
                           "check-task",      "config",          "decrypt",
                           "encrypt",         "get-config",      "handle-error",
                           "list-member",     "migrate-relay",   "offline-member",
                           "operate-leader",  "operate-schema",  "operate-source",
                           "pause-relay",     "pause-task",      "purge-relay",
                           "query-error",     "query-status",    "refresh-worker-tasks",
                           "resume-relay",    "resume-task",     "shard-ddl-lock",
                           "show-ddl-locks",  "sql-inject",      "sql-replace",
                           "sql-skip",        "start-relay",     "start-task",
                           "stop-relay",      "stop-task",       "switch-relay-master",
                           "transfer-source", "unlock-ddl-lock", "update-master-config",
                           "update-relay",    "update-task",     "validation"}) {
    EXPECT_NE(ctl_help(name).find(std::string("usage: ") + name), std::string::npos) << name;
  }
  EXPECT_EQ(parse_ctl({"transfer-source", "s1", "w2"})->command, CtlCommand::kNoEffect);
  EXPECT_EQ(parse_ctl({"validation", "status", "test"})->command, CtlCommand::kValidation);
  const auto purge =
      parse_ctl({"purge-relay", "-s", "s1", "--filename=f.000003", "--sub-dir", "u"});
  ASSERT_TRUE(purge) << purge.error().text();
  EXPECT_EQ(purge->file, "f.000003");
  EXPECT_EQ(purge->folder, "u");
}

TEST(CtlWords, HelpNamesEveryCommandWithItsUsage) {
  for (const char* name : {"check-task", "operate-source", "query-status", "stop-task"}) {
    EXPECT_NE(ctl_help().find(name), std::string::npos);
    EXPECT_EQ(ctl_help(name).rfind(std::string("usage: ") + name, 0), 0U);
  }
}

TEST(CtlWords, TheTabulatorKnowsCommandsActionsAndOptions) {
  const auto has = [](const std::string& line, const std::string& word) {
    const auto found = ctl_candidates(line);
    return std::ranges::find(found, word) != found.end();
  };
  EXPECT_TRUE(has("sta", "start-task"));
  EXPECT_TRUE(has("operate-source ", "create"));
  EXPECT_TRUE(has("start-task --re", "--remove-meta"));
  EXPECT_TRUE(has("query-status -", "-s"));
  EXPECT_FALSE(has("query-status -", "--remove-meta"));
  EXPECT_TRUE(ctl_candidates("nothing ").empty());
}

TEST(CtlWords, ALineIsSplitAtBlanksOutsideQuotes) {
  EXPECT_EQ(*split_line("  query-status\ttest \r"), (Words{"query-status", "test"}));
  EXPECT_EQ(*split_line("a 'b c' d\"e f\" ''"), (Words{"a", "b c", "de f", ""}));
  EXPECT_FALSE(split_line("a 'b"));
}

}  // namespace
}  // namespace tiderelay::control
