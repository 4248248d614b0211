#include "applier/target_schema.h"
#include "applier/engine_rules.h"

#include "tests/applier/schemas.h"

namespace tiderelay::applier {
namespace {

using tests::table;

TEST(CollationMap, NamesTheNearestCollationAndWhatItDoesToUniqueKeys) {
  struct Row {
    const char* source;
    const char* mapped;
    bool merges;
    bool splits;
  };
  const Row rows[] = {
      {"utf8mb4_general_ci", "utf8mb4_general_ci", false, false},
      {"utf8mb4_0900_ai_ci", "utf8mb4_0900_ai_ci", false, false},
      {"utf8mb4_0900_bin", "utf8mb4_0900_bin", false, false},
      {"utf8mb3_general_ci", "utf8_general_ci", false, false},
      {"utf8mb3_unicode_520_ci", "utf8mb4_0900_ai_ci", true, true},
      {"utf8mb4_unicode_520_ci", "utf8mb4_0900_ai_ci", true, true},
      {"utf8mb4_swedish_ci", "utf8mb4_unicode_ci", true, true},
      {"utf8mb4_0900_as_cs", "utf8mb4_0900_bin", false, true},
      {"utf8mb4_ja_0900_as_cs_ks", "utf8mb4_0900_bin", false, true},
      {"utf8mb4_da_0900_ai_ci", "utf8mb4_0900_ai_ci", true, true},
      {"latin1_swedish_ci", "utf8mb4_general_ci", true, true},
      {"latin1_general_cs", "utf8mb4_bin", false, true},
      {"latin1_bin", "utf8mb4_bin", false, false},
      {"ascii_general_ci", "utf8mb4_general_ci", false, false},
      {"cp1251_general_ci", "utf8mb4_general_ci", true, true},
      {"utf16_unicode_ci", "utf8mb4_unicode_ci", false, false},
      {"sjis_bin", "utf8mb4_bin", false, false},
      {"gbk_chinese_ci", "gbk_chinese_ci", false, false},
      {"gb18030_chinese_ci", "utf8mb4_general_ci", true, true},
      {"utf8mb4_uca1400_ai_ci", "utf8mb4_0900_ai_ci", true, true},
      {"utf8mb4_nopad_bin", "utf8mb4_0900_bin", false, false},
      {"binary", "binary", false, false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.source);
    const MappedCollation mapped = map_collation(row.source, true, Target{});
    EXPECT_EQ(mapped.collation, row.mapped);
    EXPECT_EQ(mapped.merges, row.merges);
    EXPECT_EQ(mapped.splits, row.splits);
  }
}

TEST(CollationMap, HeedsTheOperatorAndOldTargets) {
  Target target;
  target.unique_columns = Target::UniqueColumns::kBinary;
  EXPECT_EQ(map_collation("latin1_swedish_ci", true, target).collation, "utf8mb4_bin");
  EXPECT_EQ(map_collation("latin1_swedish_ci", false, target).collation, "utf8mb4_general_ci");
  target.collations["latin1_swedish_ci"] = "utf8mb4_0900_ai_ci";
  EXPECT_EQ(map_collation("latin1_swedish_ci", true, target).collation, "utf8mb4_0900_ai_ci");
  target = {};
  target.version = 60500;
  EXPECT_EQ(map_collation("utf8mb4_0900_ai_ci", true, target).collation, "utf8mb4_unicode_ci");
  target.new_collations = false;
  EXPECT_EQ(map_collation("utf8mb4_swedish_ci", true, target).collation, "utf8mb4_swedish_ci");
  EXPECT_TRUE(map_collation("utf8mb4_swedish_ci", true, target).splits);
  target = {};
  target.kind = TargetKind::kMysql;
  target.version = 50729;
  EXPECT_EQ(map_collation("utf8mb4_0900_ai_ci", true, target).collation, "utf8mb4_unicode_520_ci");
  EXPECT_EQ(map_collation("latin1_swedish_ci", true, target).collation, "latin1_swedish_ci");
  target.version = 80031;
  EXPECT_EQ(map_collation("utf8mb3_general_ci", true, target).collation, "utf8mb3_general_ci");
}

CreateTable for_tidb(const std::string& sql, const SchemaContext& context = tests::mysql80()) {
  const TableSchema schema = table(sql, context);
  auto out = create_table_sql(schema, {"to", "u"}, Target{});
  EXPECT_TRUE(out.has_value()) << out.error().text();
  return out ? *out : CreateTable{};
}

std::string notes(const CreateTable& create) {
  std::string out;
  for (const TranslationNote& note : create.notes) out += note.text + "\n";
  return out;
}

TEST(TargetSchema, LeavesOutWhatTheTargetLacksAndSaysSo) {
  const CreateTable create = for_tidb(
      "CREATE TABLE t (id INT PRIMARY KEY INVISIBLE, a VARCHAR(20) CHARACTER SET latin1, "
      "g POINT NOT NULL SRID 4326, b TEXT, c TEXT DEFAULT ('x'), d INT DEFAULT (1 + 2 * 3), "
      "UNIQUE KEY ua (a DESC), FULLTEXT KEY f (b), SPATIAL KEY s (g), KEY e1 ((lower(a))), "
      "KEY e2 ((substr(a,1,2))), CHECK (d > 0)) ENGINE=InnoDB ROW_FORMAT=COMPRESSED "
      "AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4");
  EXPECT_EQ(create.sql,
            "CREATE TABLE `to`.`u` (\n"
            "  `id` int NOT NULL,\n"
            "  `a` varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NULL,\n"
            "  `g` longblob NOT NULL,\n"
            "  `b` text CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NULL,\n"
            "  `c` text CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci NULL,\n"
            "  `d` int NULL DEFAULT '7',\n"
            "  PRIMARY KEY (`id`),\n"
            "  UNIQUE KEY `ua` (`a`),\n"
            "  KEY `e1` ((lower(a)))\n"
            ") AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci");
  const std::string said = notes(create);
  for (const char* part :
       {"column `id` becomes visible", "column `a` compares by utf8mb4_general_ci", "error 1062",
        "column `g` keeps the bytes", "column `c` has no default", "column `d` has the default '7'",
        "key `ua` is ascending", "key `f` is left out", "key `s` is left out",
        "key `e2` is left out", "1 CHECK constraint(s) are left out"})
    EXPECT_NE(said.find(part), std::string::npos) << part << "\nnot in\n" << said;
  ASSERT_EQ(create.collations.size(), 1U);
  EXPECT_TRUE(create.collations[0].in_unique_key);
}

TEST(TargetSchema, MakesNoTableWithoutTransactions) {
  Target mysql;
  mysql.kind = TargetKind::kMysql;
  mysql.version = 80031;
  const TableSchema source = table("CREATE TABLE t (a INT) ENGINE=MyISAM ROW_FORMAT=FIXED");
  EXPECT_FALSE(is_transactional(source));
  const auto create = create_table_sql(source, {"to", "u"}, mysql);
  ASSERT_TRUE(create);
  EXPECT_EQ(create->sql.find("ENGINE"), std::string::npos) << create->sql;
  EXPECT_EQ(create->sql.find("ROW_FORMAT"), std::string::npos) << create->sql;
}

TEST(TargetSchema, MakesRoomForTheBytesOfUtf8mb4) {
  const CreateTable create = for_tidb(
      "CREATE TABLE t (a VARCHAR(1000), b TEXT, c VARCHAR(20000), KEY (a), UNIQUE (c(100)), "
      "UNIQUE u (a)) DEFAULT CHARSET latin1");
  EXPECT_NE(create.sql.find("`b` mediumtext"), std::string::npos) << create.sql;
  EXPECT_NE(create.sql.find("`c` mediumtext"), std::string::npos) << create.sql;
  EXPECT_NE(create.sql.find("KEY `a` (`a`(768))"), std::string::npos) << create.sql;
  EXPECT_NE(create.sql.find("\n  KEY `u` (`a`(768))"), std::string::npos)
      << "a cut unique key would refuse rows that the source takes\n"
      << create.sql;
  EXPECT_NE(notes(create).find("key `u` is not unique in the target"), std::string::npos);
  const auto refused = create_table_sql(
      table("CREATE TABLE t (a VARCHAR(1000) PRIMARY KEY) CHARSET latin1"), {"db", "t"}, Target{});
  ASSERT_TRUE(refused.has_error());
  EXPECT_NE(refused.error().way_out().find("max-index-length"), std::string::npos);
}

TEST(TargetSchema, RoutesParentsOfForeignKeys) {
  const TableSchema schema = table(
      "CREATE TABLE db.t (a INT, FOREIGN KEY (a) REFERENCES p (x), FOREIGN KEY (a) REFERENCES "
      "other.q (x))");
  const RouteOf route = [](const TableName& name) -> std::optional<TableName> {
    if (name.schema == "other") return std::nullopt;
    return TableName{"to", name.table + "_all"};
  };
  const auto create = create_table_sql(schema, {"to", "t_all"}, Target{}, route, true);
  ASSERT_TRUE(create.has_value());
  EXPECT_TRUE(create->sql.starts_with("CREATE TABLE IF NOT EXISTS `to`.`t_all`"));
  EXPECT_NE(create->sql.find("REFERENCES `to`.`p_all`"), std::string::npos) << create->sql;
  EXPECT_EQ(create->sql.find("`q`"), std::string::npos) << create->sql;
}

TEST(TargetSchema, ClustersThePrimaryKeyAsAsked) {
  Target target;
  target.primary_key = Target::PrimaryKey::kNonclustered;
  const auto create =
      create_table_sql(table("CREATE TABLE t (a INT PRIMARY KEY)"), {"db", "t"}, target);
  ASSERT_TRUE(create.has_value());
  EXPECT_NE(create->sql.find("PRIMARY KEY (`a`) NONCLUSTERED"), std::string::npos) << create->sql;
}

TEST(TargetSchema, AsksTheSourceForDuplicatesUnderTheTargetsCollation) {
  const TableSchema schema =
      table("CREATE TABLE t (a INT, b VARCHAR(9) CHARSET latin1, UNIQUE (a, b), UNIQUE (a))");
  EXPECT_EQ(duplicate_check_sql(schema, schema.keys[0], Target{}),
            "SELECT COUNT(*), `a`, CONVERT(`b` USING utf8mb4) COLLATE utf8mb4_general_ci FROM "
            "`db`.`t` GROUP BY `a`, CONVERT(`b` USING utf8mb4) COLLATE utf8mb4_general_ci HAVING "
            "COUNT(*) > 1 LIMIT 10");
  EXPECT_EQ(duplicate_check_sql(schema, schema.keys[1], Target{}), "");
}

}  // namespace
}  // namespace tiderelay::applier
