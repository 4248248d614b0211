#include "applier/worker.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/applier/table_maker.h"

namespace tiderelay::applier {
namespace {

using namespace tests;
using Action = Worker::Action;
using relay::QueryOutcome;

QueryOutcome ok(std::vector<std::uint64_t> affected) {
  QueryOutcome outcome;
  for (const std::uint64_t count : affected) {
    outcome.results.emplace_back();
    outcome.results.back().affected_rows = count;
  }
  return outcome;
}
QueryOutcome refused_after(std::vector<std::uint64_t> affected, std::uint16_t code,
                           const char* text = "no") {
  QueryOutcome outcome = ok(std::move(affected));
  outcome.error = Error(code, "HY000", text);
  return outcome;
}
QueryOutcome good_session(const char* modes =
                              "STRICT_TRANS_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,"
                              "NO_BACKSLASH_ESCAPES") {
  QueryOutcome outcome = ok({0, 0, 0});
  outcome.results[1].columns.resize(6);
  outcome.results[1].rows = {{modes, "+00:00", "0", "0", "67108864", "utf8mb4"}};
  return outcome;
}
QueryOutcome row_is(int epoch, int seq, const char* applied = "") {
  QueryOutcome outcome = ok({0, 0, 0});
  outcome.results[1].columns.resize(4);
  outcome.results[1].columns[0].name = "worker";
  outcome.results[1].rows = {{"2", std::to_string(epoch), std::to_string(seq), applied}};
  return outcome;
}

// One update of two rows: an upsert with its count, the checkpoint, COMMIT.
std::shared_ptr<const Batch> two_updates() {
  static const auto t = bind(table("t", {integer("id"), integer("v")}, {primary({"id"})}));
  Planner planner({}, {});
  EXPECT_TRUE(
      planner.add(transaction(7).update(t, {1, 0}, {1, 5}).update(t, {2, 0}, {2, 5}).done()));
  return planner.take(true);
}

class WorkerTest : public ::testing::Test {
 protected:
  static WorkerRow row() {
    WorkerRow made;
    made.worker = 2;
    made.epoch = 3;
    made.seq = 41;
    return made;
  }
  static WorkerOptions options() {
    WorkerOptions made;
    made.scope.task = "task";
    made.scope.source = "source-1";
    made.tries_few = 2;
    return made;
  }

  void make(WorkerOptions made) {
    worker_ = std::make_unique<Worker>(std::move(made), row(), 1);
    connect(row_is(3, 41));
  }
  void connect(const QueryOutcome& own_row) {
    ASSERT_EQ(worker_->step().action, Action::kConnect);
    worker_->connected();
    worker_->answered({good_session(), own_row});
  }
  void start() {
    make(options());
    ASSERT_EQ(worker_->step().action, Action::kIdle);
    worker_->start(two_updates());
    ASSERT_EQ(worker_->step().action, Action::kSend);
  }
  // The batch is refused, the row says that nothing was committed: change by change.
  void second_try() {
    worker_->answered({ok({0, 0, 0}), refused_after({3, 0}, 1048)});
    ASSERT_EQ(worker_->step().action, Action::kSend);
    worker_->answered({row_is(3, 41)});
    ASSERT_EQ(worker_->step().action, Action::kSend);
  }
  static QueryOutcome committed() { return ok({4, 0, 1, 0}); }

  std::unique_ptr<Worker> worker_ = std::make_unique<Worker>(options(), row(), 1);
};

TEST_F(WorkerTest, SendsOneBatchAsTwoPacketsAndIsDone) {
  start();
  const auto& packets = worker_->step().packets;
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[0], "ROLLBACK;BEGIN;SET @p0=1");
  EXPECT_EQ(packets[1],
            "INSERT INTO `s`.`t` (`id`,`v`) VALUES (1,5),(2,5) ON DUPLICATE KEY UPDATE "
            "`v`=VALUES(`v`);SET @n0=ROW_COUNT();"
            "UPDATE `dm_meta`.tiderelay_checkpoint SET seq=IF(seq=41 AND epoch=3 AND @p0=1 AND "
            "@n0=4,42,NULL),applied='source:7' WHERE task='task' AND source='source-1' AND "
            "worker=2;COMMIT");
  worker_->answered({ok({0, 0, 0}), committed()});
  EXPECT_EQ(worker_->step().action, Action::kDone);
  EXPECT_EQ(worker_->row().seq, 42);
  EXPECT_EQ(worker_->row().applied.text(), "source:7");
  worker_->rest();
  EXPECT_EQ(worker_->step().action, Action::kIdle);
}

TEST_F(WorkerTest, DecidesALostCommitByItsOwnRow) {
  struct Case {
    const char* fact;
    QueryOutcome own_row;
    Action action;
  };
  const Case cases[] = {
      {"the number moved on: it was committed", row_is(3, 42, "source:7"), Action::kDone},
      {"it did not: the batch is sent again", row_is(3, 41), Action::kSend},
      {"another epoch: somebody else owns the task", row_is(4, 41), Action::kStop},
      {"a number nobody can explain", row_is(3, 45), Action::kStop},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.fact);
    worker_ = std::make_unique<Worker>(options(), row(), 1);
    start();
    worker_->lost(Error(Errc::kConnection, "reset"));
    ASSERT_EQ(worker_->step().action, Action::kSleep);
    worker_->slept();
    connect(one.own_row);
    EXPECT_EQ(worker_->step().action, one.action) << worker_->step().error.text();
  }
}

TEST_F(WorkerTest, TreatsErrorsByWhereAndWhatTheyAre) {
  struct Case {
    const char* fact;
    QueryOutcome body;
    Action action;
    bool reconnects;
  };
  const Case cases[] = {
      {"a conflict at COMMIT: back off, look, send again", refused_after({4, 0, 1}, 9007),
       Action::kSleep, false},
      {"busy at a statement: the same", refused_after({}, 9003), Action::kSleep, false},
      {"a timeout at COMMIT: nobody knows", refused_after({4, 0, 1}, 9002), Action::kSleep, true},
      {"an unknown code at COMMIT: nobody knows", refused_after({4, 0, 1}, 1234), Action::kSleep,
       true},
      {"shutdown: connect again", refused_after({}, 1053), Action::kSleep, true},
      {"the schema changed: read it again", refused_after({}, 8028), Action::kRefetch, false},
      {"a bad row: look, then row by row", refused_after({}, 1062), Action::kSend, false},
      {"a missing right", refused_after({}, 1142), Action::kSend, false},
      {"damage", refused_after({}, 8141), Action::kStop, false},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.fact);
    worker_ = std::make_unique<Worker>(options(), row(), 1);
    start();
    worker_->answered({ok({0, 0, 0}), one.body});
    ASSERT_EQ(worker_->step().action, one.action);
    if (one.action != Action::kSleep) continue;
    worker_->slept();
    EXPECT_EQ(worker_->step().action, one.reconnects ? Action::kConnect : Action::kSend);
  }
}

TEST_F(WorkerTest, NamesTheRowThatAStatementMissedOnTheSecondTry) {
  start();
  second_try();
  const auto& packets = worker_->step().packets;
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[0], "ROLLBACK;BEGIN PESSIMISTIC;SET @p0=2");
  EXPECT_EQ(packets[1],
            "UPDATE `s`.`t` SET `v`=5 WHERE `id`=1;UPDATE `s`.`t` SET `v`=5 WHERE `id`=2");
  worker_->answered({ok({0, 0, 0}), ok({1, 0})});
  ASSERT_EQ(worker_->step().action, Action::kSend);
  EXPECT_TRUE(worker_->step().packets.front().starts_with("ROLLBACK;"))
      << "no lock is held while a person thinks";
  worker_->answered({row_is(3, 41)});
  ASSERT_EQ(worker_->step().action, Action::kPause);
  EXPECT_EQ(worker_->step().error.code(), Errc::kData);
  EXPECT_EQ(worker_->step().error.text(),
            "UPDATE of s.t (id = 2), row 1 of transaction source:7 met 0 rows instead of 1");
  EXPECT_FALSE(worker_->step().error.way_out().empty());
  worker_->retry();
  worker_->answered({row_is(3, 41)});
  ASSERT_EQ(worker_->step().packets.size(), 2U) << "again as one batch";
  worker_->answered({ok({0, 0, 0}), committed()});
  EXPECT_EQ(worker_->step().action, Action::kDone);
}

TEST_F(WorkerTest, CommitsTheSecondTryOnceItsCountsAreRead) {
  start();
  second_try();
  worker_->answered({ok({0, 0, 0}), ok({1, 1})});
  ASSERT_EQ(worker_->step().action, Action::kSend);
  EXPECT_EQ(
      worker_->step().packets.front(),
      "UPDATE `dm_meta`.tiderelay_checkpoint SET seq=IF(seq=41 AND epoch=3 AND @p0=2,42,NULL),"
      "applied='source:7' WHERE task='task' AND source='source-1' AND worker=2;COMMIT");
  worker_->answered({ok({1, 0})});
  EXPECT_EQ(worker_->step().action, Action::kDone);
  EXPECT_TRUE(worker_->step().notes.empty());
}

TEST_F(WorkerTest, NotesMissingRowsAndGoesOnWhereTheTaskSaysSo) {
  WorkerOptions lenient = options();
  lenient.on_wrong_count = WorkerOptions::WrongCount::kNoteAndGoOn;
  make(lenient);
  worker_->start(two_updates());
  second_try();
  worker_->answered({ok({0, 0, 0}), ok({0, 1})});
  worker_->answered({ok({1, 0})});
  ASSERT_EQ(worker_->step().action, Action::kDone);
  ASSERT_EQ(worker_->step().notes.size(), 1U);
}

// The commit of an earlier try comes while this one waits for the locks of its rows.
TEST_F(WorkerTest, IsDoneWhenTheRowsInTheWayAreItsOwn) {
  start();
  second_try();
  worker_->answered({ok({0, 0, 0}), refused_after({1}, 1062, "Duplicate entry '2'")});
  ASSERT_EQ(worker_->step().action, Action::kSend);
  worker_->answered({row_is(3, 42)});
  EXPECT_EQ(worker_->step().action, Action::kDone);
}

TEST_F(WorkerTest, StopsWhenTheRowsInTheWayAreThoseOfAnotherProcess) {
  start();
  second_try();
  worker_->answered({ok({0, 0, 0}), refused_after({1}, 1062, "Duplicate entry '2'")});
  ASSERT_EQ(worker_->step().action, Action::kSend);
  worker_->answered({row_is(4, 41)});
  ASSERT_EQ(worker_->step().action, Action::kStop);
  EXPECT_EQ(worker_->step().error.code(), Errc::kFenced);
}

TEST_F(WorkerTest, NamesTheRowThatTheTargetRefuses) {
  start();
  second_try();
  worker_->answered({ok({0, 0, 0}), refused_after({1}, 1406, "Data too long for column 'v'")});
  worker_->answered({row_is(3, 41)});
  ASSERT_EQ(worker_->step().action, Action::kPause);
  EXPECT_EQ(worker_->step().error.text(),
            "UPDATE of s.t (id = 2), row 1 of transaction source:7: Data too long for column 'v'");
}

TEST_F(WorkerTest, NeverTakesACommitWithoutItsPositionForGood) {
  start();
  worker_->answered({ok({0, 0, 0}), ok({4, 0, 0, 0})});
  ASSERT_EQ(worker_->step().action, Action::kStop);
  EXPECT_EQ(worker_->step().error.code(), Errc::kFenced);
}

TEST_F(WorkerTest, GivesUpOnErrorsThatLast) {
  start();
  worker_->answered({ok({0, 0, 0}), refused_after({}, 1317)});
  ASSERT_EQ(worker_->step().action, Action::kSleep);
  worker_->slept();
  worker_->answered({row_is(3, 41)});
  worker_->answered({ok({0, 0, 0}), refused_after({}, 1317)});
  worker_->answered({ok({0})});
  EXPECT_EQ(worker_->step().action, Action::kPause);
}

TEST_F(WorkerTest, RefusesASessionThatWouldNotRefuseNull) {
  worker_->connected();
  worker_->answered({good_session("NO_BACKSLASH_ESCAPES"), row_is(3, 41)});
  ASSERT_EQ(worker_->step().action, Action::kPause);
  EXPECT_EQ(worker_->step().error.code(), Errc::kConfig);
  EXPECT_NE(worker_->step().error.text().find("STRICT_TRANS_TABLES"), std::string::npos);
}

TEST_F(WorkerTest, MarksEveryPacketOfALargeBatch) {
  WorkerOptions small = options();
  small.statements.packet_bytes_max = 60;
  small.statements.rows_max = 1;
  make(small);
  static const auto t = bind(table("t", {integer("id"), integer("v")}, {primary({"id"})}));
  Planner planner({}, {});
  ASSERT_TRUE(planner.add(transaction(1).insert(t, {1, 0}).insert(t, {2, 0}).done()));
  worker_->start(planner.take(true));
  const auto& packets = worker_->step().packets;
  ASSERT_EQ(packets.size(), 3U);
  EXPECT_EQ(packets[1], "INSERT INTO `s`.`t` (`id`,`v`) VALUES (1,0);SET @p1=1");
  EXPECT_NE(packets[2].find("IF(seq=41 AND epoch=3 AND @p0=1 AND @p1=1,42,NULL)"),
            std::string::npos)
      << "a packet that failed must not let the next one commit the rest";
}

TEST_F(WorkerTest, BacksOffLongerEachTimeUpToTheLimit) {
  start();
  std::chrono::milliseconds longest{0};
  for (int i = 0; i < 12; ++i) {
    worker_->answered({ok({0, 0, 0}), refused_after({}, 9003)});
    ASSERT_EQ(worker_->step().action, Action::kSleep);
    longest = std::max(longest, worker_->step().sleep);
    EXPECT_GT(worker_->step().sleep.count(), 0);
    worker_->slept();
    worker_->answered({row_is(3, 41)});
  }
  EXPECT_GT(longest.count(), 2000);
  EXPECT_LE(longest.count(), 5000);
}

}  // namespace
}  // namespace tiderelay::applier
