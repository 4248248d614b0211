// tests/fuzz/event_fuzz.cc: any bytes as the events of a log without checksums, cut as the first
// byte says: framed, judged by the boundary machine, and decoded by type. What comes out of the
// framer is what went in, whatever the cuts.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "protocol/control_events.h"
#include "protocol/event_framer.h"
#include "protocol/gtid_event.h"
#include "protocol/payload.h"
#include "protocol/query_event.h"
#include "protocol/rows.h"
#include "protocol/table_map.h"
#include "protocol/transaction_boundary.h"

namespace {

using namespace tiderelay;            // NOLINT(google-build-using-namespace): a program of its own
using namespace tiderelay::protocol;  // NOLINT(google-build-using-namespace)

template <class T>
void use(const Result<T>& result) {
  CHECK(result.has_value() || !result.error().text().empty(), "an error says something");
}

void decode_rows(const EventView& event, const FormatDescription& format, TableMapCache& tables) {
  const auto id = decode_table_id(event, format);
  if (!id) return;
  const auto table = tables.find(*id);
  if (!table) return;
  RowsReader rows;
  if (!rows.open(event, format, *table)) return;
  std::size_t count = 0;
  for (auto more = rows.next(); more && *more; more = rows.next()) {
    CHECK(++count <= event.body.size() + 1, "each row but one takes bytes");
  }
}

void decode_payload(const EventView& event) {
  PayloadReader reader(1 << 20);
  reader.start(event.body.size());
  reader.feed(event.body);
  for (;;) {
    const auto step = reader.next();
    if (!step || step->kind != PayloadReader::Kind::kEvent) return;
    CHECK(step->event.body.size() + kEventHeaderBytes == step->event.header.event_size_bytes,
          "inner events are whole");
  }
}

void decode_event(const EventView& event, const FormatDescription& format, TableMapCache& tables) {
  switch (event.header.type) {
    case event_type::kQuery:
    case event_type::kExecuteLoadQuery:
      return use(decode_query(event, format));
    case event_type::kRotate:
      return use(decode_rotate(event));
    case event_type::kHeartbeat:
    case event_type::kHeartbeatV2:
      return use(decode_heartbeat(event));
    case event_type::kGtid:
    case event_type::kAnonymousGtid:
    case event_type::kGtidTagged:
      return use(decode_gtid_event(event));
    case event_type::kMariaGtid:
      return use(decode_maria_gtid_event(event));
    case event_type::kMariaGtidList:
      return use(decode_maria_gtid_list(event));
    case event_type::kPreviousGtids:
      return use(decode_previous_gtids(event));
    case event_type::kXaPrepare:
      return use(decode_xa_prepare(event));
    case event_type::kXid:
      return use(decode_xid(event, format));
    case event_type::kIncident:
      return use(decode_incident(event, format));
    case event_type::kIntvar:
      return use(decode_intvar(event, format));
    case event_type::kRand:
      return use(decode_rand(event, format));
    case event_type::kUserVar:
      return use(decode_user_var(event, format));
    case event_type::kTableMap:
      return use(tables.put(event, format));
    case event_type::kTransactionPayload:
      return decode_payload(event);
    default:
      break;
  }
  if (is_rows_event_type(event.header.type)) decode_rows(event, format, tables);
}

std::string framed(ByteView bytes, std::size_t cut) {
  EventFramer framer(1 << 20);
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += cut) {
    framer.feed(bytes.subspan(at, std::min(cut, bytes.size() - at)));
    for (;;) {
      const auto step = framer.next();
      if (!step) return out;
      if (step->kind == EventFramer::Kind::kNeedBytes) break;
      CHECK(!step->bytes.empty(), "a step has bytes");
      out += as_text(step->bytes);
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t cut = 1 + (data[0] >> 1);
  const Dialect dialect = (data[0] & 1) != 0 ? Dialect::kMariadb : Dialect::kMysql;
  const ByteView bytes(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  const std::string once = framed(bytes, bytes.size() + 1);
  CHECK(as_text(bytes).substr(0, once.size()) == once, "the framer gives what it got");
  CHECK(framed(bytes, cut) == once, "the cuts do not show");

  const FormatDescription format = default_format(dialect, ChecksumAlgorithm::kNone);
  TransactionBoundary boundary;
  boundary.set_format(format);
  TableMapCache tables;
  ByteView rest = bytes;
  while (rest.size() >= kEventHeaderBytes) {
    const std::uint32_t event_size = load_event_header(rest).event_size_bytes;
    if (event_size < kEventHeaderBytes || event_size > rest.size()) break;
    use(decode_format_description(rest.first(event_size)));
    const auto event = open_event(rest.first(event_size), ChecksumAlgorithm::kNone);
    CHECK(event.has_value(), "a whole event opens");
    const std::size_t prefix = boundary_prefix_bytes(event->header);
    CHECK(prefix <= event->body.size(), "no more than the body is asked for");
    use(boundary.feed(event->header, event->body.first(prefix)));
    decode_event(*event, format, tables);
    rest = rest.subspan(event_size);
  }
  return 0;
}
