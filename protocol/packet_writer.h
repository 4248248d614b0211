// protocol/packet_writer.h: cuts payloads into frames (layout: packet_reader.h), without copying:
// FrameCutter gives headers and ranges of a payload of which only the size is known.
//
// A payload that is a multiple of max_frame_bytes ends with an empty frame, as the peer expects.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/packet_reader.h"

namespace tiderelay::protocol {

class FrameCutter {
 public:
  struct Frame {
    std::array<char, kFrameHeaderBytes> header{};
    std::uint64_t offset_bytes = 0;  // the frame's range of the payload
    std::size_t size_bytes = 0;
  };

  FrameCutter(std::uint64_t payload_bytes, std::uint8_t first_sequence,
              std::size_t max_frame_bytes = kMaxFrameBytes)
      : payload_bytes_(payload_bytes),
        sequence_(first_sequence),
        max_frame_bytes_(max_frame_bytes) {}

  [[nodiscard]] std::optional<Frame> next();  // nothing: the payload has ended
  [[nodiscard]] std::uint8_t sequence() const { return sequence_; }  // of the frame after

 private:
  const std::uint64_t payload_bytes_;
  std::uint64_t at_bytes_ = 0;
  bool ended_ = false;
  std::uint8_t sequence_;
  const std::size_t max_frame_bytes_;
};

// Appends the frames of one packet to `out` and advances `sequence` past them.
void append_packet(std::string& out, std::uint8_t& sequence, std::string_view payload,
                   std::size_t max_frame_bytes = kMaxFrameBytes);

}  // namespace tiderelay::protocol
