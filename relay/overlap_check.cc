// relay/overlap_check.cc: byte by byte.
#include "relay/overlap_check.h"

#include <algorithm>
#include <ctime>

#include "protocol/gtid_event.h"

namespace tiderelay::relay {
namespace {

constexpr std::size_t kHeadBytes = 128;
constexpr std::size_t kCompareBytes = 64 * 1024;

std::string utc_text(std::uint32_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

std::string gtid_text(const protocol::EventView& event) {
  namespace event_type = protocol::event_type;
  if (event.header.type == event_type::kMariaGtid) {
    const auto gtid = protocol::decode_maria_gtid_event(event);
    return gtid ? gtid->gtid.text() : "";
  }
  if (event.header.type != event_type::kGtid && event.header.type != event_type::kGtidTagged) {
    return "";
  }
  const auto gtid = protocol::decode_gtid_event(event);
  return gtid && gtid->gtid ? gtid->gtid->text() : "";
}

}  // namespace

std::string describe_event(ByteView head) {
  if (head.size() < protocol::kEventHeaderBytes) return "nothing";
  protocol::EventView event;
  event.header = protocol::load_event_header(head);
  event.body = head.subspan(protocol::kEventHeaderBytes);
  const std::string gtid = gtid_text(event);
  return protocol::event_type_name(event.header.type) + (gtid.empty() ? "" : " " + gtid) + ", " +
         std::to_string(event.header.event_size_bytes) + " bytes, server " +
         std::to_string(event.header.server_id) + ", " + utc_text(event.header.timestamp_seconds);
}

Result<void> OverlapCheck::compare(const LogWriter& log, ByteView piece, bool first) {
  if (first) {
    event_begin_ = at_;
    event_head_ = as_text(piece.first(std::min(piece.size(), kHeadBytes)));
  }
  buffer_.resize(kCompareBytes);
  while (!piece.empty()) {
    const ByteView part = piece.first(std::min({piece.size(), buffer_.size()}));
    const auto into = std::as_writable_bytes(std::span(buffer_.data(), part.size()));
    const auto count = log.read_back(at_, into);
    if (!count) return count.error();
    if (at_ + part.size() > end_ || *count < part.size() ||
        as_text(part) != std::string_view(buffer_).substr(0, part.size())) {
      return difference(log);
    }
    at_ += part.size();
    piece = piece.subspan(part.size());
  }
  return {};
}

Error OverlapCheck::difference(const LogWriter& log) const {
  std::string ours(kHeadBytes, '\0');
  const auto into = std::as_writable_bytes(std::span(ours.data(), ours.size()));
  const auto count = log.read_back(event_begin_, into);
  ours.resize(count ? std::min<std::uint64_t>(*count, end_ - std::min(end_, event_begin_)) : 0);
  return Error(Errc::kDiverged, log.file().name + " at " + std::to_string(event_begin_) +
                                    ": the log has " + describe_event(as_bytes(ours)) +
                                    ", the upstream now has " +
                                    describe_event(as_bytes(event_head_)));
}

Result<void> OverlapCheck::upstream_ends() const {
  if (done()) return {};
  return Error(Errc::kDiverged, "the upstream's file ends at " + std::to_string(at_) +
                                    ", but was received up to " + std::to_string(end_) +
                                    " before: it lost the end of its log");
}

}  // namespace tiderelay::relay
