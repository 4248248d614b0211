#include "applier/router.h"

#include <gtest/gtest.h>

namespace tiderelay::applier {
namespace {

RouteOptions rule(const std::string& name, const std::string& schema, const std::string& table,
                  const std::string& target_schema, const std::string& target_table = "") {
  RouteOptions options;
  options.name = name;
  options.schema_pattern = schema;
  options.table_pattern = table;
  options.target_schema = target_schema;
  options.target_table = target_table;
  return options;
}

Router router(const std::vector<RouteOptions>& rules, bool case_sensitive = false) {
  auto made = Router::make(rules, case_sensitive);
  EXPECT_TRUE(made) << (made ? "" : made.error().text());
  return made ? *made : Router();
}

TEST(Router, LeavesNamesThatNoRuleMatches) {
  EXPECT_EQ(Router().route({"a", "t"}).value(), (TableName{"a", "t"}));
  EXPECT_EQ(Router().route_schema("a").value(), "a");
}

TEST(Router, PrefersTableRulesToSchemaRules) {
  const Router merge =
      router({rule("tables", "test_*", "t_*", "test", "t"), rule("schemas", "test_*", "", "test")});
  EXPECT_EQ(merge.route({"test_1", "t_2"}).value(), (TableName{"test", "t"}));
  EXPECT_EQ(merge.route({"test_1", "other"}).value(), (TableName{"test", "other"}));
  EXPECT_EQ(merge.route({"prod", "t_2"}).value(), (TableName{"prod", "t_2"}));
  EXPECT_EQ(merge.route_schema("test_1").value(), "test");
}

TEST(Router, RoutesStatementsOnASchemaBySchemaRulesAlone) {
  const Router tables_only = router({rule("tables", "test_*", "t_*", "test", "t")});
  EXPECT_EQ(tables_only.route_schema("test_1").value(), "test_1");
}

TEST(Router, KeepsTheTableNameWithoutTargetTable) {
  EXPECT_EQ(router({rule("r", "a", "t*", "b")}).route({"a", "t1"}).value(), (TableName{"b", "t1"}));
  EXPECT_EQ(router({rule("r", "a", "", "b", "all")}).route({"a", "t1"}).value(),
            (TableName{"b", "all"}))
      << "also a schema rule may name one table";
}

TEST(Router, KnowsRegexesAndCase) {
  const Router regex = router({rule("r", "~^test_\\d+$", "~^T", "x")});
  EXPECT_EQ(regex.route({"TEST_12", "t"}).value().schema, "x");
  EXPECT_EQ(regex.route({"test_x", "t"}).value().schema, "test_x");
  const Router exact = router({rule("r", "Test", "", "x")}, true);
  EXPECT_EQ(exact.route({"Test", "t"}).value().schema, "x");
  EXPECT_EQ(exact.route({"test", "t"}).value().schema, "test");
}

TEST(Router, RefusesToChooseBetweenTwoRules) {
  const Router tables =
      router({rule("one", "a*", "t*", "x"), rule("two", "*", "t1", "y"), rule("s", "a*", "", "z")});
  const auto routed = tables.route({"a1", "t1"});
  ASSERT_FALSE(routed);
  EXPECT_EQ(routed.error().text(),
            "table `a1`.`t1` matches more than one route: \"one\" (a*.t*) and \"two\" (*.t1)");
  EXPECT_EQ(routed.error().code(), Errc::kConfig);
  EXPECT_TRUE(tables.route({"a1", "t2"}));
  EXPECT_FALSE(tables.extract({"a1", "t1"}, "s"));

  const Router schemas =
      router({rule("one", "a*", "", "x"), rule("two", "~1$", "", "y"), rule("t", "a1", "t", "z")});
  EXPECT_EQ(schemas.route({"a1", "u"}).error().text(),
            "schema `a1` matches more than one route: \"one\" (a*) and \"two\" (~1$)");
  EXPECT_FALSE(schemas.route_schema("a1"));
  EXPECT_EQ(schemas.route({"a1", "t"}).value().schema, "z") << "a table rule decides before them";
}

TEST(Router, RefusesTheSamePatternsTwice) {
  const auto twice = Router::make({rule("one", "A", "t", "x"), rule("two", "a", "T", "y")}, false);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().text(),
            "route \"two\" (a.T): another route has the same patterns already");
  EXPECT_TRUE(Router::make({rule("one", "A", "t", "x"), rule("two", "a", "T", "y")}, true));
}

TEST(Router, ExtractsColumnsFromNames) {
  RouteOptions options = rule("r", "db_*", "t_*", "db", "t");
  options.extract_table = ExtractOptions{"t_(\\w)_?(\\d*)", "c_table"};
  options.extract_schema = ExtractOptions{"^nothing(.*)", "c_schema"};
  options.extract_source = ExtractOptions{"replica-(.*)", "c_source"};
  const auto columns = router({options}).extract({"db_1", "t_a_5"}, "mysql-replica-01").value();
  ASSERT_EQ(columns.size(), 3U);
  EXPECT_EQ(columns[0].target_column, "c_table");
  EXPECT_EQ(columns[0].value, "a5") << "all groups, joined";
  EXPECT_EQ(columns[1].value, "") << "no match";
  EXPECT_EQ(columns[2].value, "01");
  EXPECT_TRUE(router({options}).extract({"x", "y"}, "s").value().empty());

  options.extract_table = ExtractOptions{"(", "c"};
  EXPECT_EQ(Router::make({options}, false).error().text(),
            "route \"r\": extract-table: the regex \"(\" does not compile: missing ): (");
}

TEST(CheckCase, NamesTablesThatDifferInCaseAlone) {
  EXPECT_TRUE(check_case({{"s", "t"}, {"s", "t"}, {"s", "u"}, {"r", "T"}}));
  const Result<void> same = check_case({{"s", "Größe"}, {"s", "t"}, {"S", "GRÖßE"}});
  ASSERT_FALSE(same);
  EXPECT_NE(same.error().text().find("s.Größe and S.GRÖßE"), std::string::npos);
}

}  // namespace
}  // namespace tiderelay::applier
