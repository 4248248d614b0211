// protocol/packet_reader.h: turns the bytes of a connection, cut anywhere, into packets: whole, or
// in pieces so that a packet of 1 GiB costs no 1 GiB.
//
// In:     space() is where the transport reads to, filled() says how much came.
// Out:    next_packet() or next_piece(); nothing means: more bytes are needed. What they give are
//         views of the buffer, valid until the next space() or feed().
// Limits: a packet asked for whole may have max_packet_bytes, in pieces any size. The buffer grows
//         up to one frame, joined packets grow with what has arrived, never by a length alone.
// Source: MySQL 8.0.40, sql-common/net_serv.cc.
//
// A frame:
// offset  bytes  field
//      0      3  payload length; 0xffffff: the packet goes on in the next frame, which may be empty
//      3      1  sequence id, wraps after 255
//      4      n  payload
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace tiderelay::protocol {

inline constexpr std::size_t kFrameHeaderBytes = 4;
inline constexpr std::size_t kMaxFrameBytes = 0xffffff;

// A part of a packet. The first piece of a packet of at most whole_bytes is also its last one; of a
// longer packet it holds at least kFirstPieceBytes. The last one may be empty.
struct PacketPiece {
  ByteView bytes;
  bool first = false;
  bool last = false;
};
inline constexpr std::size_t kFirstPieceBytes = 64;

struct PacketLimits {
  std::size_t max_frame_bytes = kMaxFrameBytes;  // smaller in tests
  std::size_t buffer_bytes = 512 * 1024;         // one read of the transport gives at most this
  std::size_t whole_bytes = 64 * 1024;           // packets up to this are never cut into pieces
  std::size_t max_packet_bytes = (1U << 30) + 65'536;  // of next_packet(): an event of 1 GiB fits
};

class PacketReader {
 public:
  explicit PacketReader(PacketLimits limits = PacketLimits());

  // At least at_least_bytes of free buffer. Ends the life of all views given out.
  [[nodiscard]] std::span<std::byte> space(std::size_t at_least_bytes = 1);
  void filled(std::size_t count_bytes);
  void feed(ByteView bytes);  // both at once, by copy

  // After an error: the same error again.
  [[nodiscard]] Result<std::optional<ByteView>> next_packet();
  [[nodiscard]] Result<std::optional<PacketPiece>> next_piece();
  // Appends all pieces that the buffer holds.
  [[nodiscard]] Result<void> next_pieces(std::vector<PacketPiece>& into);

  // The packet before last went through a buffer of its own, which the next such packet overwrites.
  [[nodiscard]] bool gave_joined() const { return gave_joined_; }

  // The next frame must carry this id; without a call the first one is 0. An ERR may carry any: so
  // a server that ends the connection unasked says why.
  void expect_sequence(std::uint8_t id) { sequence_ = id; }
  void check_sequence(bool check) { check_sequence_ = check; }
  [[nodiscard]] std::uint8_t sequence() const { return sequence_; }

  [[nodiscard]] std::size_t buffered_bytes() const { return end_ - begin_; }
  [[nodiscard]] bool between_packets() const { return !packet_open_ && frame_left_bytes_ == 0; }

 private:
  [[nodiscard]] Result<std::optional<ByteView>> join();
  [[nodiscard]] bool header_ready() const;
  [[nodiscard]] bool starts_error() const;
  [[nodiscard]] Result<std::size_t> peek_header();  // REQUIRES: header_ready()
  void move_to(std::size_t capacity_bytes);
  Error fail(Error error);
  Error too_large();

  const PacketLimits limits_;
  // Invariant: begin_ <= end_ <= capacity_bytes_.
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t capacity_bytes_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t wanted_bytes_ = 0;  // from begin_, to give the frame that waits there whole

  std::size_t frame_left_bytes_ = 0;
  bool frame_continues_ = false;  // the current or last frame was full: another one follows
  bool packet_open_ = false;      // a piece was given and the packet has not ended
  bool joining_ = false;
  bool gave_joined_ = false;
  std::string joined_;

  std::uint8_t sequence_ = 0;
  bool check_sequence_ = true;
  std::optional<Error> failed_;
};

}  // namespace tiderelay::protocol
