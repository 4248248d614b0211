// relay/upstream_stream.cc: which packets are part of the file.
#include "relay/upstream_stream.h"

#include "protocol/command.h"
#include "protocol/control_events.h"
#include "protocol/format_description.h"
#include "protocol/response.h"

namespace tiderelay::relay {

namespace event_type = protocol::event_type;
using protocol::kEventHeaderBytes;

Result<UpstreamStream::Step> UpstreamStream::feed(const protocol::PacketPiece& piece) {
  if (!piece.first) {
    Step step;
    if (!storing_) return step;
    step.kind = Kind::kBytes;
    step.bytes = piece.bytes;
    step.last = piece.last;
    position_ += piece.bytes.size();
    return step;
  }
  wanted_ = false;
  if (protocol::is_error(piece.bytes)) return protocol::decode_error(piece.bytes);
  if (protocol::is_eof(piece.bytes)) {
    return Error(Errc::kConnection, "the upstream ended the dump (killed or shutting down)");
  }
  const std::size_t before = semi_sync_ ? 3 : 1;
  const bool event = piece.bytes.size() >= before + kEventHeaderBytes &&
                     piece.bytes.front() == std::byte{0} &&
                     (!semi_sync_ || piece.bytes[1] == std::byte{protocol::kSemiSyncMagic});
  if (!event) return Error(Errc::kCorrupt, "a packet of the dump is no event");
  wanted_ = semi_sync_ && piece.bytes[2] != std::byte{0};
  return begin_event(piece.bytes.subspan(before), piece.last);
}

Result<UpstreamStream::Step> UpstreamStream::begin_event(ByteView event, bool last) {
  const protocol::EventHeader header = protocol::load_event_header(event);
  storing_ = false;
  const bool about_stream = header.artificial() || header.type == event_type::kHeartbeat ||
                            header.type == event_type::kHeartbeatV2 ||
                            header.type == event_type::kFormatDescription;
  if (about_stream && !last) {
    return Error(Errc::kCorrupt, "a " + protocol::event_type_name(header.type) + " event of " +
                                     std::to_string(header.event_size_bytes) + " bytes");
  }
  if (header.type == event_type::kHeartbeat || header.type == event_type::kHeartbeatV2) {
    return take_heartbeat(event);
  }
  if (header.type == event_type::kRotate && header.artificial()) return take_rotate(event);
  const auto stored = is_stored(header, event);
  if (!stored) return stored.error();
  Step step;
  storing_ = *stored;
  if (!storing_) return step;
  if (header.timestamp_seconds != 0) timestamp_seconds_ = header.timestamp_seconds;
  position_ += event.size();
  step.kind = Kind::kBytes;
  step.bytes = event;
  step.first = true;
  step.last = last;
  return step;
}

Result<bool> UpstreamStream::is_stored(const protocol::EventHeader& header, ByteView event) {
  if (header.artificial()) return false;
  if (header.type == event_type::kFormatDescription) {
    const auto format = protocol::decode_format_description(event);
    if (!format) return format.error();
    checksum_ = format->checksum;
    return !inside_file_;
  }
  // Sent again behind the FORMAT_DESCRIPTION when the start is inside an encrypted file.
  return !(header.type == event_type::kMariaStartEncryption && header.end_position == 0);
}

// The checksum of events that are made for the stream is not always what the file has: see which
// fits.
Result<protocol::EventView> UpstreamStream::open_as_sent(ByteView event) const {
  const auto checked = protocol::open_event(event, protocol::ChecksumAlgorithm::kCrc32);
  if (checked || checksum_ == protocol::ChecksumAlgorithm::kCrc32) return checked;
  return protocol::open_event(event, protocol::ChecksumAlgorithm::kNone);
}

Result<UpstreamStream::Step> UpstreamStream::take_rotate(ByteView event) {
  const auto view = open_as_sent(event);
  if (!view) return view.error();
  const auto rotate = protocol::decode_rotate(*view);
  if (!rotate) return rotate.error();
  Step step;
  if (rotate->file == file_) return step;
  file_ = std::string(rotate->file);
  inside_file_ = rotate->position > 4;
  position_ = rotate->position;
  step.kind = Kind::kFile;
  step.file = file_;
  step.position = rotate->position;
  return step;
}

Result<UpstreamStream::Step> UpstreamStream::take_heartbeat(ByteView event) {
  const auto view = open_as_sent(event);
  if (!view) return view.error();
  const auto heartbeat = protocol::decode_heartbeat(*view);
  if (!heartbeat) return heartbeat.error();
  Step step;
  step.kind = Kind::kHeartbeat;
  step.position = heartbeat->position;
  return step;
}

}  // namespace tiderelay::relay
