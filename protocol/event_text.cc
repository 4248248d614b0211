// protocol/event_text.cc: one function for each kind of event.
#include "protocol/event_text.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <ctime>
#include <iterator>

#include "protocol/control_events.h"
#include "protocol/gtid_event.h"
#include "protocol/number_text.h"
#include "protocol/query_event.h"
#include "protocol/sql_text.h"

namespace tiderelay::protocol {

namespace {

constexpr std::size_t kLayoutsMax = 4096;

std::string local_time(std::uint32_t seconds) {
  const std::time_t time = seconds;
  std::tm fields{};
  ::localtime_r(&time, &fields);
  return fmt::format("{:02}{:02}{:02} {:2}:{:02}:{:02}", fields.tm_year % 100, fields.tm_mon + 1,
                     fields.tm_mday, fields.tm_hour, fields.tm_min, fields.tm_sec);
}

std::string type_text(const WireColumn& column) {
  const unsigned metadata = column.metadata;
  switch (column.type) {
    case ColumnType::kTiny:
      return "TINYINT";
    case ColumnType::kShort:
      return "SHORTINT";
    case ColumnType::kInt24:
      return "MEDIUMINT";
    case ColumnType::kLong:
      return "INT";
    case ColumnType::kLongLong:
      return "LONGINT";
    case ColumnType::kNewDecimal:
      return fmt::format("DECIMAL({},{})", metadata >> 8, metadata & 0xffU);
    case ColumnType::kVarchar:
    case ColumnType::kVarString:
      return fmt::format("VARSTRING({})", metadata);
    case ColumnType::kString:
      return fmt::format("STRING({})", metadata);
    case ColumnType::kTimestamp2:
      return fmt::format("TIMESTAMP({})", metadata);
    case ColumnType::kDateTime2:
      return fmt::format("DATETIME({})", metadata);
    case ColumnType::kTime2:
      return fmt::format("TIME({})", metadata);
    case ColumnType::kBit:
      return fmt::format("BIT({})", metadata);
    case ColumnType::kEnum:
      return fmt::format("ENUM({} bytes)", metadata);
    case ColumnType::kSet:
      return fmt::format("SET({} bytes)", metadata);
    case ColumnType::kBlob: {
      constexpr const char* kSizes[] = {"", "TINYBLOB/TINYTEXT", "BLOB/TEXT",
                                        "MEDIUMBLOB/MEDIUMTEXT", "LONGBLOB/LONGTEXT"};
      return metadata <= 4 ? kSizes[metadata] : "BLOB/TEXT";
    }
    default:
      return column_type_name(column.type);
  }
}

// mysqlbinlog's words.
std::string event_words(std::uint8_t type) {
  switch (type) {
    case event_type::kWriteRows:
    case event_type::kWriteRowsV1:
      return "Write_rows";
    case event_type::kUpdateRows:
    case event_type::kUpdateRowsV1:
      return "Update_rows";
    case event_type::kDeleteRows:
    case event_type::kDeleteRowsV1:
      return "Delete_rows";
    case event_type::kPartialUpdateRows:
      return "Update_rows_partial";
    default:
      return event_type_name(type);
  }
}

bool is_real(ColumnType type) { return type == ColumnType::kFloat || type == ColumnType::kDouble; }

// A literal; bytes that are no value of their column's type or character set as hexadecimal.
void append_value(const WireColumn& column, const ValueContext& context, const Cell& cell,
                  std::string& out) {
  const std::size_t from = out.size();
  const Result<void> done = is_real(column.type) ? append_text(out, column, context, cell)
                                                 : append_sql_literal(out, column, context, cell);
  if (done) return;
  out.resize(from);
  append_binary_literal(out, cell.bytes());
}

Result<void> append_gtid(const EventView& event, std::string& out) {
  if (event.header.type == event_type::kMariaGtid) {
    const auto gtid = decode_maria_gtid_event(event);
    if (!gtid) return gtid.error();
    out += "\tGTID " + gtid->gtid.text();
    if (gtid->has(maria_gtid_flag::kDdl)) out += " ddl";
    if (gtid->has(maria_gtid_flag::kTransactional)) out += " trans";
    out += "\n";
    return {};
  }
  const auto gtid = decode_gtid_event(event);
  if (!gtid) return gtid.error();
  const bool anonymous = !gtid->gtid.has_value();
  fmt::format_to(
      std::back_inserter(out), FMT_COMPILE("\t{}\tlast_committed={}\tsequence_number={}\n"),
      anonymous ? "Anonymous_GTID" : "GTID", gtid->last_committed, gtid->sequence_number);
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("SET @@SESSION.GTID_NEXT= '{}'/*!*/;\n"),
                 anonymous ? "ANONYMOUS" : gtid->gtid->text());
  return {};
}

void append_comment(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += "# ";
    out += text.substr(0, end);
    out += "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// What the files before this one hold.
Result<void> append_gtid_list(const EventView& event, std::string& out) {
  if (event.header.type == event_type::kMariaGtidList) {
    const auto list = decode_maria_gtid_list(event);
    if (!list) return list.error();
    out += "\tGtid list [" + list->text() + "]\n";
    return {};
  }
  const auto set = decode_previous_gtids(event);
  if (!set) return set.error();
  out += "\tPrevious-GTIDs\n";
  append_comment(set->empty() ? "[empty]" : set->text(), out);
  return {};
}

Result<void> append_query(const QueryEvent& query, std::uint32_t timestamp_seconds,
                          std::string& schema, std::string& out) {
  fmt::format_to(std::back_inserter(out),
                 FMT_COMPILE("\tQuery\tthread_id={}\texec_time={}\terror_code={}\n"),
                 query.thread_id, query.execution_seconds, query.error_code);
  if (!query.schema.empty() && query.schema != schema) {
    schema = std::string(query.schema);
    out += "use ";
    append_identifier(out, schema);
    out += "/*!*/;\n";
  }
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("SET TIMESTAMP={}/*!*/;\n"),
                 timestamp_seconds);
  out += query.sql;
  out += "\n/*!*/;\n";
  return {};
}

}  // namespace

void EventText::begin_file(std::string_view name, std::string& out) {
  EventPrinter::begin_file(name, out);
  layouts_.clear();
  schema_.clear();
  out += "# file ";
  out += name;
  out += "\n";
}

void EventText::append_time(std::uint32_t seconds, std::string& out) {
  if (seconds != time_seconds_ || time_text_.empty()) {
    time_seconds_ = seconds;
    time_text_ = local_time(seconds);
  }
  out += time_text_;
}

void EventText::append_head(const PrintedEvent& event, std::string& out) {
  const EventHeader& header = event.event.header;
  if (!event.compressed) {
    out += "# at ";
    append_integer(out, event.begin);
    out += "\n";
  }
  out += "#";
  append_time(header.timestamp_seconds, out);
  out += " server id ";
  append_integer(out, header.server_id);
  out += "  end_log_pos ";
  append_integer(out, event.compressed ? 0 : event.end);
  if (event.crc)
    fmt::format_to(std::back_inserter(out), FMT_COMPILE(" CRC32 0x{:08x}"), *event.crc);
}

Result<void> EventText::print_other(const PrintedEvent& event, const FormatDescription& format,
                                    std::string& out) {
  const EventView& view = event.event;
  append_head(event, out);
  switch (view.header.type) {
    case event_type::kFormatDescription:
      fmt::format_to(std::back_inserter(out), "\tStart: binlog v {}, server v {} created {}\n",
                     format.binlog_version, format.server_version,
                     local_time(format.created_seconds));
      return {};
    case event_type::kGtid:
    case event_type::kGtidTagged:
    case event_type::kAnonymousGtid:
    case event_type::kMariaGtid:
      return append_gtid(view, out);
    case event_type::kQuery:
    case event_type::kExecuteLoadQuery: {
      const auto query = decode_query(view, format);
      if (!query) return query.error();
      return append_query(*query, view.header.timestamp_seconds, schema_, out);
    }
    case event_type::kXid: {
      const auto xid = decode_xid(view, format);
      if (!xid) return xid.error();
      fmt::format_to(std::back_inserter(out), FMT_COMPILE("\tXid = {}\nCOMMIT/*!*/;\n"), *xid);
      return {};
    }
    case event_type::kXaPrepare: {
      const auto prepare = decode_xa_prepare(view);
      if (!prepare) return prepare.error();
      out += prepare->one_phase ? "\tXA COMMIT " : "\tXA PREPARE ";
      out += prepare->xid.text();
      out += prepare->one_phase ? " ONE PHASE\n" : "\n";
      return {};
    }
    case event_type::kRotate: {
      const auto rotate = decode_rotate(view);
      if (!rotate) return rotate.error();
      fmt::format_to(std::back_inserter(out), "\tRotate to {}  pos: {}\n", rotate->file,
                     rotate->position);
      return {};
    }
    case event_type::kPreviousGtids:
    case event_type::kMariaGtidList:
      return append_gtid_list(view, out);
    case event_type::kRowsQuery:
    case event_type::kMariaAnnotateRows:
      out += view.header.type == event_type::kRowsQuery ? "\tRows_query\n" : "\tAnnotate_rows:\n";
      append_comment(rows_statement(view), out);
      return {};
    case event_type::kTransactionPayload:
      out += "\tTransaction_Payload\n";
      return {};
    default:
      out += "\t" + event_words(view.header.type) + "\n";
      return {};
  }
}

Result<void> EventText::print_table(const PrintedEvent& event, const RowTable& table,
                                    std::string& out) {
  append_head(event, out);
  out += "\tTable_map: ";
  out += layout_of(table).name;
  out += " mapped to number ";
  append_integer(out, table.map->id);
  out += "\n";
  return {};
}

const EventText::Layout& EventText::layout_of(const RowTable& table) {
  const auto known = layouts_.find(table.map.get());
  if (known != layouts_.end()) return known->second;
  if (layouts_.size() >= kLayoutsMax) layouts_.clear();
  Layout layout;
  layout.map = table.map;
  append_identifier(layout.name, table.map->schema);
  layout.name += ".";
  append_identifier(layout.name, table.map->table);
  for (std::size_t i = 0; i < table.map->columns.size(); ++i) {
    const WireColumn& column = table.map->columns[i];
    Column around;
    around.before = fmt::format("###   @{}=", i + 1);
    around.after = around.after_null = "\n";
    if (options().types) {
      const std::string words =
          fmt::format(" /* {} meta={} nullable={:d} is_null=", type_text(column), column.metadata,
                      column.nullable);
      around.after = words + "0 */\n";
      around.after_null = words + "1 */\n";
    }
    layout.columns.push_back(std::move(around));
  }
  return layouts_[table.map.get()] = std::move(layout);
}

void EventText::append_image(std::span<const Cell> cells, const RowTable& table,
                             const Layout& layout, std::string& out) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!cells[i].present()) continue;
    const Column& around = layout.columns[i];
    out += around.before;
    if (cells[i].is_null()) {
      out += "NULL";
      out += around.after_null;
    } else {
      append_value(table.map->columns[i], table.contexts[i], cells[i], out);
      out += around.after;
    }
  }
}

Result<void> EventText::print_rows(const PrintedEvent& event, const RowTable& table,
                                   RowsReader& rows, std::string& out) {
  append_head(event, out);
  out += "\t" + event_words(event.event.header.type) + ": table id ";
  append_integer(out, table.map->id);
  if (rows.statement_end()) out += " flags: STMT_END_F";
  out += "\n";
  const Layout& layout = layout_of(table);
  for (;;) {
    const Result<bool> more = rows.next();
    if (!more) return more.error();
    if (!*more) return {};
    const bool updates = rows.kind() == RowKind::kUpdate;
    const bool inserts = rows.kind() == RowKind::kInsert;
    out += updates ? "### UPDATE " : inserts ? "### INSERT INTO " : "### DELETE FROM ";
    out += layout.name;
    out += "\n";
    if (!inserts) {
      out += "### WHERE\n";
      append_image(rows.before(), table, layout, out);
    }
    if (inserts || updates) {
      out += rows.has_partial() ? "### SET (partial JSON shown as bytes)\n" : "### SET\n";
      append_image(rows.after(), table, layout, out);
    }
  }
}

}  // namespace tiderelay::protocol
