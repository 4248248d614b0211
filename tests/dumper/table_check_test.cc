#include "dumper/table_check.h"

#include <gtest/gtest.h>

#include "tests/dumper/schemas.h"

namespace tiderelay::dumper {
namespace {

using applier::SqlType;
using applier::TargetKind;
using tests::column;
using tests::key;
using tests::table;

TablePlan planned(const applier::TableSchema& schema) {
  DumpTable names;
  names.source = {"s", "t"};
  names.target = {"r", "u"};
  const auto plan = plan_table(names, schema, schema, TargetKind::kTidb);
  EXPECT_TRUE(plan.has_value());
  return plan ? *plan : TablePlan();
}

TEST(TableCheck, BothSidesComputeTheSameTextUnderTheirOwnNames) {
  const TablePlan plan = planned(table({column("id", SqlType::kInt, true),
                                        column("b", SqlType::kBlob), column("f", SqlType::kFloat)},
                                       {key("PRIMARY", {"id"})}));
  const std::string text =
      "MD5(CONCAT_WS(',',`id`,MD5(`b`),`f`*1e0,CONCAT(ISNULL(`id`),"
      "ISNULL(`b`),ISNULL(`f`))))";
  EXPECT_EQ(check_text_sql(plan, CheckSide::kSource), text);
  EXPECT_EQ(check_text_sql(plan, CheckSide::kTarget), text);
  EXPECT_EQ(chunk_sum_sql(plan, CheckSide::kTarget, "`id`>1"),
            "SELECT COUNT(*),SUM(CAST(CONV(SUBSTRING(" + text +
                ",1,15),16,10) AS UNSIGNED)) FROM `r`.`u` WHERE `id`>1");
}

TEST(TableCheck, KeysThatTheTargetCannotFindAreNoKeys) {
  const auto has = [](const applier::Column& id) {
    return has_check_key(planned(table({id}, {key("PRIMARY", {id.name})})), TargetKind::kTidb);
  };
  EXPECT_TRUE(has(column("id", SqlType::kInt, true)));
  EXPECT_TRUE(has(column("id", SqlType::kVarchar, true, "latin1")));
  EXPECT_FALSE(has(column("id", SqlType::kVarchar, true, "cp1251")));
  EXPECT_FALSE(has(column("id", SqlType::kDouble, true)));
  EXPECT_FALSE(has_check_key(planned(table({column("id", SqlType::kInt)}, {})), TargetKind::kTidb));
}

TEST(TableCheck, SumsAddUpHoweverManyDigitsTheyHave) {
  const auto half = check_sum("1", "18446744073709551615");
  const auto twice = check_sum("2", "36893488147419103230");
  ASSERT_TRUE(half && twice);
  CheckSum sum = *half;
  sum.add(*half);
  EXPECT_EQ(sum, *twice);
  EXPECT_TRUE(check_sum("0", std::nullopt).has_value());
  EXPECT_FALSE(check_sum("x", "1").has_value());
  EXPECT_FALSE(check_sum("1", "1.5").has_value());
}

}  // namespace
}  // namespace tiderelay::dumper
