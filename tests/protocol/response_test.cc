#include "protocol/response.h"

#include <gtest/gtest.h>

#include "protocol/capabilities.h"

namespace tiderelay::protocol {
namespace {

using Kind = ResponseReader::Kind;

std::string ok_packet(std::uint16_t status = 2, std::uint8_t header = 0x00) {
  OkPacket ok;
  ok.affected_rows = 3;
  ok.status_flags = status;
  return encode_ok(ok, header);
}

std::string eof_packet(std::uint16_t status = 2) {
  EofPacket eof;
  eof.status_flags = status;
  return encode(eof);
}

std::string column_packet(const std::string& name, std::uint8_t type = 253) {
  ColumnDefinition column;
  column.name = name;
  column.type = type;
  return encode(column);
}

TEST(OkPacket, ComesBackAsItWasSent) {
  OkPacket ok;
  ok.affected_rows = 1'000'000;
  ok.last_insert_id = ~std::uint64_t{0};
  ok.status_flags = kStatusInTransaction | kStatusMoreResults;
  ok.warnings = 7;
  ok.info = "Rows matched: 1  Changed: 0  Warnings: 0";
  const std::string packet = encode_ok(ok);
  const auto got = decode_ok(as_bytes(packet));
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->affected_rows, ok.affected_rows);
  EXPECT_EQ(got->last_insert_id, ok.last_insert_id);
  EXPECT_EQ(got->status_flags, ok.status_flags);
  EXPECT_EQ(got->warnings, ok.warnings);
  EXPECT_EQ(got->info, ok.info);
  for (std::size_t size = 0; size < 18; ++size) {
    EXPECT_TRUE(decode_ok(as_bytes(std::string_view(packet).substr(0, size))).has_error()) << size;
  }
}

TEST(ColumnDefinition, ComesBackAsItWasSentAndFailsAtEachPrefix) {
  ColumnDefinition column;
  column.schema = "s";
  column.table = "t";
  column.original_table = "ot";
  column.name = std::string(300, 'n');
  column.original_name = "on";
  column.collation = 255;
  column.length = 0xffffffff;
  column.type = 252;
  column.flags = 0x1234;
  column.decimals = 31;
  const std::string packet = encode(column);
  const auto got = decode_column(as_bytes(packet));
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->name, column.name);
  EXPECT_EQ(got->length, column.length);
  EXPECT_EQ(got->decimals, column.decimals);
  EXPECT_EQ(encode(*got), packet);
  for (std::size_t size = 0; size + 2 < packet.size(); ++size) {
    EXPECT_TRUE(decode_column(as_bytes(std::string_view(packet).substr(0, size))).has_error());
  }
}

TEST(TextRow, ComesBackAsItWasSentAndFailsAtEachPrefix) {
  const std::string large(70'000, 'x');
  const RowValues row = {"a", std::nullopt, "", std::string_view(large)};
  const std::string packet = encode_text_row(row);
  RowValues got;
  ASSERT_TRUE(decode_text_row(as_bytes(packet), 4, got).has_value());
  EXPECT_EQ(got, row);
  EXPECT_TRUE(decode_text_row(as_bytes(packet), 3, got).has_error()) << "bytes are left";
  EXPECT_TRUE(decode_text_row(as_bytes(packet), 5, got).has_error());
  for (std::size_t size = 0; size < 8; ++size) {
    const auto prefix = as_bytes(std::string_view(packet).substr(0, size));
    EXPECT_TRUE(decode_text_row(prefix, 4, got).has_error()) << size;
  }
}

TEST(BinaryRow, ComesBackAsItWasSentAndFailsAtEachPrefix) {
  std::vector<ColumnDefinition> columns(9);
  const std::uint8_t types[] = {1, 2, 3, 8, 4, 5, 253, 12, 3};
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i].type = types[i];
  const RowValues row = {"1",        "22",       "4444",      "88888888",  "ffff",
                         "dddddddd", "any text", "date time", std::nullopt};
  const auto packet = encode_binary_row(columns, row);
  ASSERT_TRUE(packet.has_value());
  RowValues got;
  ASSERT_TRUE(decode_binary_row(as_bytes(*packet), columns, got).has_value());
  EXPECT_EQ(got, row);
  for (std::size_t size = 0; size < packet->size(); ++size) {
    const auto prefix = as_bytes(std::string_view(*packet).substr(0, size));
    EXPECT_TRUE(decode_binary_row(prefix, columns, got).has_error()) << size;
  }
  EXPECT_TRUE(encode_binary_row(columns, {"1"}).has_error());
}

// The kinds of each packet of an answer, and whether it has ended after the last.
std::pair<std::vector<Kind>, bool> read(std::uint32_t capabilities,
                                        const std::vector<std::string>& packets) {
  ResponseReader reader(capabilities);
  reader.start();
  std::vector<Kind> kinds;
  for (const std::string& packet : packets) {
    const auto kind = reader.next(as_bytes(packet));
    EXPECT_TRUE(kind.has_value()) << kind.error().text();
    if (kind) kinds.push_back(*kind);
  }
  return {kinds, reader.answered()};
}

TEST(ResponseReader, SaysWhatEachPacketOfAnAnswerIs) {
  const std::string count = "\x02";
  const std::string a = column_packet("a");
  const std::string b = column_packet("b");
  const std::string row = encode_text_row({"1", std::nullopt});
  const std::string error = encode_error(1054, "42S22", "Unknown column");
  struct Row {
    const char* fact;
    std::uint32_t capabilities;
    std::vector<std::string> packets;
    std::vector<Kind> kinds;
    bool answered;
  };
  const Row rows[] = {
      {"OK alone", 0, {ok_packet()}, {Kind::kOk}, true},
      {"an error alone", 0, {error}, {Kind::kError}, true},
      {"two statements", 0, {ok_packet(kStatusMoreResults)}, {Kind::kOk}, false},
      {"an error ends the answer",
       0,
       {ok_packet(kStatusMoreResults), error},
       {Kind::kOk, Kind::kError},
       true},
      {"rows between EOFs",
       0,
       {count, a, b, eof_packet(), row, row, eof_packet()},
       {Kind::kColumnCount, Kind::kColumn, Kind::kColumn, Kind::kColumnsEnd, Kind::kRow, Kind::kRow,
        Kind::kOk},
       true},
      {"rows up to an OK",
       kDeprecateEof,
       {count, a, b, row, ok_packet(2, 0xfe)},
       {Kind::kColumnCount, Kind::kColumn, Kind::kColumn, Kind::kRow, Kind::kOk},
       true},
      {"no row, and another result",
       kDeprecateEof,
       {count, a, b, ok_packet(kStatusMoreResults, 0xfe), ok_packet()},
       {Kind::kColumnCount, Kind::kColumn, Kind::kColumn, Kind::kOk, Kind::kOk},
       true},
      {"an error among the rows",
       kDeprecateEof,
       {count, a, b, row, error},
       {Kind::kColumnCount, Kind::kColumn, Kind::kColumn, Kind::kRow, Kind::kError},
       true},
      {"a file is wanted", 0, {"\xfbname", ok_packet()}, {Kind::kInfile, Kind::kOk}, true},
      {"COM_SET_OPTION's EOF", 0, {eof_packet()}, {Kind::kOk}, true},
  };
  for (const Row& row_of_table : rows) {
    SCOPED_TRACE(row_of_table.fact);
    const auto got = read(row_of_table.capabilities, row_of_table.packets);
    EXPECT_EQ(got.first, row_of_table.kinds);
    EXPECT_EQ(got.second, row_of_table.answered);
  }
}

TEST(ResponseReader, TakesARowWhoseFirstValueIsHugeForARow) {
  const std::string huge(kMaxFrameBytes + 1, 'x');
  const std::string row = encode_text_row({std::string_view(huge)});
  ASSERT_EQ(row.front(), '\xfe') << "its length has eight bytes";
  for (const std::uint32_t capabilities : {0U, kDeprecateEof}) {
    std::vector<std::string> packets = {"\x01", column_packet("a")};
    if (capabilities == 0) packets.push_back(eof_packet());
    packets.push_back(row);
    const auto got = read(capabilities, packets);
    EXPECT_EQ(got.first.back(), Kind::kRow);
    EXPECT_FALSE(got.second);
  }
}

TEST(ResponseReader, RefusesWhatTheGrammarDoesNotHave) {
  struct Row {
    const char* fact;
    std::vector<std::string> packets;
  };
  const Row rows[] = {
      {"an empty packet", {""}},
      {"a column count that is none", {"\xff"}},
      {"more columns than a table can have", {"\xfd\xff\xff\xff"}},
      {"a column that is none", {"\x01", "x"}},
      {"rows without the end of the columns", {"\x01", column_packet("a"), "\x01x"}},
      {"a packet behind the end", {ok_packet(), ok_packet()}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    ResponseReader reader(0);
    reader.start();
    for (std::size_t i = 0; i + 1 < row.packets.size(); ++i) {
      ASSERT_TRUE(reader.next(as_bytes(row.packets[i])).has_value());
    }
    const auto last = reader.next(as_bytes(row.packets.back()));
    const bool refused =
        last.has_error() || (*last == Kind::kError && reader.error().code() == Errc::kCorrupt);
    EXPECT_TRUE(refused);
  }
}

}  // namespace
}  // namespace tiderelay::protocol
