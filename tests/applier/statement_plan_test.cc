#include "applier/statement_plan.h"

#include <gtest/gtest.h>

namespace tiderelay::applier {
namespace {

// One source with the table d.t; what a statement on it becomes for the target e.t.
StatementPlan plan_of(const std::string& sql, const Target& target) {
  SchemaTracker tracker(TrackerOptions{});
  const std::string create =
      "CREATE TABLE `t` (`a` int NOT NULL, `b` varchar(10) DEFAULT NULL, `c` int DEFAULT NULL, "
      "PRIMARY KEY (`a`), KEY `bc` (`b`,`c`)) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
  const Result<void> read = tracker.read_table("d", create);
  EXPECT_TRUE(read.has_value()) << read.error().text();
  const Result<DdlStatement> statement = parse_statement(sql, {});
  EXPECT_TRUE(statement.has_value()) << statement.error().text();
  StatementSession session;
  session.schema = "d";
  const Result<StatementEffects> effects = tracker.apply(*statement, session);
  EXPECT_TRUE(effects.has_value()) << effects.error().text();
  auto route = [](const TableName& name) {
    return std::optional<TableName>(TableName{"e", name.table});
  };
  const Result<StatementPlan> plan = plan_statement(*statement, *effects, target, route);
  EXPECT_TRUE(plan.has_value()) << plan.error().text();
  return *plan;
}
std::vector<std::string> planned(const std::string& sql) { return plan_of(sql, Target()).sql; }

TEST(StatementPlan, WritesOneChangeAStatementInAnOrderThatTheTargetTakes) {
  struct Row {
    const char* sql;
    std::vector<std::string> expected;  // the beginnings
  };
  const Row rows[] = {
      {"ALTER TABLE t ADD COLUMN x int, ADD INDEX (x)",
       {"ALTER TABLE `e`.`t` ADD COLUMN `x`", "ALTER TABLE `e`.`t` ADD KEY `x` (`x`)"}},
      {"ALTER TABLE t DROP COLUMN c",
       {"ALTER TABLE `e`.`t` DROP INDEX `bc`", "ALTER TABLE `e`.`t` DROP COLUMN `c`",
        "ALTER TABLE `e`.`t` ADD KEY `bc` (`b`)"}},
      {"ALTER TABLE t CHANGE c cc bigint",
       {"ALTER TABLE `e`.`t` RENAME COLUMN `c` TO `cc`",
        "ALTER TABLE `e`.`t` MODIFY COLUMN `cc` bigint"}},
      {"TRUNCATE TABLE t", {"TRUNCATE TABLE `e`.`t`"}},
      {"DROP TABLE t", {"DROP TABLE IF EXISTS `e`.`t`"}},
      {"RENAME TABLE t TO u", {"RENAME TABLE `e`.`t` TO `e`.`u`"}},
      {"CREATE TABLE n (i int primary key)", {"CREATE TABLE IF NOT EXISTS `e`.`n`"}},
      {"CREATE DATABASE d", {"CREATE DATABASE IF NOT EXISTS `e`"}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.sql);
    const std::vector<std::string> sql = planned(row.sql);
    ASSERT_EQ(sql.size(), row.expected.size());
    for (std::size_t i = 0; i < sql.size(); ++i) {
      EXPECT_TRUE(sql[i].starts_with(row.expected[i])) << sql[i];
    }
  }
}

TEST(StatementPlan, ANewColumnStandsWhereTheSourceHasIt) {
  const std::vector<std::string> sql = planned("ALTER TABLE t ADD COLUMN x int FIRST");
  ASSERT_EQ(sql.size(), 1U);
  EXPECT_TRUE(sql[0].ends_with(" FIRST")) << sql[0];
}

TEST(StatementPlan, MysqlGetsTheChangesOfANumberedKeyAtOnce) {
  Target mysql;
  mysql.kind = TargetKind::kMysql;
  mysql.version = 80031;
  const StatementPlan plan = plan_of(
      "ALTER TABLE t DROP PRIMARY KEY, CHANGE c n int NOT NULL AUTO_INCREMENT, ADD PRIMARY KEY (n)",
      mysql);
  ASSERT_EQ(plan.sql.size(), 2U);
  EXPECT_EQ(plan.sql[0], "ALTER TABLE `e`.`t` RENAME COLUMN `c` TO `n`");
  EXPECT_TRUE(
      plan.sql[1].starts_with("ALTER TABLE `e`.`t` DROP PRIMARY KEY, MODIFY COLUMN `n` int"))
      << plan.sql[1];
  EXPECT_TRUE(plan.sql[1].ends_with(", ADD PRIMARY KEY (`n`)")) << plan.sql[1];
  EXPECT_TRUE(plan.numbered.empty());
  EXPECT_EQ(plan_of("ALTER TABLE t ADD COLUMN x int, DROP KEY bc", mysql).sql.size(), 2U);
}

TEST(StatementPlan, SaysWhoseRowsGetNumbers) {
  const StatementPlan plan =
      plan_of("ALTER TABLE t ADD COLUMN x int NOT NULL AUTO_INCREMENT UNIQUE", Target());
  ASSERT_EQ(plan.numbered.size(), 1U);
  EXPECT_EQ(plan.numbered[0], (TableName{"e", "t"}));
}

}  // namespace
}  // namespace tiderelay::applier
