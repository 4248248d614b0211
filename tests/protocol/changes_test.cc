// Binlogs of real servers with changes of every kind: replayed into a model that must end with the
// rows that the server has, and read event by event.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>

#include "protocol/control_events.h"
#include "protocol/gtid_event.h"
#include "protocol/query_event.h"
#include "protocol/rows.h"
#include "protocol/table_map.h"
#include "protocol/transaction_boundary.h"
#include "tests/protocol/captured.h"

namespace tiderelay::protocol {
namespace {

using tests::events_of;
using tests::format_of;
using tests::opened;

// A cell that owns its bytes.
struct OwnedCell {
  std::string bytes;
  Cell::State state = Cell::State::kAbsent;

  explicit OwnedCell(const Cell& cell) : bytes(as_text(cell.bytes())), state(cell.state) {}
  [[nodiscard]] Cell view() const {
    return {as_bytes(bytes).data(), static_cast<std::uint32_t>(bytes.size()), state};
  }
};
using OwnedRow = std::vector<OwnedCell>;

OwnedRow owned(std::span<const Cell> cells) { return {cells.begin(), cells.end()}; }

// A table as a list of rows. Images are applied by what they hold: a row matches a before-image if
// it has the same bytes in all of its cells.
struct Model {
  std::shared_ptr<const TableMap> map;
  std::vector<OwnedRow> rows;
  bool has_partial = false;

  [[nodiscard]] OwnedRow* find(std::span<const Cell> before) {
    for (OwnedRow& row : rows) {
      bool same = true;
      for (std::size_t i = 0; i < before.size() && same; ++i) {
        same =
            !before[i].present() || !row[i].view().present() || before[i].same_bytes(row[i].view());
      }
      if (same) return &row;
    }
    return nullptr;
  }

  void apply(const RowsReader& change) {
    has_partial |= change.has_partial();
    if (has_partial) return;  // the model does not know how to change a part of a document
    if (change.kind() == RowKind::kInsert) return rows.push_back(owned(change.after()));
    OwnedRow* row = find(change.before());
    ASSERT_NE(row, nullptr) << "a change of a row that is not there, " << map->table;
    if (change.kind() == RowKind::kDelete) {
      rows.erase(rows.begin() + (row - rows.data()));
      return;
    }
    for (std::size_t i = 0; i < row->size(); ++i) {
      if (change.after()[i].present()) (*row)[i] = OwnedCell(change.after()[i]);
    }
  }
};

class Changes : public ::testing::TestWithParam<const char*> {
 protected:
  const std::string name_ = GetParam();
  const std::vector<std::string> events_ = events_of(name_ + ".binlog");
  const FormatDescription format_ = format_of(events_);

  template <class Visit>
  void each(std::initializer_list<std::uint8_t> types, Visit visit) const {
    for (const std::string& event : events_) {
      const EventView view = opened(event);
      if (std::find(types.begin(), types.end(), view.header.type) != types.end()) visit(view);
    }
  }

  [[nodiscard]] std::map<std::string, Model> replayed() const {
    std::map<std::string, Model> models;
    TableMapCache tables;
    RowsReader rows;
    for (const std::string& event : events_) {
      const EventView view = opened(event);
      if (view.header.type == event_type::kTableMap) {
        const auto table = tables.put(view, format_);
        EXPECT_TRUE(table.has_value());
        models[(*table)->table].map = *table;
      }
      if (!is_rows_event_type(view.header.type)) continue;
      const auto table = tables.find(decode_table_id(view, format_).value());
      const auto read = rows.open(view, format_, *table);
      EXPECT_TRUE(read.has_value()) << read.error().text();
      auto more = rows.next();
      for (; more && *more; more = rows.next()) models[table->table].apply(rows);
      EXPECT_TRUE(more.has_value()) << more.error().text();
    }
    return models;
  }
};

TEST_P(Changes, ReplayedGiveTheRowsThatTheServerHas) {
  auto models = replayed();
  const auto printed = tests::printed_tables(name_ + ".rows");
  int compared = 0;
  for (const auto& [table, expected] : printed) {
    if (table == "part_json" || table == "tagged") continue;
    SCOPED_TRACE(table);
    Model& model = models[table];
    if (table == "old_style") {
      EXPECT_TRUE(model.rows.empty()) << "only statements wrote into it";
      continue;
    }
    ASSERT_EQ(model.rows.size(), expected.rows.size());
    std::multiset<std::string> ours;
    std::multiset<std::string> servers;
    for (const OwnedRow& row : model.rows) {
      std::string text;
      for (std::size_t i = 0; i < row.size(); ++i) {
        // What a minimal image of an INSERT left out is the column's default, unknown here.
        text += row[i].view().present()
                    ? tests::text_of(model.map->columns[i], expected.readings[i], row[i].view())
                    : "?";
        text += '|';
      }
      ours.insert(text);
    }
    for (std::size_t r = 0; r < expected.rows.size(); ++r) {
      const auto model_row =
          std::find_if(model.rows.begin(), model.rows.end(), [&](const OwnedRow& row) {
            return tests::text_of(model.map->columns[0], expected.readings[0], row[0].view()) ==
                   expected.rows[r][0];
          });
      ASSERT_NE(model_row, model.rows.end());
      std::string text;
      for (std::size_t i = 0; i < expected.rows[r].size(); ++i) {
        text += ((*model_row)[i].view().present() ? expected.rows[r][i] : "?") + "|";
      }
      servers.insert(text);
    }
    EXPECT_EQ(ours, servers);
    ++compared;
  }
  EXPECT_GE(compared, 5);
}

TEST_P(Changes, StatusVariablesAreAllKnown) {
  int queries = 0;
  each({event_type::kQuery}, [&](const EventView& event) {
    const auto query = decode_query(event, format_);
    ASSERT_TRUE(query.has_value()) << query.error().text();
    EXPECT_FALSE(query->status.unknown_variable.has_value())
        << static_cast<int>(*query->status.unknown_variable) << " in " << query->sql;
    EXPECT_TRUE(query->status.charset.has_value());
    const auto text = decode_query_text(event, format_);
    EXPECT_EQ(text->sql, query->sql);
    EXPECT_EQ(text->schema, query->schema);
    ++queries;
  });
  EXPECT_GT(queries, 10);
}

TEST_P(Changes, StatementsBringTheirVariables) {
  std::vector<std::string> seen;
  each({event_type::kIntvar, event_type::kRand, event_type::kUserVar}, [&](const EventView& event) {
    if (event.header.type == event_type::kIntvar) {
      const auto intvar = decode_intvar(event, format_).value();
      EXPECT_EQ(intvar.kind, IntvarEvent::Kind::kInsertId);
      seen.push_back("insert_id " + std::to_string(intvar.value));
    } else if (event.header.type == event_type::kRand) {
      const auto seeds = decode_rand(event, format_).value();
      EXPECT_NE(seeds.seed1, seeds.seed2);
      seen.emplace_back("rand");
    } else {
      const auto variable = decode_user_var(event, format_).value();
      seen.push_back(std::string(variable.name) + (variable.is_null ? " null" : " ") +
                     std::to_string(static_cast<int>(variable.type)) + " " +
                     std::to_string(variable.value.size()));
    }
  });
  const std::vector<std::string> wanted = {"insert_id 1", "nothing null0 0", "insert_id 2", "x 2 8",
                                           "y 4"};
  for (const std::string& one : wanted) {
    EXPECT_TRUE(
        std::any_of(seen.begin(), seen.end(),
                    [&](const std::string& line) { return line.substr(0, one.size()) == one; }))
        << one << " not among " << ::testing::PrintToString(seen);
  }
}

TEST_P(Changes, PreparedTransactionsTellTheirXid) {
  std::vector<std::string> seen;
  each({event_type::kXaPrepare}, [&](const EventView& event) {
    const auto prepare = decode_xa_prepare(event);
    ASSERT_TRUE(prepare.has_value());
    seen.push_back(prepare->xid.text() + (prepare->one_phase ? " one phase" : ""));
  });
  std::vector<std::string> wanted = {"X'6774726964',X'627175616c',7"};
  if (name_ != "changesmaria") wanted.emplace_back("X'7365636f6e64',X'',1 one phase");
  EXPECT_EQ(seen, wanted) << "MariaDB logs a one-phase commit as any other transaction";
}

TEST_P(Changes, StatementsBehindRowsAreTold) {
  bool found = false;
  each({event_type::kRowsQuery, event_type::kMariaAnnotateRows}, [&](const EventView& event) {
    const std::string_view sql = rows_statement(event);
    found |= sql.substr(0, 16) == "update full_rows";
    EXPECT_EQ(sql.find('\0'), std::string_view::npos);
  });
  EXPECT_TRUE(found);
}

TEST_P(Changes, FilesEndWithARotateToTheNext) {
  const EventView last = opened(events_.back());
  ASSERT_EQ(last.header.type, event_type::kRotate);
  EXPECT_FALSE(last.header.artificial());
  const auto rotate = decode_rotate(last);
  ASSERT_TRUE(rotate.has_value());
  EXPECT_EQ(rotate->file, "binlog.000002");
  EXPECT_EQ(rotate->position, 4U);
}

TEST_P(Changes, EveryCutOfAnyEventFailsCleanly) {
  for (const std::string& event : events_) {
    EventView view = opened(event);
    const ByteView body = view.body;
    for (std::size_t size = 0; size < body.size(); ++size) {
      const std::string cut(as_text(body.first(size)));  // on the heap, so that ASan sees its end
      view.body = as_bytes(cut);
      switch (view.header.type) {
        case event_type::kQuery:
          (void)decode_query(view, format_).has_value();
          break;
        case event_type::kGtid:
        case event_type::kAnonymousGtid:
        case event_type::kGtidTagged:
          (void)decode_gtid_event(view).has_value();
          break;
        case event_type::kMariaGtid:
          EXPECT_TRUE(size >= 13 || !decode_maria_gtid_event(view));
          break;
        case event_type::kXid:
          EXPECT_FALSE(decode_xid(view, format_));
          break;
        case event_type::kXaPrepare:
          EXPECT_FALSE(decode_xa_prepare(view));
          break;
        case event_type::kRand:
          EXPECT_FALSE(decode_rand(view, format_));
          break;
        case event_type::kIntvar:
          EXPECT_FALSE(decode_intvar(view, format_));
          break;
        case event_type::kUserVar:
          EXPECT_TRUE(size + 1 == body.size() || !decode_user_var(view, format_));
          break;
        case event_type::kMariaGtidList:
          EXPECT_TRUE(size >= 4 || !decode_maria_gtid_list(view)) << "the list itself is empty";
          break;
        default:
          break;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Servers, Changes,
                         ::testing::Values("changes57", "changes97", "changesmaria"),
                         [](const auto& server) { return std::string(server.param); });

// The GTIDs of a file are those that the next file begins with.
TEST(ChangesGtid, TaggedAndUntaggedAreReadAsTheServerCountsThem) {
  const std::vector<std::string> events = events_of("changes97.binlog");
  GtidSet seen;
  int tagged = 0;
  for (const std::string& event : events) {
    const EventView view = opened(event);
    if (view.header.type != event_type::kGtid && view.header.type != event_type::kGtidTagged) {
      continue;
    }
    const auto gtid = decode_gtid_event(view);
    ASSERT_TRUE(gtid.has_value()) << gtid.error().text();
    EXPECT_FALSE(seen.contains(*gtid->gtid));
    seen.add(*gtid->gtid);
    tagged += view.header.type == event_type::kGtidTagged ? 1 : 0;
    EXPECT_EQ(gtid->immediate_server_version, 90704U);
    EXPECT_EQ(gtid->original_server_version, 90704U);
    EXPECT_EQ(gtid->original_commit_microseconds, gtid->immediate_commit_microseconds);
    EXPECT_GE(gtid->immediate_commit_microseconds / 1000000, view.header.timestamp_seconds);
    EXPECT_GT(gtid->sequence_number, gtid->last_committed);
  }
  EXPECT_EQ(tagged, 2);
  const std::vector<std::string> next = events_of("changes97_next.binlog");
  const EventView previous = opened(next.at(1));
  ASSERT_EQ(previous.header.type, event_type::kPreviousGtids);
  const auto counted = decode_previous_gtids(previous);
  ASSERT_TRUE(counted.has_value()) << counted.error().text();
  EXPECT_EQ(seen.text(), counted->text());
  EXPECT_NE(seen.text().find(":blue:1"), std::string::npos);
  EXPECT_NE(seen.text().find("eeeeeeeeeeee:9223372036854775806:red_1:77"), std::string::npos);
  std::string encoded;
  seen.encode(encoded);
  EXPECT_EQ(encoded, as_text(previous.body)) << "byte for byte what the server writes";
}

TEST(ChangesGtid, TellsTheSizeOfItsTransaction) {
  for (const char* name : {"changes97", "mysql80", "payload", "charsets"}) {
    const std::vector<std::string> events = events_of(std::string(name) + ".binlog");
    TransactionBoundary boundary;
    boundary.set_format(format_of(events));
    std::uint64_t told = 0;
    std::uint64_t counted = 0;
    int transactions = 0;
    for (const std::string& event : events) {
      const EventView view = opened(event);
      const auto verdict = boundary.feed(
          view.header,
          view.body.first(std::min(view.body.size(), boundary_prefix_bytes(view.header))));
      ASSERT_TRUE(verdict.has_value());
      if (!verdict->inside) continue;
      if (verdict->starts) {
        told = decode_gtid_event(view).value().transaction_size_bytes;
        counted = 0;
      }
      counted += event.size();
      if (!verdict->ends) continue;
      EXPECT_EQ(told, counted) << name << ", transaction " << transactions;
      ++transactions;
    }
    EXPECT_GT(transactions, 5) << name;
  }
}

TEST(ChangesJson, PartialUpdatesAreToldByColumn) {
  const std::vector<std::string> events = events_of("changes97.binlog");
  const FormatDescription format = format_of(events);
  TableMapCache tables;
  RowsReader rows;
  std::string seen;  // a letter for j and one for k: p partial, v value, - absent, n NULL
  for (const std::string& event : events) {
    const EventView view = opened(event);
    if (view.header.type == event_type::kTableMap) (void)tables.put(view, format).has_value();
    if (view.header.type != event_type::kPartialUpdateRows) continue;
    const auto table = tables.find(decode_table_id(view, format).value());
    ASSERT_TRUE(rows.open(view, format, *table).has_value());
    auto more = rows.next();
    for (; more && *more; more = rows.next()) {
      for (const std::size_t column : {1, 2}) {
        const Cell& cell = rows.after()[column];
        seen += rows.after_is_partial(column) ? 'p'
                : !cell.present()             ? '-'
                : cell.is_null()              ? 'n'
                                              : 'v';
      }
      seen += rows.has_partial() ? "! " : " ";
    }
    ASSERT_TRUE(more.has_value()) << more.error().text();
  }
  EXPECT_EQ(seen, "pv! np! pv! -p! -- ");
}

TEST(ChangesCompressed, AreBoundedRightAndRefusedByName) {
  const std::vector<std::string> events = events_of("compressed.binlog");
  const FormatDescription format = format_of(events);
  TransactionBoundary boundary;
  boundary.set_format(format);
  std::shared_ptr<const TableMap> table;
  std::vector<std::string> refused;
  int transactions = 0;
  for (const std::string& event : events) {
    const EventView view = opened(event);
    const auto verdict = boundary.feed(view.header, view.body);
    ASSERT_TRUE(verdict.has_value());
    transactions += verdict->ends ? 1 : 0;
    if (view.header.type == event_type::kTableMap) {
      table = std::make_shared<const TableMap>(decode_table_map(view, format).value());
    }
    Error error;
    if (view.header.type == event_type::kMariaQueryCompressed) {
      error = decode_query(view, format).error();
    } else if (is_rows_event_type(view.header.type)) {
      RowsReader rows;
      error = rows.open(view, format, *table).error();
    } else {
      continue;
    }
    EXPECT_EQ(error.code(), Errc::kUnsupported);
    EXPECT_NE(error.way_out().find("log_bin_compress"), std::string::npos);
    refused.push_back(error.text());
  }
  EXPECT_EQ(transactions, 5);
  EXPECT_TRUE(boundary.between_transactions());
  const std::vector<std::string> wanted = {"QUERY_COMPRESSED event",
                                           "types.squeezed: WRITE_ROWS_COMPRESSED_V1 event",
                                           "types.squeezed: UPDATE_ROWS_COMPRESSED_V1 event",
                                           "types.squeezed: DELETE_ROWS_COMPRESSED_V1 event"};
  EXPECT_EQ(refused, wanted);
}

}  // namespace
}  // namespace tiderelay::protocol
