// protocol/event_framer.cc: bytes to headers and bodies.
#include "protocol/event_framer.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace tiderelay::protocol {

void EventFramer::feed(ByteView bytes) {
  CHECK(input_.empty(), "the bytes fed before were not all taken");
  input_ = bytes;
}

void EventFramer::reset() {
  input_ = {};
  header_filled_ = 0;
  body_left_bytes_ = 0;
}

Result<EventFramer::Step> EventFramer::next() {
  if (body_left_bytes_ > 0) {
    const ByteView piece = take(body_left_bytes_);
    if (piece.empty()) return Step{};
    body_left_bytes_ -= piece.size();
    return Step{Kind::kBody, header_, piece, body_left_bytes_ == 0};
  }
  if (header_filled_ < kEventHeaderBytes) {
    const ByteView piece = take(kEventHeaderBytes - header_filled_);
    if (!piece.empty()) std::memcpy(&header_bytes_[header_filled_], piece.data(), piece.size());
    header_filled_ += piece.size();
    if (header_filled_ < kEventHeaderBytes) return Step{};
  }
  const Result<EventHeader> header = decode_header();
  if (!header) return header.error();  // header_filled_ stays: every later call ends here too
  header_ = *header;
  header_filled_ = 0;
  body_left_bytes_ = header_.event_size_bytes - kEventHeaderBytes;
  return Step{Kind::kHeader, header_, header_bytes_, body_left_bytes_ == 0};
}

ByteView EventFramer::take(std::size_t at_most) {
  const ByteView piece = input_.first(std::min(at_most, input_.size()));
  input_ = input_.subspan(piece.size());
  return piece;
}

Result<EventHeader> EventFramer::decode_header() const {
  const EventHeader header = load_event_header(header_bytes_);
  if (header.event_size_bytes < kEventHeaderBytes) {
    return Error(Errc::kCorrupt, event_type_name(header.type) + " event says it has " +
                                     std::to_string(header.event_size_bytes) +
                                     " bytes, less than its header");
  }
  if (header.event_size_bytes > limit_bytes_) {
    return Error(Errc::kLimit, event_type_name(header.type) + " event of " +
                                   std::to_string(header.event_size_bytes) +
                                   " bytes is longer than the limit of " +
                                   std::to_string(limit_bytes_));
  }
  return header;
}

}  // namespace tiderelay::protocol
