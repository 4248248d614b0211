// protocol/event_json.cc: a line for each event.
#include "protocol/event_json.h"

#include <fmt/format.h>

#include <iterator>

#include "protocol/control_events.h"
#include "protocol/gtid_event.h"
#include "protocol/json_binary.h"
#include "protocol/number_text.h"
#include "protocol/query_event.h"

namespace tiderelay::protocol {

namespace {

constexpr std::size_t kLayoutsMax = 4096;

// Bytes of the UTF-8 character at the start of text; 0: there is none.
std::size_t utf8_bytes(std::string_view text) {
  const auto at = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto follows = [&at](std::size_t i) { return (at(i) & 0xc0) == 0x80; };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    const bool good = follows(1) && follows(2) && !(first == 0xe0 && at(1) < 0xa0) &&
                      !(first == 0xed && at(1) >= 0xa0);
    return good ? 3 : 0;
  }
  if (first >= 0xf0 && first < 0xf5) {
    const bool good = follows(1) && follows(2) && follows(3) && !(first == 0xf0 && at(1) < 0x90) &&
                      !(first == 0xf4 && at(1) >= 0x90);
    return good ? 4 : 0;
  }
  return 0;
}

bool is_plain(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x80 &&
         c != '"' && c != '\\';
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
  }
}

bool is_number(const WireColumn& column) {
  switch (column.type) {
    case ColumnType::kTiny:
    case ColumnType::kShort:
    case ColumnType::kInt24:
    case ColumnType::kLong:
    case ColumnType::kLongLong:
    case ColumnType::kFloat:
    case ColumnType::kDouble:
    case ColumnType::kYear:
    case ColumnType::kBit:
    case ColumnType::kEnum:
    case ColumnType::kSet:
      return true;
    default:
      return false;
  }
}

void append_field(std::string& out, std::string_view key, std::string_view text) {
  out += ",\"";
  out += key;
  out += "\":";
  append_json_string(out, text);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  const std::size_t from = out.size();
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && is_plain(text[end])) ++end;
    out += text.substr(i, end - i);
    i = end;
    if (i == text.size()) break;
    const std::size_t bytes = utf8_bytes(text.substr(i));
    if (bytes == 0) {
      out.resize(from);
      out += "\"0x";
      append_hex(out, as_bytes(text));
      break;
    }
    if (bytes == 1) {
      append_escaped(out, text[i]);
    } else {
      out += text.substr(i, bytes);
    }
    i += bytes;
  }
  out += '"';
}

void EventJson::begin_file(std::string_view name, std::string& out) {
  EventPrinter::begin_file(name, out);
  layouts_.clear();
  gtid_.clear();
  file_.clear();
  append_json_string(file_, name);
}

void EventJson::append_head(const PrintedEvent& event, std::string& out) const {
  const EventHeader& header = event.event.header;
  fmt::format_to(std::back_inserter(out),
                 R"({{"file":{},"position":{},"end_position":{},"time":{},"server_id":{},"type":)",
                 file_, event.begin, event.end, header.timestamp_seconds, header.server_id);
  append_json_string(out, event_type_name(header.type));
  if (event.compressed) out += ",\"compressed\":true";
}

Result<void> EventJson::print_other(const PrintedEvent& event, const FormatDescription& format,
                                    std::string& out) {
  const EventView& view = event.event;
  const std::uint8_t type = view.header.type;
  append_head(event, out);
  if (type == event_type::kFormatDescription) {
    append_field(out, "server_version", format.server_version);
  } else if (type == event_type::kGtid || type == event_type::kGtidTagged ||
             type == event_type::kAnonymousGtid) {
    const auto gtid = decode_gtid_event(view);
    if (!gtid) return gtid.error();
    gtid_ = gtid->gtid ? gtid->gtid->text() : "";
  } else if (type == event_type::kMariaGtid) {
    const auto gtid = decode_maria_gtid_event(view);
    if (!gtid) return gtid.error();
    gtid_ = gtid->gtid.text();
  } else if (type == event_type::kQuery || type == event_type::kExecuteLoadQuery) {
    const auto query = decode_query(view, format);
    if (!query) return query.error();
    if (!gtid_.empty()) append_field(out, "gtid", gtid_);
    append_field(out, "schema", query->schema);
    append_field(out, "sql", query->sql);
  } else if (type == event_type::kRotate) {
    const auto rotate = decode_rotate(view);
    if (!rotate) return rotate.error();
    append_field(out, "next_file", rotate->file);
  } else if (type == event_type::kPreviousGtids) {
    const auto set = decode_previous_gtids(view);
    if (!set) return set.error();
    append_field(out, "gtid_set", set->text());
  } else if (type == event_type::kMariaGtidList) {
    const auto list = decode_maria_gtid_list(view);
    if (!list) return list.error();
    append_field(out, "gtid_set", list->text());
  } else if (type == event_type::kRowsQuery || type == event_type::kMariaAnnotateRows) {
    append_field(out, "sql", rows_statement(view));
  }
  const bool opens = type == event_type::kGtid || type == event_type::kGtidTagged ||
                     type == event_type::kMariaGtid;
  if ((opens || type == event_type::kXid) && !gtid_.empty()) append_field(out, "gtid", gtid_);
  out += "}\n";
  return {};
}

// The rows events repeat all that it says.
Result<void> EventJson::print_table(const PrintedEvent& /*event*/, const RowTable& /*table*/,
                                    std::string& /*out*/) {
  return {};
}

const EventJson::Layout& EventJson::layout_of(const RowTable& table) {
  const auto known = layouts_.find(table.map.get());
  if (known != layouts_.end()) return known->second;
  if (layouts_.size() >= kLayoutsMax) layouts_.clear();
  Layout layout;
  layout.map = table.map;
  for (std::size_t i = 0; i < table.map->columns.size(); ++i) {
    const std::string& name = table.map->columns[i].name;
    std::string key;
    append_json_string(key, name.empty() ? fmt::format("@{}", i + 1) : name);
    layout.keys.push_back(key + ":");
  }
  return layouts_[table.map.get()] = std::move(layout);
}

void EventJson::append_value(const WireColumn& column, const ValueContext& context,
                             const Cell& cell, std::string& out) {
  const std::size_t from = out.size();
  if (column.type == ColumnType::kJson) {
    if (append_json_text(out, cell.bytes())) return;
    out.resize(from);  // a list of changes (PARTIAL_UPDATE_ROWS)
  } else if (is_number(column)) {
    if (append_text(out, column, context, cell)) return;
    out.resize(from);
  } else {
    scratch_.clear();
    if (append_text(scratch_, column, context, cell)) return append_json_string(out, scratch_);
  }
  out += "\"0x";
  append_hex(out, cell.bytes());
  out += '"';
}

void EventJson::append_image(std::string_view key, std::span<const Cell> cells,
                             const RowTable& table, const Layout& layout, std::string& out) {
  out += key;
  bool first = true;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!cells[i].present()) continue;
    if (!first) out += ',';
    first = false;
    out += layout.keys[i];
    if (cells[i].is_null()) {
      out += "null";
    } else {
      append_value(table.map->columns[i], table.contexts[i], cells[i], out);
    }
  }
  out += '}';
}

Result<void> EventJson::print_rows(const PrintedEvent& event, const RowTable& table,
                                   RowsReader& rows, std::string& out) {
  append_head(event, out);
  if (!gtid_.empty()) append_field(out, "gtid", gtid_);
  append_field(out, "schema", table.map->schema);
  append_field(out, "table", table.map->table);
  out += ",\"rows\":[";
  const Layout& layout = layout_of(table);
  bool first = true;
  for (;;) {
    const Result<bool> more = rows.next();
    if (!more) return more.error();
    if (!*more) break;
    out += first ? "{" : ",{";
    first = false;
    const bool has_before = rows.kind() != RowKind::kInsert;
    if (has_before) append_image("\"before\":{", rows.before(), table, layout, out);
    if (rows.kind() != RowKind::kDelete) {
      append_image(has_before ? ",\"after\":{" : "\"after\":{", rows.after(), table, layout, out);
    }
    out += '}';
  }
  out += "]}\n";
  return {};
}

}  // namespace tiderelay::protocol
