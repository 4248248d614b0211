// relay/binlog_stats.h: what a log is made of: events and bytes by type, rows by table,
// transactions.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/error.h"
#include "protocol/payload.h"
#include "protocol/row_tables.h"
#include "protocol/rows.h"
#include "protocol/transaction_boundary.h"

namespace tiderelay::relay {

class BinlogStats {
 public:
  explicit BinlogStats(std::vector<std::string> tables) : tables_(std::move(tables)) {}

  void begin_file(const protocol::FormatDescription& format);
  // `counted`: inside the range that was asked for.
  [[nodiscard]] Result<void> add(const protocol::EventView& event,
                                 const protocol::FormatDescription& format, bool counted);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string json() const;

 private:
  struct Count {
    std::uint64_t events = 0;
    std::uint64_t bytes = 0;
  };
  struct Rows {
    std::uint64_t inserts = 0, updates = 0, deletes = 0;
    std::uint64_t bytes = 0;  // of the events
  };
  [[nodiscard]] Result<void> add_inner(const protocol::EventView& event,
                                       const protocol::FormatDescription& format, bool counted);
  [[nodiscard]] Result<void> add_rows(const protocol::EventView& event,
                                      const protocol::FormatDescription& format);
  [[nodiscard]] Result<void> add_payload(const protocol::EventView& event,
                                         const protocol::FormatDescription& format, bool counted);
  [[nodiscard]] Result<void> add_boundary(const protocol::EventView& event);

  protocol::RowTables tables_;
  protocol::RowsReader rows_;
  protocol::PayloadReader payload_;
  protocol::TransactionBoundary boundary_;
  std::map<std::string, Count> types_;
  std::map<std::string, Rows> by_table_;
  std::uint64_t events_ = 0, bytes_ = 0, transactions_ = 0;
  std::uint64_t transaction_bytes_ = 0, largest_transaction_bytes_ = 0;
  std::uint32_t first_seconds_ = 0, last_seconds_ = 0;
};

}  // namespace tiderelay::relay
