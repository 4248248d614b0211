// relay/binlog_stats.cc: counts, and two ways to print them.
#include "relay/binlog_stats.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "protocol/event_json.h"

namespace tiderelay::relay {

namespace type = protocol::event_type;

void BinlogStats::begin_file(const protocol::FormatDescription& format) {
  tables_.clear();
  boundary_.set_format(format);
}

Result<void> BinlogStats::add(const protocol::EventView& event,
                              const protocol::FormatDescription& format, bool counted) {
  if (counted) {
    ++events_;
    bytes_ += event.header.event_size_bytes;
    const std::uint32_t seconds = event.header.timestamp_seconds;
    if (seconds != 0 && event.header.type != type::kFormatDescription) {
      if (first_seconds_ == 0) first_seconds_ = seconds;
      last_seconds_ = std::max(last_seconds_, seconds);
    }
    const Result<void> bounded = add_boundary(event);
    if (!bounded) return bounded;
  }
  return add_inner(event, format, counted);
}

Result<void> BinlogStats::add_boundary(const protocol::EventView& event) {
  const auto verdict = boundary_.feed(event.header, event.body);
  if (!verdict) {
    boundary_.reset();  // the range began inside a transaction
    return {};
  }
  if (verdict->starts) transaction_bytes_ = 0;
  if (verdict->inside) transaction_bytes_ += event.header.event_size_bytes;
  if (!verdict->ends) return {};
  ++transactions_;
  largest_transaction_bytes_ = std::max(largest_transaction_bytes_, transaction_bytes_);
  return {};
}

Result<void> BinlogStats::add_inner(const protocol::EventView& event,
                                    const protocol::FormatDescription& format, bool counted) {
  if (event.header.type == type::kTableMap) {
    const auto table = tables_.put(event, format);
    if (!table) return table.error();
  }
  if (!counted) return {};
  Count& count = types_[protocol::event_type_name(event.header.type)];
  ++count.events;
  count.bytes += event.header.event_size_bytes;
  if (event.header.type == type::kTransactionPayload) return add_payload(event, format, counted);
  if (protocol::is_rows_event_type(event.header.type)) return add_rows(event, format);
  return {};
}

Result<void> BinlogStats::add_rows(const protocol::EventView& event,
                                   const protocol::FormatDescription& format) {
  const auto table = tables_.find(event, format);
  if (!table) return table.error();
  if (*table == nullptr || !(*table)->shown) return {};
  const protocol::TableMap& map = *(*table)->map;
  const Result<void> opened = rows_.open(event, format, map);
  if (!opened) return opened;
  Rows& rows = by_table_[map.schema + "." + map.table];
  rows.bytes += event.header.event_size_bytes;
  std::uint64_t count = 0;
  for (;;) {
    const Result<bool> more = rows_.next();
    if (!more) return more.error();
    if (!*more) break;
    ++count;
  }
  switch (rows_.kind()) {
    case protocol::RowKind::kInsert:
      rows.inserts += count;
      break;
    case protocol::RowKind::kUpdate:
      rows.updates += count;
      break;
    case protocol::RowKind::kDelete:
      rows.deletes += count;
      break;
  }
  return {};
}

Result<void> BinlogStats::add_payload(const protocol::EventView& event,
                                      const protocol::FormatDescription& format, bool counted) {
  tables_.clear();
  payload_.start(event.body.size());
  payload_.feed(event.body);
  for (;;) {
    const auto step = payload_.next();
    if (!step) return step.error();
    if (step->kind == protocol::PayloadReader::Kind::kNeedBytes) {
      return Error(Errc::kTruncated, "the payload of a compressed transaction ends early");
    }
    if (step->kind == protocol::PayloadReader::Kind::kEnd) break;
    const Result<void> added = add_inner(step->event, format, counted);
    if (!added) return added;
  }
  tables_.clear();
  return {};
}

std::string BinlogStats::text() const {
  std::string out;
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "events        {}\nbytes         {}\n", events_, bytes_);
  fmt::format_to(to, "transactions  {}\nlargest       {} bytes\n", transactions_,
                 largest_transaction_bytes_);
  fmt::format_to(to, "time          {} to {} (Unix time)\n", first_seconds_, last_seconds_);
  fmt::format_to(to, "\n{:24} {:>12} {:>16}\n", "event", "count", "bytes");
  for (const auto& [name, count] : types_) {
    fmt::format_to(to, "{:24} {:>12} {:>16}\n", name, count.events, count.bytes);
  }
  fmt::format_to(to, "\n{:32} {:>12} {:>12} {:>12} {:>16}\n", "table", "inserts", "updates",
                 "deletes", "bytes");
  for (const auto& [name, rows] : by_table_) {
    fmt::format_to(to, "{:32} {:>12} {:>12} {:>12} {:>16}\n", name, rows.inserts, rows.updates,
                   rows.deletes, rows.bytes);
  }
  return out;
}

std::string BinlogStats::json() const {
  std::string out;
  const auto to = std::back_inserter(out);
  fmt::format_to(to,
                 R"({{"events":{},"bytes":{},"transactions":{},"largest_transaction_bytes":{},)"
                 R"("first_time":{},"last_time":{},"types":{{)",
                 events_, bytes_, transactions_, largest_transaction_bytes_, first_seconds_,
                 last_seconds_);
  bool first = true;
  for (const auto& [name, count] : types_) {
    if (!first) out += ',';
    first = false;
    protocol::append_json_string(out, name);
    fmt::format_to(to, R"(:{{"events":{},"bytes":{}}})", count.events, count.bytes);
  }
  out += "},\"tables\":{";
  first = true;
  for (const auto& [name, rows] : by_table_) {
    if (!first) out += ',';
    first = false;
    protocol::append_json_string(out, name);
    fmt::format_to(to, R"(:{{"inserts":{},"updates":{},"deletes":{},"bytes":{}}})", rows.inserts,
                   rows.updates, rows.deletes, rows.bytes);
  }
  return out + "}}\n";
}

}  // namespace tiderelay::relay
