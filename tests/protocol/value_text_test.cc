#include "protocol/value_text.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <random>

#include "protocol/json_binary.h"
#include "protocol/number_text.h"
#include "protocol/sql_text.h"
#include "tests/protocol/binlog_maker.h"
#include "tests/seeds.h"

namespace tiderelay::protocol {
namespace {

using tests::from_hex;

Cell cell_of(const std::string& bytes) {
  return {as_bytes(bytes).data(), static_cast<std::uint32_t>(bytes.size()), Cell::State::kValue};
}

WireColumn column_of(ColumnType type, std::uint16_t metadata = 0) {
  WireColumn column;
  column.type = type;
  column.metadata = metadata;
  return column;
}

std::string literal(const WireColumn& column, const ValueContext& context,
                    const std::string& bytes) {
  std::string out;
  const auto appended = append_sql_literal(out, column, context, cell_of(bytes));
  return appended ? out : "error: " + appended.error().text();
}

std::string text(const WireColumn& column, const ValueContext& context, const std::string& bytes) {
  std::string out;
  const auto appended = append_text(out, column, context, cell_of(bytes));
  return appended ? out : "error: " + appended.error().text();
}

ValueContext binary_context() {
  ValueContext context;
  context.binary = true;
  return context;
}

TEST(SqlLiteral, IsWhatTheTargetsTake) {
  ValueContext is_unsigned;
  is_unsigned.is_unsigned = true;
  ValueContext no_backslash;
  no_backslash.no_backslash_escapes = true;
  ValueContext binary_no_backslash = binary_context();
  binary_no_backslash.no_backslash_escapes = true;
  ValueContext vector_bytes;
  vector_bytes.vector_as_bytes = true;
  const std::string quotes = "it's a \\ and a " + std::string(1, '\0') + "!";
  struct Row {
    const char* fact;
    WireColumn column;
    ValueContext context;
    std::string bytes;
    std::string sql;
  };
  const Row rows[] = {
      {"signed", column_of(ColumnType::kTiny), {}, "\xff", "-1"},
      {"unsigned", column_of(ColumnType::kTiny), is_unsigned, "\xff", "255"},
      {"three bytes extend their sign",
       column_of(ColumnType::kInt24),
       {},
       from_hex("000080"),
       "-8388608"},
      {"the largest", column_of(ColumnType::kLongLong), is_unsigned, std::string(8, '\xff'),
       "18446744073709551615"},
      {"a year is a number, so that 0 stays 0000",
       column_of(ColumnType::kYear),
       {},
       std::string(1, '\0'),
       "0"},
      {"a year", column_of(ColumnType::kYear), {}, "\x7c", "2024"},
      {"bits are big-endian", column_of(ColumnType::kBit, 9), {}, from_hex("0102"), "258"},
      {"ordinals are little-endian", column_of(ColumnType::kEnum, 2), {}, from_hex("2c01"), "300"},
      {"a float is the double that it is",
       column_of(ColumnType::kFloat, 4),
       {},
       from_hex("cdcccc3d"),
       "0.10000000149011612e0"},
      {"a double is never an integer literal",
       column_of(ColumnType::kDouble, 8),
       {},
       from_hex("000000000000f03f"),
       "1e0"},
      {"nor with an exponent of its own",
       column_of(ColumnType::kDouble, 8),
       {},
       from_hex("9c7500883ce4377e"),
       "1e+300"},
      {"minus zero stays",
       column_of(ColumnType::kDouble, 8),
       {},
       from_hex("0000000000000080"),
       "-0e0"},
      {"a text", column_of(ColumnType::kVarchar, 80), {}, quotes, "'it\\'s a \\\\ and a \\0!'"},
      {"a text without backslashes", column_of(ColumnType::kVarchar, 80), no_backslash, quotes,
       "'it''s a \\ and a " + std::string(1, '\0') + "!'"},
      {"an empty text", column_of(ColumnType::kBlob, 2), {}, "", "''"},
      {"bytes", column_of(ColumnType::kBlob, 2), binary_context(), from_hex("00ff27"), "x'00ff27'"},
      {"no bytes", column_of(ColumnType::kBlob, 2), binary_context(), "", "x''"},
      {"BINARY(4) gets its zeros back", column_of(ColumnType::kString, 4), binary_context(), "ab",
       "x'61620000'"},
      {"VARBINARY does not", column_of(ColumnType::kVarchar, 4), binary_context(), "ab", "x'6162'"},
      {"CHAR does not", column_of(ColumnType::kString, 4), {}, "ab", "'ab'"},
      {"long bytes are escaped", column_of(ColumnType::kBlob, 2), binary_context(),
       std::string(1030, 'x') + "'", "_binary'" + std::string(1030, 'x') + "\\''"},
      {"or not, without backslashes", column_of(ColumnType::kBlob, 2), binary_no_backslash,
       std::string(1030, '\x11'),
       [] {
         std::string hex = "x'";
         for (int i = 0; i < 1030; ++i) hex += "11";
         return hex + "'";
       }()},
      {"JSON is escaped twice",
       column_of(ColumnType::kJson, 4),
       {},
       from_hex("0c 03 615c27"),
       R"('"a\\\\\'"')"},
      {"an empty JSON value is null", column_of(ColumnType::kJson, 4), {}, "", "'null'"},
      {"a vector as text",
       column_of(ColumnType::kVector, 4),
       {},
       from_hex("0000803f cdcccc3d"),
       "'[1,0.1]'"},
      {"a vector as bytes", column_of(ColumnType::kVector, 4), vector_bytes, from_hex("0000803f"),
       "x'0000803f'"},
      {"geometry",
       column_of(ColumnType::kGeometry, 4),
       {},
       from_hex("00000000 01"),
       "x'0000000001'"},
      {"the negative time of the reference, whole",
       column_of(ColumnType::kTime2, 0),
       {},
       from_hex("7efdfc"),
       "'-16:08:04'"},
      {"with 3 digits",
       column_of(ColumnType::kTime2, 3),
       {},
       from_hex("7efdfbf63c"),
       "'-16:08:04.250'"},
      {"with 6 digits",
       column_of(ColumnType::kTime2, 6),
       {},
       from_hex("7efdfbfc2f70"),
       "'-16:08:04.250000'"},
      {"old types of upgraded tables",
       column_of(ColumnType::kTime),
       {},
       from_hex("40e201"),
       "'12:34:56'"},
      {"negative ones", column_of(ColumnType::kTime), {}, from_hex("c01dfe"), "'-12:34:56'"},
      {"an old datetime",
       column_of(ColumnType::kDateTime),
       {},
       from_hex("77e7597366120000"),
       "'2023-12-31 23:59:59'"},
      {"an old timestamp is little-endian",
       column_of(ColumnType::kTimestamp),
       {},
       from_hex("01000000"),
       "'1970-01-01 00:00:01'"},
      {"a zero timestamp",
       column_of(ColumnType::kTimestamp2, 3),
       {},
       from_hex("00000000 0000"),
       "'0000-00-00 00:00:00.000'"},
      {"MariaDB's timestamps go on to 2106",
       column_of(ColumnType::kTimestamp2, 0),
       {},
       from_hex("ffffffff"),
       "'2106-02-07 06:28:15'"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    EXPECT_EQ(literal(row.column, row.context, row.bytes), row.sql);
  }
}

TEST(SqlLiteral, OfNullIsNull) {
  std::string out;
  const Cell null{nullptr, 0, Cell::State::kNull};
  ASSERT_TRUE(append_sql_literal(out, column_of(ColumnType::kJson, 4), {}, null).has_value());
  EXPECT_EQ(out, "NULL");
}

TEST(SqlLiteral, RefusesBytesThatNoServerWrites) {
  struct Row {
    const char* fact;
    WireColumn column;
    std::string bytes;
    Errc error;
  };
  const Row rows[] = {
      {"not a number", column_of(ColumnType::kDouble, 8), from_hex("000000000000f87f"),
       Errc::kCorrupt},
      {"infinity", column_of(ColumnType::kFloat, 4), from_hex("0000807f"), Errc::kCorrupt},
      {"an integer of the wrong size", column_of(ColumnType::kLong), "abc", Errc::kCorrupt},
      {"a decimal group above 999999999", column_of(ColumnType::kNewDecimal, 9 << 8),
       from_hex("bb9aca00"), Errc::kCorrupt},
      {"a datetime before year 0", column_of(ColumnType::kDateTime2, 0), from_hex("7fffffffff"),
       Errc::kCorrupt},
      {"a second of 255 hundredths", column_of(ColumnType::kDateTime2, 2), from_hex("8000000000ff"),
       Errc::kCorrupt},
      {"a vector with odd bytes", column_of(ColumnType::kVector, 4), "abc", Errc::kCorrupt},
      {"JSON of an unknown type", column_of(ColumnType::kJson, 4), "\x55", Errc::kCorrupt},
      {"a typed array", column_of(ColumnType::kTypedArray), "x", Errc::kUnsupported},
      {"MariaDB's compressed columns", column_of(ColumnType::kMariaBlobCompressed, 2), "x",
       Errc::kUnsupported},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    std::string out;
    const auto appended = append_sql_literal(out, row.column, {}, cell_of(row.bytes));
    ASSERT_FALSE(appended.has_value()) << out;
    EXPECT_EQ(appended.error().code(), row.error);
  }
}

TEST(SqlLiteral, ConvertsTextAndEscapesWhatCameOut) {
  const auto sjis = open_converter("sjis");
  ValueContext context;
  context.converter = sjis->get();
  // 0x95 0x5c is one character whose second byte looks like a backslash; 0x815f becomes a
  // backslash.
  EXPECT_EQ(literal(column_of(ColumnType::kVarchar, 80), context, from_hex("955c 27 815f")),
            "'表\\'\\\\'");
  EXPECT_EQ(text(column_of(ColumnType::kVarchar, 80), context, from_hex("955c 27")), "表'");
  std::string out;
  const std::string half = "\x95";
  const auto appended =
      append_sql_literal(out, column_of(ColumnType::kVarchar, 80), context, cell_of(half));
  ASSERT_FALSE(appended.has_value());
  EXPECT_EQ(appended.error().code(), Errc::kData);
}

TEST(Text, IsForPeople) {
  EXPECT_EQ(text(column_of(ColumnType::kFloat, 4), {}, from_hex("cdcccc3d")), "0.1");
  EXPECT_EQ(text(column_of(ColumnType::kDouble, 8), {}, from_hex("000000000000f03f")), "1");
  EXPECT_EQ(text(column_of(ColumnType::kBlob, 2), binary_context(), from_hex("00ff")), "0x00ff");
  EXPECT_EQ(text(column_of(ColumnType::kVarchar, 9), {}, "it's"), "it's");
  EXPECT_EQ(text(column_of(ColumnType::kJson, 4), {}, from_hex("0401")), "true");
}

TEST(Quoted, IsReadBackAsItWas) {
  for (const std::uint64_t seed : ::tiderelay::tests::seeds()) {
    SCOPED_TRACE(::tiderelay::tests::replay(seed));
    std::mt19937_64 random(seed);
    for (int i = 0; i < 300; ++i) {
      constexpr std::string_view kBytes("'\\\0abc\xc3\xa9 ", 9);
      std::string plain;
      for (std::size_t n = random() % 40; n > 0; --n) plain += kBytes[random() % kBytes.size()];
      const bool no_backslash = random() % 2 == 0;
      std::string quoted;
      append_quoted(quoted, plain, no_backslash);
      std::string in_place = "'" + plain;
      escape_from(in_place, 1, no_backslash);
      ASSERT_EQ(in_place + "'", quoted);
      std::string back;
      for (std::size_t at = 1; at + 1 < quoted.size(); ++at) {
        const bool escape = quoted[at] == (no_backslash ? '\'' : '\\');
        if (escape) ++at;
        back += escape && !no_backslash && quoted[at] == '0' ? '\0' : quoted[at];
      }
      ASSERT_EQ(back, plain);
    }
  }
}

TEST(Doubles, ReadBackAsTheSameBits) {
  for (const std::uint64_t seed : ::tiderelay::tests::seeds()) {
    SCOPED_TRACE(::tiderelay::tests::replay(seed));
    std::mt19937_64 random(seed);
    for (int i = 0; i < 500; ++i) {
      const double value = random() % 4 == 0 ? static_cast<double>(random() % 100000) / 100.0
                                             : std::bit_cast<double>(random());
      std::string sql;
      std::string mysql;
      const bool finite = append_double_literal(sql, value);
      ASSERT_EQ(append_mysql_double(mysql, value), finite);
      if (!finite) continue;
      for (const std::string& printed : {sql, mysql}) {
        ASSERT_EQ(std::bit_cast<std::uint64_t>(std::strtod(printed.c_str(), nullptr)),
                  std::bit_cast<std::uint64_t>(value))
            << printed;
      }
      ASSERT_NE(sql.find('e'), std::string::npos);
    }
  }
}

std::string json(const std::string& bytes) {
  std::string out;
  const auto printed = append_json_text(out, as_bytes(bytes));
  EXPECT_TRUE(printed.has_value() || out.empty());
  return printed ? out : "error";
}

// [[...1...]] as small arrays, `depth` of them.
std::string nested(int depth) {
  std::string value;
  ByteWriter(value).u16(1).u16(7).u8(5).u16(1);
  for (int i = 1; i < depth; ++i) {
    std::string outer;
    ByteWriter(outer).u16(1).u16(7 + value.size()).u8(2).u16(7);
    value = outer + value;
  }
  return "\x02" + value;
}

TEST(BinaryJson, IsBoundedInDepthAndInBytes) {
  EXPECT_EQ(json(nested(1)), "[1]");
  EXPECT_EQ(json(nested(kMaxJsonDepth)).size(), 2U * kMaxJsonDepth + 1);
  EXPECT_EQ(json(nested(kMaxJsonDepth + 1)), "error");
  // Two entries that share one long string: eight of such levels would make gigabytes of text.
  std::string shared;
  ByteWriter(shared).u8(2).u16(2).u16(4 + 6 + 101).u8(12).u16(10).u8(12).u16(10).u8(100);
  EXPECT_EQ(json(shared + std::string(100, 'x')), "error");
  // An array that holds itself.
  std::string itself;
  ByteWriter(itself).u8(2).u16(1).u16(7).u8(2).u16(0);
  EXPECT_EQ(json(itself), "error");
}

TEST(BinaryJson, EveryCutFailsCleanly) {
  const std::string whole = from_hex(
      "00 0200 2900 1200 0100 1300 0200 05 ffff 02 1500 61 6262"
      "0200 1400 0c 0a00 0b 0c00 01 78 000000000000f83f");
  const std::string printed = json(whole);
  EXPECT_EQ(printed, R"({"a": -1, "bb": ["x", 1.5]})");
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const std::string cut = json(whole.substr(0, size));
    EXPECT_EQ(cut, "error") << size;
  }
}

TEST(Decimal, KeepsEveryDigit) {
  struct Row {
    const char* hex;
    unsigned precision;
    unsigned scale;
    const char* text;
  };
  const Row rows[] = {
      {"8000", 4, 2, "0.00"},
      {"7fff", 4, 2, "0.00"},
      {"8163", 4, 2, "1.99"},
      {"7e9c", 4, 2, "-1.99"},
      {"810dfb38d204d2", 14, 4, "1234567890.1234"},
      {"7ef204c72dfb2d", 14, 4, "-1234567890.1234"},
      {"81", 1, 1, "0.1"},
      {"89", 1, 0, "9"},
  };
  for (const Row& row : rows) {
    std::string out;
    EXPECT_TRUE(append_decimal(out, as_bytes(from_hex(row.hex)), row.precision, row.scale));
    EXPECT_EQ(out, row.text) << row.hex;
  }
  std::string out;
  for (const auto& [precision, scale] :
       {std::pair{0U, 0U}, std::pair{2U, 3U}, std::pair{99U, 0U}}) {
    EXPECT_FALSE(append_decimal(out, as_bytes("12345678"), precision, scale));
  }
}

}  // namespace
}  // namespace tiderelay::protocol
