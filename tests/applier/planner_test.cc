#include "applier/planner.h"

#include <gtest/gtest.h>

#include "tests/applier/table_maker.h"

namespace tiderelay::applier {
namespace {

using namespace tests;

PlannerOptions small() {
  PlannerOptions options;
  options.batch_rows_max = 4;
  options.batches_max = 8;
  return options;
}

std::shared_ptr<const TableBinding> keyed() {
  return bind(table("t", {integer("id"), integer("v")}, {primary({"id"})}));
}

std::vector<std::uint64_t> members(const std::shared_ptr<const Batch>& batch) {
  std::vector<std::uint64_t> numbers;
  if (batch == nullptr) return numbers;
  for (const Transaction& one : batch->transactions) numbers.push_back(one.id.first);
  return numbers;
}
using Numbers = std::vector<std::uint64_t>;

TEST(Planner, FillsOneBatchWithTransactionsThatDoNotConflict) {
  Planner planner(small(), {});
  const auto t = keyed();
  for (std::uint64_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(planner.add(transaction(i).insert(t, {std::int64_t(i), 0}).done()));
  }
  EXPECT_EQ(planner.take(false), nullptr) << "not full, and more may come";
  EXPECT_EQ(members(planner.take(true)), (Numbers{1, 2, 3}))
      << "an idle worker takes what is there";
}

TEST(Planner, ClosesABatchThatIsFull) {
  Planner planner(small(), {});
  const auto t = keyed();
  for (std::uint64_t i = 1; i <= 5; ++i) {
    ASSERT_TRUE(planner.add(transaction(i).insert(t, {std::int64_t(i), 0}).done()));
  }
  EXPECT_EQ(members(planner.take(false)), (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(planner.take(false), nullptr);
}

TEST(Planner, KeepsWholeTransactionsTogetherEvenAboveTheLimit) {
  Planner planner(small(), {});
  const auto t = keyed();
  TransactionMaker big = transaction(1);
  for (std::int64_t i = 0; i < 9; ++i) big.insert(t, {i, 0});
  ASSERT_TRUE(planner.add(big.done()));
  const auto batch = planner.take(false);
  ASSERT_NE(batch, nullptr);
  EXPECT_EQ(batch->rows, 9U);
}

TEST(Planner, SendsAConflictingTransactionOnlyAfterTheOneBefore) {
  Planner planner(small(), {});
  const auto t = keyed();
  ASSERT_TRUE(planner.add(transaction(1).insert(t, {1, 0}).done()));
  const auto first = planner.take(true);
  ASSERT_TRUE(planner.add(transaction(2).update(t, {1, 0}, {1, 5}).done()));
  ASSERT_TRUE(planner.add(transaction(3).insert(t, {2, 0}).done()));
  EXPECT_EQ(members(planner.take(true)), (Numbers{3})) << "what does not conflict overtakes";
  EXPECT_EQ(planner.take(true), nullptr) << "2 waits for 1";
  planner.done(first->id);
  EXPECT_EQ(members(planner.take(true)), (Numbers{2}));
}

TEST(Planner, AValueWhoseEqualityIsNotKnownMeetsAllOthersOfItsKey) {
  Planner planner(small(), {});
  const auto t = bind(table("t", {text("name", "utf8mb4_general_ci")}, {primary({"name"})}));
  ASSERT_TRUE(planner.add(transaction(1).insert(t, {"ann"}).done()));
  const auto first = planner.take(true);
  ASSERT_TRUE(planner.add(transaction(2).insert(t, {"bob"}).done()));
  const auto second = planner.take(true);
  ASSERT_NE(second, nullptr) << "known values do not wait for each other";
  ASSERT_TRUE(planner.add(transaction(3).insert(t, {"\xC3\xA9va"}).done()));
  EXPECT_EQ(planner.take(true), nullptr) << "3 waits for both";
  planner.done(first->id);
  EXPECT_EQ(planner.take(true), nullptr);
  planner.done(second->id);
  const auto third = planner.take(true);
  EXPECT_EQ(members(third), (Numbers{3}));
  ASSERT_TRUE(planner.add(transaction(4).insert(t, {"eve"}).done()));
  EXPECT_EQ(planner.take(true), nullptr) << "4 waits for 3";
  planner.done(third->id);
  EXPECT_EQ(members(planner.take(true)), (Numbers{4}));
}

TEST(Planner, PutsAConflictWithOneOpenBatchIntoThatBatch) {
  Planner planner(small(), {});
  const auto t = keyed();
  ASSERT_TRUE(planner.add(transaction(1).insert(t, {1, 0}).done()));
  ASSERT_TRUE(planner.add(transaction(2).update(t, {1, 0}, {1, 5}).done()));
  EXPECT_EQ(members(planner.take(true)), (Numbers{1, 2}));
}

TEST(Planner, OfSeveralOpenBatchesInConflictOneStaysOpenAndWaitsForTheOthers) {
  Planner planner(small(), {});
  const auto t = keyed();
  ASSERT_TRUE(planner.add(transaction(1).insert(t, {1, 0}).done()));
  const auto running = planner.take(true);
  ASSERT_TRUE(planner.add(transaction(2).update(t, {1, 0}, {1, 1}).done()));  // waits for 1
  ASSERT_TRUE(planner.add(transaction(3).insert(t, {3, 0}).done()));          // free
  ASSERT_TRUE(
      planner.add(transaction(4).update(t, {1, 1}, {1, 2}).update(t, {3, 0}, {3, 1}).done()));
  const auto third = planner.take(false);
  EXPECT_EQ(members(third), (Numbers{3})) << "sealed although it is not full";
  planner.done(third->id);
  EXPECT_EQ(planner.take(true), nullptr) << "2 waits for 1";
  planner.done(running->id);
  EXPECT_EQ(members(planner.take(true)), (Numbers{2, 4}));
}

TEST(Planner, ConflictsWithDifferentSentBatchesShareABatchThatWaits) {
  Planner planner(small(), {});
  const auto t = keyed();
  ASSERT_TRUE(planner.add(transaction(1).insert(t, {1, 0}).done()));
  const auto first = planner.take(true);
  ASSERT_TRUE(planner.add(transaction(2).insert(t, {2, 0}).done()));
  const auto second = planner.take(true);
  ASSERT_TRUE(planner.add(transaction(3).update(t, {1, 0}, {1, 1}).done()));  // waits for 1
  ASSERT_TRUE(planner.add(transaction(4).update(t, {2, 0}, {2, 1}).done()));  // waits for 2
  ASSERT_TRUE(planner.add(transaction(5).insert(t, {5, 0}).done()));          // free
  EXPECT_EQ(members(planner.take(true)), (Numbers{5})) << "is not held up by those that wait";
  planner.done(first->id);
  EXPECT_EQ(planner.take(true), nullptr);
  planner.done(second->id);
  EXPECT_EQ(members(planner.take(true)), (Numbers{3, 4}));
}

TEST(Planner, UnderLoadABatchFillsInsteadOfGoing) {
  PlannerOptions options = small();
  options.batch_rows_max = 2;
  options.busy_for_partial = 1;
  Planner planner(options, {});
  const auto t = keyed();
  ASSERT_TRUE(planner.add(transaction(1).insert(t, {1, 0}).done()));
  const auto first = planner.take(true);
  ASSERT_EQ(members(first), (Numbers{1})) << "nothing else is on its way";
  ASSERT_TRUE(planner.add(transaction(2).insert(t, {2, 0}).done()));
  EXPECT_EQ(planner.take(true), nullptr);
  ASSERT_TRUE(planner.add(transaction(3).insert(t, {3, 0}).done()));
  EXPECT_EQ(members(planner.take(true)), (Numbers{2, 3})) << "full batches go at once";
}

TEST(Planner, SendsLargeBatchesSideBySideUpToALimitOfBytes) {
  PlannerOptions options = small();
  options.batch_rows_max = 1;
  options.sent_bytes_max = 1;
  Planner planner(options, {});
  const auto t = keyed();
  ASSERT_TRUE(planner.add(transaction(1).insert(t, {1, 0}).done()));
  ASSERT_TRUE(planner.add(transaction(2).insert(t, {2, 0}).done()));
  const auto first = planner.take(true);
  ASSERT_EQ(members(first), (Numbers{1})) << "a batch above the limit goes alone";
  EXPECT_EQ(planner.take(true), nullptr);
  planner.done(first->id);
  EXPECT_EQ(members(planner.take(true)), (Numbers{2}));
}

TEST(Planner, SeesConflictsThroughEveryUniqueKeyAndEveryImage) {
  const auto t = bind(table("t", {integer("id"), nullable(integer("u")), integer("v")},
                            {primary({"id"}), unique({"u"})}));
  struct Case {
    const char* fact;
    Transaction first;
    Transaction second;
    bool conflict;
  };
  Case cases[] = {
      {"the value that an update gives up", transaction(1).update(t, {1, 7, 0}, {1, 8, 0}).done(),
       transaction(2).insert(t, {2, 7, 0}).done(), true},
      {"the value that an update takes", transaction(1).update(t, {1, 7, 0}, {1, 8, 0}).done(),
       transaction(2).remove(t, {2, 8, 0}).done(), true},
      {"the value that a delete frees", transaction(1).remove(t, {1, 7, 0}).done(),
       transaction(2).insert(t, {2, 7, 0}).done(), true},
      {"the old key of a row that moves", transaction(1).update(t, {1, 7, 0}, {9, 7, 0}).done(),
       transaction(2).insert(t, {1, 3, 0}).done(), true},
      {"NULL conflicts with nothing", transaction(1).insert(t, {1, Null(), 0}).done(),
       transaction(2).insert(t, {2, Null(), 0}).done(), false},
      {"a column without a key does not conflict", transaction(1).insert(t, {1, 1, 7}).done(),
       transaction(2).insert(t, {2, 2, 7}).done(), false},
      {"equal numbers of different keys do not conflict",
       transaction(1).insert(t, {1, 2, 0}).done(), transaction(2).insert(t, {2, 1, 0}).done(),
       false},
  };
  for (Case& one : cases) {
    SCOPED_TRACE(one.fact);
    Planner planner(small(), {});
    ASSERT_TRUE(planner.add(std::move(one.first)));
    const auto first = planner.take(true);
    ASSERT_TRUE(planner.add(std::move(one.second)));
    EXPECT_EQ(planner.take(true) == nullptr, one.conflict);
  }
}

TEST(Planner, RowsWithoutAKeyConflictWhenTheyAreEqual) {
  const auto t = bind(table("k", {integer("a"), nullable(integer("b"))}, {}));
  Planner planner(small(), {});
  ASSERT_TRUE(planner.add(transaction(1).insert(t, {1, Null()}).done()));
  const auto first = planner.take(true);
  ASSERT_TRUE(planner.add(transaction(2).remove(t, {1, Null()}).done()));
  EXPECT_EQ(planner.take(true), nullptr) << "here NULL is a value like others";
  ASSERT_TRUE(planner.add(transaction(3).insert(t, {2, Null()}).done()));
  EXPECT_EQ(members(planner.take(true)), (Numbers{3}));
}

TEST(Planner, RunsThePartsOfATransactionOneAfterTheOther) {
  Planner planner(small(), {});
  const auto t = keyed();
  ASSERT_TRUE(planner.add(transaction(1).part(0, false).insert(t, {1, 0}).done()));
  ASSERT_TRUE(planner.add(transaction(1).part(1, false).insert(t, {2, 0}).done()));
  ASSERT_TRUE(planner.add(transaction(1).part(2, true).insert(t, {3, 0}).done()));
  ASSERT_TRUE(planner.add(transaction(2).insert(t, {4, 0}).done()));
  std::vector<std::shared_ptr<const Batch>> parts;
  for (int i = 0; i < 3; ++i) {
    const auto part = planner.take(false);
    ASSERT_NE(part, nullptr);
    EXPECT_EQ(part->transactions[0].first_ordinal, static_cast<std::uint32_t>(i));
    EXPECT_EQ(planner.take(false), nullptr) << "the next part waits";
    EXPECT_EQ(planner.low_water().position, relay::LogPosition()) << "half a transaction is none";
    planner.done(part->id);
  }
  EXPECT_EQ(planner.low_water().position, (relay::LogPosition{1, 1, 200}));
  EXPECT_EQ(members(planner.take(true)), (Numbers{2}));
}

TEST(Planner, MovesTheLowWaterMarkOnlyOverWhatIsDone) {
  PlannerOptions options = small();
  options.batch_rows_max = 1;
  options.keep_low_set = true;
  Planner planner(options, {});
  const auto t = keyed();
  for (std::uint64_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(planner.add(transaction(i).insert(t, {std::int64_t(i), 0}).done()));
  }
  ASSERT_TRUE(planner.add(transaction(4).done()));  // filtered: nothing to apply
  const auto first = planner.take(false);
  const auto second = planner.take(false);
  const auto third = planner.take(false);
  planner.done(third->id);
  planner.done(second->id);
  EXPECT_EQ(planner.low_water().position, relay::LogPosition()) << "1 is not done";
  EXPECT_FALSE(planner.idle());
  planner.done(first->id);
  EXPECT_EQ(planner.low_water().position, (relay::LogPosition{1, 1, 500}));
  EXPECT_EQ(planner.low_water().set.text(), "source:1-4");
  EXPECT_EQ(planner.take_passed().text(), "source:1-4");
  EXPECT_TRUE(planner.take_passed().empty());
  EXPECT_TRUE(planner.idle());
}

TEST(Planner, LeavesNoTraceOfATransactionItRefuses) {
  Planner planner(small(), {});
  const auto t = keyed();
  const auto refused =
      planner.add(transaction(1).insert(t, {1, 0}).remove(t, {Absent(), 0}).done());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::kData);
  EXPECT_NE(refused.error().text().find("'id'"), std::string::npos);
  EXPECT_NE(refused.error().way_out().find("binlog_row_image"), std::string::npos);
  EXPECT_TRUE(planner.idle());
  EXPECT_EQ(planner.bytes(), 0U);
}

TEST(Planner, IsFullByBatchesAndThenSendsWhatItHas) {
  PlannerOptions options = small();
  options.batches_max = 1;
  Planner planner(options, {});
  const auto t = keyed();
  ASSERT_TRUE(planner.add(transaction(1).insert(t, {1, 0}).done()));
  EXPECT_TRUE(planner.full());
  const auto batch = planner.take(false);
  ASSERT_NE(batch, nullptr) << "nothing can be added, so waiting for more would be for ever";
  planner.done(batch->id);
  EXPECT_FALSE(planner.full());
}

}  // namespace
}  // namespace tiderelay::applier
