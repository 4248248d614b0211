#include "dumper/ledger.h"

#include <gtest/gtest.h>

namespace tiderelay::dumper {
namespace {

Ledger ledger() {
  DumpOptions options;
  options.task = "it's";
  options.source_id = "a";
  options.epoch = 7;
  return Ledger(options, false);
}

relay::StatementResult rows(const std::vector<std::vector<relay::TextValue>>& values) {
  relay::StatementResult result;
  result.rows = values;
  return result;
}

TEST(Ledger, MarksAChunkDoneOnlyWhileItIsPlannedAndOurs) {
  ChunkRow chunk;
  chunk.chunk = 3;
  chunk.rows_done = 10;
  chunk.low.set = "set";
  chunk.low.position = "b.000001:4";
  chunk.server_uuid = "uuid";
  chunk.displaced = {"1", "2"};
  EXPECT_EQ(ledger().chunk_done_sql({"s", "t"}, chunk),
            "UPDATE `dm_meta`.tiderelay_chunk SET state = IF(state = 'planned' AND epoch = 7, "
            "'done', NULL), rows_done = 10, low_set = 'set', low_position = 'uuid/b.000001:4', "
            "displaced = '1\n2' WHERE task = 'it''s' AND source = 'a' AND schema_name = 's' AND "
            "table_name = 't' AND chunk = 3");
}

// A packet whose answer was lost is sent again, and its first copy may still commit after
// everything that followed: a `loading` that came behind `loaded` had a table without a key copied
// twice.
TEST(Ledger, NumbersWhatMovesATableOn) {
  TableRow row;
  row.source = {"s", "t"};
  row.seq = 4;
  row.next_chunk = 9;
  TableUpdate update;
  const std::string sql = ledger().update_table_sql(row, update);
  EXPECT_NE(sql.find("SET seq = IF(epoch = 7 AND seq IN (4, 5), 5, NULL), state = 'loading'"),
            std::string::npos)
      << sql;
  EXPECT_NE(ledger().staged_sql(row, update, {}).find("seq IN (4, 5)"), std::string::npos);
  EXPECT_NE(ledger().void_chunks_sql(row).find("AND chunk < 9;"), std::string::npos)
      << "chunks that are planned later stay";
}

TEST(Ledger, ReadsBackWhatWasStored) {
  auto tables = Ledger::read_tables(rows(
      {{"s", "t", "loading", "0", "", "", "", "CREATE", "created; note", "4"},
       {"s", "u", "strict", "1", "set", "b.000001:4", "b.000001:9", "CREATE", std::nullopt, "0"}}));
  ASSERT_TRUE(tables.has_value()) << tables.error().text();
  ASSERT_TRUE(Ledger::read_chunks(rows({{"s", "t", "0", std::nullopt, "5", "void", "0", "", "", ""},
                                        {"s", "t", "4", std::nullopt, "5", "done", "17", "set",
                                         "uuid/b.000001:4", "1\n2,3"},
                                        {"s", "t", "5", "5", std::nullopt, "planned", "0",
                                         std::nullopt, std::nullopt, std::nullopt}}),
                                  *tables)
                  .has_value());
  const TableRow& table = tables->at(0);
  EXPECT_EQ(table.state, TableState::kLoading);
  EXPECT_TRUE(table.created);
  EXPECT_EQ(table.seq, 4U);
  EXPECT_EQ(table.next_chunk, 6U);
  ASSERT_EQ(table.chunks.size(), 2U) << "void chunks count for their numbers only";
  EXPECT_TRUE(table.chunks[0].done);
  EXPECT_EQ(table.chunks[0].lower, std::nullopt);
  EXPECT_EQ(table.chunks[0].server_uuid, "uuid");
  EXPECT_EQ(table.chunks[0].low.position, "b.000001:4");
  EXPECT_EQ(table.chunks[0].displaced, (std::vector<std::string>{"1", "2,3"}));
  EXPECT_FALSE(table.chunks[1].done);
  EXPECT_EQ(tables->at(1).state, TableState::kLoaded) << "the applier has gone on with it";
}

TEST(Ledger, TellsWhatTheTryNotedThatLoadedTheChunk) {
  const auto fate = Ledger::read_fate(rows({{"done", "7", "12", "1\n2,3"}}));
  ASSERT_TRUE(fate.has_value());
  EXPECT_EQ(fate->state, "done");
  EXPECT_EQ(fate->epoch, 7U);
  EXPECT_EQ(fate->rows_done, 12U);
  EXPECT_EQ(fate->displaced, (std::vector<std::string>{"1", "2,3"})) << "to be read again at HIGH";
  EXPECT_EQ(Ledger::read_fate(rows({}))->state, "");
}

TEST(Ledger, RefusesRowsItCannotRead) {
  EXPECT_TRUE(
      Ledger::read_tables(rows({{"s", "t", "odd", "0", "", "", "", "", "", "0"}})).has_error());
  std::vector<TableRow> none;
  EXPECT_TRUE(Ledger::read_chunks(rows({{"s", "t", "0", "", "", "done", "0", "", "", ""}}), none)
                  .has_error());
}

TEST(Ledger, TellsALostTaskFromOtherErrors) {
  relay::QueryOutcome answers;
  answers.results.resize(1);
  answers.error = Error(1048, "23000", "Column 'epoch' cannot be null");
  EXPECT_EQ(Ledger::check_fenced(answers).error().code(), Errc::kFenced);
  answers.error = Error(1146, "42S02", "no such table");
  EXPECT_EQ(Ledger::check_fenced(answers).error().code(), Errc::kServer);
  answers.error.reset();
  answers.results.resize(4);
  EXPECT_EQ(Ledger::check_fenced(answers).error().code(), Errc::kFenced) << "no row was matched";
  answers.results[Ledger::kFenceResult].affected_rows = 1;
  EXPECT_TRUE(Ledger::check_fenced(answers).has_value());
}

}  // namespace
}  // namespace tiderelay::dumper
