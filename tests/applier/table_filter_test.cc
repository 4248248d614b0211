#include "applier/table_filter.h"

#include <gtest/gtest.h>

namespace tiderelay::applier {
namespace {

TableFilter filter(const TableFilterOptions& options, bool case_sensitive = false) {
  auto made = TableFilter::make(options, case_sensitive);
  EXPECT_TRUE(made) << (made ? "" : made.error().text());
  return made ? *made : TableFilter();
}

using Names = std::vector<std::string>;
using Pairs = std::vector<TablePatternOptions>;

TEST(TableFilter, PassesBothLevels) {
  struct Row {
    const char* fact;
    TableFilterOptions options;
    TableName name;
    bool takes;
  };
  const Row rows[] = {
      {"no list takes everything", {}, {"a", "t"}, true},
      {"do-dbs must match", {Names{"a", "b*"}, {}, {}, {}}, {"b1", "t"}, true},
      {"do-dbs must match", {Names{"a", "b*"}, {}, {}, {}}, {"c", "t"}, false},
      {"ignore-dbs rejects", {{}, Names{"a"}, {}, {}}, {"a", "t"}, false},
      {"ignore-dbs alone takes the rest", {{}, Names{"a"}, {}, {}}, {"b", "t"}, true},
      {"beside do-dbs ignore-dbs is not asked", {Names{"a"}, Names{"a"}, {}, {}}, {"a", "t"}, true},
      {"do-tables accepts", {{}, {}, Pairs{{"a", "t*"}}, {}}, {"a", "t1"}, true},
      {"do-tables rejects what it does not name",
       {{}, {}, Pairs{{"a", "t"}}, {}},
       {"a", "u"},
       false},
      {"ignore-tables rejects", {{}, {}, {}, Pairs{{"a", "log_*"}}}, {"a", "log_1"}, false},
      {"ignore-tables alone takes the rest", {{}, {}, {}, Pairs{{"a", "log_*"}}}, {"a", "t"}, true},
      {"do-tables goes before ignore-tables",
       {{}, {}, Pairs{{"a", "t"}}, Pairs{{"a", "*"}}},
       {"a", "t"},
       true},
      {"both levels must pass", {Names{"b"}, {}, Pairs{{"a", "t"}}, {}}, {"a", "t"}, false},
      {"a regex works on both sides", {{}, {}, Pairs{{"~^s\\d", "~x"}}, {}}, {"s1", "axb"}, true},
      {"any case", {Names{"Test_DB"}, {}, {}, {}}, {"TEST_db", "t"}, true},
      {"names outside ASCII", {{}, {}, Pairs{{"测试库", "表*"}}, {}}, {"测试库", "表一"}, true},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    EXPECT_EQ(filter(row.options).takes(row.name), row.takes);
  }
}

TEST(TableFilter, NeverTakesSystemSchemas) {
  for (const char* schema : {"mysql", "MySQL", "information_schema", "performance_schema", "sys",
                             "METRICS_SCHEMA", "inspection_schema", "dm_heartbeat"}) {
    SCOPED_TRACE(schema);
    EXPECT_FALSE(TableFilter().takes({schema, "t"}));
    EXPECT_FALSE(filter({Names{schema}, {}, {}, {}}, true).takes({schema, "t"}));
    EXPECT_FALSE(TableFilter().takes_schema(schema));
  }
  EXPECT_TRUE(TableFilter().takes({"mysql2", "t"}));
}

TEST(TableFilter, EvaluatesPairsAsPairsWhereDmMixesThem) {
  const TableFilter pairs = filter({{}, {}, Pairs{{"~^x$", "t1"}, {"~^y$", "t2"}}, {}});
  EXPECT_TRUE(pairs.takes({"x", "t1"}));
  EXPECT_TRUE(pairs.takes({"y", "t2"}));
  for (const TableName& name : {TableName{"x", "t2"}, TableName{"y", "t1"}}) {
    EXPECT_FALSE(pairs.takes(name));
    EXPECT_TRUE(pairs.dm_takes(name)) << "and check-task names these tables";
  }
  EXPECT_FALSE(pairs.dm_takes({"z", "t1"}));
  const TableFilter plain = filter({{}, {}, Pairs{{"x", "t1"}, {"y", "t2"}}, {}});
  EXPECT_FALSE(plain.dm_takes({"x", "t2"})) << "only regex schemas are mixed";
  const TableFilter ignored = filter({{}, {}, {}, Pairs{{"~^x$", "t1"}, {"~^y$", "t2"}}});
  EXPECT_TRUE(ignored.takes({"x", "t2"}));
  EXPECT_FALSE(ignored.dm_takes({"x", "t2"}));
}

TEST(TableFilter, LetsStatementsOnASchemaThroughOnlyWhereATableCouldPass) {
  struct Row {
    const char* fact;
    TableFilterOptions options;
    const char* schema;
    bool takes;
  };
  const Row rows[] = {
      {"no list", {}, "a", true},
      {"do-tables names a table of it", {{}, {}, Pairs{{"a*", "t"}}, {}}, "a1", true},
      {"do-tables names none of it", {{}, {}, Pairs{{"a*", "t"}}, {}}, "other", false},
      {"do-dbs alone", {Names{"a"}, {}, {}, {}}, "a", true},
      {"do-dbs without it", {Names{"a"}, {}, {}, {}}, "b", false},
      {"do-dbs with it, do-tables without",
       {Names{"a", "b"}, {}, Pairs{{"a", "t"}}, {}},
       "b",
       false},
      {"ignore-dbs", {{}, Names{"a"}, {}, {}}, "a", false},
      {"ignore-tables leaves others", {{}, {}, {}, Pairs{{"a", "t"}}}, "a", true},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    EXPECT_EQ(filter(row.options).takes_schema(row.schema), row.takes);
  }
}

TEST(TableFilter, NamesTheListOfABadPattern) {
  EXPECT_EQ(TableFilter::make({{}, {}, Pairs{{"a", "b*c"}}, {}}, false).error().text(),
            "do-tables: tbl-name: pattern \"b*c\": * may only be the last character");
  EXPECT_EQ(TableFilter::make({{}, Names{""}, {}, {}}, false).error().text(),
            "ignore-dbs: the pattern is empty");
}

}  // namespace
}  // namespace tiderelay::applier
