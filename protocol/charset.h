// protocol/charset.h: MySQL's and MariaDB's character sets and collations by id and name, and the
// conversion of text to UTF-8.
//
// Conversions are those of the servers, code for code: ICU's tables where they agree and exceptions
// where they do not, so that a row read from the log equals the one that a server converts itself.
// A converter may hold state: each thread opens its own.
// Source: what MySQL 5.6 to 9.7 and MariaDB 10.11 print.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/event.h"

namespace tiderelay::protocol {

struct Charset {
  std::string_view name;  // utf8mb3 for what older servers call utf8
  std::uint8_t max_bytes = 1;
  std::uint16_t newest_default_collation = 0;
  bool ascii_compatible = true;  // text of bytes below 0x80 alone is ASCII
};
// Any case; utf8 is utf8mb3. Null: no such character set.
[[nodiscard]] const Charset* find_charset(std::string_view name);

struct Collation {
  std::uint16_t id = 0;
  std::string name;  // utf8mb3_... for what older servers call utf8_...
  const Charset* charset = nullptr;
  bool binary_weights = false;  // compares codes or bytes: ..._bin and binary
  bool ignores_case = false;
  bool ignores_accents = false;  // told by the name only (_ai_); older _ci collations ignore most
  bool pad_space = true;         // trailing spaces do not count

  [[nodiscard]] bool is_binary() const { return charset->name == "binary"; }
};
[[nodiscard]] std::optional<Collation> find_collation(std::uint16_t id,
                                                      Dialect dialect = Dialect::kMysql);
[[nodiscard]] std::optional<Collation> find_collation(std::string_view name,
                                                      Dialect dialect = Dialect::kMysql);
// What a character set alone stands for in a definition; 80031 for 8.0.31.
[[nodiscard]] std::uint16_t default_collation(const Charset& charset, Dialect dialect,
                                              std::uint32_t server_version_number);

class CharsetConverter {
 public:
  explicit CharsetConverter(bool ascii_compatible) : ascii_compatible_(ascii_compatible) {}
  CharsetConverter(const CharsetConverter&) = delete;
  CharsetConverter& operator=(const CharsetConverter&) = delete;
  virtual ~CharsetConverter() = default;

  // Text of bytes below 0x80 alone is ASCII and needs no conversion.
  [[nodiscard]] bool ascii_compatible() const { return ascii_compatible_; }
  // Appends the text as UTF-8. Bytes that are no text of the character set: kData, out unchanged.
  [[nodiscard]] virtual Result<void> append_utf8(std::string& out, ByteView bytes) = 0;

 private:
  bool ascii_compatible_;
};

// Null where nothing is to be converted: utf8mb4, utf8mb3, ascii and binary. kUnsupported: not a
// character set of these servers.
[[nodiscard]] Result<std::unique_ptr<CharsetConverter>> open_converter(std::string_view charset);

void append_utf8_character(std::string& out, std::uint32_t code_point);

}  // namespace tiderelay::protocol
