#include "applier/event_filter.h"

#include <gtest/gtest.h>

namespace tiderelay::applier {
namespace {

using Fate = EventFilter::Fate;
using Texts = std::vector<std::string>;

EventRuleOptions rule(FilterAction action, const Texts& events, const Texts& sql_patterns = {},
                      const std::string& schema = "a", const std::string& table = "") {
  return {"r-" + schema + "." + table, schema, table, events, sql_patterns, action};
}

EventFilter filter(const std::vector<EventRuleOptions>& rules, bool case_sensitive = false) {
  auto made = EventFilter::make(rules, case_sensitive);
  EXPECT_TRUE(made) << (made ? "" : made.error().text());
  return made ? *made : EventFilter();
}

TEST(EventFilter, DecidesByTheTableOfItsHeader) {
  const char* const drop = "DROP TABLE t";
  const EventKind kDrop = EventKind::kDropTable;
  struct Row {
    const char* fact;
    EventRuleOptions rule;
    EventKind kind;
    const char* sql;
    Fate fate;
  };
  const Row rows[] = {
      {"ignore, kind in", rule(FilterAction::kIgnore, {"drop table"}), kDrop, drop, Fate::kDrop},
      {"ignore, kind not in", rule(FilterAction::kIgnore, {"insert"}), kDrop, drop, Fate::kPass},
      {"error, kind in", rule(FilterAction::kError, {"drop table"}), kDrop, drop, Fate::kPause},
      {"error, kind not in", rule(FilterAction::kError, {"insert"}), kDrop, drop, Fate::kPass},
      {"do, kind in", rule(FilterAction::kDo, {"drop table"}), kDrop, drop, Fate::kPass},
      {"do, kind not in", rule(FilterAction::kDo, {"insert"}), kDrop, drop, Fate::kDrop},
      {"do, no events at all", rule(FilterAction::kDo, {}), kDrop, drop, Fate::kDrop},
      {"ignore, text matches", rule(FilterAction::kIgnore, {}, {"^drop"}), kDrop, drop,
       Fate::kDrop},
      {"ignore, second pattern", rule(FilterAction::kIgnore, {}, {"^x", "table\\s+t$"}), kDrop,
       drop, Fate::kDrop},
      {"ignore, text does not", rule(FilterAction::kIgnore, {}, {"^add"}), kDrop, drop,
       Fate::kPass},
      {"ignore drops on either", rule(FilterAction::kIgnore, {"drop table"}, {"^add"}), kDrop, drop,
       Fate::kDrop},
      {"error, text matches", rule(FilterAction::kError, {}, {"^drop"}), kDrop, drop, Fate::kPause},
      {"do, both match", rule(FilterAction::kDo, {"drop table"}, {"^drop"}), kDrop, drop,
       Fate::kPass},
      {"do demands both", rule(FilterAction::kDo, {"drop table"}, {"^add"}), kDrop, drop,
       Fate::kDrop},
      {"rows have no text", rule(FilterAction::kDo, {"insert"}, {"^add"}), EventKind::kInsert, "",
       Fate::kPass},
      {"unknown kind: only the text", rule(FilterAction::kDo, {}, {"foo"}), EventKind::kUnknown,
       "foo bar", Fate::kPass},
      {"unknown kind, other text", rule(FilterAction::kDo, {"all"}, {"foo"}), EventKind::kUnknown,
       "bar", Fate::kDrop},
      {"unknown kind, no patterns", rule(FilterAction::kIgnore, {"all"}), EventKind::kUnknown,
       "bar", Fate::kPass},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    EXPECT_EQ(filter({row.rule}).judge_statement({"a", "t"}, row.kind, row.sql).fate, row.fate);
  }
}

TEST(EventFilter, SearchesEventsUntilTheFirstHit) {
  struct Row {
    Texts events;
    EventKind kind;
    bool in;
  };
  const Row rows[] = {
      {{"all"}, EventKind::kInsert, true},
      {{"All DML"}, EventKind::kUpdate, true},
      {{"all dml"}, EventKind::kCreateTable, false},
      {{"all ddl"}, EventKind::kCreateTable, true},
      {{"all ddl"}, EventKind::kDropTable, true},
      {{"all ddl"}, EventKind::kDelete, false},
      {{"none", "all"}, EventKind::kInsert, false},
      {{"all", "none"}, EventKind::kInsert, true},
      {{"none ddl", "all"}, EventKind::kCreateTable, false},
      {{"none ddl", "all"}, EventKind::kInsert, true},
      {{"none dml", "all"}, EventKind::kInsert, false},
      {{"none dml", "all"}, EventKind::kCreateTable, true},
      {{"incompatible DDL changes"}, EventKind::kDropColumn, true},
      {{"incompatible DDL changes"}, EventKind::kTruncateTable, true},
      {{"incompatible DDL changes"}, EventKind::kAddColumn, true},
      {{"incompatible DDL changes"}, EventKind::kAlterTable, false},
      {{"incompatible DDL changes"}, EventKind::kInsert, false},
      {{"create schema"}, EventKind::kCreateDatabase, true},
      {{"drop view"}, EventKind::kDropView, true},
      {{"insert", "update"}, EventKind::kUpdate, true},
      {{"insert", "update"}, EventKind::kDelete, false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.events[0] + " for " + std::string(to_text(row.kind)));
    const auto decision =
        filter({rule(FilterAction::kIgnore, row.events)}).judge_statement({"a", "t"}, row.kind, "");
    EXPECT_EQ(decision.fate == Fate::kDrop, row.in);
  }
}

TEST(EventFilter, AsksSchemaRulesFirstAndTheFirstDecisionWins) {
  const EventFilter both = filter({rule(FilterAction::kError, {"insert"}, {}, "a", "t"),
                                   rule(FilterAction::kIgnore, {"insert"}, {}, "a*")});
  const auto decision = both.judge_rows({"a", "t"}, EventKind::kInsert);
  EXPECT_EQ(decision.fate, Fate::kDrop);
  ASSERT_NE(decision.rule, nullptr);
  EXPECT_EQ(*decision.rule, "r-a*.");
  EXPECT_EQ(both.judge_rows({"b", "t"}, EventKind::kInsert).fate, Fate::kPass);
  EXPECT_EQ(both.judge_rows({"b", "t"}, EventKind::kInsert).rule, nullptr);
}

TEST(EventFilter, AppliesSchemaRulesToStatementsOnTheSchema) {
  const EventFilter no_drop = filter({rule(FilterAction::kIgnore, {"drop database"})});
  EXPECT_EQ(no_drop.judge_statement({"a", ""}, EventKind::kDropDatabase, "DROP SCHEMA a").fate,
            Fate::kDrop);
  const EventFilter of_table = filter({rule(FilterAction::kIgnore, {"all"}, {}, "a", "t")});
  EXPECT_EQ(of_table.judge_statement({"a", ""}, EventKind::kDropDatabase, "DROP SCHEMA a").fate,
            Fate::kPass);
}

TEST(EventFilter, AsksOnlyRulesForEverySchemaAboutATextThatDoesNotParse) {
  const EventFilter everywhere = filter({rule(FilterAction::kIgnore, {}, {"sequence"}, "*")});
  const EventFilter one = filter({rule(FilterAction::kIgnore, {}, {"sequence"}, "a")});
  const char* const sql = "CREATE SEQUENCE s";
  EXPECT_EQ(everywhere.judge_statement({"", ""}, EventKind::kUnknown, sql).fate, Fate::kDrop);
  EXPECT_EQ(one.judge_statement({"", ""}, EventKind::kUnknown, sql).fate, Fate::kPass);
}

TEST(EventFilter, NamesTheRuleBesideWhichNoRowCanPass) {
  // The pair that DM's manual recommends for "rows only": it lets nothing but CREATE DATABASE pass.
  const EventFilter manual =
      filter({rule(FilterAction::kDo, {"create database"}, {}, "a"),
              rule(FilterAction::kDo, {"all dml", "create table"}, {}, "a", "*")});
  const std::string* culprit = manual.never_passes_rows({"a", "t"});
  ASSERT_NE(culprit, nullptr);
  EXPECT_EQ(*culprit, "r-a.");
  EXPECT_EQ(manual.never_passes_rows({"b", "t"}), nullptr);
  EXPECT_EQ(
      filter({rule(FilterAction::kIgnore, {"delete", "update"})}).never_passes_rows({"a", "t"}),
      nullptr)
      << "inserts still pass";
}

TEST(EventFilter, RefusesRulesThatDmDropsWithALogLine) {
  struct Row {
    std::vector<EventRuleOptions> rules;
    const char* error;
  };
  const Row rows[] = {
      {{rule(FilterAction::kDo, {"inserts"})},
       "filter \"r-a.\": events: unknown event \"inserts\"; did you mean \"insert\"?"},
      {{rule(FilterAction::kDo, {"something else"})},
       "filter \"r-a.\": events: unknown event \"something else\""},
      {{rule(FilterAction::kDo, {}, {"ok", "("})},
       "filter \"r-a.\": sql-pattern: the regex \"(\" does not compile: missing ): ("},
      {{rule(FilterAction::kDo, {}), rule(FilterAction::kIgnore, {}, {}, "A")},
       "filter \"r-A.\": another filter has the same patterns already (A); join the two"},
      {{rule(FilterAction::kDo, {}, {}, "a*b")},
       "filter \"r-a*b.\": schema-pattern: pattern \"a*b\": * may only be the last character"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.error);
    const auto made = EventFilter::make(row.rules, false);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().text(), row.error);
  }
}

TEST(EventKinds, HaveANameThatLeadsBackToThem) {
  for (int i = 1; i <= static_cast<int>(EventKind::kMultiSchemaChange); ++i) {
    const auto kind = static_cast<EventKind>(i);
    const auto name = parse_event_name(to_text(kind));
    ASSERT_TRUE(name.has_value()) << i;
    EXPECT_EQ(name->kind, kind);
    EXPECT_NE(class_of(kind), EventClass::kUnknown);
  }
  EXPECT_EQ(class_of(EventKind::kUnknown), EventClass::kUnknown);
}

}  // namespace
}  // namespace tiderelay::applier
