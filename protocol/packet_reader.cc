// protocol/packet_reader.cc: see packet_reader.h.
#include "protocol/packet_reader.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace tiderelay::protocol {

PacketReader::PacketReader(PacketLimits limits) : limits_(limits) {
  CHECK(limits_.max_frame_bytes > 0 && limits_.max_frame_bytes <= kMaxFrameBytes,
        "a frame's length has three bytes");
}

Error PacketReader::fail(Error error) {
  failed_ = error;
  return error;
}

Error PacketReader::too_large() {
  return fail(Error(Errc::kLimit,
                    "a packet larger than " + std::to_string(limits_.max_packet_bytes) + " bytes"));
}

void PacketReader::move_to(std::size_t capacity_bytes) {
  auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity_bytes);
  const std::size_t kept = end_ - begin_;
  if (kept > 0) std::memcpy(larger.get(), buffer_.get() + begin_, kept);
  buffer_ = std::move(larger);
  capacity_bytes_ = capacity_bytes;
  begin_ = 0;
  end_ = kept;
}

std::span<std::byte> PacketReader::space(std::size_t at_least_bytes) {
  const std::size_t kept = end_ - begin_;
  if (kept == 0) begin_ = end_ = 0;
  const std::size_t needed = std::max(kept + at_least_bytes, wanted_bytes_);
  const bool oversized =
      capacity_bytes_ > 2 * limits_.buffer_bytes && needed < limits_.buffer_bytes;
  if (needed > capacity_bytes_ || oversized) {
    move_to(std::max(needed, limits_.buffer_bytes));
  } else if (begin_ > 0 &&
             (capacity_bytes_ - end_ < capacity_bytes_ / 2 || begin_ + needed > capacity_bytes_)) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, kept);
    begin_ = 0;
    end_ = kept;
  }
  return {buffer_.get() + end_, capacity_bytes_ - end_};
}

void PacketReader::filled(std::size_t count_bytes) {
  CHECK(count_bytes <= capacity_bytes_ - end_, "more was filled than there was space");
  end_ += count_bytes;
}

void PacketReader::feed(ByteView bytes) {
  if (bytes.empty()) return;
  const auto into = space(bytes.size());
  std::memcpy(into.data(), bytes.data(), bytes.size());
  filled(bytes.size());
}

bool PacketReader::header_ready() const {
  const std::size_t buffered = end_ - begin_;
  if (buffered < kFrameHeaderBytes) return false;
  const std::byte* at = buffer_.get() + begin_;
  const bool in_order = std::to_integer<std::uint8_t>(at[3]) == sequence_;
  return in_order || !check_sequence_ || load_le<3>(at) == 0 || buffered > kFrameHeaderBytes;
}

bool PacketReader::starts_error() const {
  return !packet_open_ && end_ - begin_ > kFrameHeaderBytes &&
         load_le<3>(buffer_.get() + begin_) > 0 &&
         buffer_[begin_ + kFrameHeaderBytes] == std::byte{0xff};
}

Result<std::size_t> PacketReader::peek_header() {
  const std::byte* at = buffer_.get() + begin_;
  const auto length = static_cast<std::size_t>(load_le<3>(at));
  const auto id = std::to_integer<std::uint8_t>(at[3]);
  if (length > limits_.max_frame_bytes) {
    return fail(Error(Errc::kCorrupt, "a packet frame of " + std::to_string(length) + " bytes"));
  }
  if (check_sequence_ && id != sequence_ && !starts_error()) {
    return fail(Error(Errc::kCorrupt, "packets out of order: number " + std::to_string(id) +
                                          " came, " + std::to_string(sequence_) + " was due"));
  }
  return length;
}

Result<std::optional<PacketPiece>> PacketReader::next_piece() {
  if (failed_) return *failed_;
  if (frame_left_bytes_ == 0) {
    if (!header_ready()) return std::optional<PacketPiece>();
    const Result<std::size_t> length = peek_header();
    if (!length) return length.error();
    if (!packet_open_) {
      const std::size_t due = *length <= limits_.whole_bytes ? *length : kFirstPieceBytes;
      wanted_bytes_ = kFrameHeaderBytes + std::min(due, *length);
      if (end_ - begin_ < wanted_bytes_) return std::optional<PacketPiece>();
    }
    wanted_bytes_ = 0;
    sequence_ = static_cast<std::uint8_t>(std::to_integer<unsigned>(buffer_[begin_ + 3]) + 1);
    begin_ += kFrameHeaderBytes;
    frame_left_bytes_ = *length;
    frame_continues_ = *length == limits_.max_frame_bytes;
    if (*length == 0) {
      const PacketPiece empty{{}, !packet_open_, true};
      packet_open_ = false;
      return std::optional<PacketPiece>(empty);
    }
  }
  const std::size_t count = std::min(frame_left_bytes_, end_ - begin_);
  if (count == 0) return std::optional<PacketPiece>();
  PacketPiece piece{{buffer_.get() + begin_, count}, !packet_open_, false};
  begin_ += count;
  frame_left_bytes_ -= count;
  piece.last = frame_left_bytes_ == 0 && !frame_continues_;
  packet_open_ = !piece.last;
  return std::optional<PacketPiece>(piece);
}

Result<void> PacketReader::next_pieces(std::vector<PacketPiece>& into) {
  for (;;) {
    const auto piece = next_piece();
    if (!piece) return piece.error();
    if (!*piece) return {};
    into.push_back(**piece);
  }
}

Result<std::optional<ByteView>> PacketReader::next_packet() {
  if (failed_) return *failed_;
  if (joining_) return join();
  CHECK(between_packets(), "a packet taken in pieces must be taken to its end");
  if (!header_ready()) return std::optional<ByteView>();
  const Result<std::size_t> length = peek_header();
  if (!length) return length.error();
  if (*length == limits_.max_frame_bytes) {
    joining_ = true;
    joined_.clear();
    return join();
  }
  if (*length > limits_.max_packet_bytes) return too_large();
  wanted_bytes_ = kFrameHeaderBytes + *length;
  if (end_ - begin_ < wanted_bytes_) return std::optional<ByteView>();
  sequence_ = static_cast<std::uint8_t>(std::to_integer<unsigned>(buffer_[begin_ + 3]) + 1);
  const ByteView packet(buffer_.get() + begin_ + kFrameHeaderBytes, *length);
  begin_ += wanted_bytes_;
  wanted_bytes_ = 0;
  gave_joined_ = false;
  return std::optional<ByteView>(packet);
}

Result<std::optional<ByteView>> PacketReader::join() {
  for (;;) {
    const auto piece = next_piece();
    if (!piece) return piece.error();
    if (!*piece) return std::optional<ByteView>();
    if (joined_.size() + (*piece)->bytes.size() > limits_.max_packet_bytes) {
      return too_large();
    }
    joined_.append(as_text((*piece)->bytes));
    if (!(*piece)->last) continue;
    joining_ = false;
    gave_joined_ = true;
    return std::optional<ByteView>(as_bytes(joined_));
  }
}

}  // namespace tiderelay::protocol
