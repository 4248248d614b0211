// Events as text and as JSON, from what real servers wrote.
#include <gtest/gtest.h>

#include <algorithm>

#include "protocol/event_json.h"
#include "protocol/event_text.h"
#include "tests/protocol/captured.h"

namespace tiderelay::protocol {
namespace {

using tests::events_of;
using tests::format_of;

const char* const kFiles[] = {"mysql56",  "mysql57",   "mysql80",   "mysql97",
                              "mariadb",  "changes57", "changes97", "changesmaria",
                              "charsets", "payload",   "compressed"};

std::string print_all(EventPrinter& printer, const std::string& name) {
  std::string out;
  const std::vector<std::string> events = events_of(name + ".binlog");
  FormatDescription format = format_of(events);
  printer.begin_file(name, out);
  std::uint64_t at = 4;
  for (const std::string& event : events) {
    PrintedEvent printed;
    printed.begin = at;
    at += event.size();
    printed.end = at;
    printed.event.header = load_event_header(as_bytes(event));
    const bool has_crc = format.crc_bytes() != 0;
    printed.event.body = as_bytes(event).subspan(kEventHeaderBytes);
    if (has_crc) printed.event.body = printed.event.body.first(printed.event.body.size() - 4);
    const auto done = printer.print(printed, format, out);
    EXPECT_TRUE(done.has_value()) << name << " at " << printed.begin << ": " << done.error().text();
  }
  return out;
}

std::string text_of_file(const std::string& name, PrintOptions options = {}) {
  EventText printer(std::move(options));
  return print_all(printer, name);
}

std::string json_of_file(const std::string& name, PrintOptions options = {}) {
  EventJson printer(std::move(options));
  return print_all(printer, name);
}

std::size_t count(const std::string& text, const std::string& words) {
  std::size_t found = 0;
  for (std::size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) {
    ++found;
  }
  return found;
}

TEST(EventText, ShowsEveryEventOfRealServers) {
  for (const std::string name : kFiles) {
    SCOPED_TRACE(name);
    const std::string text = text_of_file(name);
    EXPECT_EQ(count(text, "\n# at "), events_of(name + ".binlog").size());
  }
}

// What mysqlbinlog 9.7 -v prints for the same file.
TEST(EventText, ShowsRowsAsMysqlbinlogDoes) {
  const std::string text = text_of_file("changes97");
  EXPECT_NE(text.find("\tUpdate_rows: table id 575 flags: STMT_END_F\n"
                      "### UPDATE `types`.`full_rows`\n"
                      "### WHERE\n"
                      "###   @1=1\n"
                      "###   @2=10\n"
                      "###   @3='one'\n"
                      "###   @4='text one'\n"
                      "###   @5='2024-01-01 00:00:00.500'\n"
                      "### SET\n"
                      "###   @1=1\n"),
            std::string::npos);
  EXPECT_NE(text.find("### DELETE FROM `types`.`full_rows`\n### WHERE\n"), std::string::npos);
  EXPECT_NE(text.find("SET @@SESSION.GTID_NEXT= '369b7e28-e591-11f1-913f-02fc00000001:1'/*!*/;\n"),
            std::string::npos);
  EXPECT_EQ(text.find(" /* INT meta=0"), std::string::npos);
}

TEST(EventText, NamesTypesWhereAsked) {
  PrintOptions options;
  options.types = true;
  const std::string text = text_of_file("changes97", options);
  EXPECT_NE(text.find("###   @3='one' /* VARSTRING(80) meta=80 nullable=1 is_null=0 */\n"),
            std::string::npos);
  EXPECT_NE(text.find("###   @4=NULL /* BLOB/TEXT meta=2 nullable=1 is_null=1 */\n"),
            std::string::npos);
}

TEST(EventText, ShowsAPartialUpdateAsBytes) {
  EXPECT_NE(text_of_file("changes97").find("### SET (partial JSON shown as bytes)\n"),
            std::string::npos);
}

TEST(EventText, NamesRowsThatMariaDbCompressedAndGoesOn) {
  const std::string text = text_of_file("compressed");
  EXPECT_NE(text.find("\tWRITE_ROWS_COMPRESSED_V1\n"), std::string::npos);
  EXPECT_EQ(count(text, "### INSERT"), 0U);
}

TEST(EventText, ShowsTheEventsInsideACompressedTransaction) {
  const std::string text = text_of_file("payload");
  EXPECT_GT(count(text, "\tTransaction_Payload\n"), 0U);
  EXPECT_GT(count(text, "### INSERT INTO `types`."), 0U);
}

TEST(EventText, WithATableShowsItsRowsAndTheirGtidsAlone) {
  PrintOptions options;
  options.tables = {"types.no_key"};
  const std::string text = text_of_file("changes97", options);
  EXPECT_EQ(count(text, "### INSERT INTO `types`.`no_key`"), 3U);
  EXPECT_EQ(count(text, "###   @"), count(text, "\n###   @"));
  EXPECT_EQ(count(text, "`full_rows`"), 0U);
  EXPECT_EQ(count(text, "\tQuery\t"), 0U);
  EXPECT_EQ(count(text, "\tGTID\t"), count(text, "\tTable_map: "));
  options.tables = {"types.*"};
  EXPECT_EQ(count(text_of_file("changes97", options), "### INSERT"),
            count(text_of_file("changes97"), "### INSERT"));
  options.tables = {"types.nothing"};
  EXPECT_EQ(count(text_of_file("changes97", options), "\n# at "), 1U) << "FORMAT_DESCRIPTION";
}

TEST(EventJson, IsAnObjectALine) {
  for (const std::string name : kFiles) {
    SCOPED_TRACE(name);
    for (const std::string& line : tests::split(json_of_file(name), '\n')) {
      if (line.empty()) continue;
      EXPECT_TRUE(line.starts_with(R"({"file":")") && line.ends_with("}")) << line;
    }
  }
}

TEST(EventJson, ShowsRowsWithTheirTransaction) {
  const std::string json = json_of_file("changes57");
  EXPECT_NE(json.find(R"("schema":"types","table":"full_rows","rows":[{"after":{"@1":1,"@2":10,)"
                      R"("@3":"one","@4":"text one","@5":"2024-01-01 00:00:00.500"}})"),
            std::string::npos);
  EXPECT_NE(json.find(R"("rows":[{"before":{"@1":1,)"), std::string::npos);
  EXPECT_EQ(count(json, R"("type":"TABLE_MAP")"), 0U);
}

TEST(EventJson, EscapesTextAndShowsOtherBytesInHexadecimal) {
  struct Row {
    const char* fact;
    std::string text;
    std::string json;
  };
  const Row rows[] = {
      {"plain text", "abc", R"("abc")"},
      {"quotes and backslashes", "a\"b\\", R"("a\"b\\")"},
      {"control characters", std::string("a\n\t\0b", 5), R"("a\n\t\u0000b")"},
      {"UTF-8 of two to four bytes", "é中😀", "\"é中😀\""},
      {"a lone continuation byte is no UTF-8", "a\x80", R"("0x6180")"},
      {"an overlong form is none", "\xc0\xaf", R"("0xc0af")"},
      {"a surrogate is none", "\xed\xa0\x80", R"("0xeda080")"},
      {"a cut character is none", "ok\xe4\xb8", R"("0x6f6be4b8")"},
      {"nothing", "", R"("")"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    std::string out;
    append_json_string(out, row.text);
    EXPECT_EQ(out, row.json);
  }
}

TEST(EventPrinter, RowsWithoutTheirTableAreCorrupt) {
  EventText printer(PrintOptions{});
  std::string out;
  const std::vector<std::string> events = events_of("changes97.binlog");
  const FormatDescription format = format_of(events);
  for (const std::string& event : events) {
    const EventHeader header = load_event_header(as_bytes(event));
    if (!is_rows_event_type(header.type)) continue;
    PrintedEvent printed;
    printed.event = open_event(as_bytes(event), format.checksum).value();
    const auto done = printer.print(printed, format, out);
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code(), Errc::kCorrupt);
    return;
  }
  FAIL() << "the file has rows";
}

}  // namespace
}  // namespace tiderelay::protocol
