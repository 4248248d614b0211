// applier/net_effect.h: all changes of a batch -> at most one change per row, in the order in which
// they may be executed.
//
// Rows are told apart by the exact bytes of their key, so an update that changes them is a delete
// and an insert. Strict: insert + delete is nothing, delete + insert an update. Replayed (inside a
// table's window): insert + delete is a delete, for the copy may have brought the row. Changes that
// contradict each other (two inserts of one row) stay side by side, for the target to refuse.
// Rows without a key keep every change, in log order.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "applier/planner.h"
#include "applier/table_binding.h"
#include "base/error.h"
#include "protocol/row_image.h"

namespace tiderelay::applier {

// What is to happen to one row. In the order of execution inside a batch: rows of keyless tables
// first, in log order (they meet no others), then all deletes, then updates, then inserts.
enum class RowOp : std::uint8_t {
  kKeylessInsert,
  kKeylessUpdate,
  kKeylessDelete,
  kDelete,        // the row is there
  kReplayDelete,  // the row may be there
  kUpdate,        // the row is there, no unique value moves
  kReplayWrite,   // whatever is there, this row is there afterwards
  kInsert,        // the row is not there
};

struct NetChange {
  RowOp op = RowOp::kInsert;
  const TableBinding* binding = nullptr;
  std::span<const protocol::Cell> before;  // empty: none
  std::span<const protocol::Cell> after;
  // The last change that is part of it: for messages.
  std::uint32_t transaction = 0;  // index in the batch
  std::uint32_t ordinal = 0;
};

struct NetEffect {
  NetEffect() = default;
  NetEffect(NetEffect&&) = default;  // a copy's images would belong to the original
  NetEffect& operator=(NetEffect&&) = default;

  std::vector<NetChange> changes;
  std::deque<std::vector<protocol::Cell>> overlays;  // images put together from several
};

// nullopt: the net effect cannot be told (two layouts of one table, images that lack columns); then
// the changes have to be executed one by one, see each_change().
std::optional<NetEffect> net_effect(const Batch& batch);

// Every change for itself, in log order: what must always be right. Errors: none.
NetEffect each_change(const Batch& batch);

}  // namespace tiderelay::applier
