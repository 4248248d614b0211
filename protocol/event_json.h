// protocol/event_json.h: events as JSON, one object a line.
//
//   {"file":"b.000001","position":235,"end_position":314,"time":1700000000,"server_id":1,
//    "type":"WRITE_ROWS","gtid":"uuid:7","schema":"s","table":"t","rows":[{"after":{"id":1}}]}
// A row has "before", "after" or both; its keys are the columns' names where the log carries them
// (binlog_row_metadata=FULL) and "@1", "@2" where it does not. Integers, reals, BIT, ENUM and SET
// are numbers, DECIMAL is text with all its digits, JSON is itself, bytes and text that is no UTF-8
// are "0x...", everything else is text. NULL is null, a column that the image lacks is left out.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "protocol/event_printer.h"

namespace tiderelay::protocol {

class EventJson final : public EventPrinter {
 public:
  using EventPrinter::EventPrinter;
  void begin_file(std::string_view name, std::string& out) override;

 protected:
  Result<void> print_other(const PrintedEvent& event, const FormatDescription& format,
                           std::string& out) override;
  Result<void> print_table(const PrintedEvent& event, const RowTable& table,
                           std::string& out) override;
  Result<void> print_rows(const PrintedEvent& event, const RowTable& table, RowsReader& rows,
                          std::string& out) override;

 private:
  struct Layout {
    std::shared_ptr<const TableMap> map;  // so that its address stays its name
    std::vector<std::string> keys;        // "\"name\":"
  };
  void append_head(const PrintedEvent& event, std::string& out) const;
  const Layout& layout_of(const RowTable& table);
  void append_image(std::string_view key, std::span<const Cell> cells, const RowTable& table,
                    const Layout& layout, std::string& out);
  void append_value(const WireColumn& column, const ValueContext& context, const Cell& cell,
                    std::string& out);

  std::unordered_map<const TableMap*, Layout> layouts_;
  std::string file_;
  std::string gtid_;
  std::string scratch_;
};

// "text" with its quotes and escapes. Bytes that are no UTF-8: "0x...".
void append_json_string(std::string& out, std::string_view text);

}  // namespace tiderelay::protocol
