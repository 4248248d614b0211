#include "control/rest.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "control/api.h"
#include "control/metrics.h"
#include "control/rest_bodies.h"

namespace tiderelay::control {
namespace {

namespace json = boost::json;

Snapshot one_of_each() {
  Snapshot snapshot;
  snapshot.address = "127.0.0.1:8261";
  SourceSnapshot source;
  source.config.source_id = "s1";
  source.config.from.host = "db";
  source.config.from.user = "root";
  source.status.stage = Stage::kRunning;
  source.status.upstream_file = "mysql-bin.000042";
  source.status.upstream_offset_bytes = 700;
  source.status.upstream.file = "mysql-bin.000041";
  snapshot.sources.push_back(source);
  TaskSnapshot task;
  task.config.name = "test";
  ShareSnapshot share;
  share.source_id = "s1";
  share.status.stage = Stage::kPaused;
  share.status.unit = Unit::kSync;
  share.status.applied_position = "uuid.000001/mysql-bin.000041:123";
  share.status.error = Error(1062, "23000", "Duplicate entry '3'").with_way_out("mend the row");
  share.status.lags.add(0.2);
  share.status.lags.add(3000);
  task.shares.push_back(share);
  snapshot.tasks.push_back(task);
  return snapshot;
}

json::value read(const std::string& path) {
  const RouteMatch match = match_route("GET", path);
  EXPECT_NE(match.route, nullptr) << path;
  if (match.route == nullptr) return nullptr;
  const HttpResponse response = read_answer(match, one_of_each());
  boost::system::error_code failure;
  json::value value = json::parse(response.body, failure);
  EXPECT_FALSE(failure) << path << ": " << response.body;
  return value;
}

TEST(Routes, AreFoundWithTheirDecodedParameters) {
  const RouteMatch found = match_route("GET", "/api/v1/tasks/a%20b/status");
  ASSERT_NE(found.route, nullptr);
  EXPECT_EQ(found.parameters, std::vector<std::string>{"a b"});
  EXPECT_EQ(match_route("PATCH", "/api/v1/sources").allow, "GET, POST");
  for (const char* path : {"/api/v1/tasks/", "/api/v1/tasks/%zz", "/api/v1", "//", "/x",
                           "/api/v1/tasks/a/b/c", "/metrics/"}) {
    const RouteMatch match = match_route("GET", path);
    EXPECT_EQ(match.route, nullptr) << path;
    EXPECT_TRUE(match.allow.empty()) << path;
  }
}

TEST(Rest, AnswersHaveDmsShapes) {
  const json::value sources = read("/api/v1/sources");
  EXPECT_EQ(sources.at("total").to_number<int>(), 1);
  EXPECT_EQ(sources.at("data").at(0).at("source_name").as_string(), "s1");
  EXPECT_EQ(sources.at("data").at(0).at("password").as_string(), "******");
  const json::value relay = read("/api/v1/sources/s1/status").at("data").at(0).at("relay_status");
  EXPECT_EQ(relay.at("master_binlog").as_string(), "(mysql-bin.000042, 700)");
  const json::value status = read("/api/v1/tasks/test/status").at("data").at(0);
  EXPECT_EQ(status.at("stage").as_string(), "Paused");
  EXPECT_EQ(status.at("sync_status").at("syncer_binlog").as_string(), "(mysql-bin.000041, 123)");
  EXPECT_NE(status.at("error_msg").as_string().find("mend the row"), std::string::npos);
  EXPECT_EQ(read("/api/v1/cluster/workers").at("data").at(0).at("bound_source_name").as_string(),
            "s1");
  EXPECT_EQ(read_answer(match_route("GET", "/api/v1/tasks/none"), one_of_each()).status, 404U);
  EXPECT_EQ(read_answer(match_route("GET", "/readyz"), one_of_each()).status, 503U);
  EXPECT_EQ(read_answer(match_route("GET", "/readyz"), Snapshot()).status, 200U);
}

TEST(Rest, TheDocumentDescribesEveryRouteAndNoSchemaIsMissing) {
  const json::object document = openapi_document();
  const json::object& schemas = document.at("components").at("schemas").as_object();
  for (const Route& route : routes()) {
    const json::object& path = document.at("paths").at(route.path).as_object();
    std::string method = route.method;
    for (char& c : method) c = static_cast<char>(c | 0x20);
    EXPECT_TRUE(path.contains(method)) << route.path;
    const bool described = *route.body == 0 || schemas.contains(route.body);
    EXPECT_TRUE(described) << route.body;
  }
}

HttpRequest post(const std::string& body) {
  HttpRequest request;
  request.body = body;
  return request;
}

TEST(Rest, ChangesBecomeCommandsWithTheirFiles) {
  const auto created = command_of(match_route("POST", "/api/v1/sources"), post(R"({"source":
      {"source_name": "s1", "host": "db", "port": 3306, "user": "root", "password": "x",
       "enable_gtid": true, "relay_config": {"relay_dir": "r"}}})"));
  ASSERT_TRUE(created) << created.error().text();
  EXPECT_EQ((*created)->words,
            (std::vector<std::string>{"operate-source", "create", "/api/s1.yaml"}));
  const json::value file = json::parse((*created)->files.at("/api/s1.yaml"));
  EXPECT_EQ(file.at("from").at("password").as_string(), "x");
  EXPECT_EQ(file.at("relay-dir").as_string(), "r");
  const auto stopped = command_of(match_route("POST", "/api/v1/tasks/-s/stop"),
                                  post(R"({"source_name_list": ["s1"]})"));
  ASSERT_TRUE(stopped);
  EXPECT_EQ((*stopped)->words, (std::vector<std::string>{"pause-task", "-s", "s1", "--", "-s"}));
}

TEST(Rest, ATaskOfDmsApiBecomesATaskFile) {
  const Result<ConvertedFile> file = task_of_body(R"({"task": {"name": "t", "task_mode": "all",
      "on_duplicate": "error", "target_config": {"host": "tidb", "port": 4000, "user": "root",
      "password": ""}, "table_migrate_rule": [{"source": {"source_name": "s1", "schema": "a",
      "table": "b"}, "target": {"schema": "c", "table": "d"}}], "source_config":
      {"full_migrate_conf": {"export_threads": 2, "import_threads": 3, "data_dir": "x"},
       "incr_migrate_conf": {"repl_threads": 5, "repl_batch": 6},
       "source_conf": [{"source_name": "s1", "binlog_gtid": "u:1"}]}}})");
  ASSERT_TRUE(file) << file.error().text();
  const json::value task = json::parse(file->text);
  EXPECT_EQ(task.at("routes").at("rule-0").at("target-table").as_string(), "d");
  EXPECT_EQ(task.at("mysql-instances").at(0).at("meta").at("binlog-gtid").as_string(), "u:1");
  EXPECT_EQ(task.at("syncers").at("global").at("worker-count").to_number<int>(), 5);
  conf::FileAccess access = conf::real_files();
  const Result<conf::TaskConfig> parsed = conf::parse_task(file->text, "/api/t.yaml", access);
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(parsed->instances.front().routes.size(), 1U);
}

TEST(Rest, WrongBodiesAreRefusedWithTheKeysPath) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "body: is no JSON"},
      {"[]", "body: is no object"},
      {"{}", "body.source: is missing"},
      {R"({"source": 1})", "body.source: has the wrong type"},
      {R"({"source": {"source_name": "a", "host": "h", "user": "u"}})", "source.port: is missing"},
      {R"({"source": {"source_name": "a", "host": "h", "port": "1", "user": "u"}})",
       "source.port: has the wrong type"},
      {R"({"source": {"source_name": "a", "host": "h", "port": 1, "user": "u", "prot": 1}})",
       "source.prot: unknown key"},
  };
  for (const auto& [body, text] : cases) {
    const Result<ConvertedFile> file = source_of_body(body);
    ASSERT_FALSE(file) << body;
    EXPECT_NE(file.error().text().find(text), std::string::npos) << file.error().text();
  }
  EXPECT_FALSE(task_of_body(R"({"task": {"name": "t", "task_mode": "all", "target_config": {},
      "table_migrate_rule": [1], "source_config": {"source_conf": []}}})"));
}

TEST(Metrics, HaveDmsNamesAndLabels) {
  const std::string text = metrics_text(one_of_each());
  for (const char* line :
       {"dm_worker_task_state{task=\"test\",source_id=\"s1\",worker=\"127.0.0.1:8261\"} 3",
        "dm_relay_binlog_file{source_id=\"s1\",node=\"master\"} 42",
        "dm_relay_binlog_file{source_id=\"s1\",node=\"relay\"} 41",
        "dm_syncer_binlog_pos{task=\"test\",source_id=\"s1\",worker=\"127.0.0.1:8261\","
        "node=\"syncer\"} 123",
        "le=\"0.5\"} 1", "le=\"+Inf\"} 2", "# TYPE dm_syncer_replication_lag histogram"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
}

TEST(Api, OnlyNamesOfThisMachineAreItsOwn) {
  for (const char* host :
       {"localhost:8261", "127.0.0.1", "127.0.0.1:1", "[::1]:8261", "10.0.0.7:1"}) {
    EXPECT_TRUE(is_own_host(host, "10.0.0.7")) << host;
  }
  for (const char* host : {"", "evil.example", "evil.example:8261", "127.0.0.1.evil.example",
                           "[::2]:8261", "localhost.evil:1"}) {
    EXPECT_FALSE(is_own_host(host, "")) << host;
  }
}

}  // namespace
}  // namespace tiderelay::control
