// protocol/gtid_event.h: the events that open a transaction: GTID 33, ANONYMOUS_GTID 34,
// GTID_TAGGED 42 and MariaDB's GTID 162.
//
// Older servers write shorter events; the fields that are not there keep their defaults.
// Source: MySQL libs/mysql/binlog/event/control_events.cpp, Gtid_event, and
// libs/mysql/serialization; MariaDB sql/log_event.cc, Gtid_log_event.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/event.h"
#include "protocol/gtid.h"

namespace tiderelay::protocol {

struct GtidEvent {
  std::optional<Gtid> gtid;  // nothing: anonymous
  bool may_have_statements = true;
  std::int64_t last_committed = 0;   // with sequence_number: restarts in each file, 5.7+
  std::int64_t sequence_number = 0;  // 0: not there
  std::uint64_t immediate_commit_microseconds = 0;  // 8.0.1+
  std::uint64_t original_commit_microseconds = 0;
  std::uint64_t transaction_size_bytes = 0;    // this event included, as stored; 0: not there
  std::uint32_t immediate_server_version = 0;  // 0: not there
  std::uint32_t original_server_version = 0;
};

// Types 33, 34 and 42.
[[nodiscard]] Result<GtidEvent> decode_gtid_event(const EventView& event);

namespace maria_gtid_flag {
inline constexpr std::uint8_t kStandalone = 1;
inline constexpr std::uint8_t kGroupCommitId = 2;
inline constexpr std::uint8_t kTransactional = 4;
inline constexpr std::uint8_t kAllowParallel = 8;
inline constexpr std::uint8_t kWaited = 16;
inline constexpr std::uint8_t kDdl = 32;
inline constexpr std::uint8_t kPreparedXa = 64;
inline constexpr std::uint8_t kCompletedXa = 128;
}  // namespace maria_gtid_flag

struct XaId {
  std::uint32_t format_id = 0;
  std::string_view global;                 // gtrid
  std::string_view branch;                 // bqual
  [[nodiscard]] std::string text() const;  // X'61',X'62',1 as XA statements write it
};

struct MariaGtidEvent {
  MariaGtid gtid;
  std::uint8_t flags = 0;
  std::uint64_t group_commit_id = 0;  // flag kGroupCommitId
  std::optional<XaId> xa;             // flags kPreparedXa, kCompletedXa
  std::uint64_t alter_sequence = 0;   // START/COMMIT/ROLLBACK ALTER (10.8+)
  [[nodiscard]] bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
};
[[nodiscard]] Result<MariaGtidEvent> decode_maria_gtid_event(const EventView& event);

struct XaPrepareEvent {
  bool one_phase = false;  // XA COMMIT ... ONE PHASE: committed, not merely prepared
  XaId xid;
};
[[nodiscard]] Result<XaPrepareEvent> decode_xa_prepare(const EventView& event);

}  // namespace tiderelay::protocol
