// protocol/gtid_event.cc: GTID events of all kinds.
#include "protocol/gtid_event.h"

#include <bit>

namespace tiderelay::protocol {
namespace {

constexpr std::uint8_t kMayHaveStatements = 1;
constexpr std::uint8_t kLogicalClock = 2;
constexpr std::uint64_t kOriginalTimeFollows = std::uint64_t{1} << 55;
constexpr std::uint32_t kOriginalVersionFollows = std::uint32_t{1} << 31;
constexpr std::uint32_t kMaxXaPartBytes = 64;

std::uint64_t u56(ByteReader& reader) {
  const std::uint64_t low = reader.u32();
  return low | std::uint64_t{reader.u24()} << 32;
}

// What 5.7 and later append, each part only if it is there.
void decode_clocks(ByteReader& reader, GtidEvent& gtid) {
  if (reader.left() < 17 || reader.u8() != kLogicalClock) return;
  gtid.last_committed = static_cast<std::int64_t>(reader.u64());
  gtid.sequence_number = static_cast<std::int64_t>(reader.u64());
  if (reader.left() < 7) return;
  gtid.immediate_commit_microseconds = u56(reader);
  gtid.original_commit_microseconds = gtid.immediate_commit_microseconds;
  if ((gtid.immediate_commit_microseconds & kOriginalTimeFollows) != 0) {
    gtid.immediate_commit_microseconds &= ~kOriginalTimeFollows;
    gtid.original_commit_microseconds = u56(reader);
  }
  if (reader.left() < 1) return;
  gtid.transaction_size_bytes = reader.lenenc();
  if (reader.left() < 4) return;
  gtid.immediate_server_version = reader.u32();
  gtid.original_server_version = gtid.immediate_server_version;
  if ((gtid.immediate_server_version & kOriginalVersionFollows) != 0) {
    gtid.immediate_server_version &= ~kOriginalVersionFollows;
    gtid.original_server_version = reader.u32();
  }
}

Result<GtidEvent> decode_plain(const EventView& event) {
  ByteReader reader(event.body);
  GtidEvent out;
  out.may_have_statements = (reader.u8() & kMayHaveStatements) != 0;
  const ByteView uuid = reader.take(16);
  const std::uint64_t number = reader.u64();
  if (!reader.ok()) return Error(Errc::kTruncated, "GTID event is too short");
  if (event.header.type == event_type::kGtid) {
    if (number < 1 || number >= kGtidNumberEnd) {
      return Error(Errc::kCorrupt,
                   "GTID event with the impossible number " + std::to_string(number));
    }
    out.gtid = Gtid{{Uuid::from_bytes(uuid), ""}, number};
  } else if (number != 0) {
    return Error(Errc::kCorrupt, "ANONYMOUS_GTID event with a number");
  }
  decode_clocks(reader, out);
  if (!reader.ok()) return Error(Errc::kTruncated, "GTID event ends inside a field");
  return out;
}

// Integers of mysql::serialization: as many bytes as the first one has trailing one bits, and one.
class VarlenReader {
 public:
  explicit VarlenReader(ByteView bytes) : reader_(bytes) {}
  [[nodiscard]] bool ok() const { return reader_.ok(); }
  [[nodiscard]] std::size_t left() const { return reader_.left(); }

  std::uint64_t unsigned_value() {
    const std::uint8_t first = reader_.u8();
    const int more = std::countr_one(first);
    const ByteView rest = reader_.take(static_cast<std::uint64_t>(more));
    std::uint64_t value = more < 7 ? first >> (more + 1) : 0;
    const int first_bits = more < 7 ? 7 - more : 0;
    for (std::size_t i = 0; i < rest.size(); ++i) {
      value |= std::to_integer<std::uint64_t>(rest[i]) << (first_bits + 8 * static_cast<int>(i));
    }
    return value;
  }
  std::int64_t signed_value() {
    const std::uint64_t value = unsigned_value();
    const auto magnitude = static_cast<std::int64_t>(value >> 1);
    return (value & 1) != 0 ? -1 - magnitude : magnitude;
  }
  std::string_view text() {
    const std::uint64_t size = unsigned_value();
    return reader_.text(size);
  }
  void fail() { reader_.fail(); }

 private:
  ByteReader reader_;
};

struct TaggedFields {
  std::uint64_t last_id = 0;  // ids come in ascending order
  Gtid gtid;
  bool original_time = false;
  bool original_version = false;
};

// False: not a field that is known.
bool decode_tagged_field(VarlenReader& reader, std::uint64_t id, TaggedFields& fields,
                         GtidEvent& out) {
  switch (id) {
    case 0:
      out.may_have_statements = (reader.unsigned_value() & kMayHaveStatements) != 0;
      return true;
    case 1:
      for (std::uint8_t& byte : fields.gtid.source.uuid.bytes) {
        byte = static_cast<std::uint8_t>(reader.unsigned_value());
      }
      return true;
    case 2:
      fields.gtid.number = static_cast<std::uint64_t>(reader.signed_value());
      return true;
    case 3:
      fields.gtid.source.tag = std::string(reader.text());
      return true;
    case 4:
      out.last_committed = reader.signed_value();
      return true;
    case 5:
      out.sequence_number = reader.signed_value();
      return true;
    case 6:
      out.immediate_commit_microseconds = reader.unsigned_value();
      return true;
    case 7:
      out.original_commit_microseconds = reader.unsigned_value();
      fields.original_time = true;
      return true;
    case 8:
      out.transaction_size_bytes = reader.unsigned_value();
      return true;
    case 9:
      out.immediate_server_version = static_cast<std::uint32_t>(reader.unsigned_value());
      return true;
    case 10:
      out.original_server_version = static_cast<std::uint32_t>(reader.unsigned_value());
      fields.original_version = true;
      return true;
    case 11:
      (void)reader.unsigned_value();  // commit_group_ticket
      return true;
    default:
      return false;
  }
}

Result<GtidEvent> decode_tagged(const EventView& event) {
  VarlenReader reader(event.body);
  const std::uint64_t version = reader.unsigned_value();
  const std::uint64_t size_bytes = reader.unsigned_value();
  const std::uint64_t last_non_ignorable = reader.unsigned_value();
  if (!reader.ok()) return Error(Errc::kTruncated, "GTID_TAGGED event is too short");
  if (version != 1) {
    return Error(Errc::kUnsupported,
                 "GTID_TAGGED event in serialization version " + std::to_string(version));
  }
  if (size_bytes > event.body.size()) {
    return Error(Errc::kTruncated, "GTID_TAGGED event is shorter than it says");
  }
  const std::size_t beyond = event.body.size() - static_cast<std::size_t>(size_bytes);
  GtidEvent out;
  TaggedFields fields;
  while (reader.ok() && reader.left() > beyond) {
    const std::uint64_t id = reader.unsigned_value();
    if (decode_tagged_field(reader, id, fields, out)) continue;
    if (id <= last_non_ignorable) {
      return Error(Errc::kUnsupported, "GTID_TAGGED event with the unknown field " +
                                           std::to_string(id) + ", which must not be ignored");
    }
    break;  // later fields may be skipped, and they are last
  }
  if (!reader.ok()) return Error(Errc::kTruncated, "GTID_TAGGED event ends inside a field");
  if (!fields.original_time) out.original_commit_microseconds = out.immediate_commit_microseconds;
  if (!fields.original_version) out.original_server_version = out.immediate_server_version;
  std::string& tag = fields.gtid.source.tag;
  if (fields.gtid.number < 1 || fields.gtid.number >= kGtidNumberEnd ||
      (!tag.empty() && !normalize_gtid_tag(tag))) {
    return Error(Errc::kCorrupt, "GTID_TAGGED event with an impossible number or tag");
  }
  out.gtid = std::move(fields.gtid);
  return out;
}

XaId take_xid(ByteReader& reader, std::uint32_t format_id, std::uint32_t global_bytes,
              std::uint32_t branch_bytes) {
  XaId xid;
  xid.format_id = format_id;
  if (global_bytes > kMaxXaPartBytes || branch_bytes > kMaxXaPartBytes) reader.fail();
  xid.global = reader.text(global_bytes);
  xid.branch = reader.text(branch_bytes);
  return xid;
}

void append_hex(std::string& out, std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "X'";
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  out += '\'';
}

}  // namespace

std::string XaId::text() const {
  std::string out;
  append_hex(out, global);
  out += ',';
  append_hex(out, branch);
  return out + ',' + std::to_string(format_id);
}

Result<GtidEvent> decode_gtid_event(const EventView& event) {
  return event.header.type == event_type::kGtidTagged ? decode_tagged(event) : decode_plain(event);
}

Result<MariaGtidEvent> decode_maria_gtid_event(const EventView& event) {
  constexpr std::uint8_t kMultiEngine = 1;
  constexpr std::uint8_t kCommitOrRollbackAlter = 4 | 8;
  ByteReader reader(event.body);
  MariaGtidEvent out;
  out.gtid.sequence = reader.u64();
  out.gtid.domain = reader.u32();
  out.gtid.server = event.header.server_id;
  out.flags = reader.u8();
  if (out.has(maria_gtid_flag::kGroupCommitId)) out.group_commit_id = reader.u64();
  if (out.has(maria_gtid_flag::kPreparedXa | maria_gtid_flag::kCompletedXa)) {
    const std::uint32_t format_id = reader.u32();
    const std::uint8_t global_bytes = reader.u8();
    const std::uint8_t branch_bytes = reader.u8();
    out.xa = take_xid(reader, format_id, global_bytes, branch_bytes);
  }
  if (reader.ok() && reader.left() > 0) {  // zero padding reads as no extra flags
    const std::uint8_t extra = reader.u8();
    if ((extra & kMultiEngine) != 0) reader.skip(1);
    if ((extra & kCommitOrRollbackAlter) != 0) out.alter_sequence = reader.u64();
  }
  if (!reader.ok()) return Error(Errc::kTruncated, "MariaDB GTID event ends inside a field");
  return out;
}

Result<XaPrepareEvent> decode_xa_prepare(const EventView& event) {
  ByteReader reader(event.body);
  XaPrepareEvent out;
  out.one_phase = reader.u8() != 0;
  const std::uint32_t format_id = reader.u32();
  const std::uint32_t global_bytes = reader.u32();
  const std::uint32_t branch_bytes = reader.u32();
  out.xid = take_xid(reader, format_id, global_bytes, branch_bytes);
  if (!reader.ok()) return Error(Errc::kCorrupt, "XA_PREPARE event with an impossible xid");
  return out;
}

}  // namespace tiderelay::protocol
