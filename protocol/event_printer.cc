// protocol/event_printer.cc: tables, payloads and the filter.
#include "protocol/event_printer.h"

namespace tiderelay::protocol {

namespace {

bool opens_transaction(std::uint8_t type) {
  return type == event_type::kGtid || type == event_type::kAnonymousGtid ||
         type == event_type::kGtidTagged || type == event_type::kMariaGtid;
}

}  // namespace

Result<void> EventPrinter::note(const PrintedEvent& event, const FormatDescription& format) {
  if (event.event.header.type != event_type::kTableMap) return {};
  const auto table = tables_.put(event.event, format);
  if (!table) return table.error();
  return {};
}

Result<void> EventPrinter::print(const PrintedEvent& event, const FormatDescription& format,
                                 std::string& out) {
  const std::uint8_t type = event.event.header.type;
  if (type == event_type::kTransactionPayload) return print_payload(event, format, out);
  if (type == event_type::kTableMap) {
    const auto table = tables_.put(event.event, format);
    if (!table) return table.error();
    if (*table == nullptr || !(*table)->shown) return {};
    out += held_;
    held_.clear();
    return print_table(event, **table, out);
  }
  if (is_rows_event_type(type)) return print_rows_event(event, format, out);
  if (tables_.filters()) return print_filtered(event, format, out);
  return print_other(event, format, out);
}

Result<void> EventPrinter::print_filtered(const PrintedEvent& event,
                                          const FormatDescription& format, std::string& out) {
  if (event.event.header.type == event_type::kFormatDescription) {
    return print_other(event, format, out);
  }
  if (!opens_transaction(event.event.header.type)) return {};
  held_.clear();
  return print_other(event, format, held_);
}

Result<void> EventPrinter::print_rows_event(const PrintedEvent& event,
                                            const FormatDescription& format, std::string& out) {
  const auto table = tables_.find(event.event, format);
  if (!table) return table.error();
  if (*table == nullptr || !(*table)->shown) return {};
  const Result<void> opened = rows_.open(event.event, format, *(*table)->map);
  // Compressed by MariaDB: named, and passed over.
  if (!opened && opened.error().code() == Errc::kUnsupported) {
    return print_other(event, format, out);
  }
  if (!opened) return opened.error();
  return print_rows(event, **table, rows_, out);
}

Result<void> EventPrinter::print_payload(const PrintedEvent& event, const FormatDescription& format,
                                         std::string& out) {
  if (!tables_.filters()) {
    const Result<void> printed = print_other(event, format, out);
    if (!printed) return printed;
  }
  tables_.clear();  // ids hold in one payload
  payload_.start(event.event.body.size());
  payload_.feed(event.event.body);
  for (;;) {
    const auto step = payload_.next();
    if (!step) return step.error();
    if (step->kind == PayloadReader::Kind::kNeedBytes) {
      return Error(Errc::kTruncated, "the payload of a compressed transaction ends early");
    }
    if (step->kind == PayloadReader::Kind::kEnd) break;
    PrintedEvent inner = event;
    inner.event = step->event;
    inner.crc.reset();
    inner.compressed = true;
    const Result<void> printed = print(inner, format, out);
    if (!printed) return printed;
  }
  tables_.clear();
  return {};
}

}  // namespace tiderelay::protocol
