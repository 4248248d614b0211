#include "applier/statement_fate.h"

#include <gtest/gtest.h>

#include "applier/ddl_parser.h"

namespace tiderelay::applier {
namespace {

using Kind = StatementFate::Kind;

constexpr const char* kUuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

relay::LogPosition at(std::uint64_t offset_bytes) {
  relay::LogPosition position;
  position.generation = 1;
  position.file = 1;
  position.offset_bytes = offset_bytes;
  return position;
}

// A copy that holds transactions up to `low`; the log's transaction n lies from 100 n to 100 n
// + 99.
TableWindow window(std::uint64_t low, std::uint64_t high) {
  TableWindow made;
  TransactionId held;
  held.origin = kUuid;
  held.first = 1;
  held.end = low + 1;
  made.low.add(held);
  made.high = at(high * 100);
  return made;
}

// The statement as the log's transaction `number`, judged by copies of d.early (LOW 10, HIGH 20),
// d.late (LOW 50, HIGH 60) and e.other (LOW 10, HIGH 20).
StatementFate judged(const std::string& sql, std::uint64_t number) {
  const std::map<TableName, TableWindow> windows = {{{"d", "early"}, window(10, 20)},
                                                    {{"d", "late"}, window(50, 60)},
                                                    {{"e", "other"}, window(10, 20)}};
  const Result<DdlStatement> statement = parse_statement(sql, {});
  EXPECT_TRUE(statement.has_value()) << statement.error().text();
  DdlEvent event;
  event.schema = "d";
  event.id.origin = kUuid;
  event.id.first = number;
  event.id.end = number + 1;
  event.begin = at(number * 100);
  event.end = at(number * 100 + 99);
  std::vector<TableName> taken;
  for (TableName name : statement->tables) {
    if (name.schema.empty()) name.schema = "d";
    taken.push_back(name);
  }
  return fate_of(event, *statement, taken, windows);
}

TEST(StatementFate, IsDecidedByWhereTheStatementLiesInEachCopy) {
  struct Row {
    const char* fact;
    const char* sql;
    std::uint64_t number;
    Kind kind;
    std::vector<TableName> tables;
  };
  const Row rows[] = {
      {"what the copy holds is past", "ALTER TABLE early ADD x int", 10, Kind::kPast, {}},
      {"what is in between spoils it",
       "ALTER TABLE early ADD x int",
       11,
       Kind::kCopyAgain,
       {{"d", "early"}}},
      {"up to HIGH", "ALTER TABLE early ADD x int", 19, Kind::kCopyAgain, {{"d", "early"}}},
      {"from HIGH on it is run", "ALTER TABLE early ADD x int", 20, Kind::kRun, {}},
      {"TRUNCATE in between is run: what follows is in the log",
       "TRUNCATE early",
       15,
       Kind::kRun,
       {}},
      {"so is DROP", "DROP TABLE early", 15, Kind::kRun, {}},
      {"and the CREATE behind it", "CREATE TABLE early (a int primary key)", 16, Kind::kRun, {}},
      {"a rename in between spoils",
       "RENAME TABLE early TO gone",
       15,
       Kind::kCopyAgain,
       {{"d", "early"}, {"d", "gone"}}},
      {"copies that disagree: those without it are made again",
       "DROP TABLE early, late",
       30,
       Kind::kCopyAgain,
       {{"d", "early"}}},
      {"a new table behind some copies",
       "CREATE TABLE fresh (a int primary key)",
       30,
       Kind::kRun,
       {}},
      {"a table that no copy knows, before all of them",
       "ALTER TABLE gone ADD x int",
       5,
       Kind::kPast,
       {}},
      {"a model that is known as it was later",
       "CREATE TABLE fresh LIKE late",
       30,
       Kind::kCopyAgain,
       {{"d", "fresh"}}},
      {"a model that is known as it is here", "CREATE TABLE fresh LIKE early", 30, Kind::kRun, {}},
      {"a database is dropped behind one copy, before another",
       "DROP DATABASE d",
       30,
       Kind::kCopyAgain,
       {{"d", "early"}}},
      {"a database whose copies are behind", "DROP DATABASE e", 30, Kind::kRun, {}},
      {"a database whose copies hold it", "DROP DATABASE e", 5, Kind::kPast, {}},
      {"a database is no copy's matter", "CREATE DATABASE f", 30, Kind::kRun, {}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    const StatementFate fate = judged(row.sql, row.number);
    EXPECT_EQ(fate.kind, row.kind);
    EXPECT_EQ(fate.tables, row.tables);
  }
}

TEST(StatementFate, AnAlterThatLeavesTheTableAsItWasChangesNothing) {
  SchemaTracker tracker(TrackerOptions{});
  ASSERT_TRUE(tracker.read_table("d", "CREATE TABLE `t` (`a` int NOT NULL, PRIMARY KEY (`a`))"));
  StatementSession session;
  session.schema = "d";
  const auto effects_of = [&](const char* sql) {
    const Result<DdlStatement> statement = parse_statement(sql, {});
    EXPECT_TRUE(statement.has_value());
    const Result<StatementEffects> effects = tracker.apply(*statement, session);
    EXPECT_TRUE(effects.has_value());
    return *effects;
  };
  EXPECT_TRUE(changes_nothing(effects_of("ALTER TABLE t FORCE")));
  EXPECT_FALSE(changes_nothing(effects_of("ALTER TABLE t ADD b int")));
  EXPECT_FALSE(changes_nothing(effects_of("TRUNCATE TABLE t")));
}

}  // namespace
}  // namespace tiderelay::applier
