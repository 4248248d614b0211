// protocol/query_event.h: QUERY with its status variables, and the events that go with statements:
// ROWS_QUERY, ANNOTATE_ROWS, INTVAR, RAND, USER_VAR.
//
// Status variables carry no length of their own: decoding stops at the first code that is not known
// and says so (unknown_variable); what came before stays. Views live as long as the event's bytes.
// Source: MySQL libs/mysql/binlog/event/statement_events.cpp; MariaDB sql/log_event.cc,
// Query_log_event.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/event.h"
#include "protocol/format_description.h"

namespace tiderelay::protocol {

// Option bits of the session (status variable 0).
namespace session_flag {
inline constexpr std::uint32_t kAutoIsNull = 0x00004000;
inline constexpr std::uint32_t kNotAutocommit = 0x00080000;
inline constexpr std::uint32_t kNoForeignKeyChecks = 0x04000000;
inline constexpr std::uint32_t kRelaxedUniqueChecks = 0x08000000;
}  // namespace session_flag

struct SessionCharset {  // collation ids
  std::uint16_t client = 0;
  std::uint16_t connection = 0;
  std::uint16_t server = 0;
  friend bool operator==(const SessionCharset&, const SessionCharset&) = default;
};

struct AutoIncrement {
  std::uint16_t increment = 1;
  std::uint16_t offset = 1;
};

struct MariaDefaultCollation {  // character_set_collations: charset -> its default collation
  std::uint16_t charset = 0;    // id of the charset's compiled default collation
  std::uint16_t collation = 0;
};

struct QueryStatus {
  std::optional<std::uint32_t> session_flags;
  std::optional<std::uint64_t> sql_mode;
  std::optional<SessionCharset> charset;
  std::optional<std::uint16_t> database_collation;
  std::optional<std::uint16_t> utf8mb4_default_collation;
  std::optional<AutoIncrement> auto_increment;
  std::optional<std::string_view> time_zone;
  std::optional<std::string_view> catalog;
  std::optional<std::uint16_t> lc_time_names;
  std::optional<std::uint64_t> table_map_for_update;
  std::optional<std::string_view> invoker_user;
  std::optional<std::string_view> invoker_host;
  std::optional<std::uint32_t> microseconds;
  std::optional<bool> explicit_defaults_for_timestamp;
  std::optional<std::uint64_t> ddl_xid;
  std::optional<std::uint8_t> require_primary_key;
  std::optional<std::uint8_t> default_table_encryption;
  std::optional<std::uint8_t> cascade_triggers;
  std::optional<std::uint64_t> maria_xid;
  std::optional<std::uint8_t> maria_gtid_flags;
  std::vector<std::string_view> updated_databases;
  bool too_many_updated_databases = false;  // more than 16: the list is left out
  std::vector<MariaDefaultCollation> maria_default_collations;
  std::optional<std::uint8_t> unknown_variable;  // the first code not known; it ends the list
};

// Post-header: thread id 4, execution time 4, schema length 1, error 2, status length 2.
struct QueryEvent {
  std::uint32_t thread_id = 0;
  std::uint32_t execution_seconds = 0;
  std::uint16_t error_code = 0;
  std::string_view schema;  // the session's default database; empty: none
  std::string_view sql;     // in the client's character set (status.charset)
  ByteView status_bytes;
  QueryStatus status;
};
// Also EXECUTE_LOAD_QUERY, whose longer post-header the format tells. MariaDB's QUERY_COMPRESSED is
// kUnsupported.
[[nodiscard]] Result<QueryEvent> decode_query(const EventView& event,
                                              const FormatDescription& format);
[[nodiscard]] Result<QueryStatus> decode_query_status(ByteView status_bytes);

// A QUERY event's text without its status variables: for a scan that asks only what it says.
struct QueryText {
  std::string_view schema;
  std::string_view sql;
};
[[nodiscard]] Result<QueryText> decode_query_text(const EventView& event,
                                                  const FormatDescription& format);

// The statement behind the rows events that follow: ROWS_QUERY and MariaDB's ANNOTATE_ROWS.
[[nodiscard]] std::string_view rows_statement(const EventView& event);

struct IntvarEvent {
  enum class Kind : std::uint8_t { kLastInsertId = 1, kInsertId = 2 };
  Kind kind = Kind::kInsertId;
  std::uint64_t value = 0;
};
[[nodiscard]] Result<IntvarEvent> decode_intvar(const EventView& event,
                                                const FormatDescription& format);

struct RandEvent {
  std::uint64_t seed1 = 0;
  std::uint64_t seed2 = 0;
};
[[nodiscard]] Result<RandEvent> decode_rand(const EventView& event,
                                            const FormatDescription& format);

struct UserVarEvent {
  enum class Type : std::uint8_t { kString = 0, kReal = 1, kInt = 2, kDecimal = 4 };
  std::string_view name;
  bool is_null = false;
  Type type = Type::kString;
  std::uint32_t collation = 63;
  ByteView value;  // REAL: double; INT: 8 bytes; DECIMAL: precision, scale, binary decimal
  bool is_unsigned = false;
};
[[nodiscard]] Result<UserVarEvent> decode_user_var(const EventView& event,
                                                   const FormatDescription& format);

}  // namespace tiderelay::protocol
