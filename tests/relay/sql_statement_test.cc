// tests/relay/sql_statement_test.cc: what replicas and tools send, statement by statement as they
// were recorded (docs name the clients), and what is refused.
#include "relay/sql_statement.h"

#include <gtest/gtest.h>

#include <string>

namespace tiderelay::relay {
namespace {

using Kind = SqlStatement::Kind;

TEST(SqlStatement, UnderstandsWhatReplicasAndToolsSend) {
  struct Row {
    const char* sql;
    Kind kind;
    std::size_t items;
  };
  const Row rows[] = {
      {"SELECT UNIX_TIMESTAMP()", Kind::kSelect, 1},
      {"SELECT @@GLOBAL.SERVER_ID", Kind::kSelect, 1},
      {"SET @master_heartbeat_period = 2000000000, @source_heartbeat_period = 2000000000",
       Kind::kSet, 2},
      {"SET @master_binlog_checksum= @@global.binlog_checksum", Kind::kSet, 1},
      {"SET @master_binlog_checksum = 'NONE', @source_binlog_checksum = 'NONE'", Kind::kSet, 2},
      {"SELECT @source_binlog_checksum", Kind::kSelect, 1},
      {"SHOW VARIABLES LIKE 'SERVER_ID'", Kind::kShowVariables, 0},
      {"SET @slave_uuid = 'a', @replica_uuid = 'a'", Kind::kSet, 2},
      {"SET @mariadb_slave_capability=4", Kind::kSet, 1},
      {"SET @slave_connect_state=''", Kind::kSet, 1},
      {"SELECT binlog_gtid_pos('binlog.000001',4)", Kind::kSelect, 1},
      {"SHOW GLOBAL VARIABLES LIKE 'BINLOG_CHECKSUM'", Kind::kShowVariables, 0},
      {"SHOW VARIABLES WHERE Variable_name IN ('rpl_semi_sync_master_enabled','rpl')",
       Kind::kShowVariables, 0},
      {"SHOW VARIABLES WHERE Variable_name = 'sql_mode'", Kind::kShowVariables, 0},
      {"show global variables like 'rds\\_%'", Kind::kShowVariables, 0},
      {"set names 'binary'", Kind::kSet, 0},
      {"SET NAMES utf8mb4 COLLATE utf8mb4_bin", Kind::kSet, 0},
      {"set @slave_uuid=uuid()", Kind::kSet, 1},
      {"set net_write_timeout=7200", Kind::kSet, 1},
      {"SET SESSION net_write_timeout = 600", Kind::kSet, 1},
      {"SET autocommit=1, sql_mode='STRICT'", Kind::kSet, 2},
      {"/* mysql-connector */SELECT  @@session.auto_increment_increment AS "
       "auto_increment_increment, "
       "@@character_set_client AS character_set_client LIMIT 1",
       Kind::kSelect, 2},
      {"select @@version_comment limit 1", Kind::kSelect, 1},
      {"SELECT GTID_SUBTRACT('a:1-5', @@global.gtid_executed)", Kind::kSelect, 1},
      {"SELECT @@server_id as server_id", Kind::kSelect, 1},
      {"SELECT 1 FROM DUAL;", Kind::kSelect, 1},
      {"SHOW MASTER STATUS", Kind::kShowLogStatus, 0},
      {"SHOW BINARY LOG STATUS", Kind::kShowLogStatus, 0},
      {"SHOW BINARY LOGS", Kind::kShowLogs, 0},
      {"SHOW MASTER LOGS WITH GTID", Kind::kShowLogs, 0},
      {"SHOW BINLOG EVENTS IN 'binlog.000001' FROM 4 LIMIT 1, 5", Kind::kShowEvents, 0},
      {"show binlog events limit 1", Kind::kShowEvents, 0},
      {"SHOW SLAVE HOSTS", Kind::kShowReplicas, 0},
      {"SHOW REPLICAS", Kind::kShowReplicas, 0},
      {"SHOW SLAVE STATUS FOR CHANNEL ''", Kind::kShowReplicaStatus, 0},
      {"SHOW GRANTS FOR CURRENT_USER()", Kind::kShowGrants, 0},
      {"SHOW WARNINGS", Kind::kShowWarnings, 0},
      {"SHOW FULL PROCESSLIST", Kind::kShowProcesses, 0},
      {"KILL CONNECTION 17", Kind::kKill, 0},
      {"KILL 17", Kind::kKill, 0},
      {"use shop", Kind::kUse, 0},
      {"COMMIT", Kind::kNothing, 0},
      {"", Kind::kNothing, 0},
      {"-- only a comment", Kind::kNothing, 0},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.sql);
    const auto statement = parse_statement(row.sql);
    ASSERT_TRUE(statement) << statement.error().text();
    EXPECT_EQ(statement->kind, row.kind);
    EXPECT_EQ(statement->items.size(), row.items);
  }
}

TEST(SqlStatement, RefusesTheRestWithTheServersNumbers) {
  struct Row {
    const char* sql;
    std::uint16_t code;
  };
  const Row rows[] = {
      {"nonsense", 1064},
      {"SELECT", 1064},
      {"SELECT 1 +", 1064},
      {"SET @a", 1064},
      {"SELECT 'open", 1064},
      {"/* open", 1064},
      {"SELECT 1; SELECT 2", 1064},
      {"SHOW VARIABLES WHERE x = 1", 1064},
      {"DROP TABLE t", 1290},
      {"reset master", 1290},
      {"INSERT INTO t VALUES (1)", 1290},
      {"SELECT * FROM t", 1142},
      {"SELECT a.b FROM t", 1142},
      {"KILL x", 1064},
      {"SELECT f(f(f(f(f(f(f(f(f(f(1))))))))))", 1064},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.sql);
    const auto statement = parse_statement(row.sql);
    ASSERT_TRUE(statement.has_error());
    EXPECT_EQ(statement.error().server_code(), row.code) << statement.error().text();
  }
}

TEST(SqlStatement, KeepsValuesNamesAndPlaces) {
  const auto set = parse_statement("SET @A = 'it''s \\'q\\'', @b := null, GLOBAL x = on");
  ASSERT_TRUE(set);
  EXPECT_EQ(set->items[0].name, "a");
  EXPECT_TRUE(set->items[0].user);
  EXPECT_EQ(set->items[0].value.text, "it's 'q'");
  EXPECT_EQ(set->items[1].value.kind, SqlValue::Kind::kNull);
  EXPECT_TRUE(set->items[2].global);
  const auto select = parse_statement("SELECT @@GLOBAL.SERVER_ID, version() AS v");
  ASSERT_TRUE(select);
  EXPECT_EQ(select->items[0].name, "@@GLOBAL.SERVER_ID");
  EXPECT_EQ(select->items[0].value.text, "server_id");
  EXPECT_EQ(select->items[1].name, "v");
  const auto events = parse_statement("SHOW BINLOG EVENTS IN 'b.000001' FROM 120 LIMIT 2, 5");
  ASSERT_TRUE(events);
  EXPECT_EQ(events->name, "b.000001");
  EXPECT_EQ(events->number, 120U);
  EXPECT_EQ(events->skip_rows, 2U);
  EXPECT_EQ(events->limit_rows, 5U);
}

TEST(SqlStatement, LikeIsThatOfServers) {
  struct Row {
    const char* text;
    const char* pattern;
    bool fits;
  };
  const Row rows[] = {
      {"server_id", "SERVER_ID", true},
      {"server_id", "server%", true},
      {"server_id", "%id", true},
      {"server_id", "s_rver_id", true},
      {"server_id", "server\\_id", true},
      {"serverxid", "server\\_id", false},
      {"server_id", "server", false},
      {"", "%", true},
      {"", "_", false},
      {"aXbXc", "a%b%c", true},
      {"aXbX", "a%b%c", false},
      {"a%", "a\\%", true},
      {"ab", "a\\%", false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(sql_like(row.text, row.pattern), row.fits) << row.text << " like " << row.pattern;
  }
}

}  // namespace
}  // namespace tiderelay::relay
