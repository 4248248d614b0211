// relay/gtid_state.h: the transactions before a place in a log, in either dialect.
//
// MySQL: a set. MariaDB: the last sequence number of each (domain, server). Text: "uuid:1-5,..." or
// "0-1-100,..."; which of the two it is shows in the text (only MySQL's has a colon).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "protocol/gtid.h"

namespace tiderelay::relay {

class GtidState {
 public:
  [[nodiscard]] static Result<GtidState> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool empty() const { return mysql_.empty() && maria_.empty(); }

  void add(const protocol::Gtid& gtid) { mysql_.add(gtid); }
  void add(const protocol::MariaGtid& gtid) {
    maria_[{gtid.domain, gtid.server}] = gtid.sequence;  // the later one counts, not the higher
  }
  void add(const GtidState& later);
  void add(const protocol::GtidSet& set) { mysql_.add(set); }

  // Everything in `other` is here, too. MariaDB: for a server that this state does not name, the
  // highest sequence number of its domain decides.
  [[nodiscard]] bool contains(const GtidState& other) const;
  // What of this is not in `other`.
  [[nodiscard]] GtidState without(const GtidState& other) const;

  // How many transactions; MariaDB: as the sequence numbers of its domains count them.
  [[nodiscard]] std::uint64_t count() const;

  [[nodiscard]] const protocol::GtidSet& mysql() const { return mysql_; }
  using Servers = std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t>;
  [[nodiscard]] const Servers& maria() const { return maria_; }  // (domain, server) -> sequence
  friend bool operator==(const GtidState&, const GtidState&) = default;

 private:
  protocol::GtidSet mysql_;
  Servers maria_;
};

}  // namespace tiderelay::relay
