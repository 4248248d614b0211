// Workers against a real target: TIDERELAY_TEST_TARGET=user:password@host:port. Skipped without it.
// The account needs all rights on the schemas tiderelay_apply_test and tiderelay_apply_meta.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <string>

#include "applier/worker.h"
#include "relay/connection.h"
#include "tests/applier/table_maker.h"
#include "tests/relay/run_loop.h"

namespace tiderelay::applier {
namespace {

using namespace tests;
using relay::QueryOutcome;

constexpr const char* kSchema = "tiderelay_apply_test";

class RealTarget : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* const server = std::getenv("TIDERELAY_TEST_TARGET");
    if (server == nullptr) {
      GTEST_SKIP()
          << "needs a server, TIDERELAY_TEST_TARGET=user:password@host:port: integration/run.py "
             "--ctest starts one and runs this";
    }
    const std::string text = server;
    const std::size_t colon = text.find(':');
    const std::size_t at = text.rfind('@');
    const std::size_t port = text.rfind(':');
    ASSERT_TRUE(colon < at && at < port) << text;
    connect_options_.user = text.substr(0, colon);
    connect_options_.password = text.substr(colon + 1, at - colon - 1);
    connect_options_.host = text.substr(at + 1, port - at - 1);
    connect_options_.port = static_cast<std::uint16_t>(std::stoi(text.substr(port + 1)));
    admin_ = connect();
    ASSERT_NE(admin_, nullptr);
    target_ = TargetInfo::from_greeting(admin_->server_version());
    run("SET NAMES utf8mb4");
    run("DROP DATABASE IF EXISTS tiderelay_apply_meta");
    run("DROP DATABASE IF EXISTS tiderelay_apply_test");
    run("CREATE DATABASE tiderelay_apply_test");
    scope_ = {"tiderelay_apply_meta", "task", "it's"};
    for (const std::string& sql : meta_tables_sql(scope_.meta_schema)) run(sql);
    for (const std::string& sql : meta_tables_sql(scope_.meta_schema)) run(sql);
    take_over();
  }

  std::unique_ptr<relay::Connection> connect() {
    auto made = std::make_unique<relay::Connection>(loop_.get_executor(), connect_options_);
    const auto connected = tests::run(loop_, made->connect());
    EXPECT_TRUE(connected) << connected.error().text();
    return connected ? std::move(made) : nullptr;
  }
  QueryOutcome query(const std::string& sql) {
    const auto outcome = tests::run(loop_, admin_->query(sql));
    EXPECT_TRUE(outcome) << outcome.error().text();
    return *outcome;
  }
  void run(const std::string& sql) {
    const QueryOutcome outcome = query(sql);
    EXPECT_FALSE(outcome.error) << sql << ": " << outcome.error->text();
  }
  std::string rows(const std::string& sql) {
    const QueryOutcome outcome = query(sql);
    EXPECT_FALSE(outcome.error) << sql << ": " << outcome.error->text();
    std::string text;
    for (const auto& row : outcome.results.back().rows) {
      for (const auto& value : row) text += value.value_or("NULL") + " ";
      text.back() = '|';
    }
    return text;
  }

  // One takeover with one worker.
  void take_over() {
    const auto seen = current_epoch(query(current_epoch_sql(scope_)));
    ASSERT_TRUE(seen) << seen.error().text();
    const std::int64_t epoch = *seen + 1;
    run(takeover_sql(scope_, target_.kind, *seen));
    EXPECT_EQ(query(takeover_sql(scope_, target_.kind, *seen)).error->server_code(), 1048)
        << "one that comes late takes nothing over";
    auto read = read_rows(query(read_rows_sql(scope_)), epoch);
    ASSERT_TRUE(read) << read.error().text();
    const SourceFence fence = {epoch, read->source.seq};
    run(source_transaction_sql(scope_, fence, {}, {worker_rows_sql(scope_, 1, epoch)}));
    read = read_rows(query(read_rows_sql(scope_)), epoch);
    ASSERT_TRUE(read) << read.error().text();
    ASSERT_EQ(read->workers.size(), 1U);
    EXPECT_EQ(read->source.seq, fence.seq + 1);
    WorkerOptions options;
    options.scope = scope_;
    options.target = target_;
    options.on_wrong_count = on_wrong_count_;
    worker_ = std::make_unique<Worker>(options, read->workers[0], 1);
    session_.reset();
  }

  std::shared_ptr<const TableBinding> table_of(TableSchema schema) {
    schema.name.schema = kSchema;
    BindingOptions options;
    options.target = target_;
    return bind(schema, schema, options);
  }
  static std::shared_ptr<const Batch> batch_of(TransactionMaker& maker) {
    Planner planner({}, {});
    const auto added = planner.add(maker.done());
    EXPECT_TRUE(added) << added.error().text();
    return planner.take(true);
  }

  // Until the batch is done, or the worker wants something that is not sending. `cut_after` sends:
  // the connection is closed without reading the answers.
  const Worker::Step& apply(TransactionMaker& maker, int cut_after = -1) {
    if (worker_->step().action == Worker::Action::kConnect) drive(-1);
    worker_->start(batch_of(maker));
    drive(cut_after);
    return worker_->step();
  }
  void drive(int cut_after) {
    for (int steps = 0; steps < 100; ++steps) {
      const Worker::Step& step = worker_->step();
      if (step.action == Worker::Action::kConnect) {
        session_ = connect();
        worker_->connected();
      } else if (step.action == Worker::Action::kSleep) {
        worker_->slept();
      } else if (step.action == Worker::Action::kSend) {
        send(step.packets, cut_after-- == 0);
      } else {
        return;
      }
    }
    FAIL() << "no end";
  }
  void send(std::vector<std::string> packets, bool cut) {
    std::vector<QueryOutcome> outcomes;
    for (const std::string& packet : packets) {
      const auto sent = tests::run(loop_, session_->send(packet));
      ASSERT_TRUE(sent) << sent.error().text();
    }
    if (cut) {
      session_->close();
      return worker_->lost(Error(Errc::kConnection, "cut by the test"));
    }
    for (std::size_t i = 0; i < packets.size(); ++i) {
      auto outcome = tests::run(loop_, session_->receive());
      ASSERT_TRUE(outcome) << outcome.error().text();
      outcomes.push_back(std::move(*outcome));
    }
    worker_->answered(std::move(outcomes));
  }

  boost::asio::io_context loop_;
  relay::ConnectOptions connect_options_;
  std::unique_ptr<relay::Connection> admin_;
  std::unique_ptr<relay::Connection> session_;
  TargetInfo target_;
  CheckpointScope scope_;
  WorkerOptions::WrongCount on_wrong_count_ = WorkerOptions::WrongCount::kPause;
  std::unique_ptr<Worker> worker_;
};

TableSchema one_key() {
  return table("t", {integer("id"), integer("v"), text("s", "utf8mb4_general_ci")},
               {primary({"id"})});
}
constexpr const char* kOneKey =
    "CREATE TABLE tiderelay_apply_test.t (id BIGINT PRIMARY KEY, v BIGINT NOT NULL, s VARCHAR(50) "
    "NOT NULL) DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_general_ci";

TEST_F(RealTarget, AppliesNetEffectsAndMovesItsRow) {
  run(kOneKey);
  const auto t = table_of(one_key());
  TransactionMaker first = transaction(1);
  for (std::int64_t i = 1; i <= 5; ++i) first.insert(t, {i, i, "it's \\ a"});
  ASSERT_EQ(apply(first).action, Worker::Action::kDone) << worker_->step().error.text();
  TransactionMaker second = transaction(2);
  second.update(t, {1, 1, "it's \\ a"}, {1, 10, "it's \\ a"})
      .update(t, {2, 2, "it's \\ a"}, {2, 20, "A"})
      .remove(t, {3, 3, "it's \\ a"})
      .update(t, {4, 4, "it's \\ a"}, {40, 4, "it's \\ a"});
  ASSERT_EQ(apply(second).action, Worker::Action::kDone) << worker_->step().error.text();
  EXPECT_EQ(rows("SELECT * FROM tiderelay_apply_test.t ORDER BY id"),
            "1 10 it's \\ a|2 20 A|5 5 it's \\ a|40 4 it's \\ a|");
  EXPECT_EQ(rows("SELECT seq, applied FROM tiderelay_apply_meta.tiderelay_checkpoint"),
            "2 source:1-2|");
  EXPECT_EQ(worker_->stats().singles, 0U) << "the counts were as expected at once";
}

TEST_F(RealTarget, MovesUniqueValuesBetweenRows) {
  run("CREATE TABLE tiderelay_apply_test.u (id BIGINT PRIMARY KEY, u BIGINT UNIQUE, v BIGINT NOT "
      "NULL)");
  const auto t = table_of(table("u", {integer("id"), nullable(integer("u")), integer("v")},
                                {primary({"id"}), unique({"u"})}));
  TransactionMaker first = transaction(1);
  first.insert(t, {5, 7, 0}).insert(t, {1, 1, 0}).insert(t, {2, 2, 0}).insert(t, {3, 3, 0});
  ASSERT_EQ(apply(first).action, Worker::Action::kDone) << worker_->step().error.text();
  TransactionMaker second = transaction(2);
  second.remove(t, {5, 7, 0})
      .insert(t, {6, 7, 0})
      .update(t, {1, 1, 0}, {1, Null(), 0})
      .update(t, {2, 2, 0}, {2, 1, 0})
      .update(t, {1, Null(), 0}, {1, 2, 0})
      .update(t, {3, 3, 0}, {3, 3, 9});
  ASSERT_EQ(apply(second).action, Worker::Action::kDone) << worker_->step().error.text();
  EXPECT_EQ(rows("SELECT * FROM tiderelay_apply_test.u ORDER BY id"), "1 2 0|2 1 0|3 3 9|6 7 0|");
  EXPECT_EQ(worker_->stats().singles, 0U);
  TransactionMaker replayed = transaction(3);
  replayed.replay().update(t, {9, 9, 9}, {9, 7, 9}).remove(t, {77, 77, 7});
  ASSERT_EQ(apply(replayed).action, Worker::Action::kDone) << worker_->step().error.text();
  EXPECT_EQ(rows("SELECT * FROM tiderelay_apply_test.u ORDER BY id"), "1 2 0|2 1 0|3 3 9|9 7 9|")
      << "the stale row gave way";
}

TEST_F(RealTarget, FindsEqualRowsWithoutAKeyByteByByte) {
  run("CREATE TABLE tiderelay_apply_test.k (a BIGINT, s VARCHAR(50) NOT NULL, KEY (s)) DEFAULT "
      "CHARSET utf8mb4 COLLATE utf8mb4_general_ci");
  TableSchema schema = table("k", {nullable(integer("a")), text("s", "utf8mb4_general_ci")}, {});
  schema.keys.push_back(key(KeyKind::kIndex, {"s"}));
  const auto t = table_of(schema);
  TransactionMaker first = transaction(1);
  first.insert(t, {Null(), "x"}).insert(t, {Null(), "X"}).insert(t, {Null(), "x "});
  first.insert(t, {1, "x"}).insert(t, {1, "x"});
  ASSERT_EQ(apply(first).action, Worker::Action::kDone) << worker_->step().error.text();
  TransactionMaker second = transaction(2);
  second.remove(t, {Null(), "X"}).update(t, {Null(), "x "}, {2, "y"}).remove(t, {1, "x"});
  ASSERT_EQ(apply(second).action, Worker::Action::kDone) << worker_->step().error.text();
  EXPECT_EQ(rows("SELECT a, CONCAT('<', s, '>') FROM tiderelay_apply_test.k ORDER BY 1, 2"),
            "NULL <x>|1 <x>|2 <y>|");
}

TEST_F(RealTarget, DeletesManyRowsWithoutAKeyTogetherAndNoneTooMany) {
  run("CREATE TABLE tiderelay_apply_test.k (a BIGINT, s VARCHAR(50) NOT NULL) DEFAULT "
      "CHARSET utf8mb4 COLLATE utf8mb4_general_ci");
  const auto t =
      table_of(table("k", {nullable(integer("a")), text("s", "utf8mb4_general_ci")}, {}));
  TransactionMaker first = transaction(1);
  first.insert(t, {Null(), "x"}).insert(t, {1, "x"}).insert(t, {1, "X"}).insert(t, {2, "y"});
  first.insert(t, {3, "twice"}).insert(t, {3, "twice"}).insert(t, {4, "z"});
  ASSERT_EQ(apply(first).action, Worker::Action::kDone) << worker_->step().error.text();
  TransactionMaker second = transaction(2);
  second.remove(t, {Null(), "x"}).remove(t, {1, "X"}).remove(t, {2, "y"});
  ASSERT_EQ(apply(second).action, Worker::Action::kDone) << worker_->step().error.text();
  EXPECT_EQ(worker_->stats().singles, 0U);
  EXPECT_EQ(rows("SELECT * FROM tiderelay_apply_test.k ORDER BY a"), "1 x|3 twice|3 twice|4 z|");
  TransactionMaker third = transaction(3);
  third.remove(t, {3, "twice"}).remove(t, {4, "z"});
  ASSERT_EQ(apply(third).action, Worker::Action::kDone) << worker_->step().error.text();
  EXPECT_EQ(worker_->stats().singles, 1U) << "the count refused the batch at first";
  EXPECT_EQ(rows("SELECT * FROM tiderelay_apply_test.k ORDER BY a"), "1 x|3 twice|");
}

TEST_F(RealTarget, ARowThatIsMissingCommitsNothingAndIsNamed) {
  run(kOneKey);
  const auto t = table_of(one_key());
  TransactionMaker first = transaction(1);
  first.insert(t, {1, 1, "a"}).insert(t, {2, 2, "a"}).insert(t, {3, 3, "a"});
  ASSERT_EQ(apply(first).action, Worker::Action::kDone);
  run("DELETE FROM tiderelay_apply_test.t WHERE id = 2");
  TransactionMaker second = transaction(2);
  second.update(t, {1, 1, "a"}, {1, 7, "a"}).update(t, {2, 2, "a"}, {2, 7, "a"});
  ASSERT_EQ(apply(second).action, Worker::Action::kPause);
  EXPECT_NE(worker_->step().error.text().find("(id = 2), row 1 of transaction source:2"),
            std::string::npos)
      << worker_->step().error.text();
  EXPECT_EQ(rows("SELECT * FROM tiderelay_apply_test.t ORDER BY id"), "1 1 a|3 3 a|");
  run("INSERT INTO tiderelay_apply_test.t VALUES (2, 2, 'a')");
  worker_->retry();
  drive(-1);
  ASSERT_EQ(worker_->step().action, Worker::Action::kDone) << worker_->step().error.text();
  EXPECT_EQ(rows("SELECT * FROM tiderelay_apply_test.t ORDER BY id"), "1 7 a|2 7 a|3 3 a|");
}

TEST_F(RealTarget, ARowThatIsAlreadyAsItShallBeIsNoError) {
  run(kOneKey);
  const auto t = table_of(one_key());
  TransactionMaker first = transaction(1);
  first.insert(t, {1, 1, "a"}).insert(t, {2, 2, "a"});
  ASSERT_EQ(apply(first).action, Worker::Action::kDone);
  run("UPDATE tiderelay_apply_test.t SET v = 7 WHERE id = 2");
  TransactionMaker second = transaction(2);
  second.update(t, {1, 1, "a"}, {1, 7, "a"}).update(t, {2, 2, "a"}, {2, 7, "a"});
  ASSERT_EQ(apply(second).action, Worker::Action::kDone) << worker_->step().error.text();
  EXPECT_EQ(worker_->stats().singles, 1U) << "the upsert's count did not prove it";
}

TEST_F(RealTarget, NotesMissingRowsWhereTheTaskSaysSo) {
  on_wrong_count_ = WorkerOptions::WrongCount::kNoteAndGoOn;
  take_over();
  run(kOneKey);
  const auto t = table_of(one_key());
  TransactionMaker first = transaction(1);
  first.remove(t, {1, 1, "a"}).insert(t, {2, 2, "a"});
  ASSERT_EQ(apply(first).action, Worker::Action::kDone) << worker_->step().error.text();
  ASSERT_EQ(worker_->step().notes.size(), 1U);
  EXPECT_EQ(rows("SELECT * FROM tiderelay_apply_test.t"), "2 2 a|");
}

TEST_F(RealTarget, ADuplicateNamesItsRow) {
  run(kOneKey);
  const auto t = table_of(one_key());
  TransactionMaker first = transaction(1);
  first.insert(t, {1, 1, "a"});
  ASSERT_EQ(apply(first).action, Worker::Action::kDone);
  TransactionMaker second = transaction(2);
  second.insert(t, {5, 1, "a"}).insert(t, {1, 1, "b"});
  ASSERT_EQ(apply(second).action, Worker::Action::kPause);
  EXPECT_EQ(worker_->step().error.server_code(), 1062);
  EXPECT_NE(worker_->step().error.text().find("(id = 1), row 1 of transaction source:2"),
            std::string::npos)
      << worker_->step().error.text();
  EXPECT_EQ(rows("SELECT * FROM tiderelay_apply_test.t"), "1 1 a|");
}

TEST_F(RealTarget, ALostAnswerNeitherLosesNorDoublesARow) {
  run("CREATE TABLE tiderelay_apply_test.k (a BIGINT)");
  const auto t = table_of(table("k", {nullable(integer("a"))}, {}));
  for (std::uint64_t i = 1; i <= 20; ++i) {
    TransactionMaker one = transaction(i);
    one.insert(t, {std::int64_t(i)});
    ASSERT_EQ(apply(one, i % 2 == 0 ? 0 : -1).action, Worker::Action::kDone)
        << worker_->step().error.text();
  }
  EXPECT_EQ(rows("SELECT COUNT(*), COUNT(DISTINCT a) FROM tiderelay_apply_test.k"), "20 20|");
  EXPECT_EQ(rows("SELECT seq, applied FROM tiderelay_apply_meta.tiderelay_checkpoint"),
            "20 source:1-20|");
}

TEST_F(RealTarget, AnOlderOwnerCommitsNothing) {
  run("CREATE TABLE tiderelay_apply_test.k (a BIGINT)");
  const auto t = table_of(table("k", {nullable(integer("a"))}, {}));
  TransactionMaker first = transaction(1);
  first.insert(t, {1});
  ASSERT_EQ(apply(first).action, Worker::Action::kDone);
  auto older = std::move(worker_);
  auto older_session = std::move(session_);
  take_over();
  std::swap(older, worker_);
  std::swap(older_session, session_);
  TransactionMaker second = transaction(2);
  second.insert(t, {2});
  ASSERT_EQ(apply(second).action, Worker::Action::kStop);
  EXPECT_EQ(worker_->step().error.code(), Errc::kFenced);
  EXPECT_EQ(rows("SELECT a FROM tiderelay_apply_test.k"), "1|");
}

TEST_F(RealTarget, ABatchOfManyPacketsIsOneTransaction) {
  run(kOneKey);
  const auto t = table_of(one_key());
  WorkerOptions options;
  options.scope = scope_;
  options.target = target_;
  options.statements.packet_bytes_max = 2000;
  options.statements.bytes_max = 500;
  WorkerRow row = worker_->row();
  worker_ = std::make_unique<Worker>(options, row, 1);
  TransactionMaker first = transaction(1);
  for (std::int64_t i = 0; i < 100; ++i) first.insert(t, {i, i, std::string(50, 'x')});
  ASSERT_EQ(apply(first).action, Worker::Action::kDone) << worker_->step().error.text();
  TransactionMaker second = transaction(2);  // fails in the middle: nothing remains
  for (std::int64_t i = 99; i < 200; ++i) second.insert(t, {i, i, std::string(50, 'y')});
  ASSERT_EQ(apply(second).action, Worker::Action::kPause);
  EXPECT_EQ(rows("SELECT COUNT(*), MAX(s) FROM tiderelay_apply_test.t"),
            "100 " + std::string(50, 'x') + "|");
}

}  // namespace
}  // namespace tiderelay::applier
