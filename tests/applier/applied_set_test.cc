#include "applier/applied_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/seeds.h"

namespace tiderelay::applier {
namespace {

TEST(AppliedSet, ReadsWhatItWrites) {
  struct Row {
    const char* fact;
    const char* text;
  };
  const Row rows[] = {
      {"the empty set is the empty text", ""},
      {"one number", "a:5"},
      {"bounds are inclusive", "a:1-5"},
      {"several intervals", "a:1-5:7:9-10"},
      {"several origins", "a:1,b:2-3"},
      {"the origin of a position is a file", "u.000001/mysql-bin.000003:4-120"},
      {"a tag belongs to the origin", "3e11fa47-71ca-11e1-9e33-c80aa9429562:nightly:1-3"},
      {"some rows of a transaction", "a:9[0-4999]"},
      {"several ranges of rows", "a:9[0-4],a:9[7]"},
      {"rows of a transaction known by its bytes", "f:4-120[0-4]"},
      {"characters of the syntax are escaped in an origin", "a%2C%5B%5D%25:1"},
      {"so is a colon before a digit", "c%3A9:1"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    const auto set = AppliedSet::parse(row.text);
    ASSERT_TRUE(set) << set.error().text();
    EXPECT_EQ(set->text(), row.text);
  }
}

TEST(AppliedSet, RefusesWhatIsNoSet) {
  for (const char* text :
       {"a", "a:", ":1", "a:1-", "a:5-1", "a:x", "a:1,", "a:1:", "a:1[", "a:1[]", "a:1[0-4",
        "a:1[4-0]", "a:18446744073709551615", "%zz:1", "%2:1", "a:1[0-4294967295]"}) {
    const auto set = AppliedSet::parse(text);
    EXPECT_FALSE(set) << text;
  }
}

TEST(AppliedSet, MergesNeighboursAndKeepsGaps) {
  AppliedSet set;
  for (const std::uint64_t number : {5U, 1U, 2U, 9U, 4U}) set.add({"a", number, number + 1});
  EXPECT_EQ(set.text(), "a:1-2:4-5:9");
  set.add({"a", 3, 4});
  EXPECT_EQ(set.text(), "a:1-5:9");
  EXPECT_FALSE(set.contains({"a", 6, 7})) << "a gap is not a member, however large the maximum";
  EXPECT_FALSE(set.contains({"b", 1, 2}));
}

TEST(AppliedSet, PartsBecomeAMemberOnlyWithTheWhole) {
  AppliedSet set;
  const TransactionId id{"a", 7, 8};
  set.add_part(id, 0, 100);
  set.add_part(id, 200, 300);
  EXPECT_FALSE(set.contains(id));
  EXPECT_TRUE(set.contains_row(id, 99));
  EXPECT_FALSE(set.contains_row(id, 100));
  EXPECT_TRUE(set.contains_part(id, 200, 300));
  EXPECT_FALSE(set.contains_part(id, 50, 250));
  set.add(id);
  EXPECT_TRUE(set.contains_row(id, 100));
  EXPECT_EQ(set.text(), "a:7") << "the parts are forgotten";
  set.add_part(id, 0, 5);
  EXPECT_EQ(set.text(), "a:7");
}

TEST(AppliedSet, SubtractingATransactionForgetsItsParts) {
  AppliedSet set;
  set.add_part({"a", 7, 8}, 0, 100);
  set.add({"a", 3, 5});
  AppliedSet passed;
  passed.add({"a", 1, 8});
  set.subtract(passed);
  EXPECT_TRUE(set.empty()) << set.text();
}

TEST(AppliedSet, IsTheSameAsASetOfNumbers) {
  for (const std::uint64_t seed : tests::seeds()) {
    SCOPED_TRACE(tests::replay(seed));
    std::mt19937_64 random(seed);
    std::set<std::uint64_t> model;
    AppliedSet set;
    for (int step = 0; step < 100; ++step) {
      const std::uint64_t first = random() % 60;
      const std::uint64_t end = first + random() % 6;
      AppliedSet other;
      other.add({"a", first, end});
      const bool adds = random() % 3 != 0;
      for (std::uint64_t number = first; number < end; ++number) {
        if (adds) model.insert(number);
        if (!adds) model.erase(number);
      }
      adds ? set.merge(other) : set.subtract(other);
      AppliedSet rebuilt;
      for (const std::uint64_t number : model) rebuilt.add({"a", number, number + 1});
      ASSERT_EQ(set.text(), rebuilt.text()) << "step " << step;
      ASSERT_EQ(AppliedSet::parse(set.text()).value(), set);
    }
  }
}

}  // namespace
}  // namespace tiderelay::applier
