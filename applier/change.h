// applier/change.h: what the log reader hands to the planner: whole source transactions as row
// changes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "protocol/row_image.h"
#include "relay/log_position.h"

namespace tiderelay::applier {

class TableBinding;  // table_binding.h: how one table's images become statements for its target

// Names a source transaction in the applied set. All three kinds are intervals of numbers under a
// name: MySQL GTID   origin = server uuid                    [gno, gno + 1) MariaDB GTID origin =
// "<domain>-<server id>"         [seq_no, seq_no + 1) by position  origin = "<uuid>.<n>/<file
// name>"       [first byte, behind the last byte)
struct TransactionId {
  std::string origin;
  std::uint64_t first = 0;
  std::uint64_t end = 0;
  friend auto operator<=>(const TransactionId&, const TransactionId&) = default;
};

// kStrict: the row is known to be there (or not there); counts are proved.
// kReplay: inside a table's window (between its LOW and HIGH): insert = upsert by key, update =
// upsert of the after-image plus delete of a changed key, delete = if there. See
// docs/exactly-once.md.
enum class ApplyMode : std::uint8_t { kStrict, kReplay };

struct RowChange {
  protocol::RowKind kind = protocol::RowKind::kInsert;
  ApplyMode mode = ApplyMode::kStrict;
  const TableBinding* binding = nullptr;   // outlives the transaction (kept by bindings below)
  std::uint32_t ordinal = 0;               // number of the row within its transaction, in log order
  std::span<const protocol::Cell> before;  // one cell per wire column; empty for kInsert
  std::span<const protocol::Cell> after;   // empty for kDelete
};

struct Transaction {
  TransactionId id;
  relay::LogPosition begin;             // of its first event (the GTID)
  relay::LogPosition end;               // behind its last event
  std::uint32_t timestamp_seconds = 0;  // of the source's commit
  std::vector<RowChange> changes;       // in log order; may be empty (filtered, or only a position)
  std::size_t bytes = 0;                // what it holds of the applier's memory budget
  // A transaction above the split size comes in parts: rows [first_ordinal, ...), its id enters the
  // applied set only with the last part; the parts before enter as (id, range of ordinals).
  std::uint32_t first_ordinal = 0;
  bool last_part = true;
  bool whole() const { return first_ordinal == 0 && last_part; }
  // XA: the rows of a prepared transaction come with its XA COMMIT. The transaction that prepared
  // is empty and holds the low-water mark until the one that ends it is done, so a restart reads it
  // again.
  std::string prepares_xa;  // xid, or empty
  std::string ends_xa;      // xid, or empty

  // What the views above point into.
  std::vector<std::shared_ptr<const void>> keeps;
  std::vector<std::shared_ptr<const TableBinding>> bindings;
};

}  // namespace tiderelay::applier
