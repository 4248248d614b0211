// protocol/charset_tables.h: the tables behind charset.h; not for others.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tiderelay::protocol {

struct SingleByteCharset {
  std::string_view name;
  std::span<const std::uint16_t, 128> upper;  // of the bytes 0x80 to 0xff; 0xffff: no character
};
[[nodiscard]] std::span<const SingleByteCharset> single_byte_charsets();

// Characters of consecutive codes.
struct CodeRun {
  std::uint32_t first;
  std::u16string_view characters;
};

struct MultiByteCharset {
  std::string_view name;
  const char* icu_name;
  std::span<const CodeRun> exceptions;
};
[[nodiscard]] std::span<const MultiByteCharset> multi_byte_charsets();

}  // namespace tiderelay::protocol
