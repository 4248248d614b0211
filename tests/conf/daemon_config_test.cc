#include "conf/daemon_config.h"

#include <gtest/gtest.h>

#include "conf/option.h"
#include "tests/conf/files.h"

namespace tiderelay::conf {
namespace {

const char* const kSource = "source-id: s1\nfrom: {host: h, user: u, password: p}\n";
const char* const kTask =
    "name: t\ntask-mode: all\ntarget-database: {host: h, port: 4000, user: u}\n"
    "mysql-instances: [{source-id: s1}]\n";

std::string problems(const std::string& yaml, const tests::Files& files = {}) {
  const auto read = parse_daemon(yaml, "etc/tiderelay.yaml", tests::access_to(files));
  return read ? "no problem" : read.error().text();
}

TEST(DaemonConfig, NeedsNothing) {
  const DaemonConfig config = parse_daemon("", "t.yaml", tests::access_to({})).value();
  EXPECT_EQ(config.data_dir, "/var/lib/tiderelay");
  EXPECT_EQ(config.api.listen.text(), "127.0.0.1:8261");
  EXPECT_FALSE(config.relay_server.enabled());
}

TEST(DaemonConfig, ReadsEveryKey) {
  const DaemonConfig config =
      parse_daemon(R"(
data-dir: data
log-level: debug
log-format: json
api: {listen: "0.0.0.0:8261", tls: {ssl-cert: c.pem, ssl-key: k.pem}, tokens-file: tokens}
sources: [s1.yaml, {source-id: s2, from: {host: h, user: u}}]
tasks: [t.yaml]
relay-server:
  listen: "[::1]:3307"
  users:
  - name: repl
    password-file: pw
    sources: [s1]
    networks: [10.0.0.0/8, "fd00::/8"]
    require-tls: true
hops:
  accept: [{listen: ":3308"}]
  dial: [{to: "hop.example:3308", serve: [s1]}]
relay: {retain: {age: 7d, size: 200GiB, free-space: 10%}, compress-sealed: lz4, sync: group}
)",
                   "etc/tiderelay.yaml",
                   tests::access_to(
                       {{"etc/s1.yaml", kSource}, {"etc/t.yaml", kTask}, {"etc/pw", "secret\n"}}))
          .value();
  EXPECT_EQ(config.data_dir, "etc/data") << "relative to the file";
  EXPECT_EQ(config.log_level, LogLevel::kDebug);
  ASSERT_EQ(config.sources.size(), 2U);
  EXPECT_EQ(config.sources[0].from.password.reveal(), "p");
  EXPECT_EQ(config.tasks[0].instances[0].source_id, "s1");
  EXPECT_EQ(config.relay_server.listen.text(), "[::1]:3307");
  EXPECT_EQ(config.relay_server.users[0].password.reveal(), "secret");
  EXPECT_EQ(config.hops.accept[0].listen.port, 3308);
  EXPECT_EQ(config.hops.dial[0].to.host, "hop.example");
  EXPECT_EQ(config.relay.retain.age, std::chrono::hours(168));
  EXPECT_EQ(config.relay.retain.free_space.percent, 10U);
  EXPECT_EQ(config.relay.compress_sealed, Compression::kLz4);
}

TEST(DaemonConfig, OpensCipherTextsOfItsFilesWithItsKey) {
  const std::string hex(64, 'b');
  const std::string cipher = encrypt("s3cret", parse_secret_key(hex).value()).value();
  const std::string source =
      "source-id: s1\nfrom: {host: h, user: u, password: \"" + cipher + "\"}\n";
  const auto access = tests::access_to({{"etc/key", hex + "\n"}, {"etc/s1.yaml", source}});
  const DaemonConfig config =
      parse_daemon("sources: [s1.yaml]\nsecret-key-path: key\n", "etc/t.yaml", access).value();
  EXPECT_EQ(config.sources[0].from.password.reveal(), "s3cret");
  const auto wrong = parse_daemon("secret-key-path: s1.yaml\n", "etc/t.yaml", access);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().text(),
            "etc/t.yaml:1: secret-key-path: a secret key is 64 hex digits (openssl rand -hex 32)");
}

TEST(DaemonConfig, TellsWhatIsWrongInWhichFile) {
  struct Row {
    const char* yaml;
    const char* problems;
  };
  const Row rows[] = {
      {"sources: [s1.yaml, nope.yaml]\n",
       "etc/tiderelay.yaml:1: sources[1]: cannot read etc/nope.yaml"},
      {"sources: [bad.yaml]\n",
       "etc/bad.yaml:2: flavour: unknown key; did you mean \"flavor\"?\n"
       "etc/bad.yaml:1: the key from is missing"},
      {"sources: s1.yaml\n",
       "etc/tiderelay.yaml:1: sources: wants a list of file names or maps, got \"s1.yaml\""},
      {"sources: [{source-id: a, from: {host: h}}]\n",
       "etc/tiderelay.yaml:1: sources[0].from: the key user is missing"},
      {"sources: [s1.yaml, s1.yaml]\n",
       "etc/tiderelay.yaml: sources: two sources are called \"s1\""},
      {"tasks: [t.yaml]\n",
       "etc/tiderelay.yaml: tasks: task \"t\" reads the source \"s1\", which is not there"},
      {"api: {listen: 0.0.0.0:8261}\n",
       "etc/tiderelay.yaml:1: api: listens on 0.0.0.0:8261, beyond loopback: that needs tls "
       "(ssl-cert, ssl-key) and tokens-file; or listen on 127.0.0.1"},
      {"api: {listen: here}\n",
       "etc/tiderelay.yaml:1: api.listen: wants host:port, such as 127.0.0.1:8261, [::1]:8261 or "
       ":8261, got \"here\""},
      {"relay-server: {users: []}\n",
       "etc/tiderelay.yaml:1: relay-server: the key listen is missing"},
      {"relay-server: {listen: \":1\", users: [{name: a, networks: [10.0.0.0/33]}]}\n",
       "etc/tiderelay.yaml:1: relay-server.users[0].networks[0]: wants a network such as "
       "10.0.0.0/8 or fd00::/8, got \"10.0.0.0/33\""},
      {"relay: {retain: {free-space: 100%}}\n",
       "etc/tiderelay.yaml:1: relay.retain.free-space: wants a size, or 0% to 99%, got \"100%\""},
      {"relay: {retain: {age: 7}}\n",
       "etc/tiderelay.yaml:1: relay.retain.age: wants a duration such as 500ms, 30s, 5m, 12h or 7d "
       "(with its unit), got \"7\""},
      {"source: []\n", "etc/tiderelay.yaml:1: source: unknown key; did you mean \"sources\"?"},
  };
  const tests::Files files = {{"etc/s1.yaml", kSource},
                              {"etc/t.yaml", kTask},
                              {"etc/bad.yaml", "source-id: a\nflavour: mysql\n"}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.yaml);
    EXPECT_EQ(problems(row.yaml, files), row.problems);
  }
}

TEST(Examples, AllLoad) {
  FileAccess access = real_files();
  access.environment = [](const std::string&) { return std::optional<std::string>("x"); };
  const std::string folder = EXAMPLES_FOLDER;
  const auto daemon = load_daemon(folder + "/tiderelay.yaml", access);
  ASSERT_TRUE(daemon) << daemon.error().text();
  ASSERT_EQ(daemon->sources.size(), 2U);
  EXPECT_EQ(daemon->sources[1].from.password.reveal(), "123456");
  EXPECT_EQ(daemon->tasks[0].name, "test");
  EXPECT_TRUE(load_source(folder + "/source-1.yaml", access));
  EXPECT_TRUE(load_task(folder + "/task.yaml", access));
}

TEST(Options, AreAllExplained) {
  for (const FileOptions& file : all_options()) {
    for (const Option& option : file.root->options) {
      EXPECT_FALSE(option.meaning.empty() && option.reason.empty()) << option.name;
      EXPECT_EQ(option.verdict == Verdict::kHonoured, option.reason.empty()) << option.name;
    }
  }
  EXPECT_NE(options_text("safe-mode").find("syncers.NAME.safe-mode  <true|false>  [false]"),
            std::string::npos);
  EXPECT_NE(
      options_markdown().find(
          "| `target-database.port` | number | 3306 | its TCP port; a target has no default |"),
      std::string::npos);
}

}  // namespace
}  // namespace tiderelay::conf
