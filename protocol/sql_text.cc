// protocol/sql_text.cc: quoting.
#include "protocol/sql_text.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "protocol/number_text.h"

namespace tiderelay::protocol {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHighs = 0x8080808080808080;

constexpr bool is_special(char c, bool no_backslash_escapes) {
  return c == '\'' || (!no_backslash_escapes && (c == '\\' || c == '\0'));
}

// The high bit of each byte of word that equals c; bytes above a hit may be marked wrongly.
constexpr std::uint64_t bytes_equal(std::uint64_t word, char c) {
  const std::uint64_t difference = word ^ (kOnes * static_cast<unsigned char>(c));
  return (difference - kOnes) & ~difference & kHighs;
}

// How many bytes from at on need no escape.
std::size_t plain_bytes(const char* at, std::size_t size, bool no_backslash_escapes) {
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at + i, 8);
    std::uint64_t hits = bytes_equal(word, '\'');
    if (!no_backslash_escapes) hits |= bytes_equal(word, '\\') | bytes_equal(word, '\0');
    if (hits != 0) return i + static_cast<std::size_t>(std::countr_zero(hits)) / 8;
  }
  while (i < size && !is_special(at[i], no_backslash_escapes)) ++i;
  return i;
}

void append_escaped(std::string& out, std::string_view text, bool no_backslash_escapes) {
  while (true) {
    const std::size_t plain = plain_bytes(text.data(), text.size(), no_backslash_escapes);
    out.append(text.substr(0, plain));
    if (plain == text.size()) return;
    const char special = text[plain];
    out += no_backslash_escapes ? '\'' : '\\';
    out += special == '\0' ? '0' : special;
    text.remove_prefix(plain + 1);
  }
}

}  // namespace

void append_quoted(std::string& out, std::string_view text, bool no_backslash_escapes) {
  out += '\'';
  append_escaped(out, text, no_backslash_escapes);
  out += '\'';
}

void append_identifier(std::string& out, std::string_view name) {
  out += '`';
  for (const char c : name) {
    if (c == '`') out += '`';
    out += c;
  }
  out += '`';
}

void append_binary_literal(std::string& out, ByteView bytes, std::size_t zero_bytes,
                           bool no_backslash_escapes) {
  // Servers read hex as fast or faster; above this size the packet's length counts for more.
  constexpr std::size_t kHexUpTo = 1024;
  if (no_backslash_escapes || bytes.size() + zero_bytes <= kHexUpTo) {
    out += "x'";
    append_hex(out, bytes);
    out.append(zero_bytes * 2, '0');
  } else {
    out += "_binary'";
    append_escaped(out, as_text(bytes), false);
    for (std::size_t i = 0; i < zero_bytes; ++i) out += "\\0";
  }
  out += '\'';
}

void escape_from(std::string& out, std::size_t start, bool no_backslash_escapes) {
  const std::size_t size = out.size() - start;
  const std::size_t plain = plain_bytes(out.data() + start, size, no_backslash_escapes);
  if (plain == size) return;
  std::size_t more = 0;
  for (std::size_t i = start + plain; i < out.size(); ++i) {
    more += is_special(out[i], no_backslash_escapes) ? 1 : 0;
  }
  std::size_t from = out.size();
  out.resize(out.size() + more);
  std::size_t to = out.size();
  while (from != to) {  // the bytes before the first special one are where they belong
    const char c = out[--from];
    const bool special = is_special(c, no_backslash_escapes);
    out[--to] = special && c == '\0' ? '0' : c;
    if (special) out[--to] = no_backslash_escapes ? '\'' : '\\';
  }
}

}  // namespace tiderelay::protocol
