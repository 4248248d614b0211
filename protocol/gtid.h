// protocol/gtid.h: global transaction ids of both dialects, and sets of them.
//
// MySQL: source uuid, optional tag (8.3+), number from 1 to 2^63 - 2. Sets are intervals per
// source; interval ends are inclusive in text and exclusive on the wire. Numbers of one source may
// arrive out of order, so positions are sets and never "the last id". MariaDB:
// domain-server-sequence; a position is the last id of each domain (gtid_list: of each domain and
// server). Source: MySQL sql/rpl_gtid_set.cc, libs/mysql/gtid; MariaDB sql/rpl_gtid.cc.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace tiderelay::protocol {

inline constexpr std::uint64_t kGtidNumberEnd = (std::uint64_t{1} << 63) - 1;  // first not allowed
inline constexpr std::size_t kMaxGtidTagBytes = 32;

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  friend auto operator<=>(const Uuid&, const Uuid&) = default;

  // 3e11fa47-71ca-11e1-9e33-c80aa9429562, without dashes, or in braces; any case.
  [[nodiscard]] static Result<Uuid> parse(std::string_view text);
  [[nodiscard]] static Uuid from_bytes(ByteView bytes);  // REQUIRES: 16 bytes
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool is_nil() const { return *this == Uuid{}; }
};

// Lower-cases in place; false: not [a-z_][a-z0-9_]{0,31}.
[[nodiscard]] bool normalize_gtid_tag(std::string& tag);

// Who numbers the transactions: a server, or one of its tags.
struct GtidSource {
  Uuid uuid;
  std::string tag;  // empty: untagged
  friend auto operator<=>(const GtidSource&, const GtidSource&) = default;
};

struct Gtid {
  GtidSource source;
  std::uint64_t number = 0;
  friend auto operator<=>(const Gtid&, const Gtid&) = default;
  [[nodiscard]] std::string text() const;  // uuid:7, uuid:tag:7
};

struct GtidInterval {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
  friend auto operator<=>(const GtidInterval&, const GtidInterval&) = default;
};

class GtidSet {
 public:
  // Ascending, disjoint and never adjacent: 1-3 and 4-5 become 1-5.
  using Intervals = std::vector<GtidInterval>;

  // uuid:1-3:5:tag:1-2,uuid:... with spaces and line ends anywhere between; empty text: empty set.
  [[nodiscard]] static Result<GtidSet> parse(std::string_view text);
  // PREVIOUS_GTIDS and COM_BINLOG_DUMP_GTID, untagged or tagged; nothing may follow. No bytes at
  // all is what some clients send for the empty set.
  [[nodiscard]] static Result<GtidSet> decode(ByteView bytes);
  // Tagged format if any source has a tag, untagged otherwise.
  void encode(std::string& out) const;
  void encode_tagged(std::string& out) const;
  void encode_untagged(std::string& out) const;  // leaves tagged sources out
  [[nodiscard]] std::string text() const;        // as the server prints it, but without line ends

  void add(const Gtid& gtid) { add(gtid.source, {gtid.number, gtid.number}); }
  void add(const GtidSource& source, GtidInterval interval);
  void add(const GtidSet& other);
  void subtract(const GtidSource& source, GtidInterval interval);
  void subtract(const GtidSet& other);
  [[nodiscard]] GtidSet intersection(const GtidSet& other) const;

  [[nodiscard]] bool contains(const Gtid& gtid) const;
  [[nodiscard]] bool contains(const GtidSet& other) const;  // other is a subset of this
  [[nodiscard]] bool empty() const { return sources_.empty(); }
  [[nodiscard]] std::uint64_t count() const;  // transactions; saturates
  [[nodiscard]] bool has_tags() const;
  [[nodiscard]] const std::map<GtidSource, Intervals>& sources() const { return sources_; }
  friend bool operator==(const GtidSet&, const GtidSet&) = default;

 private:
  void encode_entry(std::string& out, const GtidSource& source, const Intervals& intervals,
                    bool tagged) const;
  std::map<GtidSource, Intervals> sources_;  // no empty Intervals
};

struct MariaGtid {
  std::uint32_t domain = 0;
  std::uint32_t server = 0;
  std::uint64_t sequence = 0;
  friend auto operator<=>(const MariaGtid&, const MariaGtid&) = default;
  [[nodiscard]] static Result<MariaGtid> parse(std::string_view text);  // 0-1-100
  [[nodiscard]] std::string text() const;
};

// "0-1-100,1-2-7": a replica position, or the content of a GTID_LIST event.
class MariaGtidList {
 public:
  [[nodiscard]] static Result<MariaGtidList> parse(std::string_view text);
  [[nodiscard]] std::string text() const;

  // The position after a transaction: replaces the id of its domain.
  void advance(const MariaGtid& gtid);
  [[nodiscard]] const MariaGtid* find_domain(std::uint32_t domain) const;  // null: none
  void push_back(const MariaGtid& gtid) { gtids_.push_back(gtid); }
  [[nodiscard]] const std::vector<MariaGtid>& gtids() const { return gtids_; }
  [[nodiscard]] bool empty() const { return gtids_.empty(); }
  friend bool operator==(const MariaGtidList&, const MariaGtidList&) = default;

 private:
  std::vector<MariaGtid> gtids_;
};

}  // namespace tiderelay::protocol
