// protocol/packet_writer.cc: see packet_writer.h.
#include "protocol/packet_writer.h"

#include <algorithm>

namespace tiderelay::protocol {

std::optional<FrameCutter::Frame> FrameCutter::next() {
  if (ended_) return std::nullopt;
  Frame frame;
  frame.offset_bytes = at_bytes_;
  frame.size_bytes = static_cast<std::size_t>(
      std::min<std::uint64_t>(payload_bytes_ - at_bytes_, max_frame_bytes_));
  for (unsigned i = 0; i < 3; ++i) {
    frame.header[i] = static_cast<char>(frame.size_bytes >> (8 * i) & 0xff);
  }
  frame.header[3] = static_cast<char>(sequence_++);
  at_bytes_ += frame.size_bytes;
  ended_ = frame.size_bytes < max_frame_bytes_;
  return frame;
}

void append_packet(std::string& out, std::uint8_t& sequence, std::string_view payload,
                   std::size_t max_frame_bytes) {
  FrameCutter cutter(payload.size(), sequence, max_frame_bytes);
  while (const auto frame = cutter.next()) {
    out.append(frame->header.data(), frame->header.size());
    out.append(payload.substr(static_cast<std::size_t>(frame->offset_bytes), frame->size_bytes));
  }
  sequence = cutter.sequence();
}

}  // namespace tiderelay::protocol
