// relay/dump_stream.cc: see dump_stream.h.
#include "relay/dump_stream.h"

#include <algorithm>
#include <array>

#include "protocol/capabilities.h"
#include "protocol/command.h"
#include "protocol/control_events.h"
#include "protocol/gtid_event.h"
#include "protocol/packet_writer.h"
#include "protocol/response.h"

namespace tiderelay::relay {

namespace event_type = protocol::event_type;
using protocol::ChecksumAlgorithm;
using protocol::EventHeader;
using protocol::kEventHeaderBytes;

namespace {

constexpr std::uint32_t kHeadEventMaxBytes = 16U << 20;  // PREVIOUS_GTIDS may be long
constexpr std::uint32_t kGtidEventMaxBytes = 64U << 10;
constexpr std::uint32_t kFirstWithTags = 80300;

// The head of a file whose first transactions are left out: the follower counts it and drops no
// temporary tables.
std::string format_description_after_skip(ByteView event) {
  constexpr std::size_t kEndPositionOffset = 13;
  std::string sent = protocol::format_description_to_send(event, true);
  sent.replace(kEndPositionOffset, 4, as_text(event.subspan(kEndPositionOffset, 4)));
  const auto format = protocol::decode_format_description(event, false);
  if (format && format->has_checksum_field) protocol::renew_event_crc(sent);
  return sent;
}

bool opens(std::uint8_t type) {
  return type == event_type::kGtid || type == event_type::kAnonymousGtid ||
         type == event_type::kGtidTagged || type == event_type::kMariaGtid;
}

// MariaDB: events between groups, which a skipped group does not hide.
bool between_groups(std::uint8_t type) {
  return type == event_type::kRotate || type == event_type::kStop ||
         type == event_type::kFormatDescription || type == event_type::kMariaBinlogCheckpoint ||
         type == event_type::kMariaGtidList || type == event_type::kMariaStartEncryption;
}

}  // namespace

DumpStream::DumpStream(FollowRequest request, DumpStart start, protocol::Dialect dialect,
                       std::uint32_t server_id)
    : request_(std::move(request)),
      start_(std::move(start)),
      dialect_(dialect),
      server_id_(server_id),
      file_(start_.file.name),
      checksum_(request_.checksum.value_or(ChecksumAlgorithm::kNone)) {
  if (!request_.mariadb_state) return;
  for (const protocol::MariaGtid& gtid : request_.mariadb_state->gtids()) {
    const GtidState& before = start_.file.gtids_before ? *start_.file.gtids_before : GtidState();
    const auto last = before.maria().find({gtid.domain, gtid.server});
    const bool reached = last != before.maria().end() && last->second >= gtid.sequence;
    if (!reached) maria_waits_[gtid.domain] = gtid;
  }
}

void DumpStream::feed(ByteView block) {
  block_ = block;
  block_begin_ = offset_;
}

void DumpStream::begin_file(const std::string& name) {
  file_ = name;
  offset_ = kFirstEventOffset;
  block_ = ByteView();
  in_head_ = true;
  first_file_ = false;
  asked_offset_ = 0;
}

Result<DumpStream::Step> DumpStream::next(std::uint64_t limit_bytes, bool ended) {
  if (out_given_) {
    out_.clear();
    out_given_ = false;
  }
  Result<Step> step = advance(limit_bytes, ended);
  if (!step || step->kind != Kind::kSend) return step;
  step->bytes = out_;
  out_given_ = true;
  return step;
}

Result<DumpStream::Step> DumpStream::advance(std::uint64_t limit_bytes, bool ended) {
  Step send;
  send.kind = Kind::kSend;
  for (;;) {
    if (out_.size() >= kOutBytes) return send;
    if (body_left_ > 0) {
      const ByteView there = at_offset();
      const auto count =
          static_cast<std::size_t>(std::min<std::uint64_t>(there.size(), body_left_));
      put(there.first(count));
      body_left_ -= count;
      offset_ += count;
      if (body_left_ == 0 && asking_) {
        sequence_ = 1;  // the acknowledgement has id 0
        asking_ = false;
        asked_offset_ = offset_;
      }
      if (body_left_ == 0) continue;
      wanted_ = 1;
    } else if (offset_ >= limit_bytes) {
      return at_limit(ended);
    } else {
      const Result<bool> taken = in_head_ ? take_head(limit_bytes) : take_event(limit_bytes);
      if (!taken && out_.empty()) return taken.error();
      if (!taken) return send;  // what came before it goes out first; then the same error again
      if (*taken) continue;
    }
    if (!out_.empty()) return send;
    Step more;
    more.kind = Kind::kNeedBytes;
    return more;
  }
}

DumpStream::Step DumpStream::at_limit(bool ended) {
  if (holding_) release_head(false);
  if (skipped_any_) end_skipping();
  Step step;
  step.kind = !out_.empty() ? Kind::kSend : ended ? Kind::kNextFile : Kind::kWait;
  return step;
}

ByteView DumpStream::at_offset() const {
  const std::uint64_t block_end = block_begin_ + block_.size();
  if (offset_ < block_begin_ || offset_ >= block_end) return {};
  return block_.subspan(static_cast<std::size_t>(offset_ - block_begin_));
}

bool DumpStream::have(std::size_t count, std::uint64_t limit_bytes) {
  wanted_ = static_cast<std::size_t>(std::min<std::uint64_t>(count, limit_bytes - offset_));
  return at_offset().size() >= wanted_;
}

Error DumpStream::damaged(const std::string& what) const {
  return fatal_dump_error(what + "; the first event '" + start_.file.name + "' at " +
                          std::to_string(start_.offset_bytes) + ", the last event read from '" +
                          file_ + "' at " + std::to_string(offset_) +
                          ", the last byte read from '" + file_ + "' at " +
                          std::to_string(offset_) + ".");
}

// ---- the head of a file: artificial ROTATE, FORMAT_DESCRIPTION

Result<bool> DumpStream::take_head(std::uint64_t limit_bytes) {
  if (!have(kEventHeaderBytes, limit_bytes)) return false;
  const Error missing = damaged("Could not find format_description_event in binlog file");
  if (wanted_ < kEventHeaderBytes) return missing;
  const EventHeader header = protocol::load_event_header(at_offset());
  if (header.type != event_type::kFormatDescription ||
      header.event_size_bytes > kGtidEventMaxBytes) {
    return missing;
  }
  if (!have(header.event_size_bytes, limit_bytes)) return false;
  if (wanted_ < header.event_size_bytes) return missing;
  const ByteView event = at_offset().first(header.event_size_bytes);
  auto format = protocol::decode_format_description(event);
  if (!format) return damaged(format.error().text());
  if (format->checksum == ChecksumAlgorithm::kCrc32 && !request_.checksum) {
    return damaged(
        "Replica can not handle replication events with the checksum that source is configured to "
        "log");
  }
  const bool inside = first_file_ && start_.offset_bytes > kFirstEventOffset;
  put_event(protocol::encode_artificial_rotate(
      server_id_, file_, first_file_ ? start_.offset_bytes : kFirstEventOffset, checksum_));
  format_ = std::move(*format);
  checksum_ = format_->checksum;
  in_head_ = false;
  holding_ = first_file_ && request_.by_gtid() && !inside;
  if (holding_) {
    held_.emplace_back(as_text(event));
  } else {
    put_event(protocol::format_description_to_send(event, inside));
  }
  offset_ += header.event_size_bytes;
  if (inside) offset_ = start_.offset_bytes;
  return true;
}

Result<bool> DumpStream::hold(const EventHeader& header, ByteView event) {
  held_.emplace_back(as_text(event));
  offset_ += header.event_size_bytes;
  return true;
}

void DumpStream::release_head(bool first_skipped) {
  holding_ = false;
  for (std::size_t i = 0; i < held_.size(); ++i) {
    const ByteView event = as_bytes(held_[i]);
    if (i > 0) {
      put_event(held_[i]);
    } else {
      put_event(first_skipped ? format_description_after_skip(event)
                              : protocol::format_description_to_send(event, false));
    }
  }
  held_.clear();
}

// ---- events

Result<bool> DumpStream::take_event(std::uint64_t limit_bytes) {
  if (!have(kEventHeaderBytes, limit_bytes)) return false;
  if (wanted_ < kEventHeaderBytes) return damaged("binlog truncated in the middle of event");
  const EventHeader header = protocol::load_event_header(at_offset());
  const std::uint32_t size = header.event_size_bytes;
  if (size < kEventHeaderBytes || size > protocol::kMaxEventBytes) {
    return damaged("bogus data in log event");
  }
  if (offset_ + size > limit_bytes) return damaged("binlog truncated in the middle of event");
  const bool group = opens(header.type);
  if ((group && request_.by_gtid()) || (holding_ && !group)) {
    if (size > (group ? kGtidEventMaxBytes : kHeadEventMaxBytes)) {
      return damaged("bogus data in log event");
    }
    if (!have(size, limit_bytes)) return false;
    const ByteView event = at_offset().first(size);
    if (!group) return hold(header, event);
    const Result<bool> has = header.type == event_type::kMariaGtid ? opens_maria_group(event)
                                                                   : opens_group(header, event);
    if (!has) return has.error();
    skipping_ = *has;
    if (holding_) release_head(skipping_);
    if (skipping_ && first_file_ && start_.skip_to_bytes > offset_ + size) {
      skipped_any_ = true;
      offset_ = start_.skip_to_bytes;
      return true;
    }
  } else if (skipping_ &&
             (dialect_ == protocol::Dialect::kMariadb ? between_groups(header.type)
                                                      : header.type == event_type::kRotate)) {
    skipping_ = false;
  }
  if (header.type == event_type::kGtidTagged && request_.client_version != 0 &&
      request_.client_version < kFirstWithTags) {
    return damaged("The replica's version cannot read transactions with tagged GTIDs");
  }
  if (skipping_ || is_left_out(header)) {
    skipped_any_ = skipped_any_ || skipping_;
    offset_ += size;
    return true;
  }
  if (skipped_any_) end_skipping();
  if (header.timestamp_seconds != 0) timestamp_ = header.timestamp_seconds;
  ++events_;
  asking_ = request_.semi_sync && offset_ + size == limit_bytes;
  unasked_ = !asking_;
  open_event(size, asking_);
  body_left_ = size;
  return true;
}

bool DumpStream::is_left_out(const EventHeader& header) const {
  if (dialect_ != protocol::Dialect::kMariadb) return false;
  if (header.type == event_type::kMariaAnnotateRows) {
    return (request_.flags & protocol::kBinlogDumpSendAnnotateRows) == 0;
  }
  return request_.skip_replication && header.has(protocol::event_flag::kMariaSkipReplication);
}

// true: the follower has this group.
Result<bool> DumpStream::opens_group(const EventHeader& header, ByteView event) {
  if (header.type == event_type::kAnonymousGtid) {
    return damaged("Cannot replicate anonymous transaction when AUTO_POSITION = 1, at file " +
                   file_ + ", position " + std::to_string(offset_) + ".");
  }
  const auto view = protocol::open_event(event, format_->checksum, false);
  if (!view) return damaged(view.error().text());
  const auto decoded = protocol::decode_gtid_event(*view);
  if (!decoded || !decoded->gtid) return damaged("bogus data in log event");
  return request_.excluded && request_.excluded->contains(*decoded->gtid);
}

Result<bool> DumpStream::opens_maria_group(ByteView event) {
  const auto view = protocol::open_event(event, format_->checksum, false);
  if (!view) return damaged(view.error().text());
  const auto decoded = protocol::decode_maria_gtid_event(*view);
  if (!decoded) return damaged("bogus data in log event");
  const auto waits = maria_waits_.find(decoded->gtid.domain);
  if (waits == maria_waits_.end()) return false;
  if (waits->second == decoded->gtid) maria_waits_.erase(waits);  // the last one it has
  return true;
}

void DumpStream::end_skipping() {
  skipped_any_ = false;
  if (dialect_ == protocol::Dialect::kMysql) out_ += framed_heartbeat();
}

// ---- packets

void DumpStream::put_event(std::string_view event) {
  open_event(event.size(), false);
  put(as_bytes(event));
}

void DumpStream::open_event(std::uint64_t event_bytes, bool asks) {
  const std::array before{std::byte{0}, std::byte{protocol::kSemiSyncMagic},
                          asks ? std::byte{1} : std::byte{0}};
  const std::size_t count = request_.semi_sync ? before.size() : 1;
  open_packet(count + event_bytes);
  put(ByteView(before).first(count));
}

void DumpStream::open_packet(std::uint64_t payload_bytes) {
  packet_left_ = payload_bytes;
  open_frame();
}

void DumpStream::open_frame() {
  frame_left_ =
      static_cast<std::size_t>(std::min<std::uint64_t>(packet_left_, protocol::kMaxFrameBytes));
  frame_full_ = frame_left_ == protocol::kMaxFrameBytes;
  ByteWriter(out_).u24(frame_left_).u8(sequence_++);
}

// A frame that is full is followed by another one, empty if need be.
void DumpStream::put(ByteView bytes) {
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), frame_left_);
    out_ += as_text(bytes.first(count));
    bytes = bytes.subspan(count);
    frame_left_ -= count;
    packet_left_ -= count;
    if (frame_left_ == 0 && frame_full_) open_frame();
  }
}

std::string DumpStream::framed_heartbeat() {
  const bool mysql = dialect_ == protocol::Dialect::kMysql && request_.mariadb_capability == 0;
  const bool v2 = mysql && (request_.flags & protocol::kBinlogDumpHeartbeatV2) != 0;
  if (!v2 && offset_ > UINT32_MAX) return "";
  const std::string event =
      v2 ? protocol::encode_heartbeat_v2(server_id_, file_, offset_, checksum_)
         : protocol::encode_heartbeat(server_id_, file_, offset_, checksum_);
  std::string framed;
  std::string payload(1, '\0');
  if (request_.semi_sync) ByteWriter(payload).u8(protocol::kSemiSyncMagic).u8(0);
  protocol::append_packet(framed, sequence_, payload + event);
  return framed;
}

std::string DumpStream::heartbeat() { return framed_heartbeat(); }

std::string DumpStream::end_with(const Error& error) {
  const bool told = error.code() == Errc::kServer;
  std::string framed;
  protocol::append_packet(framed, sequence_,
                          protocol::encode_error(told ? error.server_code() : 1105,
                                                 told ? error.sqlstate() : "HY000", error.text()));
  return framed;
}

std::string DumpStream::end_of_log() {
  std::string framed;
  protocol::append_packet(framed, sequence_, protocol::encode(protocol::EofPacket()));
  return framed;
}

}  // namespace tiderelay::relay
