// protocol/transaction_boundary.h: tells for each event of a log whether it starts, continues or
// ends a transaction of the source, in both dialects. Never looks at rows; needs of each event its
// header and at most boundary_prefix_bytes(header) bytes of its body.
//
//   transaction = [GTID] BEGIN ... (XID | COMMIT | ROLLBACK | XA_PREPARE)
//               | [GTID] XA START ... XA_PREPARE
//               | [GTID] INTVAR|RAND|USER_VAR* QUERY                 DDL, XA COMMIT, XA ROLLBACK
//               | GTID TRANSACTION_PAYLOAD
//               | [GTID] INCIDENT
//               | MariaDB GTID(standalone) prelude* event
//               | MariaDB GTID ... (XID | XA_PREPARE | COMMIT | ROLLBACK)
// Events about the log (ROTATE, heartbeats, ...) and unknown ignorable ones belong to none.
// A second GTID or BEGIN before the end is kCorrupt: the tail of a transaction is missing.
// Source: MySQL libs/mysql/binlog/event/trx_boundary_parser.cpp; MariaDB sql/sql_repl.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/event.h"
#include "protocol/format_description.h"

namespace tiderelay::protocol {

// The longest prefix of a body that is ever looked at: of a QUERY event, fixed part, status
// variables (65535), schema (256) and the first bytes of the text. 0 for most events. A body counts
// here with its checksum, as EventFramer gives it; feed() takes more bytes, or a body without it,
// too.
inline constexpr std::size_t kBoundaryPrefixBytes = 66 * 1024;
[[nodiscard]] std::size_t boundary_prefix_bytes(const EventHeader& header);

class TransactionBoundary {
 public:
  struct Verdict {
    bool inside = false;    // the event belongs to a transaction
    bool starts = false;    // it is the first event of one
    bool ends = false;      // it is the last event of one
    bool abandons = false;  // a new file begins; the open transaction has no end and never happened
  };

  // Call it for each FORMAT_DESCRIPTION event before feed() sees that event.
  void set_format(const FormatDescription& format);

  // prefix: the first boundary_prefix_bytes(header) bytes of the body, or all of it. An error is
  // final until reset(): kCorrupt, kTruncated, or kUnsupported for an unknown event that must not
  // be ignored.
  [[nodiscard]] Result<Verdict> feed(const EventHeader& header, ByteView prefix);

  // The place behind the last event fed is between two transactions.
  [[nodiscard]] bool between_transactions() const { return state_ == State::kNone; }
  void reset();  // after a reconnect, which starts between two transactions

 private:
  enum class State : std::uint8_t {
    kNone,
    kGtid,             // a GTID, nothing else yet
    kPrelude,          // INTVAR and kin, and a statement to come
    kOpen,             // behind BEGIN or XA START
    kMariaOpen,        // behind MariaDB's GTID, which stands for BEGIN
    kMariaStandalone,  // behind MariaDB's GTID with the standalone flag
  };
  enum class Class : std::uint8_t {
    kIgnore,
    kGtid,
    kMariaGtid,
    kMariaStandaloneGtid,
    kBegin,
    kEnd,
    kXaRollback,
    kStatement,
    kPrelude,
    kRows,
    kLastRows,
    kPayload,
    kIncident,
    kNewFile,
  };
  [[nodiscard]] Result<Class> classify(const EventHeader& header, ByteView prefix) const;
  [[nodiscard]] Result<Class> classify_query(const EventHeader& header, ByteView prefix) const;
  [[nodiscard]] Result<Verdict> step(Class event, const EventHeader& header);
  [[nodiscard]] Result<Verdict> begin(State next, const EventHeader& header);
  Verdict go_on(State next);

  State state_ = State::kNone;
  std::optional<Error> failed_;
  std::uint8_t query_post_header_bytes_ = 13;
  std::uint8_t table_map_post_header_bytes_ = 8;
  std::size_t crc_bytes_ = kEventCrcBytes;
};

}  // namespace tiderelay::protocol
