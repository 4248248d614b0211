// protocol/payload.h: the events inside a TRANSACTION_PAYLOAD event, one at a time.
//
// In:     the event's body without its checksum, in any pieces.
// Out:    whole inner events. They have no checksum, their end_position is 0, and their table ids
// hold
//         in this payload alone (a TableMapCache of its own). Views are valid until the next call.
// Limit:  one inner event is at most max_event_size_bytes (kLimit); the payload itself has no
// limit:
//         memory is that of the largest inner event and of zstd's window. Nothing is allocated by a
//         length that was not decompressed yet.
// Source: MySQL libs/mysql/binlog/event/codecs/binary.cpp, compression/zstd_dec.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/event.h"

namespace tiderelay::protocol {

enum class PayloadCompression : std::uint8_t { kZstd = 0, kNone = 255 };

// The fields before the data, (type, length, value), all of them length-encoded integers:
//   1 payload size, 2 compression, 3 size before compression, 0 end
struct PayloadFields {
  std::uint64_t payload_size_bytes = 0;
  PayloadCompression compression = PayloadCompression::kZstd;
  std::optional<std::uint64_t> uncompressed_size_bytes;
};

class PayloadReader {
 public:
  enum class Kind : std::uint8_t { kNeedBytes, kEvent, kEnd };
  struct Step {
    Kind kind = Kind::kNeedBytes;
    EventView event;
  };

  explicit PayloadReader(std::uint32_t max_event_size_bytes = kMaxEventBytes);
  ~PayloadReader();
  PayloadReader(PayloadReader&&) noexcept;
  PayloadReader& operator=(PayloadReader&&) noexcept;

  void start(std::uint64_t body_size_bytes);  // a new TRANSACTION_PAYLOAD event
  void feed(ByteView body_piece);             // REQUIRES: next() said kNeedBytes, or first call
  [[nodiscard]] Result<Step> next();          // after an error: start() again
  // Known after the first event.
  [[nodiscard]] const PayloadFields& fields() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tiderelay::protocol
