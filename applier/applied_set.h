// applier/applied_set.h: a set of source transactions: which ones a target has committed.
//
// Never a maximum: batches of different sessions commit in any order, and what lies between two
// committed transactions may be missing (docs/exactly-once.md, 5).
//
// Members are intervals of numbers under an origin (TransactionId), which merge when they touch. A
// transaction that is applied in parts is a partial member, (id, ranges of row ordinals), until its
// last part makes it whole.
// Text:   "origin:1-5:7,origin2:3,origin:9[0-4999]", bounds inclusive. A tagged GTID's origin is
//         "uuid:tag". In an origin the characters , [ ] % and a colon before a digit are %XX.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "applier/change.h"
#include "base/error.h"

namespace tiderelay::applier {

// Numbers [first, end), sorted, disjoint and not touching.
class Intervals {
 public:
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    friend bool operator==(const Range&, const Range&) = default;
  };

  void add(std::uint64_t first, std::uint64_t end);
  void remove(std::uint64_t first, std::uint64_t end);
  [[nodiscard]] bool contains(std::uint64_t first, std::uint64_t end) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] const std::vector<Range>& ranges() const { return ranges_; }
  friend bool operator==(const Intervals&, const Intervals&) = default;

 private:
  std::vector<Range> ranges_;
};

class AppliedSet {
 public:
  static Result<AppliedSet> parse(std::string_view text);
  [[nodiscard]] std::string text() const;

  // Also forgets the transaction's parts.
  void add(const TransactionId& id);
  // Row ordinals [first, end) of one transaction. No-op where the whole is a member.
  void add_part(const TransactionId& id, std::uint32_t first, std::uint32_t end);
  void merge(const AppliedSet& other);
  void subtract(const AppliedSet& other);

  [[nodiscard]] bool contains(const TransactionId& id) const;
  [[nodiscard]] bool contains_row(const TransactionId& id, std::uint32_t ordinal) const;
  [[nodiscard]] bool contains_part(const TransactionId& id, std::uint32_t first,
                                   std::uint32_t end) const;
  [[nodiscard]] bool has_parts() const { return !parts_.empty(); }
  [[nodiscard]] bool empty() const { return whole_.empty() && parts_.empty(); }
  [[nodiscard]] std::size_t interval_count() const;
  [[nodiscard]] const std::map<std::string, Intervals, std::less<>>& origins() const {
    return whole_;
  }
  friend bool operator==(const AppliedSet&, const AppliedSet&) = default;

 private:
  void forget_parts_of(const std::string& origin, std::uint64_t first, std::uint64_t end);

  std::map<std::string, Intervals, std::less<>> whole_;  // no empty intervals
  std::map<TransactionId, Intervals> parts_;             // never of a whole member
};

}  // namespace tiderelay::applier
