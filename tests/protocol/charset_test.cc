#include "protocol/charset.h"

#include <gtest/gtest.h>

#include "tests/protocol/binlog_maker.h"

namespace tiderelay::protocol {
namespace {

using tests::from_hex;

TEST(Collation, IsFoundByIdAndByNameInBothDialects) {
  struct Row {
    std::uint16_t id;
    Dialect dialect;
    std::string_view name;
    std::string_view charset;
    bool ignores_case;
    bool pad_space;
    bool binary_weights;
  };
  constexpr auto kMy = Dialect::kMysql;
  constexpr auto kMaria = Dialect::kMariadb;
  const Row rows[] = {
      {8, kMy, "latin1_swedish_ci", "latin1", true, true, false},
      {33, kMy, "utf8mb3_general_ci", "utf8mb3", true, true, false},
      {45, kMy, "utf8mb4_general_ci", "utf8mb4", true, true, false},
      {46, kMaria, "utf8mb4_bin", "utf8mb4", false, true, true},
      {63, kMy, "binary", "binary", false, false, true},
      {255, kMy, "utf8mb4_0900_ai_ci", "utf8mb4", true, false, false},
      {278, kMy, "utf8mb4_0900_as_cs", "utf8mb4", false, false, false},
      {309, kMy, "utf8mb4_0900_bin", "utf8mb4", false, false, true},
      {249, kMy, "gb18030_bin", "gb18030", false, true, true},
      {213, kMy, "utf8mb3_croatian_ci", "utf8mb3", true, true, false},
      {213, kMaria, "utf8mb3_croatian_mysql561_ci", "utf8mb3", true, true, false},
      {576, kMaria, "utf8mb3_croatian_ci", "utf8mb3", true, true, false},
      {610, kMaria, "utf8mb4_thai_520_w2", "utf8mb4", true, true, false},
      {1069, kMaria, "utf8mb4_general_nopad_ci", "utf8mb4", true, false, false},
      {1070, kMaria, "utf8mb4_nopad_bin", "utf8mb4", false, false, true},
      {2304, kMaria, "utf8mb4_uca1400_ai_ci", "utf8mb4", true, true, false},
      {2311, kMaria, "utf8mb4_uca1400_nopad_as_cs", "utf8mb4", false, false, false},
      {2368, kMaria, "utf8mb4_uca1400_swedish_ai_ci", "utf8mb4", true, true, false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const auto collation = find_collation(row.id, row.dialect);
    ASSERT_TRUE(collation.has_value());
    EXPECT_EQ(collation->name, row.name);
    EXPECT_EQ(collation->charset->name, row.charset);
    EXPECT_EQ(collation->ignores_case, row.ignores_case);
    EXPECT_EQ(collation->pad_space, row.pad_space);
    EXPECT_EQ(collation->binary_weights, row.binary_weights);
    const auto by_name = find_collation(row.name, row.dialect);
    ASSERT_TRUE(by_name.has_value());
    EXPECT_EQ(by_name->id, row.id);
  }
  EXPECT_EQ(find_collation("UTF8_General_CI")->id, 33) << "the older name, in any case";
  for (const int none : {0, 17, 100, 500, 1024, 1390, 2216, 4000}) {
    const auto id = static_cast<std::uint16_t>(none);
    EXPECT_FALSE(find_collation(id)) << id;
  }
  EXPECT_FALSE(find_collation("utf8mb4_klingon_ci"));
}

TEST(Charset, HasTheDefaultCollationOfItsServersTime) {
  const Charset& utf8mb4 = *find_charset("utf8mb4");
  EXPECT_EQ(default_collation(utf8mb4, Dialect::kMysql, 50729), 45);
  EXPECT_EQ(default_collation(utf8mb4, Dialect::kMysql, 80031), 255);
  EXPECT_EQ(default_collation(utf8mb4, Dialect::kMariadb, 101106), 45);
  EXPECT_EQ(default_collation(utf8mb4, Dialect::kMariadb, 110800), 2304);
  EXPECT_EQ(default_collation(*find_charset("latin1"), Dialect::kMariadb, 110800), 8);
  EXPECT_EQ(find_charset("UTF8")->name, "utf8mb3");
  EXPECT_EQ(find_charset("klingon"), nullptr);
}

TEST(CharsetConverter, IsNotNeededForUtf8AsciiAndBinary) {
  for (const char* name : {"utf8mb4", "utf8mb3", "utf8", "ascii", "binary"}) {
    const auto opened = open_converter(name);
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ(opened->get(), nullptr) << name;
  }
  EXPECT_EQ(open_converter("klingon").error().code(), Errc::kUnsupported);
}

TEST(CharsetConverter, RefusesWhatIsNoTextAndLeavesTheOutputAlone) {
  struct Row {
    const char* charset;
    const char* hex;
  };
  const Row rows[] = {
      {"gbk", "61b0"},       {"gbk", "b020"},       {"sjis", "82"},        {"ujis", "8fb0"},
      {"ujis", "8f20a1"},    {"big5", "a1"},        {"euckr", "b07f"},     {"cp1251", "6198"},
      {"ucs2", "00"},        {"ucs2", "d83d"},      {"utf16", "d83d0041"}, {"utf16", "de00"},
      {"utf32", "00110000"}, {"utf32", "0000d800"}, {"utf32", "000041"},   {"swe7", "80"},
      {"gb18030", "8130"},   {"gb18030", "ff"},     {"utf16le", "3dd8"},   {"hebrew", "bf"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.charset) + " " + row.hex);
    const auto converter = open_converter(row.charset);
    ASSERT_TRUE(converter.has_value());
    std::string out = "before";
    const auto converted = (*converter)->append_utf8(out, as_bytes(from_hex(row.hex)));
    ASSERT_FALSE(converted.has_value()) << out;
    EXPECT_EQ(converted.error().code(), Errc::kData);
    EXPECT_EQ(out, "before");
  }
}

TEST(CharsetConverter, FillsTheFiveHolesOfWindows1252AsMysqlDoes) {
  const auto latin1 = open_converter("latin1");
  std::string out;
  ASSERT_TRUE((*latin1)->append_utf8(out, as_bytes(from_hex("80 81 8d 8f 90 9d e9 ff"))));
  EXPECT_EQ(out, "€\u0081\u008d\u008f\u0090\u009déÿ");
}

}  // namespace
}  // namespace tiderelay::protocol
