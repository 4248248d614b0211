// relay/binlog_range.cc: compares each event with the start and the stop.
#include "relay/binlog_range.h"

#include "protocol/gtid_event.h"

namespace tiderelay::relay {
namespace {

namespace type = protocol::event_type;

// The GTID of an event that opens a transaction; empty: anonymous. Nothing: another event.
Result<std::optional<std::string>> gtid_of(const protocol::EventView& event) {
  using Text = std::optional<std::string>;
  if (event.header.type == type::kMariaGtid) {
    const auto gtid = protocol::decode_maria_gtid_event(event);
    if (!gtid) return gtid.error();
    return Text(gtid->gtid.text());
  }
  const bool opens = event.header.type == type::kGtid || event.header.type == type::kGtidTagged ||
                     event.header.type == type::kAnonymousGtid;
  if (!opens) return Text();
  const auto gtid = protocol::decode_gtid_event(event);
  if (!gtid) return gtid.error();
  return Text(gtid->gtid ? gtid->gtid->text() : "");
}

}  // namespace

Result<BinlogRange::Verdict> BinlogRange::judge(const protocol::EventView& event,
                                                std::uint64_t begin_offset) {
  if (behind_) return Verdict::kBehind;
  const bool by_gtid = !options_.start_gtid.empty() || !options_.stop_gtid.empty();
  if (by_gtid) {
    const auto gtid = gtid_of(event);
    if (!gtid) return gtid.error();
    if (*gtid) {
      if (stop_gtid_met_) behind_ = true;
      started_ = started_ || **gtid == options_.start_gtid;
      stop_gtid_met_ = stop_gtid_met_ || (!(*gtid)->empty() && **gtid == options_.stop_gtid);
    }
  }
  if (options_.stop_position && last_file_ && begin_offset >= *options_.stop_position) {
    behind_ = true;
  }
  const std::uint32_t seconds = event.header.timestamp_seconds;
  const bool about_log =
      event.header.type == type::kFormatDescription || event.header.type == type::kRotate ||
      event.header.type == type::kPreviousGtids || event.header.type == type::kMariaGtidList;
  if (options_.stop_seconds && !about_log && seconds >= *options_.stop_seconds) behind_ = true;
  if (behind_) return Verdict::kBehind;
  if (!options_.start_seconds || (!about_log && seconds >= *options_.start_seconds)) {
    in_time_ = true;
  }
  return started_ && in_time_ ? Verdict::kInside : Verdict::kBefore;
}

Result<std::string> normal_gtid(const std::string& text) {
  if (const auto maria = protocol::MariaGtid::parse(text)) return maria->text();
  const auto set = protocol::GtidSet::parse(text);
  if (set && set->count() == 1) return set->text();
  return Error(Errc::kConfig, "\"" + text +
                                  "\" is not one GTID (uuid:number, or domain-server-"
                                  "sequence of MariaDB)");
}

}  // namespace tiderelay::relay
