// applier/net_effect.cc: one entry per row of the target, moved from state to state by the changes.
#include "applier/net_effect.h"

#include <algorithm>
#include <utility>

namespace tiderelay::applier {
namespace {

using protocol::Cell;
using protocol::RowKind;
using Image = std::span<const Cell>;

enum class Had : std::uint8_t { kNo, kYes, kUnknown };  // was the row there before the batch?

struct Entry {
  const TableBinding* binding = nullptr;
  Had had = Had::kUnknown;
  bool has = false;  // is it there after the changes so far?
  Image before;      // had == kYes
  Image after;       // has
  Image key;         // an image with the row's key
  std::uint32_t transaction = 0;
  std::uint32_t ordinal = 0;
};

bool complete(const TableBinding& binding, Image image) {
  return std::ranges::all_of(binding.written(),
                             [image](std::uint32_t at) { return image[at].present(); });
}

bool key_moves(const TableBinding& binding, Image before, Image after) {
  return std::ranges::any_of(binding.match_columns(), [&](std::uint32_t at) {
    return after[at].present() && !after[at].same_bytes(before[at]);
  });
}

bool unique_value_moves(const TableBinding& binding, Image before, Image after) {
  if (binding.unique_values_hidden()) return true;
  return std::ranges::any_of(binding.unique_columns(), [&](std::uint32_t at) {
    return after[at].present() && !after[at].same_bytes(before[at]);
  });
}

class NetMaker {
 public:
  explicit NetMaker(const Batch& batch) : batch_(batch) {
    std::size_t size = 64;
    while (size < batch.rows * 4) size *= 2;
    slots_.assign(size, kFree);
    entries_.reserve(batch.rows);
  }

  // False: the net effect cannot be told.
  bool run() {
    std::size_t at = 0;
    for (transaction_ = 0; transaction_ < batch_.transactions.size(); ++transaction_) {
      for (const RowChange& change : batch_.transactions[transaction_].changes) {
        if (!take(change, batch_.row_hashes[at], batch_.row_hashes[at + 1])) return false;
        at += 2;
      }
    }
    net_.changes.reserve(net_.changes.size() + entries_.size());
    return std::ranges::all_of(entries_, [this](const Entry& entry) { return settle(entry); });
  }

  NetEffect result() && { return std::move(net_); }

 private:
  static constexpr std::uint32_t kFree = UINT32_MAX;

  bool take(const RowChange& change, std::uint64_t hash_before, std::uint64_t hash_after) {
    const TableBinding& binding = *change.binding;
    if (binding.keyless()) {
      take_keyless(change);
      return true;
    }
    switch (change.kind) {
      case RowKind::kInsert:
        return insert(change, hash_after, change.after);
      case RowKind::kDelete:
        return remove(change, hash_before);
      case RowKind::kUpdate:
        break;
    }
    if (!key_moves(binding, change.before, change.after)) return update(change, hash_before);
    const Image after = overlay(binding, change.before, change.after);
    return complete(binding, after) && remove(change, hash_before) &&
           insert(change, hash_after, after);
  }

  void take_keyless(const RowChange& change) {
    NetChange net;
    net.op = change.kind == RowKind::kInsert   ? RowOp::kKeylessInsert
             : change.kind == RowKind::kUpdate ? RowOp::kKeylessUpdate
                                               : RowOp::kKeylessDelete;
    net.binding = change.binding;
    net.before = change.before;
    net.after = change.after;
    net.transaction = transaction_;
    net.ordinal = change.ordinal;
    net_.changes.push_back(net);
  }

  bool insert(const RowChange& change, std::uint64_t hash, Image after) {
    Entry* entry = find(*change.binding, hash, after);
    if (!layouts_agree_) return false;
    const bool strict = change.mode == ApplyMode::kStrict;
    if (entry == nullptr || (entry->has && strict)) {
      entry = &add(*change.binding, hash, after);
      entry->had = strict ? Had::kNo : Had::kUnknown;
    } else if (entry->had == Had::kYes && !complete(*change.binding, after)) {
      return false;  // what it lacks is the column's default, not the old value
    }
    return write(*entry, change, after);
  }

  bool update(const RowChange& change, std::uint64_t hash) {
    Entry* entry = find(*change.binding, hash, change.before);
    if (!layouts_agree_) return false;
    const bool strict = change.mode == ApplyMode::kStrict;
    if (entry == nullptr || (!entry->has && strict)) {
      entry = &add(*change.binding, hash, change.before);
      entry->had = strict ? Had::kYes : Had::kUnknown;
      entry->before = change.before;
      return write(*entry, change, change.after);
    }
    const Image after =
        entry->has ? overlay(*change.binding, entry->after, change.after) : change.after;
    return write(*entry, change, after);
  }

  bool remove(const RowChange& change, std::uint64_t hash) {
    Entry* entry = find(*change.binding, hash, change.before);
    if (!layouts_agree_) return false;
    const bool strict = change.mode == ApplyMode::kStrict;
    if (entry == nullptr || (!entry->has && strict)) {
      entry = &add(*change.binding, hash, change.before);
      entry->had = strict ? Had::kYes : Had::kUnknown;
      entry->before = change.before;
    }
    entry->has = false;
    note(*entry, change);
    return true;
  }

  bool write(Entry& entry, const RowChange& change, Image after) {
    entry.has = true;
    entry.after = after;
    note(entry, change);
    return true;
  }

  void note(Entry& entry, const RowChange& change) const {
    if (change.mode == ApplyMode::kReplay) entry.had = Had::kUnknown;
    entry.transaction = transaction_;
    entry.ordinal = change.ordinal;
  }

  // The last entry of the row. Rows of two layouts under one hash: layouts_agree_ becomes false.
  Entry* find(const TableBinding& binding, std::uint64_t hash, Image image) {
    for (std::size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at] == kFree) return nullptr;
      if (hashes_[slots_[at]] != hash) continue;
      Entry& entry = entries_[slots_[at]];
      if (!entry.binding->same_layout(binding)) {
        layouts_agree_ = false;
        return nullptr;
      }
      if (binding.same_row(entry.key, image)) return &entry;
    }
  }

  Entry& add(const TableBinding& binding, std::uint64_t hash, Image key) {
    const auto index = static_cast<std::uint32_t>(entries_.size());
    for (std::size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
      const bool same = slots_[at] != kFree && hashes_[slots_[at]] == hash &&
                        binding.same_row(entries_[slots_[at]].key, key);
      if (slots_[at] != kFree && !same) continue;
      slots_[at] = index;
      break;
    }
    hashes_.push_back(hash);
    entries_.emplace_back();
    entries_.back().binding = &binding;
    entries_.back().key = key;
    return entries_.back();
  }

  Image overlay(const TableBinding& binding, Image below, Image above) {
    if (complete(binding, above)) return above;
    std::vector<Cell> cells(below.begin(), below.end());
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (above[i].present()) cells[i] = above[i];
    }
    net_.overlays.push_back(std::move(cells));
    return net_.overlays.back();
  }

  bool settle(const Entry& entry) {
    if (entry.had == Had::kUnknown) {
      emit(entry, entry.has ? RowOp::kReplayWrite : RowOp::kReplayDelete, entry.key, entry.after);
    } else if (entry.had == Had::kNo) {
      if (entry.has) emit(entry, RowOp::kInsert, {}, entry.after);
    } else if (!entry.has) {
      emit(entry, RowOp::kDelete, entry.before, {});
    } else if (!unique_value_moves(*entry.binding, entry.before, entry.after)) {
      emit(entry, RowOp::kUpdate, entry.before, entry.after);
    } else {
      const Image after = overlay(*entry.binding, entry.before, entry.after);
      if (!complete(*entry.binding, after)) return false;
      emit(entry, RowOp::kDelete, entry.before, {});
      emit(entry, RowOp::kInsert, {}, after);
    }
    return true;
  }

  void emit(const Entry& entry, RowOp op, Image before, Image after) {
    NetChange net;
    net.op = op;
    net.binding = entry.binding;
    net.before = before;
    net.after = after;
    net.transaction = entry.transaction;
    net.ordinal = entry.ordinal;
    net_.changes.push_back(net);
  }

  const Batch& batch_;
  std::uint32_t transaction_ = 0;
  bool layouts_agree_ = true;
  std::vector<std::uint32_t> slots_;  // open addressing by row hash; indices of entries_
  std::vector<std::uint64_t> hashes_;
  std::vector<Entry> entries_;
  NetEffect net_;
};

}  // namespace

std::optional<NetEffect> net_effect(const Batch& batch) {
  NetMaker maker(batch);
  if (!maker.run()) return std::nullopt;
  return std::move(maker).result();
}

NetEffect each_change(const Batch& batch) {
  NetEffect net;
  const auto add = [&net](RowOp op, const RowChange& change, std::uint32_t transaction) {
    NetChange one;
    one.op = op;
    one.binding = change.binding;
    one.before = change.before;
    one.after = change.after;
    one.transaction = transaction;
    one.ordinal = change.ordinal;
    net.changes.push_back(one);
  };
  for (std::uint32_t t = 0; t < batch.transactions.size(); ++t) {
    for (const RowChange& change : batch.transactions[t].changes) {
      const TableBinding& binding = *change.binding;
      const bool replay = change.mode == ApplyMode::kReplay;
      if (binding.keyless()) {
        add(change.kind == RowKind::kInsert   ? RowOp::kKeylessInsert
            : change.kind == RowKind::kUpdate ? RowOp::kKeylessUpdate
                                              : RowOp::kKeylessDelete,
            change, t);
      } else if (!replay) {
        add(change.kind == RowKind::kInsert   ? RowOp::kInsert
            : change.kind == RowKind::kUpdate ? RowOp::kUpdate
                                              : RowOp::kDelete,
            change, t);
      } else {
        const bool moves =
            change.kind == RowKind::kUpdate && key_moves(binding, change.before, change.after);
        if (change.kind == RowKind::kDelete || moves) add(RowOp::kReplayDelete, change, t);
        if (change.kind == RowKind::kDelete) continue;
        add(RowOp::kReplayWrite, change, t);
        net.changes.back().before = {};  // its key is that of the row after
      }
    }
  }
  return net;
}

}  // namespace tiderelay::applier
