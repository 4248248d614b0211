// applier/log_source.h: turns the events of a relay log into whole source transactions of row
// changes.
//
// In:     the log's events in order, one feed() each; then next() until it gives nothing.
// Out:    transactions, also empty ones (their ids move the low-water mark), and the statements
// that
//         concern the task. A statement comes alone: execute it, tell the tracker, then feed on.
// Rules:  a table's change is skipped if its transaction is in the table's LOW or in the applied
// set,
//         replayed up to the table's HIGH, strict after it (docs/exactly-once.md).
// Limit:  a transaction above split_bytes or split_rows comes in parts. Views live as long as their
// transaction. Errors: final; they name the event's place. kUnsupported and kData carry a way out.
// kCopyAgain:
//         rows of a table whose definition is not known, unknown_table().
// Source: MySQL sql/rpl_replica.cc, MariaDB sql/log_event_server.cc (what a group is made of).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "applier/applied_set.h"
#include "applier/change.h"
#include "applier/table_binding.h"
#include "applier/table_schema.h"
#include "base/error.h"
#include "protocol/payload.h"
#include "protocol/query_event.h"
#include "protocol/rows.h"
#include "protocol/table_map.h"
#include "protocol/transaction_boundary.h"
#include "relay/log_reader.h"

namespace tiderelay::applier {

// What a table's rows in the log mean for the copy of it that the full phase made.
struct TableWindow {
  AppliedSet low;  // transactions that the copy has; empty: by position
  std::optional<relay::LogPosition> low_position;  // transactions that end here or before are in it
  relay::LogPosition high;  // transactions that begin here or later are strict
};

// A statement of the log that concerns the task.
struct DdlEvent {
  TransactionId id;
  relay::LogPosition begin;
  relay::LogPosition end;
  std::uint32_t timestamp_seconds = 0;
  std::uint32_t microseconds = 0;
  std::uint32_t server_id = 0;
  std::string sql;                  // UTF-8
  std::optional<Error> unreadable;  // why `sql` lacks what is not ASCII
  std::string schema;               // the session's default schema
  std::uint64_t sql_mode = 0;
  std::string time_zone;
  protocol::SessionCharset charset;
  std::optional<std::uint16_t> utf8mb4_default_collation;
  std::optional<bool> explicit_defaults_for_timestamp;
  std::vector<std::string> updated_schemas;  // of a statement that changed rows
  bool completes = true;  // false: rows of the same transaction follow (CREATE TABLE ... SELECT)
};

// What the task says about the names and statements of its source.
class Selection {
 public:
  virtual ~Selection() = default;
  // Where the table's rows go; nullopt: not part of the task.
  [[nodiscard]] virtual Result<std::optional<TableName>> target_of(const TableName& source) = 0;
  [[nodiscard]] virtual Result<bool> drops_rows(const TableName& source,
                                                protocol::RowKind kind) = 0;
  // Does the statement touch anything of the task? Also one that is not understood may.
  [[nodiscard]] virtual Result<bool> concerns(const DdlEvent& statement) = 0;
};

// Definitions at the place that is being read. Null: not known.
class Definitions {
 public:
  virtual ~Definitions() = default;
  [[nodiscard]] virtual const TableSchema* source_table(const TableName& source) = 0;
  [[nodiscard]] virtual const TableSchema* target_table(const TableName& target) = 0;
};

struct LogSourceOptions {
  std::size_t split_bytes = 32U << 20U;
  std::size_t split_rows = 50'000;
  bool always_replay = false;  // idempotently for ever, tables without a key excepted
  BindingOptions binding;
};

class LogSource {
 public:
  struct Step {
    std::optional<Transaction> transaction;  // one of the two
    std::optional<DdlEvent> ddl;
  };
  struct Counters {
    std::uint64_t events = 0, rows = 0, transactions = 0, ignored_events = 0;
  };

  // All references outlive the source.
  LogSource(LogSourceOptions options, Selection& selection, Definitions& definitions,
            AppliedSet applied, std::map<TableName, TableWindow> windows);

  // `from` gave the event.
  [[nodiscard]] Result<void> feed(const relay::LogEvent& event, const relay::LogReader& from);
  [[nodiscard]] std::optional<Step> next();
  // After a statement was executed: definitions have changed.
  void forget_bindings() { tables_.clear(); }
  // The window of a table that is copied again, or has become known.
  void set_window(const TableName& source, TableWindow window) { windows_[source] = window; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] const TableName& unknown_table() const { return unknown_table_; }

 private:
  struct Table {  // what a TABLE_MAP stands for
    std::shared_ptr<const protocol::TableMap> map;
    TableName source;
    bool taken = false;                           // part of the task
    std::shared_ptr<const TableBinding> binding;  // null until rows need it
    const TableWindow* window = nullptr;
  };

  [[nodiscard]] Result<void> feed_inner(const protocol::EventView& event,
                                        const std::shared_ptr<const void>& keep);
  [[nodiscard]] Result<void> on_event(const protocol::EventView& event,
                                      const std::shared_ptr<const void>& keep);
  [[nodiscard]] Result<void> open_transaction(const protocol::EventView& event);
  [[nodiscard]] Result<void> on_gtid(const protocol::EventView& event);
  [[nodiscard]] Result<void> on_query(const protocol::EventView& event);
  [[nodiscard]] Result<void> on_statement(const protocol::QueryEvent& query,
                                          const protocol::EventView& event);
  [[nodiscard]] Result<Table*> table_of(std::shared_ptr<const protocol::TableMap> map);
  [[nodiscard]] Result<void> bind(Table& table);
  [[nodiscard]] Result<void> on_rows(const protocol::EventView& event,
                                     const std::shared_ptr<const void>& keep);
  [[nodiscard]] Result<void> on_payload(const protocol::EventView& event);
  [[nodiscard]] Result<void> on_xa_commit(const std::string& xid);
  [[nodiscard]] Result<void> on_xa_prepare(const protocol::EventView& event);
  [[nodiscard]] std::optional<ApplyMode> mode_of(const Table& table) const;  // nullopt: skip
  void add_row(const Table& table, ApplyMode mode);
  std::span<const protocol::Cell> keep_cells(std::span<const protocol::Cell> cells);
  void abandon();
  void start_part();
  void emit_part(bool last);
  void close_transaction(std::uint32_t timestamp_seconds);

  const LogSourceOptions options_;
  Selection& selection_;
  Definitions& definitions_;
  const AppliedSet applied_;
  std::map<TableName, TableWindow> windows_;

  std::shared_ptr<const protocol::FormatDescription> format_;
  protocol::TransactionBoundary boundary_;
  relay::LogPosition event_begin_, event_end_;
  std::uint64_t file_ = 0;
  std::uint32_t generation_ = 0;
  std::string position_origin_;  // of position ids in the current file
  protocol::TableMapCache maps_;
  std::unordered_map<const protocol::TableMap*, Table> tables_;
  TableName unknown_table_;
  protocol::RowsReader rows_;
  protocol::PayloadReader payload_;

  // The transaction that is being read.
  bool has_gtid_ = false;
  bool already_applied_ = false;
  TransactionId id_;
  relay::LogPosition begin_;
  std::uint32_t ordinal_ = 0;
  std::string xa_id_;  // of XA START, until XA_PREPARE
  std::string ends_xa_;
  Transaction part_;
  std::vector<std::vector<protocol::Cell>> cell_blocks_;
  const void* last_kept_ = nullptr;

  std::map<std::string, Transaction> prepared_;  // XA transactions, by xid
  std::deque<Step> steps_;
  Counters counters_;
};

}  // namespace tiderelay::applier
