// relay/event_listing.cc: see event_listing.h.
#include "relay/event_listing.h"

#include <algorithm>

#include "protocol/control_events.h"
#include "protocol/gtid_event.h"
#include "protocol/query_event.h"
#include "protocol/table_map.h"
#include "relay/dump_plan.h"
#include "relay/log_reader.h"

namespace tiderelay::relay {

namespace event_type = protocol::event_type;

namespace {

constexpr std::size_t kRowsMax = 100'000;

struct ShownName {
  std::uint8_t type;
  const char* name;
};
constexpr ShownName kNames[] = {
    {event_type::kFormatDescription, "Format_desc"},
    {event_type::kPreviousGtids, "Previous_gtids"},
    {event_type::kGtid, "Gtid"},
    {event_type::kGtidTagged, "Gtid"},
    {event_type::kAnonymousGtid, "Anonymous_Gtid"},
    {event_type::kQuery, "Query"},
    {event_type::kXid, "Xid"},
    {event_type::kRotate, "Rotate"},
    {event_type::kStop, "Stop"},
    {event_type::kTableMap, "Table_map"},
    {event_type::kWriteRows, "Write_rows"},
    {event_type::kUpdateRows, "Update_rows"},
    {event_type::kDeleteRows, "Delete_rows"},
    {event_type::kWriteRowsV1, "Write_rows_v1"},
    {event_type::kUpdateRowsV1, "Update_rows_v1"},
    {event_type::kDeleteRowsV1, "Delete_rows_v1"},
    {event_type::kPartialUpdateRows, "Update_rows_partial"},
    {event_type::kTransactionPayload, "Transaction_payload"},
    {event_type::kXaPrepare, "XA_prepare"},
    {event_type::kIncident, "Incident"},
    {event_type::kRowsQuery, "Rows_query"},
    {event_type::kIntvar, "Intvar"},
    {event_type::kRand, "RAND"},
    {event_type::kUserVar, "User var"},
    {event_type::kMariaGtid, "Gtid"},
    {event_type::kMariaGtidList, "Gtid_list"},
    {event_type::kMariaBinlogCheckpoint, "Binlog_checkpoint"},
    {event_type::kMariaAnnotateRows, "Annotate_rows"},
};

std::string shown_name(std::uint8_t type) {
  const auto* found = std::find_if(std::begin(kNames), std::end(kNames),
                                   [type](const ShownName& row) { return row.type == type; });
  return found == std::end(kNames) ? protocol::event_type_name(type) : found->name;
}

std::string query_info(const LogEvent& event) {
  const auto query = protocol::decode_query(event.view(), *event.fde);
  if (!query) return "";
  const std::string use = query->schema.empty() ? "" : "use `" + std::string(query->schema) + "`; ";
  const bool bare = query->sql == "BEGIN" || query->sql == "COMMIT";
  return (bare ? "" : use) + std::string(query->sql);
}

std::string maria_gtid_info(const LogEvent& event) {
  const auto gtid = protocol::decode_maria_gtid_event(event.view());
  if (!gtid) return "";
  const bool alone = gtid->has(protocol::maria_gtid_flag::kStandalone);
  return (alone ? "GTID " : "BEGIN GTID ") + gtid->gtid.text();
}

std::string info_of(const LogEvent& event) {
  switch (event.header.type) {
    case event_type::kFormatDescription:
      return "Server ver: " + event.fde->server_version +
             ", Binlog ver: " + std::to_string(event.fde->binlog_version);
    case event_type::kPreviousGtids: {
      const auto set = protocol::decode_previous_gtids(event.view());
      return set ? set->text() : "";
    }
    case event_type::kMariaGtidList: {
      const auto list = protocol::decode_maria_gtid_list(event.view());
      return list ? "[" + list->text() + "]" : "";
    }
    case event_type::kGtid:
    case event_type::kGtidTagged: {
      const auto gtid = protocol::decode_gtid_event(event.view());
      return gtid && gtid->gtid ? "SET @@SESSION.GTID_NEXT= '" + gtid->gtid->text() + "'" : "";
    }
    case event_type::kAnonymousGtid:
      return "SET @@SESSION.GTID_NEXT= 'ANONYMOUS'";
    case event_type::kMariaGtid:
      return maria_gtid_info(event);
    case event_type::kQuery:
      return query_info(event);
    case event_type::kXid: {
      const auto xid = protocol::decode_xid(event.view(), *event.fde);
      return xid ? "COMMIT /* xid=" + std::to_string(*xid) + " */" : "";
    }
    case event_type::kRotate: {
      const auto rotate = protocol::decode_rotate(event.view());
      return rotate ? std::string(rotate->file) + ";pos=" + std::to_string(rotate->position) : "";
    }
    case event_type::kTableMap: {
      const auto map = protocol::decode_table_map(event.view(), *event.fde);
      if (!map) return "";
      return "table_id: " + std::to_string(map->id) + " (" + map->schema + "." + map->table + ")";
    }
    default:
      break;
  }
  if (!protocol::is_rows_event_type(event.header.type)) return "";
  const auto id = protocol::decode_table_id(event.view(), *event.fde);
  return id ? "table_id: " + std::to_string(*id) : "";
}

Error wrong(const std::string& what) {
  return Error(1220, "HY000", "Error when executing command SHOW BINLOG EVENTS: " + what);
}

}  // namespace

Result<SqlResult> list_events(Storage& storage, RelayLog& log, const SqlStatement& statement) {
  SqlResult result;
  result.columns = {"Log_name", "Pos", "Event_type", "Server_id", "End_log_pos", "Info"};
  const LogPosition end = log.end().get().position;
  const std::vector<LogFile> files = listed_files(log.catalog());
  const auto file = std::find_if(files.begin(), files.end(), [&statement](const LogFile& one) {
    return statement.name.empty() || one.name == statement.name;
  });
  if (file == files.end())
    return statement.name.empty() ? result : Result<SqlResult>(wrong("Could not find target log"));
  LogPosition start = file->begin;
  start.offset_bytes = std::max(statement.number, kFirstEventOffset);
  LogReader reader(storage, log.relay_folder(), start);
  std::uint64_t seen = 0;
  for (;;) {
    if (statement.limit_rows && result.rows.size() >= *statement.limit_rows) return result;
    const auto event = reader.next(end);
    if (!event) return wrong("Wrong offset or I/O error (" + event.error().text() + ")");
    if (!*event || (*event)->begin.file != start.file ||
        (*event)->begin.generation != start.generation) {
      return result;
    }
    if (seen++ < statement.skip_rows) continue;
    if (result.rows.size() >= kRowsMax) return wrong("more than 100000 events: give a LIMIT");
    const LogEvent& shown = **event;
    result.rows.push_back({file->name, std::to_string(shown.begin.offset_bytes),
                           shown_name(shown.header.type), std::to_string(shown.header.server_id),
                           std::to_string(shown.end.offset_bytes), info_of(shown)});
  }
}

}  // namespace tiderelay::relay
