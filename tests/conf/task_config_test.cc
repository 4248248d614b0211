#include "conf/task_config.h"

#include <gtest/gtest.h>

#include "applier/dump_selection.h"
#include "tests/conf/files.h"

namespace tiderelay::conf {
namespace {

Result<TaskConfig> task(const std::string& yaml) {
  return parse_task(yaml, "t.yaml", tests::access_to({}));
}

// A task in nine lines; `more` goes behind them, `instance` into its only source.
std::string yaml_with(const std::string& more, const std::string& instance = "") {
  return "name: t\ntask-mode: all\ntarget-database: {host: h, port: 4000, user: u}\n"
         "mysql-instances:\n- source-id: s1\n" +
         instance + more;
}

std::string problems(const std::string& more, const std::string& instance = "") {
  const auto read = task(yaml_with(more, instance));
  return read ? "no problem" : read.error().text();
}

std::string tutorial(const std::string& extra_args) {
  return R"(name: "test"
task-mode: "all"
target-database: {host: "172.16.10.83", port: 4000, user: "root", password: ""}
mysql-instances:
- {source-id: "mysql-replica-01", black-white-list: "global", mydumper-config-name: "global"}
- {source-id: "mysql-replica-02", black-white-list: "global", mydumper-config-name: "global"}
black-white-list: {global: {do-tables: [{db-name: "test_db", tbl-name: "test_table"}]}}
mydumpers: {global: {extra-args: ")" +
         extra_args + "\"}}\n";
}

TEST(TaskConfig, LoadsTheTutorialsFileUnchanged) {
  const TaskConfig config = task(tutorial("-B test_db -T test_table")).value();
  EXPECT_EQ(config.name, "test");
  EXPECT_EQ(config.mode, TaskMode::kAll);
  EXPECT_EQ(config.target.port, 4000);
  EXPECT_TRUE(config.target.password.empty());
  EXPECT_EQ(config.meta_schema, "dm_meta");
  EXPECT_TRUE(config.online_ddl);
  ASSERT_EQ(config.instances.size(), 2U);
  EXPECT_TRUE(config.notes.empty());
  for (const InstanceConfig& instance : config.instances) {
    EXPECT_FALSE(instance.dump.no_locks);
    EXPECT_EQ(instance.dump.threads, 4U);
    EXPECT_EQ(instance.load.pool_size, 16U);
    EXPECT_EQ(instance.sync.batch, 100U);
    const auto list = applier::TableFilter::make(instance.list, config.case_sensitive).value();
    const auto dump = applier::DumpSelection::make(instance.dump.selection, false).value();
    EXPECT_TRUE(list.takes({"test_db", "test_table"}));
    EXPECT_TRUE(dump.takes({"test_db", "test_table"})) << "-B supplies the schema of a bare -T";
    EXPECT_FALSE(list.takes({"test_db", "other"}));
    EXPECT_FALSE(dump.takes({"other", "test_table"}));
  }
}

TEST(TaskConfig, LoadsTheTutorialsFileWithoutLocksAndWithIgnoredChecks) {
  const TaskConfig config =
      task(tutorial("-B test_db -T test_table --no-locks") +
           "ignore-checking-items: [\"dump_privilege\", \"replication_privilege\"]\n")
          .value();
  EXPECT_TRUE(config.instances[0].dump.no_locks);
  EXPECT_EQ(config.ignore_checking_items.size(), 2U);
}

TEST(TaskConfig, ReadsTodaysNamesAsThoseOf2019) {
  std::string yaml = tutorial("-B test_db");
  for (std::size_t at = 0; (at = yaml.find("black-white-list", at)) != std::string::npos;) {
    yaml.replace(at, 16, "block-allow-list");
  }
  const TaskConfig config = task(yaml).value();
  EXPECT_EQ(config.instances[1].list.do_tables.size(), 1U);
}

TEST(TaskConfig, ResolvesWhatInstancesName) {
  const TaskConfig config = task(R"yaml(
name: t
task-mode: incremental
shard-mode: pessimistic
timezone: Asia/Shanghai
target-database: {host: h, port: 4000, user: u, session: {tidb_txn_mode: optimistic}}
mysql-instances:
- source-id: s1
  meta: {binlog-name: mysql-bin.000001, binlog-pos: 5000000000}
  route-rules: [schemas, tables]
  filter-rules: [f]
  mydumper: {threads: 8, chunk-filesize: 32}
  mydumper-thread: 9
  loader-config-name: l
  syncer: {worker-count: 3}
  syncer-thread: 5
- source-id: s2
routes:
  schemas: {schema-pattern: "a_*", target-schema: a}
  tables:
    schema-pattern: "a_*"
    table-pattern: "~^t_\\d+$"
    target-schema: a
    target-table: t
    extract-table: {table-regexp: "t_(.*)", target-column: c_table}
    extract-schema: {schema-regexp: "a_(.*)", target-column: c_schema}
    extract-source: {source-regexp: "(.*)", target-column: c_source}
filters:
  f: {schema-pattern: "*", events: [all ddl], action: Ignore}
loaders:
  l: {pool-size: 2, on-duplicate: error, import-mode: sql, analyze: "off"}
)yaml")
                                .value();
  const InstanceConfig& first = config.instances[0];
  EXPECT_EQ(config.shard_mode, ShardMode::kPessimistic);
  EXPECT_EQ(first.start.binlog_pos, 5'000'000'000U) << "positions are 64 bits wide";
  ASSERT_EQ(first.routes.size(), 2U);
  EXPECT_EQ(first.routes[1].name, "tables");
  EXPECT_EQ(first.routes[1].extract_source->target_column, "c_source");
  EXPECT_EQ(first.filters[0].name, "f");
  EXPECT_EQ(first.dump.threads, 9U);
  EXPECT_EQ(first.dump.chunk_filesize.bytes, std::uint64_t{32} << 20U);
  EXPECT_EQ(first.load.on_duplicate, OnDuplicate::kError);
  EXPECT_EQ(first.load.analyze, Analyze::kOff);
  EXPECT_EQ(first.sync.worker_count, 5U);
  EXPECT_TRUE(config.instances[1].routes.empty());
  EXPECT_EQ(config.instances[1].load.pool_size, 16U);
}

TEST(TaskConfig, ReadsWhatIsItsOwn) {
  const TaskConfig config = task(yaml_with(R"(
tiderelay:
  on-missing-row: count
  batch-rows: 500
  batch-bytes: 1MiB
  split-transaction-rows: 1000
  assume-no-cascade: true
  no-locks-grace: 1m
  memory-budget: 256MiB
)"))
                                .value();
  EXPECT_EQ(config.tiderelay.on_missing_row, OnMissingRow::kCount);
  EXPECT_EQ(config.tiderelay.batch_rows, 500U);
  EXPECT_EQ(config.tiderelay.no_locks_grace, std::chrono::minutes(1));
  EXPECT_EQ(config.tiderelay.memory_budget.bytes, std::uint64_t{256} << 20U);
}

TEST(TaskConfig, TellsWhatIsWrongAndWhereAndWhatWouldBeRight) {
  struct Row {
    const char* more;
    const char* instance;
    const char* problems;
  };
  const Row rows[] = {
      {"syncer: {}\n", "", "t.yaml:6: syncer: unknown key; it belongs under mysql-instances"},
      {"mysql-instance: []\n", "",
       "t.yaml:6: mysql-instance: unknown key; did you mean \"mysql-instances\"?"},
      {"routes: {r: {schema-patern: a, target-schema: b}}\n", "",
       "t.yaml:6: routes.r.schema-patern: unknown key; did you mean \"schema-pattern\"?\n"
       "t.yaml:6: routes.r: the key schema-pattern is missing"},
      {"routes: {r: {schema-pattern: \"a*b\", target-schema: b}}\n", "",
       "t.yaml:6: routes.r: route \"r\": schema-pattern: pattern \"a*b\": * may only be the last "
       "character"},
      {"routes: {one: {schema-pattern: A, target-schema: b}, two: {schema-pattern: a, "
       "target-schema: c}}\n",
       "  route-rules: [one, two]\n",
       "t.yaml:6: mysql-instances[0].route-rules: route \"two\" (a): another route has the same "
       "patterns already"},
      {"routes: {global: {schema-pattern: a, target-schema: b}}\n", "  route-rules: [globl]\n",
       "t.yaml:6: mysql-instances[0].route-rules[0]: routes has no entry \"globl\"; did you mean "
       "\"global\"?"},
      {"routes: {r: {schema-pattern: a, target-schema: b}}\n", "  route-rules: [r, r]\n",
       "t.yaml:6: mysql-instances[0].route-rules[1]: \"r\" is named twice"},
      {"", "  black-white-list: nope\n",
       "t.yaml:6: mysql-instances[0].black-white-list: block-allow-list has no entry \"nope\""},
      {"filters: {f: {schema-pattern: a, events: [drop tabel], action: Ignore}}\n", "",
       "t.yaml:6: filters.f: filter \"f\": events: unknown event \"drop tabel\"; did you mean "
       "\"drop table\"?"},
      {"filters: {f: {schema-pattern: a, sql-pattern: [\"(\"], action: Ignore}}\n", "",
       "t.yaml:6: filters.f: filter \"f\": sql-pattern: the regex \"(\" does not compile: missing "
       "): ("},
      {"block-allow-list: {l: {do-dbs: [\"\"]}}\n", "",
       "t.yaml:6: block-allow-list.l: do-dbs: the pattern is empty"},
      {"block-allow-list: {l: {do-tables: [{db-name: a}]}}\n", "",
       "t.yaml:6: block-allow-list.l.do-tables[0]: the key tbl-name is missing\n"
       "t.yaml:6: block-allow-list.l: do-tables: tbl-name: the pattern is empty"},
      {"block-allow-list: {l: {do-dbs: [\"~(?!x)\"]}}\n", "",
       "t.yaml:6: block-allow-list.l: do-dbs: the regex \"(?!x)\" does not compile: invalid perl "
       "operator: (?! (RE2 has no look-arounds)"},
      {"block-allow-list: {l: {}}\nblack-white-list: {m: {do-dbs: [a]}}\n", "",
       "t.yaml:7: black-white-list: this is the older name of block-allow-list, which is given as "
       "well"},
      {"- source-id: s1\n", "",
       "t.yaml:6: mysql-instances[1].source-id: the source is there already"},
      {"", "  mydumper: {}\n  mydumper-config-name: x\n",
       "t.yaml:7: mysql-instances[0].mydumper-config-name: the settings are named and inline; "
       "leave "
       "one out\n"
       "t.yaml:7: mysql-instances[0].mydumper-config-name: mydumpers has no entry \"x\""},
      {"column-mappings: {c: {}}\n", "",
       "t.yaml:6: column-mappings: column mappings rewrite keys and cannot be left out silently; "
       "give the target a column from the route's extract-table, extract-schema or extract-source "
       "instead"},
      {"expression-filter: {e: {schema: a}}\n", "",
       "t.yaml:6: expression-filter: not supported yet: rows that DM drops would arrive; leave the "
       "key out, or drop whole kinds of changes with filters, or tables with the block-allow-list"},
      {"shard-mode: optimistic\n", "",
       "t.yaml:6: shard-mode: optimistic is not supported yet, and running it as something else "
       "would be wrong; say pessimistic, or leave it out where the shards' DDL is run by hand"},
      {"is-sharding: false\nshard-mode: pessimistic\n", "",
       "t.yaml:6: is-sharding: contradicts shard-mode; leave is-sharding out"},
      {"ignore-checking-items: [dump_privileges]\n", "",
       "t.yaml:6: ignore-checking-items[0]: no check is called \"dump_privileges\"; did you mean "
       "dump_privilege?"},
      {"timezone: SYSTEM\n", "",
       "t.yaml:6: timezone: wants an offset such as +08:00 or a name such as Asia/Shanghai, got "
       "\"SYSTEM\""},
      {"shadow-table-rules: [\"_(.+)_(new)\"]\n", "",
       "t.yaml:6: shadow-table-rules[0]: wants exactly one group, around the real table's name"},
      {"validators: {v: {mode: fast}}\n", "",
       "t.yaml:6: validators.v.mode: not supported yet: there is no validator in the daemon; "
       "`tiderelay verify` compares source and target; leave mode out, or say none"},
      {"syncers: {s: {safe-mode: true, safe-mode-duration: 0s}}\n", "",
       "t.yaml:6: syncers.s.safe-mode-duration: 0s contradicts safe-mode: true; leave one of them "
       "out"},
      {"syncers: {s: {worker-count: 0}}\n", "",
       "t.yaml:6: syncers.s: worker-count must be at least 1"},
      {"tiderelay: {on-missing-row: ignore}\n", "",
       "t.yaml:6: tiderelay.on-missing-row: wants one of pause, count, got \"ignore\""},
      {"tiderelay: {batch-row: 5}\n", "",
       "t.yaml:6: tiderelay.batch-row: unknown key; did you mean \"batch-rows\"?"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.more) + row.instance);
    EXPECT_EQ(problems(row.more, row.instance), row.problems);
  }
}

TEST(TaskConfig, RefusesWhatIsMissingOrCannotBeDone) {
  struct Row {
    const char* yaml;
    const char* problems;
  };
  const Row rows[] = {
      {"name: t\n",
       "t.yaml:1: the key task-mode is missing\nt.yaml:1: the key target-database is missing\n"
       "t.yaml:1: the key mysql-instances is missing"},
      {"name: t\ntask-mode: dump\ntarget-database: {host: h, port: 1, user: u}\n"
       "mysql-instances: [{source-id: s}]\n",
       "t.yaml:2: task-mode: \"dump\" needs dump files, and a task keeps none; say full or all, or "
       "make files with `tiderelay dump`"},
      {"name: t\ntask-mode: al\ntarget-database: {host: h, user: u}\nmysql-instances: []\n",
       "t.yaml:2: task-mode: wants one of all, full, incremental, got \"al\"; did you mean all?\n"
       "t.yaml:3: target-database: the key port is missing (TiDB listens on 4000, MySQL on 3306)\n"
       "t.yaml:4: mysql-instances: names no source"},
      {"name: t\ntask-mode: incremental\ntarget-database: {host: h, port: 1, user: u}\n"
       "mysql-instances: [{source-id: s, meta: {binlog-pos: 4}}]\n",
       "t.yaml:4: mysql-instances[0].meta: wants binlog-name or binlog-gtid"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.yaml);
    const auto read = task(row.yaml);
    EXPECT_EQ(read ? "no problem" : read.error().text(), row.problems);
  }
}

TEST(TaskConfig, KnowsDmsNumbersOfItsErrors) {
  struct Row {
    const char* more;
    std::uint32_t dm_code;
  };
  const Row rows[] = {
      {"unknown-key: 1\n", 20003},
      {"shard-mode: x\n", 20033},
      {"collation_compatible: x\n", 20052},
      {"ignore-checking-items: [x]\n", 20001},
      {"timezone: SYSTEM\n", 20008},
      {"loaders: {l: {on-duplicate: x}}\n", 20054},
      {"loaders: {l: {analyze: x}}\n", 20065},
      {"syncers: {s: {safe-mode-duration: x}}\n", 20060},
      {"filters: {f: {schema-pattern: a, events: [x], action: Do}}\n", 20037},
      {"- {source-id: s1}\n", 20014},
      {"- {source-id: s2, route-rules: [x]}\n", 20023},
      {"- {source-id: s2, black-white-list: x}\n", 20026},
      {"- {target-database: x}\n", 20003},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.more);
    std::vector<Problem> all;
    const auto read = parse_task(yaml_with(row.more), "t.yaml", tests::access_to({}), &all);
    EXPECT_FALSE(read);
    ASSERT_FALSE(all.empty());
    EXPECT_EQ(all[0].dm_code, row.dm_code);
  }
}

TEST(TaskConfig, KnowsDmsNumbersOfMissingKeys) {
  std::vector<Problem> all;
  EXPECT_FALSE(parse_task("is-sharding: true\n", "t.yaml", tests::access_to({}), &all));
  std::vector<std::uint32_t> codes;
  for (const Problem& problem : all) codes.push_back(problem.dm_code);
  EXPECT_EQ(codes, (std::vector<std::uint32_t>{20019, 20020, 20021, 20013}));
}

TEST(TaskConfig, ListsEveryMappedKeyAndEveryKeyWithoutEffect) {
  const TaskConfig config = task(yaml_with(R"(
is-sharding: true
remove-meta: false
enable-heartbeat: true
online-ddl: false
online-ddl-scheme: gh-ost
column-mappings: {}
experimental: {async-checkpoint-flush: true}
mydumpers: {unused: {rows: 5, skip-tz-utc: true}}
loaders: {l: {import-mode: physical, dir: ./x}}
syncers: {s: {queue-size: 5}}
)"))
                                .value();
  EXPECT_EQ(config.shard_mode, ShardMode::kPessimistic);
  EXPECT_TRUE(config.online_ddl) << "the older key sets it";
  std::string lines;
  for (const Note& note : config.notes) lines += to_text(note) + "\n";
  EXPECT_EQ(
      lines,
      "t.yaml:7: is-sharding: mapped: true is shard-mode: pessimistic\n"
      "t.yaml:8: remove-meta: no effect: in a file it would restart the task from zero at "
      "every start; say `start-task --remove-meta`\n"
      "t.yaml:9: enable-heartbeat: no effect: lag comes from the times of events and "
      "heartbeats\n"
      "t.yaml:10: online-ddl: no effect: the tables of such tools are followed like all others, "
      "their renames too\n"
      "t.yaml:11: online-ddl-scheme: no effect: the tables of such tools are followed like all "
      "others, their renames too\n"
      "t.yaml:13: experimental: no effect: nothing in it is needed\n"
      "t.yaml:13: experimental.async-checkpoint-flush: no effect: the position commits with "
      "the rows\n"
      "t.yaml:14: mydumpers.unused.rows: mapped: upper bound of a chunk's rows\n"
      "t.yaml:14: mydumpers.unused.skip-tz-utc: no effect: both ends always have the same "
      "time zone\n"
      "t.yaml:15: loaders.l.import-mode: no effect: rows are imported by SQL, not "
      "physically: the same rows, more slowly\n"
      "t.yaml:15: loaders.l.dir: no effect: rows stream from source to target, no files "
      "between\n"
      "t.yaml:16: syncers.s.queue-size: no effect: queues are limited in bytes\n"
      "t.yaml:14: mydumpers.unused: no effect: no instance names it; instances without a "
      "name run on built-in defaults\n"
      "t.yaml:15: loaders.l: no effect: no instance names it; instances without a name run on "
      "built-in defaults\n"
      "t.yaml:16: syncers.s: no effect: no instance names it; instances without a name run on "
      "built-in defaults\n");
}

DumpConfig dump_of(const std::string& extra_args) {
  const auto read = task(tutorial(extra_args));
  EXPECT_TRUE(read) << (read ? "" : read.error().text());
  return read ? read->instances[0].dump : DumpConfig();
}

TEST(ExtraArgs, ReadEveryWayOfWritingAnArgument) {
  for (const char* text : {"-B a,b", "-Ba,b", "--database a,b", "--database=a,b", "-B 'a,b'"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(dump_of(text).selection.schemas, (std::vector<std::string>{"a", "b"}));
  }
  const DumpConfig dump =
      dump_of("-T a.t,b.u -t 8 -F 128MiB -s 1000 -r 5000 --where 'id>1' --consistency none -W -k");
  EXPECT_EQ(dump.selection.tables[1].schema, "b");
  EXPECT_EQ(dump.threads, 8U);
  EXPECT_EQ(dump.chunk_filesize.bytes, std::uint64_t{128} << 20U);
  EXPECT_EQ(dump.statement_size.bytes, 1000U);
  EXPECT_EQ(dump.rows, 5000U);
  EXPECT_EQ(dump.where, "id>1");
  EXPECT_TRUE(dump.no_locks);
  EXPECT_EQ(dump_of("-F 32").chunk_filesize.bytes, std::uint64_t{32} << 20U) << "MiB";
  EXPECT_EQ(dump_of("-f a.* -f !a.t").selection.filters.size(), 2U);
  EXPECT_EQ(dump_of("--ca ca.pem").security.ca_path, "ca.pem");
  EXPECT_FALSE(dump_of("--consistency lock").no_locks);
}

TEST(ExtraArgs, RefuseWhatTheyDoNotKnowByName) {
  struct Row {
    const char* extra_args;
    const char* problem;
  };
  const Row rows[] = {
      {"--no-lock5", "--no-lock5 is not known; did you mean --no-locks?"},
      {"-Z", "-Z is not known; leave it out"},
      {"-B", "-B needs a value"},
      {"test_db", "\"test_db\" is no argument, they begin with a dash"},
      {"-T t", "-T t: a bare table name needs -B with its schema"},
      {"-T a.t -f a.*", "-T and -f cannot stand together; write the tables as -f too"},
      {"--no-locks --consistency lock", "--no-locks and --consistency lock contradict each other"},
      {"--consistency snapshot", "--consistency snapshot is for TiDB sources only; leave it out"},
      {"--snapshot 5", "--snapshot: for TiDB sources only; leave it out"},
      {"-x ^(?!mysql)",
       "-x: look-arounds are not possible; leave tables out with -f '*.*' -f "
       "'!schema.table', or in the task's block-allow-list"},
      {"-t four", "-t wants a whole number, got \"four\""},
      {"-f a", "-f a: the '.' between schema and table is missing"},
      {"-f !a.*", "-f: rules with ! alone select no table; put -f '*.*' before them"},
      {"--no-locks=maybe", "--no-locks takes no value, got \"maybe\""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.extra_args);
    const auto read = task(tutorial(row.extra_args));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().text(),
              "t.yaml:8: mydumpers.global.extra-args: " + std::string(row.problem));
  }
}

applier::EventRuleOptions rule(const char* name, const char* schema, const char* table) {
  applier::EventRuleOptions options;
  options.name = name;
  options.schema_pattern = schema;
  options.table_pattern = table;
  return options;
}

TEST(TaskConfig, AddsTheSourcesFiltersBehindItsOwn) {
  InstanceConfig instance;
  instance.filters = {rule("own", "A", "t")};
  const std::vector<applier::EventRuleOptions> of_source = {rule("same", "a", "T"),
                                                            rule("new", "a", "")};
  const auto folded = with_source_filters(instance, of_source, false);
  ASSERT_EQ(folded.size(), 2U);
  EXPECT_EQ(folded[0].name, "own");
  EXPECT_EQ(folded[1].name, "new");
  EXPECT_EQ(with_source_filters(instance, of_source, true).size(), 3U);
}

}  // namespace
}  // namespace tiderelay::conf
