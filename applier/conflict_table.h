// applier/conflict_table.h: the last batch that touched each key value, by 64-bit hash.
//
// Open addressing, 16 bytes an entry. An entry lives as long as its batch: dead ones are passed
// over and dropped when the table is rebuilt, so it never holds more than about four times the live
// ones.
#pragma once

#include <cstdint>
#include <vector>

namespace tiderelay::applier {

class ConflictTable {
 public:
  ConflictTable() : entries_(kSmallest) {}

  // The batch last recorded for the hash, 0 for none. It may be done already.
  [[nodiscard]] std::uint64_t find(std::uint64_t hash) const {
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      const Entry& entry = entries_[at];
      if (entry.batch == 0) return 0;
      if (entry.hash == hash) return entry.batch;
    }
  }

  void record(std::uint64_t hash, std::uint64_t batch) {
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      Entry& entry = entries_[at];
      if (entry.batch == 0) ++used_;
      if (entry.batch == 0 || entry.hash == hash) {
        entry = Entry{hash, batch};
        return;
      }
    }
  }

  // REQUIRES: at most `count` calls of record() until the next call. `alive(batch)` tells which
  // entries are still needed.
  template <class Alive>
  void reserve(std::size_t count, const Alive& alive) {
    if ((used_ + count) * 10 <= entries_.size() * 6) return;
    std::vector<Entry> kept;
    for (const Entry& entry : entries_) {
      if (entry.batch != 0 && alive(entry.batch)) kept.push_back(entry);
    }
    std::size_t size = kSmallest;
    while ((kept.size() + count) * 10 > size * 3) size *= 2;
    entries_.assign(size, Entry{});
    used_ = 0;
    for (const Entry& entry : kept) record(entry.hash, entry.batch);
  }

  [[nodiscard]] std::size_t capacity() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::uint64_t batch = 0;  // 0: free
  };
  static constexpr std::size_t kSmallest = 4096;  // a power of two
  [[nodiscard]] std::size_t mask() const { return entries_.size() - 1; }

  std::vector<Entry> entries_;  // Invariant: used_ + announced records <= 60 % of the size
  std::size_t used_ = 0;
};

}  // namespace tiderelay::applier
