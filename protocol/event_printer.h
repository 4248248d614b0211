// protocol/event_printer.h: events of a log to text for people and programs: what the two formats
// (event_text.h, event_json.h) have in common.
//
// In:     a file's events in order, from FORMAT_DESCRIPTION on; those that are not to be shown go
//         through note(), for the tables that later rows need.
// Out:    text appended to the caller's string; a transaction that comes compressed is shown event
//         by event.
// Filter: with names of tables only their rows are shown, and the GTID of each transaction that has
//         some.
// Errors: kCorrupt and kTruncated end the log; what was printed before stands.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/payload.h"
#include "protocol/row_tables.h"
#include "protocol/rows.h"

namespace tiderelay::protocol {

struct PrintOptions {
  bool types = false;               // a comment with each value's type, as mysqlbinlog -vv
  std::vector<std::string> tables;  // "schema.table" or "schema.*"; empty: everything
};

struct PrintedEvent {
  EventView event;
  std::uint64_t begin = 0;  // offsets in the file
  std::uint64_t end = 0;
  std::optional<std::uint32_t> crc;
  bool compressed = false;  // came inside a TRANSACTION_PAYLOAD
};

class EventPrinter {
 public:
  explicit EventPrinter(PrintOptions options)
      : options_(std::move(options)), tables_(options_.tables) {}
  virtual ~EventPrinter() = default;
  EventPrinter(const EventPrinter&) = delete;
  EventPrinter& operator=(const EventPrinter&) = delete;

  virtual void begin_file(std::string_view /*name*/, std::string& /*out*/) { tables_.clear(); }
  [[nodiscard]] Result<void> note(const PrintedEvent& event, const FormatDescription& format);
  [[nodiscard]] Result<void> print(const PrintedEvent& event, const FormatDescription& format,
                                   std::string& out);

 protected:
  // Any event but rows, and rows whose bytes cannot be read.
  virtual Result<void> print_other(const PrintedEvent& event, const FormatDescription& format,
                                   std::string& out) = 0;
  virtual Result<void> print_table(const PrintedEvent& event, const RowTable& table,
                                   std::string& out) = 0;
  // The reader is open and stands before the first row.
  virtual Result<void> print_rows(const PrintedEvent& event, const RowTable& table,
                                  RowsReader& rows, std::string& out) = 0;
  [[nodiscard]] const PrintOptions& options() const { return options_; }

 private:
  [[nodiscard]] Result<void> print_payload(const PrintedEvent& event,
                                           const FormatDescription& format, std::string& out);
  [[nodiscard]] Result<void> print_filtered(const PrintedEvent& event,
                                            const FormatDescription& format, std::string& out);
  [[nodiscard]] Result<void> print_rows_event(const PrintedEvent& event,
                                              const FormatDescription& format, std::string& out);

  const PrintOptions options_;
  RowTables tables_;
  RowsReader rows_;
  PayloadReader payload_;
  std::string held_;  // a transaction's GTID, until rows of a chosen table come
};

}  // namespace tiderelay::protocol
