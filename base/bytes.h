// base/bytes.h: little-endian fields out of and into bytes.
//
// ByteReader is sticky: past the end it yields zeros and empty views, and ok() is asked once,
// before anything loops on or allocates from a value. Views point into the bytes given; they live
// as long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace tiderelay {

using ByteView = std::span<const std::byte>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <unsigned kBytes>
inline std::uint64_t load_le(const std::byte* from) {
  static_assert(kBytes >= 1 && kBytes <= 8);
  std::uint64_t value = 0;
  std::memcpy(&value, from, kBytes);
  return value;
}
template <unsigned kBytes>
inline std::uint64_t load_be(const std::byte* from) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < kBytes; ++i)
    value = value << 8 | std::to_integer<std::uint64_t>(from[i]);
  return value;
}

class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
  [[nodiscard]] std::size_t offset() const { return at_; }
  [[nodiscard]] ByteView rest() const { return bytes_.subspan(at_); }

  std::uint8_t u8() { return static_cast<std::uint8_t>(fixed<1>()); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(fixed<2>()); }
  std::uint32_t u24() { return static_cast<std::uint32_t>(fixed<3>()); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(fixed<4>()); }
  std::uint64_t u48() { return fixed<6>(); }
  std::uint64_t u64() { return fixed<8>(); }

  // MySQL's length-encoded integer; 0xfb (NULL) and 0xff are not integers and end the reader.
  std::uint64_t lenenc() {
    const std::uint8_t first = u8();
    if (first < 0xfb) return first;
    if (first == 0xfc) return fixed<2>();
    if (first == 0xfd) return fixed<3>();
    if (first == 0xfe) return fixed<8>();
    ok_ = false;
    return 0;
  }

  ByteView take(std::uint64_t count) {
    if (!ok_ || count > left()) {
      ok_ = false;
      return {};
    }
    const ByteView piece = bytes_.subspan(at_, static_cast<std::size_t>(count));
    at_ += static_cast<std::size_t>(count);
    return piece;
  }
  std::string_view text(std::uint64_t count) { return as_text(take(count)); }
  std::string_view lenenc_text() {
    const std::uint64_t size = lenenc();
    return text(size);
  }
  // Up to a NUL, which is consumed and not part of the result; without a NUL the reader ends.
  std::string_view nul_text() {
    const std::string_view all = as_text(rest());
    const std::size_t end = ok_ ? all.find('\0') : std::string_view::npos;
    if (end == std::string_view::npos) {
      ok_ = false;
      return {};
    }
    at_ += end + 1;
    return all.substr(0, end);
  }
  void skip(std::uint64_t count) { (void)take(count); }
  void fail() { ok_ = false; }

 private:
  template <unsigned kBytes>
  std::uint64_t fixed() {
    if (!ok_ || left() < kBytes) {
      ok_ = false;
      return 0;
    }
    const std::uint64_t value = load_le<kBytes>(bytes_.data() + at_);
    at_ += kBytes;
    return value;
  }

  ByteView bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

// Appends to a string, which serves as the byte buffer of all that is sent.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  ByteWriter& u8(std::uint64_t value) { return fixed(value, 1); }
  ByteWriter& u16(std::uint64_t value) { return fixed(value, 2); }
  ByteWriter& u24(std::uint64_t value) { return fixed(value, 3); }
  ByteWriter& u32(std::uint64_t value) { return fixed(value, 4); }
  ByteWriter& u64(std::uint64_t value) { return fixed(value, 8); }
  ByteWriter& lenenc(std::uint64_t value) {
    if (value < 0xfb) return u8(value);
    if (value <= 0xffff) return u8(0xfc).u16(value);
    if (value <= 0xffffff) return u8(0xfd).u24(value);
    return u8(0xfe).u64(value);
  }
  ByteWriter& bytes(ByteView bytes) {
    out_.append(as_text(bytes));
    return *this;
  }
  ByteWriter& text(std::string_view text) {
    out_.append(text);
    return *this;
  }
  ByteWriter& lenenc_text(std::string_view value) { return lenenc(value.size()).text(value); }
  ByteWriter& nul_text(std::string_view value) { return text(value).u8(0); }
  ByteWriter& zeros(std::size_t count) {
    out_.append(count, '\0');
    return *this;
  }

 private:
  ByteWriter& fixed(std::uint64_t value, unsigned count) {
    for (unsigned i = 0; i < count; ++i) out_.push_back(static_cast<char>(value >> (8 * i) & 0xff));
    return *this;
  }
  std::string& out_;
};

}  // namespace tiderelay
