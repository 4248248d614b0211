// protocol/event_text.h: events as `mysqlbinlog -v --base64-output=decode-rows` shows them, -vv
// with PrintOptions::types.
//
// For reading, not for feeding to a server: there are no BINLOG statements. Values are SQL
// literals, so that '\n', quotes and bytes can be told apart, and dates have dashes.
// Source: MySQL sql/log_event.cc, print_verbose_one_row and the print() methods.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "protocol/event_printer.h"

namespace tiderelay::protocol {

class EventText final : public EventPrinter {
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
  struct Column {  // what stands around a value
    std::string before, after, after_null;
  };
  struct Layout {
    std::shared_ptr<const TableMap> map;  // so that its address stays its name
    std::string name;
    std::vector<Column> columns;
  };
  void append_head(const PrintedEvent& event, std::string& out);
  void append_time(std::uint32_t seconds, std::string& out);
  const Layout& layout_of(const RowTable& table);
  static void append_image(std::span<const Cell> cells, const RowTable& table, const Layout& layout,
                           std::string& out);

  std::unordered_map<const TableMap*, Layout> layouts_;
  std::string schema_;  // of the last USE
  std::uint32_t time_seconds_ = 0;
  std::string time_text_;
};

}  // namespace tiderelay::protocol
