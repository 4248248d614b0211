#include "applier/statement_order.h"

#include <gtest/gtest.h>

namespace tiderelay::applier {
namespace {

TEST(StatementOrder, PositionsAreTakenInEveryFormThatIsPrinted) {
  for (const char* const text : {"mysql-bin.000003:4711", "mysql-bin|000001.000003:4711",
                                 "(mysql-bin.000003, 4711)", "u.000001/mysql-bin.000003:4711"}) {
    const auto plain = plain_position(text);
    ASSERT_TRUE(plain) << text;
    EXPECT_EQ(*plain, "mysql-bin.000003:4711");
  }
  for (const char* const text : {"", "mysql-bin.000003", "mysql-bin.000003:", "mysql-bin:4", ":4",
                                 "mysql-bin.000003:4x", "mysql-bin.x:4"}) {
    EXPECT_FALSE(plain_position(text)) << text;
  }
}

TEST(StatementOrder, APositionMeansTheTransactionThatItLiesIn) {
  const std::string begin = "u.000001/b.000003:100";
  const std::string end = "u.000001/b.000003:200";
  EXPECT_TRUE(position_in("b.000003:100", begin, end));
  EXPECT_TRUE(position_in("b.000003:199", begin, end));
  EXPECT_FALSE(position_in("b.000003:200", begin, end)) << "where the next one begins";
  EXPECT_FALSE(position_in("b.000003:99", begin, end));
  EXPECT_FALSE(position_in("b.000002:150", begin, end));
}

TEST(StatementOrder, StatementsAreSplitOutsideOfQuotesAndComments) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(split_statements("a; b;"), (Texts{"a", "b"}));
  EXPECT_EQ(split_statements(" ; ;"), Texts{});
  EXPECT_EQ(split_statements("a ';' \";\" `;` /* ; */; b"),
            (Texts{"a ';' \";\" `;` /* ; */", "b"}));
  EXPECT_EQ(split_statements(R"(a 'it''s \'; x'; b)"), (Texts{R"(a 'it''s \'; x')", "b"}));
  EXPECT_EQ(split_statements("a -- ;\n; b # ;"), (Texts{"a -- ;", "b # ;"}));
  EXPECT_EQ(split_statements("a 'open;"), Texts{"a 'open;"});
}

}  // namespace
}  // namespace tiderelay::applier
