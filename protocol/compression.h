// protocol/compression.h: the layer of zlib-compressed frames below packets (CLIENT_COMPRESS),
// which begins after authentication.
//
// In/out: packet frames as PacketReader and FrameCutter know them. A compressed frame holds any
// part
//         of them: several packets, or a piece of one.
// Limit:  a frame inflates to at most 16 MiB; one is inflated at a time.
// Source: MySQL 8.0.40, sql-common/net_serv.cc (compress_packet, net_read_compressed_packet). The
//         server takes over the number of the compressed frame for its packets whenever it flushes,
//         so under compression packet numbers prove nothing and are not checked.
//
// offset  bytes  field
//      0      3  compressed length
//      3      1  sequence id of its own
//      4      3  length before compression; 0: the payload is not compressed
//      7      n  payload
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/packet_reader.h"

struct libdeflate_compressor;
struct libdeflate_decompressor;

namespace tiderelay::protocol {

class Compressor {
 public:
  Compressor();
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  void start(std::uint8_t sequence) { sequence_ = sequence; }  // 0 with each command
  void append(std::string& out, ByteView plain);

 private:
  libdeflate_compressor* const zlib_;
  std::uint8_t sequence_ = 0;
};

class Decompressor {
 public:
  Decompressor();
  ~Decompressor();
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  [[nodiscard]] std::span<std::byte> space();  // where the transport reads to
  void filled(std::size_t count_bytes);
  // Inflates the next complete frame to the end of `into`; false: more bytes are needed.
  [[nodiscard]] Result<bool> inflate(PacketReader& into);
  [[nodiscard]] std::uint8_t sequence() const { return sequence_; }  // behind the last frame

 private:
  libdeflate_decompressor* const zlib_;
  // Invariant: begin_ <= end_ <= buffer_.size().
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint8_t sequence_ = 0;
};

}  // namespace tiderelay::protocol
