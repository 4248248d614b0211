#include "control/row_compare.h"

#include <gtest/gtest.h>

namespace tiderelay::control {
namespace {

using applier::SqlType;

dumper::PlannedColumn column(SqlType type) {
  dumper::PlannedColumn made;
  made.type = type;
  return made;
}

// One value as a row packet has it, short enough for one byte of length.
std::string packet(const std::string& value) {
  return std::string(1, static_cast<char>(value.size())) + value;
}

std::string comparable(SqlType type, const std::string& value) {
  const std::string row = packet(value);
  const Result<RowValues> values = comparable_values({column(type)}, as_bytes(row));
  return values ? (*values)[0].value_or("NULL") : values.error().text();
}

TEST(RowCompare, NumbersAreEqualByValueAndTextsByByte) {
  EXPECT_EQ(comparable(SqlType::kDouble, "1e20"),
            comparable(SqlType::kDouble, "100000000000000000000"));
  EXPECT_EQ(comparable(SqlType::kFloat, "0.10000000149011612"), comparable(SqlType::kFloat, "0.1"));
  EXPECT_NE(comparable(SqlType::kDouble, "0.1"),
            comparable(SqlType::kDouble, "0.10000000000000002"));
  EXPECT_EQ(comparable(SqlType::kDouble, "-0"), comparable(SqlType::kDouble, "0"));
  EXPECT_NE(comparable(SqlType::kVarchar, "a"), comparable(SqlType::kVarchar, "A"));
  EXPECT_NE(comparable(SqlType::kDecimal, "1.0"), comparable(SqlType::kDecimal, "1.00"));
}

TEST(RowCompare, JsonIsEqualWhateverTheOrderOfItsMembers) {
  EXPECT_EQ(comparable_json(R"({"b": 1, "aa": [1.0, null]})"),
            comparable_json(R"({"aa":[1,null],"b":1})"));
  EXPECT_EQ(comparable_json(R"({"b": [1, 2], "a": {}})"), R"({"a":{},"b":[1,2]})");
  EXPECT_NE(comparable_json("[1,2]"), comparable_json("[2,1]"));
  EXPECT_NE(comparable_json("9007199254740993"), comparable_json("9007199254740992"));
  EXPECT_EQ(comparable_json("no json"), "no json");
}

TEST(RowCompare, TextsOfRowsTellNullFromNothingAndOneValueFromTwo) {
  EXPECT_NE(values_text({std::nullopt}), values_text({""}));
  EXPECT_NE(values_text({"N"}), values_text({std::nullopt}));
  EXPECT_NE(values_text({"a,1:b"}), values_text({"a", "b"}));
}

TEST(RowCompare, APacketThatDoesNotHoldItsColumnsIsAnError) {
  const std::string row = packet("1") + "x";
  EXPECT_FALSE(comparable_values({column(SqlType::kInt)}, as_bytes(row)));
  EXPECT_FALSE(
      comparable_values({column(SqlType::kInt), column(SqlType::kInt)}, as_bytes(row).first(2)));
}

}  // namespace
}  // namespace tiderelay::control
