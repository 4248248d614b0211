#include "conf/source_config.h"

#include <gtest/gtest.h>

#include "tests/conf/files.h"

namespace tiderelay::conf {
namespace {

const std::string kSmallest = "source-id: s1\nfrom: {host: h, user: u}\n";

Result<SourceConfig> source(const std::string& yaml, const tests::Files& files = {},
                            const tests::Files& environment = {}) {
  return parse_source(yaml, "dir/s.yaml", tests::access_to(files, environment));
}

std::string problems(const std::string& yaml, const tests::Files& files = {}) {
  const auto read = source(yaml, files);
  return read ? "no problem" : read.error().text();
}

TEST(SourceConfig, HasDmsDefaults) {
  const SourceConfig config = source(kSmallest).value();
  EXPECT_TRUE(config.enable);
  EXPECT_FALSE(config.enable_gtid);
  EXPECT_EQ(config.from.port, 3306);
  EXPECT_EQ(config.flavor, Flavor::kDetected);
  EXPECT_EQ(config.server_id, 0U);
  EXPECT_EQ(config.purge.interval, std::chrono::hours(1));
  EXPECT_EQ(config.purge.expires.count(), 0);
  EXPECT_EQ(config.purge.remain_space.bytes, std::uint64_t{15} << 30U);
  EXPECT_TRUE(config.checker.check_enable);
  EXPECT_EQ(config.checker.backoff_max, std::chrono::minutes(5));
  EXPECT_TRUE(config.notes.empty());
}

TEST(SourceConfig, ReadsEveryKey) {
  const SourceConfig config = source(R"(
source-id: "mysql-replica-01"
enable: false
enable-gtid: true
enable-relay: true
flavor: mariadb
server-id: 101
relay-dir: /data/relay
relay-binlog-name: "mysql-bin.000002"
relay-binlog-gtid: "00c04543-f584-11e9-a765-0242ac120002:1-60"
case-sensitive: true
from:
  host: 127.0.0.1
  port: 3307
  user: dm
  password: 123456
  session: {sql_mode: ANSI_QUOTES, wait_timeout: 100}
  security:
    ssl-ca: ca.pem
    ssl-cert-bytes: "-----BEGIN"
    ssl-cert-base64: bm8=
    ssl-key-base64: a2V5
    ssl-key: not/used.pem
    cert-allowed-cn: [a, b]
purge: {interval: 60, expires: 2, remain-space: 1}
checker: {check-enable: false, backoff-rollback: 1m, backoff-max: 10s}
filters:
- schema-pattern: "a*"
  table-pattern: "?"
  events: [Truncate Table]
  sql-pattern: ["^DROP"]
  action: Ignore
)")
                                  .value();
  EXPECT_EQ(config.source_id, "mysql-replica-01");
  EXPECT_FALSE(config.enable);
  EXPECT_EQ(config.flavor, Flavor::kMariadb);
  EXPECT_EQ(config.from.password.reveal(), "123456") << "a number is a fine password";
  EXPECT_EQ(config.from.session.at("wait_timeout"), "100");
  EXPECT_EQ(config.from.security.ca_path, "dir/ca.pem") << "relative to the file";
  EXPECT_EQ(config.from.security.cert_pem, "-----BEGIN") << "bytes go before base64";
  EXPECT_EQ(config.from.security.key_pem.reveal(), "key") << "base64 goes before the file";
  EXPECT_EQ(config.purge.interval, std::chrono::minutes(1)) << "a number is seconds";
  EXPECT_EQ(config.purge.expires, std::chrono::hours(2)) << "a number is hours";
  EXPECT_EQ(config.purge.remain_space.bytes, std::uint64_t{1} << 30U) << "a number is GiB";
  EXPECT_EQ(config.checker.backoff_max, std::chrono::seconds(10));
  ASSERT_EQ(config.filters.size(), 1U);
  EXPECT_EQ(config.filters[0].name, "mysql-replica-01 filters[0]");
}

TEST(SourceConfig, TakesThePasswordFromAFileOrTheEnvironment) {
  const std::string head = "source-id: s\nfrom:\n  host: h\n  user: u\n  ";
  EXPECT_EQ(source(head + "password-file: pw\n", {{"dir/pw", "s3cret\r\n"}})
                .value()
                .from.password.reveal(),
            "s3cret");
  EXPECT_EQ(source(head + "password-file: /abs/pw\n", {{"/abs/pw", "VjX8\n"}})
                .value()
                .from.password.reveal(),
            "VjX8");
  EXPECT_EQ(
      source(head + "password-env: PW\n", {}, {{"PW", " a b "}}).value().from.password.reveal(),
      " a b ");
  EXPECT_EQ(problems(head + "password-file: pw\n"),
            "dir/s.yaml:5: from.password-file: cannot read dir/pw");
  EXPECT_EQ(problems(head + "password-env: PW\n"),
            "dir/s.yaml:5: from.password-env: the environment has no variable PW");
  EXPECT_EQ(problems(head + "password-file: pw\n  password: x\n", {{"dir/pw", "y"}}),
            "dir/s.yaml:5: from.password-file: the password is given twice, by from.password");
}

TEST(SourceConfig, SaysWithWhichKeyAPasswordOpened) {
  const std::string yaml =
      "source-id: s\nfrom: {host: h, user: u, password: \"VjX8cEeTX+qcvZ3bPaO4h0C80pe/1aU=\"}\n";
  const SourceConfig config = source(yaml).value();
  EXPECT_EQ(config.from.password.reveal(), "123456");
  ASSERT_EQ(config.notes.size(), 1U);
  EXPECT_EQ(to_text(config.notes[0]),
            "dir/s.yaml:2: from.password: cipher text, opened with the key that every DM up to 7.6 "
            "contains; it protects nothing: prefer password-file or password-env");
}

TEST(SourceConfig, TellsWhatIsWrongAndWhereAndWhatWouldBeRight) {
  struct Row {
    const char* yaml;
    const char* problems;
  };
  const Row rows[] = {
      {"", "dir/s.yaml: wants a map of keys, got nothing"},
      {"- a\n", "dir/s.yaml:1: wants a map of keys, got a list"},
      {"source-id: s\n", "dir/s.yaml:1: the key from is missing"},
      {"source-id: s\nfrom: {host: h, user: u}\nenable-gitd: true\n",
       "dir/s.yaml:3: enable-gitd: unknown key; did you mean \"enable-gtid\"?"},
      {"source-id: s\nfrom: {host: h, user: u}\nssl-ca: x\n",
       "dir/s.yaml:3: ssl-ca: unknown key; it belongs under from.security"},
      {"source-id: s\nfrom: {host: h, user: u, port:3306}\n",
       "dir/s.yaml:2: from.port:…: unknown key; a blank is missing after the colon: \"port: …\""},
      {"source-id: s\nfrom: {host: h, user: u, zzzzzz: 1}\n",
       "dir/s.yaml:2: from.zzzzzz: unknown key; known here: host, port, user, password, "
       "password-file, password-env, security, session, max-allowed-packet"},
      {"source-id: s\nfrom: {host: h, user: u, port: \"3306\"}\n",
       "dir/s.yaml:2: from.port: wants a whole number (without quotes), got the text \"3306\""},
      {"source-id: s\nfrom: {host: h, user: u, port: 65536}\n",
       "dir/s.yaml:2: from.port: 65536 is above the largest, 65535"},
      {"source-id: s\nfrom: {host: [h], user: u}\n",
       "dir/s.yaml:2: from.host: wants a text, got a list"},
      {"source-id: s\nfrom: {host: h, user: u}\nenable-gtid: yess\n",
       "dir/s.yaml:3: enable-gtid: wants true or false, got \"yess\""},
      {"source-id: s\nfrom: {host: h, user: u, password: {a: hunter2}}\n",
       "dir/s.yaml:2: from.password: wants a text"},
      {"source-id: s\nfrom: {host: h, user: u}\nflavor: mysq\n",
       "dir/s.yaml:3: flavor: wants one of mysql, mariadb, got \"mysq\"; did you mean mysql?"},
      {"source-id: \"\"\nfrom: {host: h, user: u}\n", "dir/s.yaml:1: source-id: is empty"},
      {"source-id: 123456789012345678901234567890123\nfrom: {host: h, user: u}\n",
       "dir/s.yaml:1: source-id: is longer than 32 bytes"},
      {"source-id: ../x\nfrom: {host: h, user: u}\n",
       "dir/s.yaml:1: source-id: names a folder, so it may not begin with . or contain / or \\"},
      {"source-id: s\nfrom: {host: h, user: u}\nrelay-binlog-name: x\n",
       "dir/s.yaml:3: relay-binlog-name: wants a name such as mysql-bin.000003"},
      {"source-id: s\nfrom: {host: h, user: u}\nrelay-binlog-gtid: \"3E11FA47:1-5\"\n",
       "dir/s.yaml:3: relay-binlog-gtid: is no GTID set"},
      {"source-id: s\nfrom: {host: h, user: u}\nchecker: {backoff-max: 100ms}\n",
       "dir/s.yaml:3: checker.backoff-max: the shortest pause is 1s"},
      {"source-id: s\nfrom: {host: h, user: u, security: {ssl-cert: c}}\n",
       "dir/s.yaml:2: from.security: ssl-cert and ssl-key belong together; one of them is missing"},
      {"source-id: s\nfrom: {host: h, user: u}\nfilters:\n- {schema-pattern: a, action: ignore}\n",
       "dir/s.yaml:4: filters[0].action: wants one of Do, Ignore, Error, got \"ignore\"; did you "
       "mean Ignore?"},
      {"source-id: s\nfrom: {host: h, user: u}\nfilters:\n- {schema-pattern: ~a, action: Do}\n",
       "dir/s.yaml:4: filters[0]: filter \"s filters[0]\": schema-pattern: pattern \"~a\": regexes "
       "(~) are not possible here, only the wildcards * (at the end), ? and [...]; a literal ~ is "
       "written [~]"},
      {"sorce-id: s\nfrom: {hst: h, user: u}\n",
       "dir/s.yaml:1: sorce-id: unknown key; did you mean \"source-id\"?\n"
       "dir/s.yaml:2: from.hst: unknown key; did you mean \"host\"?\n"
       "dir/s.yaml:2: from: the key host is missing\n"
       "dir/s.yaml:1: the key source-id is missing"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.yaml);
    EXPECT_EQ(problems(row.yaml), row.problems);
  }
}

TEST(SourceConfig, ListsKeysWithoutEffect) {
  const SourceConfig config =
      source(kSmallest + "enable-relay: false\nmeta-dir: x\ntracer: {enable: true}\n").value();
  ASSERT_EQ(config.notes.size(), 3U);
  EXPECT_EQ(to_text(config.notes[0]),
            "dir/s.yaml:3: enable-relay: no effect: the relay log is how tiderelay reads a source; "
            "it is always kept");
  EXPECT_EQ(to_text(config.notes[1]),
            "dir/s.yaml:4: meta-dir: no effect: positions live in the relay log and the target");
}

TEST(GtidSets, AreKnownByTheirForm) {
  const char* const good[] = {
      "00c04543-f584-11e9-a765-0242ac120002:1-60",
      "00c04543-f584-11e9-a765-0242ac120002:1-60:70, 03fc0263-28c7-11e7-a653-6c0b84d59f30:5",
      "00c04543-f584-11e9-a765-0242ac120002:tag_1:1-60",
      "0-1-100,1-2-3",
      "00000000-0000-0000-0000-000000000000:0",
  };
  const std::string head = kSmallest + "relay-binlog-gtid: \"";
  for (const char* text : good) EXPECT_TRUE(source(head + text + "\"\n")) << text;
  for (const char* text : {"x", ",", "0-1", "1-2-3-4", "mysql-bin.000001"}) {
    EXPECT_FALSE(source(head + text + "\"\n")) << text;
  }
}

}  // namespace
}  // namespace tiderelay::conf
