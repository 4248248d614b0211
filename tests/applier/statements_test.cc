#include "applier/statements.h"

#include <gtest/gtest.h>

#include "tests/applier/table_maker.h"

namespace tiderelay::applier {
namespace {

using namespace tests;

std::shared_ptr<const Batch> batch_of(std::vector<Transaction> transactions) {
  PlannerOptions options;
  options.batch_rows_max = 100'000;
  Planner planner(options, {});
  for (Transaction& one : transactions) {
    const auto added = planner.add(std::move(one));
    EXPECT_TRUE(added) << added.error().text();
  }
  return planner.take(true);
}

std::string sql_of(TransactionMaker& maker) {
  std::vector<Transaction> one;
  one.push_back(maker.done());
  const auto batch = batch_of(std::move(one));
  const auto sql = batch_sql(*batch, {});
  EXPECT_TRUE(sql);
  return sql->packets.front().sql;
}

struct Case {
  const char* fact;
  TransactionMaker changes;
  const char* sql;
};

void expect_all(Case* first, std::size_t count) {
  for (Case* one = first; one != first + count; ++one) {
    SCOPED_TRACE(one->fact);
    EXPECT_EQ(sql_of(one->changes), one->sql);
  }
}

TEST(Statements, WriteTheNetEffectOfEachRow) {
  const auto t = bind(table("t", {integer("id"), integer("v")}, {primary({"id"})}));
  Case cases[] = {
      {"inserts share a statement, uncounted", transaction(1).insert(t, {1, 10}).insert(t, {2, 20}),
       "INSERT INTO `s`.`t` (`id`,`v`) VALUES (1,10),(2,20)"},
      {"deletes share a statement and are counted",
       transaction(1).remove(t, {1, 10}).remove(t, {2, 20}),
       "DELETE FROM `s`.`t` WHERE `id` IN (1,2);SET @n0=ROW_COUNT()"},
      {"one update is a point update", transaction(1).update(t, {1, 10}, {1, 11}),
       "UPDATE `s`.`t` SET `v`=11 WHERE `id`=1;SET @n0=ROW_COUNT()"},
      {"several updates are an upsert",
       transaction(1).update(t, {1, 10}, {1, 11}).update(t, {2, 20}, {2, 21}),
       "INSERT INTO `s`.`t` (`id`,`v`) VALUES (1,11),(2,21) ON DUPLICATE KEY UPDATE "
       "`v`=VALUES(`v`);SET @n0=ROW_COUNT()"},
      {"insert and update are an insert",
       transaction(1).insert(t, {1, 10}).update(t, {1, 10}, {1, 11}),
       "INSERT INTO `s`.`t` (`id`,`v`) VALUES (1,11)"},
      {"insert and delete are nothing", transaction(1).insert(t, {1, 10}).remove(t, {1, 10}), ""},
      {"update and delete are a delete",
       transaction(1).update(t, {1, 10}, {1, 11}).remove(t, {1, 11}),
       "DELETE FROM `s`.`t` WHERE `id` IN (1);SET @n0=ROW_COUNT()"},
      {"delete and insert are an update", transaction(1).remove(t, {1, 10}).insert(t, {1, 12}),
       "UPDATE `s`.`t` SET `v`=12 WHERE `id`=1;SET @n0=ROW_COUNT()"},
      {"an update there and back still proves that the row is there",
       transaction(1).update(t, {1, 10}, {1, 11}).update(t, {1, 11}, {1, 10}),
       "UPDATE `s`.`t` SET `id`=`id` WHERE `id`=1;SET @n0=ROW_COUNT()"},
      {"a row that changes its key is a delete and an insert",
       transaction(1).update(t, {1, 10}, {2, 10}),
       "DELETE FROM `s`.`t` WHERE `id` IN (1);SET @n0=ROW_COUNT();"
       "INSERT INTO `s`.`t` (`id`,`v`) VALUES (2,10)"},
      {"two inserts of one row stay two, for the target to refuse",
       transaction(1).insert(t, {1, 10}).insert(t, {1, 11}),
       "INSERT INTO `s`.`t` (`id`,`v`) VALUES (1,10),(1,11)"},
      {"an update of a row deleted before stays, for the count to refuse",
       transaction(1).remove(t, {1, 10}).update(t, {1, 10}, {1, 11}),
       "DELETE FROM `s`.`t` WHERE `id` IN (1);SET @n0=ROW_COUNT();"
       "UPDATE `s`.`t` SET `v`=11 WHERE `id`=1;SET @n1=ROW_COUNT()"},
  };
  expect_all(cases, std::size(cases));
}

TEST(Statements, NeverUpsertBitsThatTidbTurnsRound) {
  Column bits = integer("v");
  bits.type = SqlType::kBit;
  bits.type_text = "bit(64)";
  bits.length = 64;
  const TableSchema source = table("t", {integer("id"), integer("v")}, {primary({"id"})});
  const TableSchema target = table("t", {integer("id"), bits}, {primary({"id"})});
  applier::BindingOptions options;
  options.target.kind = TargetKind::kTidb;
  const auto t = bind(source, target, options);
  EXPECT_TRUE(t->sole_unique_key());
  EXPECT_FALSE(t->upsert_serves());
  bits.length = 56;
  const auto narrow = bind(source, table("t", {integer("id"), bits}, {primary({"id"})}), options);
  EXPECT_TRUE(narrow->upsert_serves());
}

TEST(Statements, NeverUpsertWhereAnotherUniqueKeyCouldBeMet) {
  const auto t = bind(
      table("t", {integer("id"), integer("u"), integer("v")}, {primary({"id"}), unique({"u"})}));
  Case cases[] = {
      {"updates are single",
       transaction(1).update(t, {1, 7, 0}, {1, 7, 1}).update(t, {2, 8, 0}, {2, 8, 1}),
       "UPDATE `s`.`t` SET `v`=1 WHERE `id`=1;SET @n0=ROW_COUNT();"
       "UPDATE `s`.`t` SET `v`=1 WHERE `id`=2;SET @n1=ROW_COUNT()"},
      {"deletes go before inserts, so that a unique value can move on",
       transaction(1).remove(t, {5, 7, 0}).insert(t, {6, 7, 0}),
       "DELETE FROM `s`.`t` WHERE `id` IN (5);SET @n0=ROW_COUNT();"
       "INSERT INTO `s`.`t` (`id`,`u`,`v`) VALUES (6,7,0)"},
      {"rows that swap a unique value are deleted and inserted",
       transaction(1)
           .update(t, {1, 7, 0}, {1, 9, 0})
           .update(t, {2, 8, 0}, {2, 7, 0})
           .update(t, {1, 9, 0}, {1, 8, 0}),
       "DELETE FROM `s`.`t` WHERE `id` IN (1,2);SET @n0=ROW_COUNT();"
       "INSERT INTO `s`.`t` (`id`,`u`,`v`) VALUES (1,8,0),(2,7,0)"},
  };
  expect_all(cases, std::size(cases));
}

TEST(Statements, ReplayWritesWhateverIsThere) {
  const auto one = bind(table("t", {integer("id"), integer("v")}, {primary({"id"})}));
  const TableSchema two_keys =
      table("t", {integer("id"), integer("u")}, {primary({"id"}), unique({"u"})});
  const auto two = bind(two_keys);
  BindingOptions shared_options;
  shared_options.shared_target = true;
  const auto shared = bind(two_keys, two_keys, shared_options);
  Case cases[] = {
      {"insert is an uncounted upsert", transaction(1).replay().insert(one, {1, 10}),
       "INSERT INTO `s`.`t` (`id`,`v`) VALUES (1,10) ON DUPLICATE KEY UPDATE `v`=VALUES(`v`)"},
      {"insert and delete are a delete, for the copy may have brought the row",
       transaction(1).replay().insert(one, {1, 10}).remove(one, {1, 10}),
       "DELETE FROM `s`.`t` WHERE `id` IN (1)"},
      {"a changed key is deleted, the new one written",
       transaction(1).replay().update(one, {1, 10}, {2, 10}),
       "DELETE FROM `s`.`t` WHERE `id` IN (1);INSERT INTO `s`.`t` (`id`,`v`) VALUES (2,10) ON "
       "DUPLICATE KEY UPDATE `v`=VALUES(`v`)"},
      {"with a second unique key stale rows give way",
       transaction(1).replay().update(two, {1, 7}, {1, 8}),
       "REPLACE INTO `s`.`t` (`id`,`u`) VALUES (1,8)"},
      {"but none of a table that others write, too",
       transaction(1).replay().update(shared, {1, 7}, {1, 8}),
       "DELETE FROM `s`.`t` WHERE `id` IN (1);INSERT INTO `s`.`t` (`id`,`u`) VALUES (1,8)"},
      {"a strict update of a replayed row is replayed",
       transaction(1).replay().insert(one, {1, 10}).replay(false).update(one, {1, 10}, {1, 11}),
       "INSERT INTO `s`.`t` (`id`,`v`) VALUES (1,11) ON DUPLICATE KEY UPDATE `v`=VALUES(`v`)"},
  };
  expect_all(cases, std::size(cases));
}

TEST(Statements, FindRowsWithoutAKeyByAllTheirBytes) {
  const auto t = bind(table("k", {nullable(integer("a")), text("b")}, {}));
  Case cases[] = {
      {"a row is matched null-safely, byte by byte, once",
       transaction(1).remove(t, {Null(), "it's"}),
       "DELETE FROM `s`.`k` WHERE `a` IS NULL AND CONVERT(`b` USING binary) <=> CONVERT('it''s' "
       "USING binary) "
       "LIMIT 1;SET @n0=ROW_COUNT()"},
      {"changes keep their order, inserts that follow each other share a statement",
       transaction(1).insert(t, {1, "x"}).insert(t, {2, "x"}).update(t, {1, "x"}, {3, "x"}),
       "INSERT INTO `s`.`k` (`a`,`b`) VALUES (1,'x'),(2,'x');"
       "UPDATE `s`.`k` SET `a`=3 WHERE `a` <=> 1 AND CONVERT(`b` USING binary) <=> CONVERT('x' "
       "USING binary) "
       "LIMIT 1;SET @n1=ROW_COUNT()"},
  };
  expect_all(cases, std::size(cases));
}

TEST(Statements, DeleteManyRowsWithoutAKeyTogether) {
  const auto t = bind(table("t", {integer("a"), nullable(integer("b"))}, {}));
  Case cases[] = {
      {"different rows share a statement, found by a list of one column first",
       transaction(1).remove(t, {1, 10}).remove(t, {2, 10}),
       "DELETE FROM `s`.`t` WHERE `a` IN (1,2) AND ((`a` <=> 1 AND `b` <=> 10) OR "
       "(`a` <=> 2 AND `b` <=> 10));SET @n0=ROW_COUNT()"},
      {"the list takes the column with the most values",
       transaction(1).remove(t, {1, 10}).remove(t, {1, 11}),
       "DELETE FROM `s`.`t` WHERE `b` IN (10,11) AND ((`a` <=> 1 AND `b` <=> 10) OR "
       "(`a` <=> 1 AND `b` <=> 11));SET @n0=ROW_COUNT()"},
      {"but none that is NULL in a row", transaction(1).remove(t, {1, Null()}).remove(t, {1, 11}),
       "DELETE FROM `s`.`t` WHERE `a` IN (1,1) AND ((`a` <=> 1 AND `b` IS NULL) OR "
       "(`a` <=> 1 AND `b` <=> 11));SET @n0=ROW_COUNT()"},
      {"equal rows go one by one, so that no more go than were deleted",
       transaction(1).remove(t, {1, 10}).remove(t, {1, 10}),
       "DELETE FROM `s`.`t` WHERE `a` <=> 1 AND `b` <=> 10 LIMIT 1;SET @n0=ROW_COUNT();"
       "DELETE FROM `s`.`t` WHERE `a` <=> 1 AND `b` <=> 10 LIMIT 1;SET @n1=ROW_COUNT()"},
      {"an insert between them keeps its place",
       transaction(1).remove(t, {1, 10}).insert(t, {1, 10}).remove(t, {1, 10}),
       "DELETE FROM `s`.`t` WHERE `a` <=> 1 AND `b` <=> 10 LIMIT 1;SET @n0=ROW_COUNT();"
       "INSERT INTO `s`.`t` (`a`,`b`) VALUES (1,10);"
       "DELETE FROM `s`.`t` WHERE `a` <=> 1 AND `b` <=> 10 LIMIT 1;SET @n2=ROW_COUNT()"},
  };
  expect_all(cases, std::size(cases));
  const auto blobs = bind(table("t", {nullable(integer("a"))}, {}));
  TransactionMaker none = transaction(1).remove(blobs, {Null()}).remove(blobs, {7});
  EXPECT_EQ(sql_of(none),
            "DELETE FROM `s`.`t` WHERE ((`a` IS NULL) OR (`a` <=> 7));SET @n0=ROW_COUNT()");
}

TEST(Statements, WriteCompositeKeysAsTheTargetReadsThemByIndex) {
  const TableSchema schema = table("t", {integer("a"), integer("b")}, {primary({"a", "b"})});
  const char* const row_form =
      "DELETE FROM `s`.`t` WHERE (`a`,`b`) IN ((1,2),(3,4));SET @n0=ROW_COUNT()";
  const char* const or_form =
      "DELETE FROM `s`.`t` WHERE (`a`=1 AND `b`=2) OR (`a`=3 AND `b`=4);SET @n0=ROW_COUNT()";
  const std::pair<TargetInfo, const char*> targets[] = {
      {{TargetKind::kTidb, 80503}, row_form},
      {{TargetKind::kMysql, 80031}, row_form},
      {{TargetKind::kMysql, 50600}, or_form},
      {{TargetKind::kMariadb, 101119}, or_form},
  };
  for (const auto& [target, sql] : targets) {
    BindingOptions options;
    options.target = target;
    const auto t = bind(schema, schema, options);
    TransactionMaker changes = transaction(1);
    changes.remove(t, {1, 2}).remove(t, {3, 4});
    EXPECT_EQ(sql_of(changes), sql);
  }
}

TEST(Statements, RefuseARowThatTheTargetCannotTake) {
  const auto t = bind(table("t", {integer("id"), text("v")}, {primary({"id"})}));
  auto maker = transaction(1);
  maker.insert(t, {7, std::string(100, 'x')});
  std::vector<Transaction> one;
  one.push_back(maker.done());
  StatementOptions options;
  options.statement_bytes_max = 100;
  const auto sql = batch_sql(*batch_of(std::move(one)), options);
  ASSERT_FALSE(sql);
  EXPECT_NE(sql.error().text().find("id = 7"), std::string::npos) << sql.error().text();
  EXPECT_NE(sql.error().way_out().find("max_allowed_packet"), std::string::npos);
}

TEST(Statements, StayBelowTheLimitsOfRowsAndBytes) {
  const auto t = bind(table("t", {integer("id"), text("s")}, {primary({"id"})}));
  TransactionMaker changes = transaction(1);
  for (std::int64_t i = 0; i < 10; ++i) changes.insert(t, {i, std::string(100, 'x')});
  std::vector<Transaction> one;
  one.push_back(changes.done());
  const auto batch = batch_of(std::move(one));
  StatementOptions options;
  options.rows_max = 4;
  auto sql = batch_sql(*batch, options);
  ASSERT_TRUE(sql);
  ASSERT_EQ(sql->statements.size(), 3U);
  EXPECT_EQ(sql->statements[0].row_count, 4U);
  EXPECT_EQ(sql->statements[2].row_count, 2U);
  options = {};
  options.bytes_max = 250;
  sql = batch_sql(*batch, options);
  ASSERT_TRUE(sql);
  EXPECT_EQ(sql->statements.size(), 5U) << "two rows reach the limit";
  options.packet_bytes_max = 600;
  sql = batch_sql(*batch, options);
  ASSERT_TRUE(sql);
  EXPECT_EQ(sql->packets.size(), 3U);
}

TEST(Statements, SinglesFollowTheLogRowByRow) {
  const auto t = bind(table("t", {integer("id"), integer("u")}, {primary({"id"}), unique({"u"})}));
  TransactionMaker changes = transaction(9);
  changes.insert(t, {1, 7}).update(t, {1, 7}, {2, 7}).remove(t, {2, 7});
  std::vector<Transaction> one;
  one.push_back(changes.done());
  const auto batch = batch_of(std::move(one));
  const auto sql = single_sql(*batch, {});
  ASSERT_TRUE(sql);
  EXPECT_EQ(sql->packets.front().sql,
            "INSERT INTO `s`.`t` (`id`,`u`) VALUES (1,7);UPDATE `s`.`t` SET `id`=2 WHERE `id`=1;"
            "DELETE FROM `s`.`t` WHERE `id` IN (2)");
  EXPECT_EQ(sql->describe(*batch, 1), "UPDATE of s.t (id = 1), row 1 of transaction source:9");
}

TEST(Statements, GoOneByOneWhereTheNetEffectCannotBeTold) {
  const auto t = bind(table("t", {integer("id"), integer("u")}, {primary({"id"}), unique({"u"})}));
  TransactionMaker changes = transaction(1);
  changes.update(t, {1, 7}, {2, Absent()});
  std::vector<Transaction> one;
  one.push_back(changes.done());
  const auto sql = batch_sql(*batch_of(std::move(one)), {});
  ASSERT_TRUE(sql);
  EXPECT_FALSE(sql->single) << "what the image after lacks is in the image before";

  const auto plain = bind(table("t", {integer("id"), integer("v")}, {primary({"id"})}));
  TransactionMaker moved = transaction(1);
  moved.update(plain, {1, Absent()}, {2, Absent()});
  one.clear();
  one.push_back(moved.done());
  const auto singles = batch_sql(*batch_of(std::move(one)), {});
  ASSERT_TRUE(singles);
  EXPECT_TRUE(singles->single);
  EXPECT_EQ(singles->packets.front().sql, "UPDATE `s`.`t` SET `id`=2 WHERE `id`=1");
}

}  // namespace
}  // namespace tiderelay::applier
