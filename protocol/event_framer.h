// protocol/event_framer.h: turns a binlog's bytes, cut anywhere, into event headers and bodies.
//
// In:     the bytes after the file's magic, as they arrive; feed() when next() says kNeedBytes.
// Out:    kHeader, then kBody steps until `last`. Bodies are views of the fed bytes, never joined:
//         an event of 1 GiB costs 19 bytes of memory here. Bodies include the checksum.
// Limit:  an event longer than max_event_size_bytes is Errc::kLimit; nothing is allocated for it.
// Source: MySQL libs/mysql/binlog/event/binlog_event.h, Log_event_header.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/event.h"

namespace tiderelay::protocol {

class EventFramer {
 public:
  enum class Kind : std::uint8_t { kNeedBytes, kHeader, kBody };
  struct Step {
    Kind kind = Kind::kNeedBytes;
    EventHeader header;  // of the event that the bytes belong to
    ByteView bytes;      // raw, to be stored as they are; valid until the next call
    bool last = false;   // the event ends with these bytes
  };

  explicit EventFramer(std::uint32_t max_event_size_bytes = kMaxEventBytes)
      : limit_bytes_(max_event_size_bytes) {}

  void feed(ByteView bytes);          // REQUIRES: next() said kNeedBytes, or first call
  [[nodiscard]] Result<Step> next();  // after an error: the same error again
  void reset();                       // forget the event in progress and the bytes fed
  [[nodiscard]] bool between_events() const { return header_filled_ == 0 && body_left_bytes_ == 0; }

 private:
  [[nodiscard]] ByteView take(std::size_t at_most);
  [[nodiscard]] Result<EventHeader> decode_header() const;

  std::uint32_t limit_bytes_;
  ByteView input_;
  // Invariant: header_filled_ < kEventHeaderBytes unless the header was refused, and
  // kEventHeaderBytes + body_left_bytes_ <= header_.event_size_bytes <= limit_bytes_ in a body.
  std::array<std::byte, kEventHeaderBytes> header_bytes_{};
  std::size_t header_filled_ = 0;
  EventHeader header_;
  std::size_t body_left_bytes_ = 0;
};

}  // namespace tiderelay::protocol
