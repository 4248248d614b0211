// protocol/compression.cc: see compression.h.
#include "protocol/compression.h"

#include <libdeflate.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace tiderelay::protocol {
namespace {

constexpr int kLevel = 6;  // the server's own
constexpr std::size_t kHeaderBytes = 7;
constexpr std::size_t kNotWorthBytes = 50;          // shorter ones go as they are
constexpr std::size_t kPlainFrameBytes = 1U << 18;  // what one frame of ours holds at most
constexpr std::size_t kReadBytes = 256 * 1024;

}  // namespace

Compressor::Compressor() : zlib_(libdeflate_alloc_compressor(kLevel)) {
  CHECK(zlib_ != nullptr, "libdeflate has a compressor");
}

Compressor::~Compressor() { libdeflate_free_compressor(zlib_); }

void Compressor::append(std::string& out, ByteView plain) {
  while (!plain.empty()) {
    const ByteView piece = plain.first(std::min(plain.size(), kPlainFrameBytes));
    plain = plain.subspan(piece.size());
    const std::size_t header = out.size();
    out.resize(header + kHeaderBytes + piece.size());
    std::size_t packed = 0;
    if (piece.size() >= kNotWorthBytes) {
      packed = libdeflate_zlib_compress(zlib_, piece.data(), piece.size(),
                                        out.data() + header + kHeaderBytes, piece.size() - 1);
    }
    if (packed == 0) std::memcpy(out.data() + header + kHeaderBytes, piece.data(), piece.size());
    std::string fields;
    ByteWriter(fields)
        .u24(packed == 0 ? piece.size() : packed)
        .u8(sequence_++)
        .u24(packed == 0 ? 0 : piece.size());
    out.replace(header, kHeaderBytes, fields);
    out.resize(header + kHeaderBytes + (packed == 0 ? piece.size() : packed));
  }
}

Decompressor::Decompressor() : zlib_(libdeflate_alloc_decompressor()) {
  CHECK(zlib_ != nullptr, "libdeflate has a decompressor");
}

Decompressor::~Decompressor() { libdeflate_free_decompressor(zlib_); }

std::span<std::byte> Decompressor::space() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() < end_ + kReadBytes) buffer_.resize(end_ + kReadBytes);
  return std::as_writable_bytes(std::span(buffer_)).subspan(end_);
}

void Decompressor::filled(std::size_t count_bytes) {
  CHECK(count_bytes <= buffer_.size() - end_, "more was filled than there was space");
  end_ += count_bytes;
}

Result<bool> Decompressor::inflate(PacketReader& into) {
  ByteReader reader(as_bytes(std::string_view(buffer_).substr(begin_, end_ - begin_)));
  const std::size_t packed = reader.u24();
  const std::uint8_t id = reader.u8();
  const std::size_t plain = reader.u24();
  const ByteView payload = reader.take(packed);
  if (!reader.ok()) return false;
  sequence_ = static_cast<std::uint8_t>(id + 1);
  if (plain == 0) {
    into.feed(payload);
  } else {
    const auto space = into.space(plain);
    const auto result = libdeflate_zlib_decompress(zlib_, payload.data(), payload.size(),
                                                   space.data(), plain, nullptr);
    if (result != LIBDEFLATE_SUCCESS) {
      return Error(Errc::kCorrupt, "a compressed frame does not inflate to its length");
    }
    into.filled(plain);
  }
  begin_ += kHeaderBytes + packed;
  return true;
}

}  // namespace tiderelay::protocol
