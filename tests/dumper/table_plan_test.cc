#include "dumper/table_plan.h"

#include <gtest/gtest.h>

#include "tests/dumper/schemas.h"

namespace tiderelay::dumper {
namespace {

using applier::Column;
using applier::Generated;
using applier::SqlType;
using applier::TargetKind;
using tests::column;
using tests::key;
using tests::table;

DumpTable both_named() {
  DumpTable made;
  made.source = {"s", "t"};
  made.target = {"r", "u"};
  return made;
}

TablePlan planned(const applier::TableSchema& source, const applier::TableSchema& target,
                  TargetKind kind = TargetKind::kTidb) {
  const auto plan = plan_table(both_named(), source, target, kind);
  EXPECT_TRUE(plan.has_value()) << plan.error().text();
  return plan ? *plan : TablePlan();
}

TEST(TablePlan, ListsColumnsWithoutGeneratedAndWithInvisibleOnes) {
  Column generated = column("g", SqlType::kInt);
  generated.generated = Generated::kVirtual;
  Column hidden = column("h", SqlType::kInt);
  hidden.invisible = true;
  const auto schema =
      table({column("id", SqlType::kInt, true), generated, hidden}, {key("PRIMARY", {"id"})});
  const TablePlan plan = planned(schema, schema);
  EXPECT_EQ(select_sql(plan, "`id`>5"),
            "SELECT /*!40001 SQL_NO_CACHE */ `id`,`h` FROM `s`.`t` FORCE INDEX (`PRIMARY`) "
            "WHERE `id`>5");
  EXPECT_EQ(insert_prefix(plan, "`r`.`u`", ""), "INSERT INTO `r`.`u` (`id`,`h`) VALUES ");
}

TEST(TablePlan, SelectsFloatsWithAllTheirDigits) {
  Column fixed = column("d", SqlType::kDouble);
  fixed.type_text = "double(10,2)";
  Column plain = column("e", SqlType::kDouble);
  plain.type_text = "double";
  const auto schema = table({column("f", SqlType::kFloat), fixed, plain}, {});
  EXPECT_EQ(select_sql(planned(schema, schema), ""),
            "SELECT /*!40001 SQL_NO_CACHE */ `f`*1e0,`d`*1e0,`e` FROM `s`.`t`");
}

TEST(TablePlan, LoadsBytesThroughABinaryFileWhereTheTargetIsMysql) {
  const auto schema = table(
      {column("id", SqlType::kInt, true), column("b", SqlType::kBlob), column("j", SqlType::kJson),
       column("u", SqlType::kText, false, "utf8mb4"), column("l", SqlType::kChar, false, "latin1"),
       column("e", SqlType::kEnum, false, "utf8mb4")},
      {key("PRIMARY", {"id"})});
  EXPECT_EQ(load_sql(planned(schema, schema, TargetKind::kMysql), "`r`.`u`", ""),
            "LOAD DATA LOCAL INFILE 'tiderelay' INTO TABLE `r`.`u` CHARACTER SET binary "
            "FIELDS TERMINATED BY '\t' ENCLOSED BY '' ESCAPED BY '\\' LINES STARTING BY '' "
            "TERMINATED BY '\n' (`id`,`b`,@c2,`u`,@c4,@c5) SET `j`=CONVERT(@c2 USING utf8mb4),"
            "`l`=CONVERT(@c4 USING utf8mb4),`e`=CONVERT(@c5 USING utf8mb4)");
  EXPECT_NE(load_sql(planned(schema, schema), "`r`.`u`", "3").find("CHARACTER SET utf8mb4"),
            std::string::npos);
  EXPECT_TRUE(load_sql(planned(schema, schema), "`r`.`u`", "3")
                  .ends_with("(`id`,`b`,`j`,`u`,`l`,`e`) SET `tiderelay_part`=3"));
}

TEST(TablePlan, TakesTheKeyThatIsUniqueAndNotNullOnBothSides) {
  const std::vector<Column> columns = {
      column("a", SqlType::kInt, true), column("b", SqlType::kVarchar, true, "utf8mb4"),
      column("n", SqlType::kInt), column("e", SqlType::kEnum, true, "utf8mb4")};
  applier::Key prefixed = key("p", {"b"});
  prefixed.parts[0].prefix_length = 3;
  struct Row {
    const char* fact;
    std::vector<applier::Key> source, target;
    const char* key_name;
  };
  const Row rows[] = {
      {"the primary key",
       {key("u", {"a"}), key("PRIMARY", {"b"})},
       {key("PRIMARY", {"b"}), key("u", {"a"})},
       "PRIMARY"},
      {"another one where the target lacks the primary key",
       {key("PRIMARY", {"b"}), key("u", {"a"})},
       {key("PRIMARY", {"a"})},
       "u"},
      {"order of columns is of no matter",
       {key("PRIMARY", {"a", "b"})},
       {key("x", {"b", "a"})},
       "PRIMARY"},
      {"numbers before ENUMs, which no index orders",
       {key("PRIMARY", {"e"}), key("u", {"a"})},
       {key("PRIMARY", {"e"}), key("u", {"a"})},
       "u"},
      {"a nullable key is none", {key("u", {"n"})}, {key("u", {"n"})}, ""},
      {"a prefix is none", {prefixed}, {prefixed}, ""},
      {"an ordinary index is none", {key("i", {"a"}, false)}, {key("i", {"a"}, false)}, ""},
      {"a key of the source alone is none", {key("PRIMARY", {"a"})}, {}, ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    const TablePlan plan = planned(table(columns, row.source), table(columns, row.target));
    EXPECT_EQ(plan.key_name, row.key_name);
    EXPECT_EQ(plan.staged(), std::string(row.key_name).empty());
  }
}

TEST(TablePlan, CopiesASharedTableWithSeveralUniqueKeysInOneSnapshot) {
  const applier::TableSchema one = table(
      {column("a", SqlType::kInt, true), column("b", SqlType::kInt)}, {key("PRIMARY", {"a"})});
  applier::TableSchema two = one;
  two.keys.push_back(key("u", {"b"}));
  DumpTable shared{one.name, one.name, true};
  EXPECT_FALSE(plan_table(shared, one, one, applier::TargetKind::kTidb)->staged());
  EXPECT_TRUE(plan_table(shared, two, two, applier::TargetKind::kTidb)->staged());
  shared.shared_target = false;
  EXPECT_FALSE(plan_table(shared, two, two, applier::TargetKind::kTidb)->staged());
}

TEST(TablePlan, KnowsTheOtherUniqueKeysOfTheTarget) {
  const std::vector<Column> columns = {column("a", SqlType::kInt, true), column("b", SqlType::kInt),
                                       column("c", SqlType::kInt)};
  applier::Key expression = key("x", {""});
  const TablePlan plan =
      planned(table(columns, {key("PRIMARY", {"a"})}),
              table(columns, {key("PRIMARY", {"a"}), key("u", {"c", "b"}), expression}));
  ASSERT_EQ(plan.other_unique.size(), 2U);
  EXPECT_EQ(plan.other_unique[0], (std::vector<std::size_t>{2, 1}));
  EXPECT_TRUE(plan.other_unique[1].empty()) << "an expression cannot be looked up by a value";
}

TEST(TablePlan, NamesTheColumnThatDoesNotFit) {
  const auto source = table({column("id", SqlType::kInt, true), column("x", SqlType::kInt)}, {});
  Column generated = column("x", SqlType::kInt);
  generated.generated = Generated::kStored;
  struct Row {
    const char* fact;
    applier::TableSchema target;
    const char* named;
  };
  const Row rows[] = {
      {"missing in the target", table({column("id", SqlType::kInt)}, {}), "`x`"},
      {"generated in the target", table({column("id", SqlType::kInt), generated}, {}), "`x`"},
      {"of the target alone, without a value",
       table({column("id", SqlType::kInt), column("X", SqlType::kInt),
              column("y", SqlType::kInt, true)},
             {}),
       "`y`"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    const auto plan = plan_table(both_named(), source, row.target, TargetKind::kTidb);
    ASSERT_TRUE(plan.has_error());
    EXPECT_NE(plan.error().text().find(row.named), std::string::npos) << plan.error().text();
    EXPECT_FALSE(plan.error().way_out().empty());
  }
}

TEST(ComparableCreate, ForgetsTheNextAutoIncrementOnly) {
  const std::string create =
      "CREATE TABLE `t` (\n  `a` varchar(20) DEFAULT ' AUTO_INCREMENT=5'\n) ENGINE=InnoDB "
      "AUTO_INCREMENT=17 DEFAULT CHARSET=latin1";
  EXPECT_EQ(comparable_create(create),
            "CREATE TABLE `t` (\n  `a` varchar(20) DEFAULT ' AUTO_INCREMENT=5'\n) ENGINE=InnoDB "
            "DEFAULT CHARSET=latin1");
  EXPECT_EQ(comparable_create("CREATE TABLE `t` (\n  `a` int\n)"),
            "CREATE TABLE `t` (\n  `a` int\n)");
}

}  // namespace
}  // namespace tiderelay::dumper
