// protocol/charset.h: MySQL's and MariaDB's character sets and collations by id and name, and the
// conversion of text to UTF-8.
//
// A converter holds the state of its library, so each thread opens its own.
// Source: what the servers print in information_schema.collations; strings/ctype-latin1.cc for the
// five holes of Windows-1252 that MySQL fills.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace tiderelay::protocol {

class CharsetConverter {
 public:
  explicit CharsetConverter(bool ascii_compatible) : ascii_compatible_(ascii_compatible) {}
  CharsetConverter(const CharsetConverter&) = delete;
  CharsetConverter& operator=(const CharsetConverter&) = delete;
  virtual ~CharsetConverter() = default;

  // Bytes below 0x80 mean ASCII wherever they stand, so that text without others needs no
  // conversion.
  [[nodiscard]] bool ascii_compatible() const { return ascii_compatible_; }
  // Appends the text as UTF-8. Bytes that are no text of the character set: kData, out unchanged.
  [[nodiscard]] virtual Result<void> append_utf8(std::string& out, ByteView bytes) = 0;

 private:
  bool ascii_compatible_;
};

}  // namespace tiderelay::protocol
