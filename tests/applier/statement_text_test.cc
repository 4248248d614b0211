#include "applier/statement_text.h"

#include <gtest/gtest.h>

#include "protocol/charset.h"

namespace tiderelay::applier {
namespace {

constexpr protocol::Dialect kMysql = protocol::Dialect::kMysql;

std::uint16_t collation(const char* name) { return protocol::find_collation(name)->id; }

TEST(StatementText, IsWhatTheClientMeant) {
  struct Row {
    const char* collation;
    const char* bytes;
    const char* text;
  };
  const Row rows[] = {
      {"gbk_chinese_ci", "DEFAULT '\xd5\\' COMMENT 'x'", "DEFAULT '\u8aa0' COMMENT 'x'"},
      {"latin1_swedish_ci", "DEFAULT 'Gr\xf6\xdf\x80'", "DEFAULT 'Gr\u00f6\u00df\u20ac'"},
      {"utf8mb4_general_ci", "DEFAULT '\u540d'", "DEFAULT '\u540d'"},
      {"binary", "DEFAULT '\u540d'", "DEFAULT '\u540d'"},
      {"gbk_chinese_ci", "ALTER TABLE t ADD c int", "ALTER TABLE t ADD c int"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.text);
    const Result<std::string> text = statement_text(row.bytes, collation(row.collation), kMysql);
    ASSERT_TRUE(text) << text.error().text();
    EXPECT_EQ(*text, row.text);
  }
  EXPECT_EQ(statement_text("'\u540d'", 0, kMysql).value(), "'\u540d'") << "nothing said: UTF-8";
}

TEST(StatementText, RefusesBytesThatAreNoText) {
  for (const char* name : {"utf8mb4_general_ci", "binary"}) {
    const Result<std::string> text = statement_text("DEFAULT '\xff\xff'", collation(name), kMysql);
    ASSERT_FALSE(text) << name;
    EXPECT_EQ(text.error().code(), Errc::kUnsupported);
    EXPECT_FALSE(text.error().way_out().empty());
  }
  EXPECT_EQ(ascii_only("a\xff\u00e4"), "a???");
}

}  // namespace
}  // namespace tiderelay::applier
