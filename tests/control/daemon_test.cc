#include "control/daemon.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "control/api.h"
#include "control/command_serve.h"
#include "control/dm_answers.h"

namespace tiderelay::control {
namespace {

constexpr const char* kSource =
    "source-id: s1\nfrom: {host: 127.0.0.1, port: 1, user: root, "
    "password: hidden}\n";
constexpr const char* kTask =
    "name: test\ntask-mode: all\ntarget-database: {host: 127.0.0.1, port: 1, user: root}\n"
    "mysql-instances: [{source-id: s1, block-allow-list: all}]\n"
    "block-allow-list: {all: {do-dbs: [db]}}\n";

class DaemonTest : public ::testing::Test {
 protected:
  DaemonTest() { std::filesystem::remove_all(folder_); }
  ~DaemonTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Daemon> daemon() const {
    Daemon::Options options;
    options.data_dir = folder_;
    options.address = "127.0.0.1:8261";
    options.access = conf::real_files();
    options.checks = false;  // no server is asked
    auto daemon = std::make_unique<Daemon>(std::move(options));
    const Result<void> restored = daemon->restore({}, {});
    EXPECT_TRUE(restored) << restored.error().text();
    return daemon;
  }

  static std::string ask(Daemon& daemon, const std::vector<std::string>& words) {
    const Result<CtlCall> call = parse_ctl(words);
    EXPECT_TRUE(call) << call.error().text();
    return boost::json::serialize(daemon.answer(
        *call, {{"/x/s.yaml", kSource}, {"/x/s2.yaml", kSource}, {"/x/t.yaml", kTask}}));
  }

  const std::string folder_ = ::testing::TempDir() + "daemon_" +
                              ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

void expect_words(const std::string& answer, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    EXPECT_NE(answer.find(word), std::string::npos) << word << " in " << answer;
  }
}

TEST_F(DaemonTest, RefusalsSayWhatIsWrongAndTheWayOut) {
  const auto running = daemon();
  expect_words(ask(*running, {"start-task", "/x/t.yaml"}),
               {"\"result\":false", "source s1 is not here", "operate-source create"});
  expect_words(ask(*running, {"stop-task", "test"}), {"\"op\":\"Delete\"", "does not exist"});
  expect_words(ask(*running, {"operate-source", "create", "/x/s.yaml"}), {"\"result\":true"});
  expect_words(ask(*running, {"operate-source", "create", "/x/s.yaml"}),
               {"\"result\":false", "here already", "operate-source update"});
  expect_words(ask(*running, {"start-task", "/x/t.yaml"}),
               {"\"result\":true", "\"source\":\"s1\""});
  expect_words(ask(*running, {"start-task", "/x/t.yaml"}), {"exists already", "stop-task test"});
  expect_words(ask(*running, {"operate-source", "stop", "s1"}),
               {"in use by task test", "stop-task test first"});
  expect_words(ask(*running, {"query-status", "tset"}), {"did you mean test?"});
  expect_words(ask(*running, {"query-status", "-s", "s2"}), {"source s2 is not here"});
  const std::string shown = ask(*running, {"config", "source", "s1"});
  expect_words(shown, {"******"});
  EXPECT_EQ(shown.find("hidden"), std::string::npos);
}

TEST_F(DaemonTest, SourcesAndTasksAndTheirStageAreThereAfterARestart) {
  {
    const auto running = daemon();
    ask(*running, {"operate-source", "create", "/x/s.yaml"});
    ask(*running, {"start-task", "/x/t.yaml"});
    ask(*running, {"pause-task", "test"});
  }
  {
    const auto restarted = daemon();
    expect_words(ask(*restarted, {"operate-source", "show"}), {"\"source\":\"s1\""});
    expect_words(ask(*restarted, {"query-status"}), {"\"taskName\":\"test\""});
    ask(*restarted, {"stop-task", "test"});
  }
  const auto again = daemon();
  expect_words(ask(*again, {"query-status"}), {"\"tasks\":[]"});
  expect_words(ask(*again, {"list-member"}), {"\"stage\":\"bound\"", "127.0.0.1:8261"});
}

TEST_F(DaemonTest, WhatIsToBeForgottenStaysSoUntilItIsDone) {
  const auto remembered = [&] {
    const auto states = load_states(folder_, StateKind::kTask);
    EXPECT_TRUE(states);
    return states && states->size() == 1 ? states->front().forget : std::set<std::string>{"none"};
  };
  {
    const auto running = daemon();
    ask(*running, {"operate-source", "create", "/x/s.yaml"});
    ask(*running, {"start-task", "--remove-meta", "/x/t.yaml"});
    EXPECT_EQ(remembered(), std::set<std::string>{"s1"}) << "the target was never reached";
  }
  const auto restarted = daemon();
  EXPECT_EQ(remembered(), std::set<std::string>{"s1"});
  ask(*restarted, {"stop-task", "test"});
  EXPECT_EQ(remembered(), std::set<std::string>{"s1"}) << "a stop does not make it a resumption";
  ask(*restarted, {"start-task", "/x/t.yaml"});
  EXPECT_EQ(remembered(), std::set<std::string>{"s1"});
}

TEST_F(DaemonTest, APinWhoseTaskACrashInsideStopTaskTookIsDroppedAtTheStart) {
  const std::string pins = folder_ + "/sources/s1/index/pins";
  const auto kept = [&pins] { return conf::real_files().read_file(pins).value(); };
  {
    const auto running = daemon();
    ask(*running, {"operate-source", "create", "/x/s.yaml"});
    ask(*running, {"start-task", "/x/t.yaml"});
  }
  EXPECT_EQ(kept(), "task test\t?.000001/?.000001:4\n");
  std::ofstream(pins, std::ios::app) << "task gone\t?.000001/?.000001:4\n";
  const auto restarted = daemon();
  EXPECT_EQ(kept(), "task test\t?.000001/?.000001:4\n");
}

TEST_F(DaemonTest, AChangedSourceReplacesItsFileInOneStep) {
  const auto running = daemon();
  ask(*running, {"operate-source", "create", "/x/s.yaml"});
  expect_words(ask(*running, {"operate-source", "update", "/x/s2.yaml"}), {"\"result\":true"});
  const auto states = load_states(folder_, StateKind::kSource);
  ASSERT_TRUE(states);
  ASSERT_EQ(states->size(), 1U);
  EXPECT_EQ(states->front().file, "/x/s2.yaml");
  ask(*running, {"start-task", "/x/t.yaml"});
  expect_words(ask(*running, {"operate-source", "update", "/x/s2.yaml"}),
               {"\"result\":false", "in use by task test"});
}

TEST(StateFiles, RememberTheFileAndTheStagesInOneLine) {
  StateFile state;
  state.name = "test";
  state.file = "/home/me/task \"1\".yaml";
  state.yaml = "name: test\n";
  state.stages = {{"s1", WantedStage::kPaused}, {"s2", WantedStage::kRunning}};
  state.forget = {"s2"};
  state.copy = {{"s1", {{"shop", "orders"}, {"a.b", "c"}}}};
  const Result<StateFile> read = decode_state("test", encode_state(state));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->file, state.file);
  EXPECT_EQ(read->yaml, state.yaml);
  EXPECT_EQ(read->stages, state.stages);
  EXPECT_EQ(read->forget, state.forget);
  EXPECT_EQ(read->copy, state.copy);
  for (const char* text : {"", "name: test\n", "# tiderelay: {}\n", "# tiderelay: {\"file\":1"}) {
    EXPECT_FALSE(decode_state("test", text)) << text;
  }
}

TEST(StateFiles, NamesThatLeaveTheFolderAreRefused) {
  for (const char* name : {"", ".", "..", "a/b", ".hidden", "a\nb", "a.yaml"}) {
    EXPECT_FALSE(check_state_name(name)) << name;
  }
  EXPECT_TRUE(check_state_name("mysql-replica-01"));
}

TEST(ApiMessage, DecodesWhatItEncodesAndRefusesTheRest) {
  CtlMessage message;
  message.command = {"start-task", "/a \"b\".yaml"};
  message.files = {{"/a \"b\".yaml", "name: x\n"}};
  const Result<CtlMessage> read = decode_ctl(encode_ctl(message));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->command, message.command);
  EXPECT_EQ(read->files, message.files);
  for (const char* body : {"", "[]", "{}", R"({"command":[1]})", R"({"command":["a"],"x":1})",
                           R"({"command":["a"],"files":{"p":1}})"}) {
    EXPECT_FALSE(decode_ctl(body)) << body;
  }
}

TEST(CheckApi, OnlyLoopbackWithoutTlsAndTokens) {
  conf::ApiConfig api;
  EXPECT_TRUE(check_api(api));
  api.listen.host = "0.0.0.0";
  api.tls.cert_path = "server.pem";
  api.tokens_file = "tokens";
  EXPECT_FALSE(check_api(api)) << "a certificate without its key";
  api.tls.key_path = "server.key";
  EXPECT_TRUE(check_api(api));
  api.tokens_file.clear();
  EXPECT_FALSE(check_api(api)) << "whoever reaches it";
  api = {};
  for (const char* host : {"", "0.0.0.0", "10.1.2.3"}) {
    api.listen.host = host;
    const Result<void> refused = check_api(api);
    ASSERT_FALSE(refused) << host;
    EXPECT_EQ(refused.error().code(), Errc::kConfig);
    EXPECT_NE(refused.error().way_out().find("ssh -L"), std::string::npos);
  }
}

TEST(JsonText, IndentsByFourBlanks) {
  boost::json::object answer = plain_answer(true, "");
  answer["rows"] = 2.0;
  EXPECT_EQ(json_text(answer),
            "{\n    \"result\": true,\n    \"msg\": \"\",\n    \"rows\": 2\n}\n");
}

}  // namespace
}  // namespace tiderelay::control
