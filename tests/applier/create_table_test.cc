#include "applier/schema_sql.h"
#include "tests/applier/schemas.h"

namespace tiderelay::applier {
namespace {

using tests::table;

std::string column_of(const std::string& definition,
                      const SchemaContext& context = tests::mysql80()) {
  const TableSchema schema = table("CREATE TABLE t (" + definition + ")", context);
  return schema.columns.empty() ? "" : column_sql(schema.columns[0]);
}

TEST(CreateTable, ResolvesColumnsAsTheServerDoes) {
  struct Row {
    const char* definition;
    const char* resolved;
  };
  const Row rows[] = {
      {"a INT", "`a` int NULL"},
      {"a INT(11) UNSIGNED ZEROFILL NOT NULL", "`a` int(11) unsigned zerofill NOT NULL"},
      {"a TINYINT ZEROFILL", "`a` tinyint unsigned zerofill NULL"},
      {"a BOOL DEFAULT TRUE", "`a` tinyint(1) NULL DEFAULT '1'"},
      {"a SERIAL", "`a` bigint unsigned NOT NULL AUTO_INCREMENT"},
      {"a INT SERIAL DEFAULT VALUE", "`a` int NOT NULL AUTO_INCREMENT"},
      {"a DEC", "`a` decimal(10,0) NULL"},
      {"a NUMERIC(8)", "`a` decimal(8,0) NULL"},
      {"a FIXED(8,3) UNSIGNED DEFAULT -1.5", "`a` decimal(8,3) unsigned NULL DEFAULT '-1.5'"},
      {"a FLOAT(24)", "`a` float NULL"},
      {"a FLOAT(25)", "`a` double NULL"},
      {"a FLOAT(7,3)", "`a` float(7,3) NULL"},
      {"a DOUBLE PRECISION", "`a` double NULL"},
      {"a REAL", "`a` double NULL"},
      {"a BIT", "`a` bit(1) NULL"},
      {"a BIT(9) DEFAULT b'101'", "`a` bit(9) NULL DEFAULT b'101'"},
      {"a YEAR(4)", "`a` year NULL"},
      {"a DATETIME(3) DEFAULT NOW(3) ON UPDATE LOCALTIMESTAMP(3)",
       "`a` datetime(3) NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)"},
      {"a TIMESTAMP", "`a` timestamp NULL"},
      {"a TIME(0)", "`a` time NULL"},
      {"a CHAR", "`a` char(1) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NULL"},
      {"a CHARACTER VARYING(5) CHARSET latin1",
       "`a` varchar(5) CHARACTER SET latin1 COLLATE latin1_swedish_ci NULL"},
      {"a VARCHAR(5) COLLATE utf8_bin",
       "`a` varchar(5) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin NULL"},
      {"a VARCHAR(5) BINARY", "`a` varchar(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL"},
      {"a CHAR(3) ASCII", "`a` char(3) CHARACTER SET latin1 COLLATE latin1_swedish_ci NULL"},
      {"a CHAR(3) BYTE", "`a` binary(3) NULL"},
      {"a VARCHAR(3) CHARACTER SET binary", "`a` varbinary(3) NULL"},
      {"a TEXT CHARACTER SET binary", "`a` blob NULL"},
      {"a NATIONAL VARCHAR(7)",
       "`a` varchar(7) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NULL"},
      {"a TEXT(63)", "`a` tinytext CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NULL"},
      {"a TEXT(64)", "`a` text CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NULL"},
      {"a BLOB(70000)", "`a` mediumblob NULL"},
      {"a LONG VARBINARY", "`a` mediumblob NULL"},
      {"a LONG", "`a` mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NULL"},
      {"a ENUM('x ','it''s', \"q\") CHARSET latin1",
       "`a` enum('x','it''s','q') CHARACTER SET latin1 COLLATE latin1_swedish_ci NULL"},
      {"a JSON DEFAULT (JSON_ARRAY())", "`a` json NULL DEFAULT (JSON_ARRAY())"},
      {"a POINT NOT NULL /*!80003 SRID 4326 */", "`a` point NOT NULL SRID 4326"},
      {"a VECTOR(3)", "`a` vector(3) NULL"},
      {"a INT DEFAULT -5 COMMENT 'it''s'", "`a` int NULL DEFAULT '-5' COMMENT 'it''s'"},
      {"a INT DEFAULT 0x10", "`a` int NULL DEFAULT '16'"},
      {"a VARBINARY(2) DEFAULT 0x10", "`a` varbinary(2) NULL DEFAULT x'10'"},
      {"a BIT(3) DEFAULT 5", "`a` bit(3) NULL DEFAULT b'101'"},
      {"a INT DEFAULT NULL INVISIBLE", "`a` int NULL INVISIBLE"},
      {"a INT AS (1 + 1) STORED NOT NULL", "`a` int GENERATED ALWAYS AS (1 + 1) STORED NOT NULL"},
      {"a INT GENERATED ALWAYS AS (`b`)", "`a` int GENERATED ALWAYS AS (`b`) VIRTUAL"},
      {"a VARCHAR(9) DEFAULT _utf8mb4'x' 'y'",
       "`a` varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NULL DEFAULT 'xy'"},
      {"a INT NULL PRIMARY KEY", "`a` int NOT NULL"},
      {"a INT COLUMN_FORMAT DYNAMIC STORAGE DISK NOT NULL", "`a` int NOT NULL"},
      {"`a``b` INT", "`a``b` int NULL"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.definition);
    EXPECT_EQ(column_of(row.definition), row.resolved);
  }
}

TEST(CreateTable, FollowsEachServersOwnRules) {
  EXPECT_EQ(column_of("a VARCHAR(3) CHARACTER SET utf8mb4", tests::mysql57()),
            "`a` varchar(3) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NULL");
  EXPECT_EQ(column_of("a JSON", tests::mariadb()),
            "`a` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL");
  EXPECT_EQ(column_of("a UUID DEFAULT uuid()", tests::mariadb()), "`a` uuid NULL DEFAULT (uuid())");
  EXPECT_EQ(column_of("a VARCHAR(3) CHARACTER SET utf8mb4 COLLATE uca1400_ai_ci", tests::mariadb()),
            "`a` varchar(3) CHARACTER SET utf8mb4 COLLATE utf8mb4_uca1400_ai_ci NULL");
  EXPECT_EQ(column_of("a INT /*!100301 COMPRESSED*/", tests::mariadb()), "`a` int COMPRESSED NULL");
  EXPECT_EQ(column_of("a VARCHAR(3)", tests::tidb()),
            "`a` varchar(3) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL");
  EXPECT_EQ(column_of("a BIGINT /*T![auto_rand] AUTO_RANDOM(5) */ NOT NULL", tests::tidb()),
            "`a` bigint NOT NULL");
  SchemaContext lax = tests::mysql57();
  lax.strict = false;
  EXPECT_EQ(column_of("a VARCHAR(70000) CHARACTER SET latin1", lax),
            "`a` mediumtext CHARACTER SET latin1 COLLATE latin1_swedish_ci NULL");
}

TEST(CreateTable, GivesOldTimestampsTheirImplicitAttributes) {
  SchemaContext old = tests::mysql57();
  old.explicit_defaults_for_timestamp = false;
  const TableSchema schema = table(
      "CREATE TABLE t (a TIMESTAMP, n TIMESTAMP NULL, b TIMESTAMP(2), c TIMESTAMP DEFAULT 0)", old);
  ASSERT_EQ(schema.columns.size(), 4U);
  EXPECT_EQ(column_sql(schema.columns[1]), "`n` timestamp NULL");
  EXPECT_EQ(column_sql(schema.columns[0]),
            "`a` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP");
  EXPECT_EQ(column_sql(schema.columns[2]),
            "`b` timestamp(2) NOT NULL DEFAULT '0000-00-00 00:00:00.00'");
  EXPECT_EQ(column_sql(schema.columns[3]), "`c` timestamp NOT NULL DEFAULT '0000-00-00 00:00:00'");
}

TEST(CreateTable, ColumnCharsetsComeFromTableThenDatabase) {
  const TableSchema schema = table(
      "CREATE TABLE t (a CHAR(1), b CHAR(1) CHARACTER SET utf8mb4, c CHAR(1) COLLATE latin1_bin) "
      "COLLATE utf8mb4_unicode_ci");
  EXPECT_EQ(schema.columns[0].collation, "utf8mb4_unicode_ci");
  EXPECT_EQ(schema.columns[1].collation, "utf8mb4_0900_ai_ci")
      << "CHARACTER SET alone: its default";
  EXPECT_EQ(schema.columns[2].charset, "latin1");
  SchemaContext unknown = tests::mysql80();
  unknown.database = {};
  const TableSchema null_first = table("CREATE TABLE t (n TIMESTAMP NULL, a TIMESTAMP)", [] {
    SchemaContext old = tests::mysql57();
    old.explicit_defaults_for_timestamp = false;
    return old;
  }());
  EXPECT_EQ(column_sql(null_first.columns[1]),
            "`a` timestamp NOT NULL DEFAULT '0000-00-00 00:00:00'")
      << "only the very first TIMESTAMP is promoted";
  const auto statement = parse_statement("CREATE TABLE t (a INT, b CHAR(1))", {});
  ASSERT_TRUE(statement.has_value());
  const auto refused = build_table({"db", "t"}, statement->table, unknown);
  ASSERT_TRUE(refused.has_error()) << "the default of the database must not be guessed";
  EXPECT_NE(refused.error().text().find("`db`.`t`: column `b`"), std::string::npos);
}

TEST(CreateTable, NamesKeysAndConstraintsAsTheServerDoes) {
  const TableSchema schema = table(
      "CREATE TABLE t (id INT, a INT UNIQUE, b VARCHAR(10), PRIMARY KEY (id), UNIQUE (a), "
      "KEY (b(10)), KEY (b(3)), CONSTRAINT u UNIQUE (a, b), FOREIGN KEY (b) REFERENCES p (x), "
      "CONSTRAINT f FOREIGN KEY (id, b) REFERENCES p (y, z) ON DELETE NO ACTION, "
      "CHECK (a > 1), CONSTRAINT c CHECK (a < 5) NOT ENFORCED, KEY ((a + 1)))");
  std::vector<std::string> keys;
  for (const Key& key : schema.keys) keys.push_back(key_sql(key));
  const std::vector<std::string> expected = {"PRIMARY KEY (`id`)",
                                             "UNIQUE KEY `a` (`a`)",
                                             "UNIQUE KEY `a_2` (`a`)",
                                             "KEY `b` (`b`)",
                                             "KEY `b_2` (`b`(3))",
                                             "UNIQUE KEY `u` (`a`,`b`)",
                                             "KEY `functional_index` ((a + 1))",
                                             "KEY `f` (`id`,`b`)"};
  EXPECT_EQ(keys, expected);
  EXPECT_EQ(schema.foreign_keys[0].name, "t_ibfk_1");
  EXPECT_EQ(schema.checks[0].name, "t_chk_1");
  EXPECT_FALSE(schema.checks[1].enforced);
  ASSERT_NE(schema.row_key(), nullptr);
  EXPECT_EQ(schema.row_key()->name, "PRIMARY");
}

TEST(CreateTable, ReadsWhatServersShowAndSpellsItTheSame) {
  struct Row {
    const char* file;
    SchemaContext context;
    std::size_t tables;
  };
  const Row rows[] = {{"mysql57.sql", tests::mysql57(), 16},
                      {"mysql80.sql", tests::mysql80(), 19},
                      {"mariadb.sql", tests::mariadb(), 19},
                      {"tidb.sql", tests::tidb(), 15}};
  for (const Row& row : rows) {
    const std::vector<std::string> shown = tests::recorded(row.file);
    EXPECT_EQ(shown.size(), row.tables) << row.file;
    for (const std::string& sql : shown) {
      SCOPED_TRACE(sql);
      const auto schema = parse_create_table(sql, "db", row.context, tests::reading(row.context));
      ASSERT_TRUE(schema.has_value()) << schema.error().text();
      EXPECT_FALSE(schema->columns.empty());
      const std::string spelled = create_sql(*schema);
      const auto again =
          parse_create_table(spelled, "db", row.context, tests::reading(row.context));
      ASSERT_TRUE(again.has_value()) << spelled << "\n" << again.error().text();
      EXPECT_EQ(create_sql(*again), spelled);
      EXPECT_TRUE(*again == *schema) << spelled;
    }
  }
}

}  // namespace
}  // namespace tiderelay::applier
