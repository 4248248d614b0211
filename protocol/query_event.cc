// protocol/query_event.cc: QUERY and the events that go with statements.
#include "protocol/query_event.h"

namespace tiderelay::protocol {
namespace {

constexpr std::uint8_t kQueryPostHeaderBytes = 13;
constexpr std::uint8_t kMaxListedDatabases = 16;
constexpr std::uint8_t kTooManyDatabases = 254;

// Codes of status variables.
enum : std::uint8_t {
  kFlags2 = 0,
  kSqlMode = 1,
  kCatalog = 2,
  kAutoIncrement = 3,
  kCharset = 4,
  kTimeZone = 5,
  kCatalogNz = 6,
  kLcTimeNames = 7,
  kCharsetDatabase = 8,
  kTableMapForUpdate = 9,
  kMasterDataWritten = 10,
  kInvoker = 11,
  kUpdatedDbNames = 12,
  kMicroseconds = 13,
  kExplicitDefaultsTimestamp = 16,
  kDdlXid = 17,
  kDefaultCollationUtf8mb4 = 18,
  kRequirePrimaryKey = 19,
  kDefaultTableEncryption = 20,
  kCascadeTriggers = 21,
  kMariaHrnow = 128,
  kMariaXid = 129,
  kMariaGtidFlags = 130,
  kMariaCharsetCollations = 131,
};

std::string_view short_text(ByteReader& reader) {
  const std::uint8_t size = reader.u8();
  return reader.text(size);
}

void decode_updated_databases(ByteReader& reader, QueryStatus& status) {
  const std::uint8_t count = reader.u8();
  if (count == kTooManyDatabases || count > kMaxListedDatabases) {
    status.too_many_updated_databases = true;
    return;
  }
  for (std::uint8_t i = 0; i < count && reader.ok(); ++i) {
    status.updated_databases.push_back(reader.nul_text());
  }
}

void decode_charset_collations(ByteReader& reader, QueryStatus& status) {
  const std::uint8_t count = reader.u8();
  for (std::uint8_t i = 0; i < count && reader.ok(); ++i) {
    MariaDefaultCollation entry;
    entry.charset = reader.u16();
    entry.collation = reader.u16();
    status.maria_default_collations.push_back(entry);
  }
}

void decode_maria_gtid_flags(ByteReader& reader, QueryStatus& status) {
  constexpr std::uint8_t kCommitOrRollbackAlter = 4 | 8;
  status.maria_gtid_flags = reader.u8();
  if ((*status.maria_gtid_flags & kCommitOrRollbackAlter) != 0) reader.skip(8);
}

// Variables that MySQL 8.0 added, and MariaDB's. False: the code is not known.
bool decode_newer_variable(std::uint8_t code, ByteReader& reader, QueryStatus& status) {
  switch (code) {
    case kExplicitDefaultsTimestamp:
      status.explicit_defaults_for_timestamp = reader.u8() != 0;
      return true;
    case kDdlXid:
      status.ddl_xid = reader.u64();
      return true;
    case kDefaultCollationUtf8mb4:
      status.utf8mb4_default_collation = reader.u16();
      return true;
    case kRequirePrimaryKey:
      status.require_primary_key = reader.u8();
      return true;
    case kDefaultTableEncryption:
      status.default_table_encryption = reader.u8();
      return true;
    case kCascadeTriggers:
      status.cascade_triggers = reader.u8();
      return true;
    case kMariaHrnow:
      status.microseconds = reader.u24();
      return true;
    case kMariaXid:
      status.maria_xid = reader.u64();
      return true;
    case kMariaGtidFlags:
      decode_maria_gtid_flags(reader, status);
      return true;
    case kMariaCharsetCollations:
      decode_charset_collations(reader, status);
      return true;
    default:
      return false;
  }
}

bool decode_variable(std::uint8_t code, ByteReader& reader, QueryStatus& status) {
  switch (code) {
    case kFlags2:
      status.session_flags = reader.u32();
      return true;
    case kSqlMode:
      status.sql_mode = reader.u64();
      return true;
    case kCatalog:
      status.catalog = short_text(reader);
      reader.skip(1);
      return true;
    case kAutoIncrement: {
      AutoIncrement values;
      values.increment = reader.u16();
      values.offset = reader.u16();
      status.auto_increment = values;
      return true;
    }
    case kCharset: {
      SessionCharset ids;
      ids.client = reader.u16();
      ids.connection = reader.u16();
      ids.server = reader.u16();
      status.charset = ids;
      return true;
    }
    case kTimeZone:
      status.time_zone = short_text(reader);
      return true;
    case kCatalogNz:
      status.catalog = short_text(reader);
      return true;
    case kLcTimeNames:
      status.lc_time_names = reader.u16();
      return true;
    case kCharsetDatabase:
      status.database_collation = reader.u16();
      return true;
    case kTableMapForUpdate:
      status.table_map_for_update = reader.u64();
      return true;
    case kMasterDataWritten:
      reader.skip(4);
      return true;
    case kInvoker:
      status.invoker_user = short_text(reader);
      status.invoker_host = short_text(reader);
      return true;
    case kUpdatedDbNames:
      decode_updated_databases(reader, status);
      return true;
    case kMicroseconds:
      status.microseconds = reader.u24();
      return true;
    default:
      return decode_newer_variable(code, reader, status);
  }
}

Error truncated(const EventView& event) {
  return Error(Errc::kTruncated, event_type_name(event.header.type) + " event ends inside a field");
}

// Everything but what the status variables mean.
Result<QueryEvent> decode_frame(const EventView& event, const FormatDescription& format) {
  if (event.header.type == event_type::kMariaQueryCompressed) {
    return Error(Errc::kUnsupported, "QUERY_COMPRESSED event")
        .with_way_out("set log_bin_compress=OFF at the MariaDB source");
  }
  const std::uint8_t post_header_bytes = format.post_header_bytes(event.header.type);
  if (post_header_bytes < kQueryPostHeaderBytes) {
    return Error(Errc::kUnsupported,
                 event_type_name(event.header.type) + " event of a server older than 5.0");
  }
  ByteReader reader(event.body);
  QueryEvent query;
  query.thread_id = reader.u32();
  query.execution_seconds = reader.u32();
  const std::uint8_t schema_bytes = reader.u8();
  query.error_code = reader.u16();
  const std::uint16_t status_bytes = reader.u16();
  reader.skip(post_header_bytes - std::uint64_t{kQueryPostHeaderBytes});
  query.status_bytes = reader.take(status_bytes);
  query.schema = reader.text(schema_bytes);
  reader.skip(1);
  if (!reader.ok()) return truncated(event);
  query.sql = as_text(reader.rest());
  return query;
}

}  // namespace

Result<QueryStatus> decode_query_status(ByteView status_bytes) {
  ByteReader reader(status_bytes);
  QueryStatus status;
  while (reader.ok() && reader.left() > 0) {
    const std::uint8_t code = reader.u8();
    if (decode_variable(code, reader, status)) continue;
    status.unknown_variable = code;
    break;
  }
  if (!reader.ok()) {
    return Error(Errc::kTruncated, "QUERY event ends inside a status variable");
  }
  return status;
}

Result<QueryEvent> decode_query(const EventView& event, const FormatDescription& format) {
  Result<QueryEvent> query = decode_frame(event, format);
  if (!query) return query.error();
  Result<QueryStatus> status = decode_query_status(query->status_bytes);
  if (!status) return status.error();
  query->status = std::move(*status);
  return query;
}

Result<QueryText> decode_query_text(const EventView& event, const FormatDescription& format) {
  const Result<QueryEvent> query = decode_frame(event, format);
  if (!query) return query.error();
  return QueryText{query->schema, query->sql};
}

std::string_view rows_statement(const EventView& event) {
  const std::string_view body = as_text(event.body);
  if (event.header.type != event_type::kRowsQuery) return body;
  return body.empty() ? body : body.substr(1);  // the length byte cannot hold a longer length
}

Result<IntvarEvent> decode_intvar(const EventView& event, const FormatDescription& format) {
  ByteReader reader(event.body);
  reader.skip(format.post_header_bytes(event_type::kIntvar));
  IntvarEvent intvar;
  const std::uint8_t kind = reader.u8();
  intvar.value = reader.u64();
  if (!reader.ok()) return truncated(event);
  if (kind != 1 && kind != 2) {
    return Error(Errc::kUnsupported, "INTVAR event of kind " + std::to_string(kind));
  }
  intvar.kind = static_cast<IntvarEvent::Kind>(kind);
  return intvar;
}

Result<RandEvent> decode_rand(const EventView& event, const FormatDescription& format) {
  ByteReader reader(event.body);
  reader.skip(format.post_header_bytes(event_type::kRand));
  RandEvent seeds;
  seeds.seed1 = reader.u64();
  seeds.seed2 = reader.u64();
  if (!reader.ok()) return truncated(event);
  return seeds;
}

Result<UserVarEvent> decode_user_var(const EventView& event, const FormatDescription& format) {
  ByteReader reader(event.body);
  reader.skip(format.post_header_bytes(event_type::kUserVar));
  UserVarEvent variable;
  const std::uint32_t name_bytes = reader.u32();
  variable.name = reader.text(name_bytes);
  variable.is_null = reader.u8() != 0;
  if (!reader.ok()) return truncated(event);
  if (variable.is_null) return variable;
  const std::uint8_t type = reader.u8();
  variable.collation = reader.u32();
  const std::uint32_t value_bytes = reader.u32();
  variable.value = reader.take(value_bytes);
  if (reader.ok() && reader.left() > 0) variable.is_unsigned = (reader.u8() & 1) != 0;
  if (!reader.ok()) return truncated(event);
  if (type > 4 || type == 3) {
    return Error(Errc::kUnsupported, "USER_VAR event of type " + std::to_string(type));
  }
  variable.type = static_cast<UserVarEvent::Type>(type);
  return variable;
}

}  // namespace tiderelay::protocol
