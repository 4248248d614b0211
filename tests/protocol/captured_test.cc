// What real servers wrote, decoded, against what the same servers print.
#include <gtest/gtest.h>

#include <algorithm>

#include "protocol/charset.h"
#include "protocol/control_events.h"
#include "protocol/gtid_event.h"
#include "protocol/payload.h"
#include "protocol/query_event.h"
#include "protocol/rows.h"
#include "protocol/table_map.h"
#include "protocol/transaction_boundary.h"
#include "protocol/value_text.h"
#include "tests/protocol/binlog_maker.h"
#include "tests/protocol/captured.h"

namespace tiderelay::protocol {
namespace {

using tests::events_of;
using tests::format_of;
using tests::same_text;
using tests::text_of;

// Inserted rows by table, as (cell bytes) with their state kept apart.
struct DecodedRow {
  std::vector<std::string> bytes;
  std::vector<Cell::State> states;
};
struct Decoded {
  std::map<std::string, std::shared_ptr<const TableMap>> maps;
  std::map<std::string, std::vector<DecodedRow>> rows;
};

// Decodes the events of one table id space: a file's, or a payload's.
class InsertDecoder {
 public:
  InsertDecoder(const FormatDescription& format, Decoded& decoded)
      : format_(format), decoded_(decoded) {}

  void take(const EventView& event) {
    if (event.header.type == event_type::kTransactionPayload) return take_payload(event);
    if (event.header.type == event_type::kTableMap) {
      const auto table = tables_.put(event, format_);
      ASSERT_TRUE(table.has_value()) << table.error().text();
      decoded_.maps[(*table)->table] = *table;
    }
    if (is_rows_event_type(event.header.type)) take_rows(event);
  }

 private:
  void take_payload(const EventView& event) {
    PayloadReader reader;
    reader.start(event.body.size());
    reader.feed(event.body);
    InsertDecoder inner(format_, decoded_);
    auto step = reader.next();
    for (; step && step->kind == PayloadReader::Kind::kEvent; step = reader.next()) {
      inner.take(step->event);
    }
    ASSERT_TRUE(step.has_value()) << step.error().text();
    EXPECT_EQ(step->kind, PayloadReader::Kind::kEnd);
  }

  void take_rows(const EventView& event) {
    const auto table = tables_.find(decode_table_id(event, format_).value());
    const auto opened = rows_.open(event, format_, *table);
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    EXPECT_TRUE(rows_.full_image());
    auto more = rows_.next();
    for (; more.has_value() && *more; more = rows_.next()) {
      EXPECT_EQ(rows_.kind(), RowKind::kInsert);
      EXPECT_TRUE(rows_.before().empty());
      DecodedRow row;
      for (const Cell& cell : rows_.after()) {
        row.bytes.emplace_back(as_text(cell.bytes()));
        row.states.push_back(cell.state);
      }
      decoded_.rows[table->table].push_back(std::move(row));
    }
    EXPECT_TRUE(more.has_value()) << more.error().text();
  }

  const FormatDescription& format_;
  Decoded& decoded_;
  TableMapCache tables_;
  RowsReader rows_;
};

Decoded decode_inserts(const std::string& name) {
  Decoded decoded;
  const std::vector<std::string> events = events_of(name + ".binlog");
  const FormatDescription format = format_of(events);
  InsertDecoder decoder(format, decoded);
  for (const std::string& event : events) decoder.take(tests::opened(event));
  return decoded;
}

class Captured : public ::testing::TestWithParam<const char*> {};  // of inserts only
class AnyCaptured : public Captured {};

TEST_P(Captured, RowsReadAsTheServerPrintsThem) {
  const std::string name = GetParam();
  const Decoded decoded = decode_inserts(name);
  const auto printed = tests::printed_tables(name + ".rows");
  std::size_t cells = 0;
  for (const auto& [table, expected] : printed) {
    SCOPED_TRACE(table);
    ASSERT_TRUE(decoded.rows.contains(table));
    const TableMap& map = *decoded.maps.at(table);
    const auto& rows = decoded.rows.at(table);
    ASSERT_EQ(rows.size(), expected.rows.size());
    ASSERT_EQ(map.columns.size(), expected.readings.size());
    for (std::size_t r = 0; r < rows.size(); ++r) {
      for (std::size_t c = 0; c < map.columns.size(); ++c) {
        const Cell cell{as_bytes(rows[r].bytes[c]).data(),
                        static_cast<std::uint32_t>(rows[r].bytes[c].size()), rows[r].states[c]};
        const std::string ours = text_of(map.columns[c], expected.readings[c], cell);
        EXPECT_PRED3(same_text, expected.readings[c], ours, expected.rows[r][c])
            << "row " << expected.rows[r][0] << ", column " << c + 1 << ", "
            << column_type_name(map.columns[c].type);
        ++cells;
      }
    }
  }
  EXPECT_GT(cells, 50U);
}

TEST_P(AnyCaptured, TransactionsBeginAndEndWhereTheyShould) {
  const std::vector<std::string> events = events_of(std::string(GetParam()) + ".binlog");
  TransactionBoundary boundary;
  boundary.set_format(format_of(events));
  int transactions = 0;
  for (const std::string& event : events) {
    const EventHeader header = load_event_header(as_bytes(event));
    const auto verdict = boundary.feed(
        header, as_bytes(event).subspan(kEventHeaderBytes, boundary_prefix_bytes(header)));
    ASSERT_TRUE(verdict.has_value()) << verdict.error().text();
    transactions += verdict->ends ? 1 : 0;
    const bool opens = header.type == event_type::kGtid || header.type == event_type::kMariaGtid ||
                       header.type == event_type::kAnonymousGtid ||
                       header.type == event_type::kGtidTagged;
    EXPECT_EQ(verdict->starts, opens);
  }
  EXPECT_TRUE(boundary.between_transactions());
  const auto begun = std::count_if(events.begin(), events.end(), [](const std::string& event) {
    const auto type = static_cast<std::uint8_t>(event[4]);
    return type == event_type::kGtid || type == event_type::kMariaGtid ||
           type == event_type::kAnonymousGtid || type == event_type::kGtidTagged;
  });
  EXPECT_EQ(transactions, begun);
}

TEST_P(AnyCaptured, EveryCutOfATableMapOrRowsEventFailsCleanly) {
  const std::vector<std::string> events = events_of(std::string(GetParam()) + ".binlog");
  const FormatDescription format = format_of(events);
  std::shared_ptr<const TableMap> table;
  RowsReader rows;
  for (const std::string& event : events) {
    EventView view = tests::opened(event);
    const ByteView body = view.body;
    const bool is_map = view.header.type == event_type::kTableMap;
    if (is_map) table = std::make_shared<TableMap>(decode_table_map(view, format).value());
    if (!is_map && !is_rows_event_type(view.header.type)) continue;
    for (std::size_t size = 0; size < std::min<std::size_t>(body.size(), 1500); ++size) {
      const std::string cut(as_text(body.first(size)));  // on the heap, so that ASan sees its end
      view.body = as_bytes(cut);
      if (is_map) {
        const auto decoded = decode_table_map(view, format);
        const bool same = !decoded || decoded->columns.size() == table->columns.size();
        EXPECT_TRUE(same) << "only the optional part may be missing unnoticed";
        continue;
      }
      if (!rows.open(view, format, *table)) continue;
      auto more = rows.next();
      while (more && *more) more = rows.next();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Servers, Captured,
                         ::testing::Values("mysql56", "mysql57", "mysql80", "mysql97", "mariadb",
                                           "charsets", "payload"),
                         [](const auto& server) { return std::string(server.param); });
INSTANTIATE_TEST_SUITE_P(Servers, AnyCaptured,
                         ::testing::Values("mysql56", "mysql57", "mysql80", "mysql97", "mariadb",
                                           "charsets", "payload", "changes57", "changes97",
                                           "changesmaria"),
                         [](const auto& server) { return std::string(server.param); });

TEST(CapturedTableMap, TellsNamesKeysAndSignsWithFullMetadata) {
  for (const char* name : {"mysql97", "mariadb"}) {
    SCOPED_TRACE(name);
    const Decoded decoded = decode_inserts(name);
    const TableMap& ints = *decoded.maps.at("ints");
    EXPECT_EQ(ints.columns[0].name, "id");
    EXPECT_EQ(ints.columns[2].name, "tu");
    EXPECT_EQ(ints.columns[1].is_unsigned, false);
    EXPECT_EQ(ints.columns[2].is_unsigned, true);
    EXPECT_EQ(ints.columns[11].is_unsigned, true) << "zerofill";
    EXPECT_EQ(ints.primary_key, std::vector<PrimaryKeyPart>{PrimaryKeyPart{}});
    EXPECT_FALSE(ints.columns[0].nullable);
    EXPECT_TRUE(ints.columns[1].nullable);
    const TableMap& decimals = *decoded.maps.at("decimals");
    EXPECT_EQ(decimals.columns[10].is_unsigned, true);
    EXPECT_EQ(decimals.columns[9].is_unsigned, false);
    const TableMap& reals = *decoded.maps.at("reals");
    EXPECT_EQ(reals.columns[3].is_unsigned, true);
    EXPECT_EQ(reals.columns[4].is_unsigned, false);
    EXPECT_EQ(reals.columns[6].is_unsigned, true);
    const TableMap& sets = *decoded.maps.at("sets");
    EXPECT_EQ(sets.columns[1].type, ColumnType::kEnum);
    EXPECT_EQ(sets.elements[1], (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(sets.elements[2], (std::vector<std::string>{"", "x'y", "z\\w"}));
    EXPECT_EQ(sets.elements[4].size(), 8U);
    EXPECT_EQ(decoded.maps.at("big_sets")->elements[1].size(), 300U);
    const TableMap& bytes = *decoded.maps.at("bytes");
    for (std::size_t i = 1; i < bytes.columns.size(); ++i)
      EXPECT_EQ(bytes.columns[i].collation, 63);
    EXPECT_TRUE(wire_value_context(bytes.columns[1]).binary);
    const TableMap& texts = *decoded.maps.at("texts");
    for (std::size_t i = 1; i < texts.columns.size(); ++i) {
      EXPECT_EQ(texts.columns[i].collation, std::string(name) == "mysql97" ? 255 : 45) << i;
    }
    EXPECT_EQ(decoded.maps.at("shapes")->geometry_types, (std::vector<std::uint32_t>{0, 1, 2}));
  }
}

TEST(CapturedTableMap, TellsTheCharacterSetOfEachColumn) {
  const Decoded decoded = decode_inserts("charsets");
  const auto printed = tests::printed_tables("charsets.rows");
  EXPECT_EQ(printed.size(), 41U);
  for (const auto& [table, expected] : printed) {
    SCOPED_TRACE(table);
    const TableMap& map = *decoded.maps.at(table);
    for (std::size_t i = 1; i < map.columns.size(); ++i) {
      const std::string& reading = expected.readings[i];
      const std::string charset = reading == "b" ? "binary" : reading.substr(2);
      ASSERT_TRUE(map.columns[i].collation.has_value());
      const auto collation = find_collation(*map.columns[i].collation);
      ASSERT_TRUE(collation.has_value());
      EXPECT_EQ(collation->charset->name, charset);
    }
  }
}

TEST(CapturedTableMap, TellsVisibilityAndVectorSizes) {
  const Decoded decoded = decode_inserts("mysql97");
  EXPECT_EQ(decoded.maps.at("hidden")->visible, (std::vector<bool>{true, false, false, true}));
  EXPECT_EQ(decoded.maps.at("vectors")->vector_dimensions, (std::vector<std::uint32_t>{4, 2048}));
}

TEST(CapturedTableMap, IsDecodedOnceForEqualBytes) {
  const std::vector<std::string> events = events_of("mysql57.binlog");
  const FormatDescription format = format_of(events);
  TableMapCache tables;
  for (const std::string& event : events) {
    if (static_cast<std::uint8_t>(event[4]) != event_type::kTableMap) continue;
    const auto first = tables.put(tests::opened(event), format).value();
    EXPECT_EQ(tables.put(tests::opened(event), format).value(), first);
    std::string other = event;  // another table under the same id
    other[kEventHeaderBytes + 8 + 1] = 'X';
    renew_event_crc(other);
    const auto second = tables.put(tests::opened(other), format).value();
    EXPECT_NE(second, first);
    EXPECT_EQ(second->schema[0], 'X');
    EXPECT_EQ(tables.find(first->id), second);
  }
}

}  // namespace
}  // namespace tiderelay::protocol
