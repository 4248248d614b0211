// protocol/charset.cc: text of all character sets to UTF-8.
#include "protocol/charset.h"

#include <unicode/ucnv.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <vector>

#include "base/check.h"
#include "protocol/charset_tables.h"
#include "protocol/number_text.h"

namespace tiderelay::protocol {
namespace {

constexpr std::uint16_t kNone = 0xffff;
constexpr std::uint8_t kThreeByteLead = 0x8f;  // of the EUC sets
constexpr unsigned kThreeByteFirst = 0xa1;
constexpr unsigned kThreeByteWidth = 94;

[[gnu::noinline]] Error not_text(std::string_view charset, ByteView bytes, std::size_t at) {
  std::string hex;
  append_hex(hex, bytes.subspan(at, std::min<std::size_t>(4, bytes.size() - at)));
  return Error(Errc::kData, "byte " + std::to_string(at + 1) + " of a text is no character of " +
                                std::string(charset) + ": 0x" + hex);
}

unsigned byte_at(ByteView bytes, std::size_t at) { return std::to_integer<unsigned>(bytes[at]); }

class SingleByteConverter : public CharsetConverter {
 public:
  explicit SingleByteConverter(const SingleByteCharset& charset)
      : CharsetConverter(true), charset_(charset) {}

  Result<void> append_utf8(std::string& out, ByteView bytes) override {
    const std::size_t start = out.size();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const unsigned byte = byte_at(bytes, i);
      if (byte < 0x80) {
        out += static_cast<char>(byte);
        continue;
      }
      const std::uint16_t character = charset_.upper[byte - 0x80];
      if (character == kNone) {
        out.resize(start);
        return not_text(charset_.name, bytes, i);
      }
      append_utf8_character(out, character);
    }
    return {};
  }

 private:
  const SingleByteCharset& charset_;
};

// The Swedish variant of ISO 646: other letters in the place of brackets and braces.
class Swe7Converter : public CharsetConverter {
 public:
  Swe7Converter() : CharsetConverter(false) {}

  Result<void> append_utf8(std::string& out, ByteView bytes) override {
    constexpr std::string_view kBytes = "@[\\]^`{|}~";
    constexpr std::uint16_t kLetters[] = {0xc9, 0xc4, 0xd6, 0xc5, 0xdc,
                                          0xe9, 0xe4, 0xf6, 0xe5, 0xfc};
    const std::size_t start = out.size();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const auto byte = static_cast<char>(bytes[i]);
      const std::size_t letter = kBytes.find(byte);
      if (byte_at(bytes, i) >= 0x7f) {
        out.resize(start);
        return not_text("swe7", bytes, i);
      }
      if (letter == std::string_view::npos) {
        out += byte;
      } else {
        append_utf8_character(out, kLetters[letter]);
      }
    }
    return {};
  }
};

// All characters of a multi-byte set, asked of ICU once and corrected by the set's exceptions.
class MultiByteTable {
 public:
  explicit MultiByteTable(const MultiByteCharset& charset)
      : name_(charset.name),
        euc_(charset.name == "ujis" || charset.name == "eucjpms"),
        one_(128, kNone),
        two_(std::size_t{128} * 256, kNone) {
    UErrorCode status = U_ZERO_ERROR;
    UConverter* icu = ucnv_open(charset.icu_name, &status);
    CHECK(U_SUCCESS(status), charset.icu_name);
    ucnv_setToUCallBack(icu, UCNV_TO_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &status);
    for (unsigned lead = 0x80; lead < 0x100; ++lead) {
      const char alone[] = {static_cast<char>(lead)};
      one_[lead - 0x80] = ask(icu, {alone, 1});
      for (unsigned trail = 0x30; trail < 0x100; ++trail) {
        const char pair[] = {static_cast<char>(lead), static_cast<char>(trail)};
        if (one_[lead - 0x80] == kNone) two_[index(lead, trail)] = ask(icu, {pair, 2});
      }
    }
    if (euc_) load_three_bytes(icu);
    ucnv_close(icu);
    for (const CodeRun& run : charset.exceptions) {
      std::uint32_t code = run.first;
      for (const char16_t character : run.characters) set(code++, character);
    }
  }

  [[nodiscard]] std::string_view name() const { return name_; }

  // The character at the start of bytes (not ASCII) and its length; kNone if there is none.
  [[nodiscard]] std::uint16_t find(ByteView bytes, std::size_t& length) const {
    const unsigned lead = byte_at(bytes, 0);
    if (euc_ && lead == kThreeByteLead) {
      length = 3;
      if (bytes.size() < 3) return kNone;
      return three_at(byte_at(bytes, 1), byte_at(bytes, 2));
    }
    length = 1;
    if (one_[lead - 0x80] != kNone) return one_[lead - 0x80];
    length = 2;
    return bytes.size() < 2 ? kNone : two_[index(lead, byte_at(bytes, 1))];
  }

 private:
  static std::size_t index(unsigned lead, unsigned trail) {
    return std::size_t{lead - 0x80} * 256 + trail;
  }

  static std::uint16_t ask(UConverter* icu, std::string_view bytes) {
    std::array<UChar, 4> characters{};
    UErrorCode status = U_ZERO_ERROR;
    ucnv_resetToUnicode(icu);
    const std::int32_t count = ucnv_toUChars(icu, characters.data(), 4, bytes.data(),
                                             static_cast<std::int32_t>(bytes.size()), &status);
    return U_SUCCESS(status) && count == 1 ? static_cast<std::uint16_t>(characters[0]) : kNone;
  }

  void load_three_bytes(UConverter* icu) {
    three_.assign(std::size_t{kThreeByteWidth} * kThreeByteWidth, kNone);
    for (unsigned i = 0; i < three_.size(); ++i) {
      const char bytes[] = {static_cast<char>(kThreeByteLead),
                            static_cast<char>(kThreeByteFirst + i / kThreeByteWidth),
                            static_cast<char>(kThreeByteFirst + i % kThreeByteWidth)};
      three_[i] = ask(icu, {bytes, 3});
    }
    one_[kThreeByteLead - 0x80] = kNone;
  }

  [[nodiscard]] std::uint16_t three_at(unsigned second, unsigned third) const {
    const unsigned row = second - kThreeByteFirst;  // wraps around below
    const unsigned column = third - kThreeByteFirst;
    if (row >= kThreeByteWidth || column >= kThreeByteWidth) return kNone;
    return three_[std::size_t{row} * kThreeByteWidth + column];
  }

  void set(std::uint32_t code, char16_t character) {
    if (code > 0xffff) {
      three_[((code >> 8 & 0xff) - kThreeByteFirst) * std::size_t{kThreeByteWidth} +
             ((code & 0xff) - kThreeByteFirst)] = character;
    } else {
      two_[index(code >> 8, code & 0xff)] = character;
    }
  }

  std::string_view name_;
  bool euc_;
  std::vector<std::uint16_t> one_;    // bytes that are a character alone
  std::vector<std::uint16_t> two_;    // 128 leads of 256 trails
  std::vector<std::uint16_t> three_;  // behind 0x8f
};

class MultiByteConverter : public CharsetConverter {
 public:
  explicit MultiByteConverter(const MultiByteTable& table)
      : CharsetConverter(true), table_(table) {}

  Result<void> append_utf8(std::string& out, ByteView bytes) override {
    const std::size_t start = out.size();
    for (std::size_t at = 0; at < bytes.size();) {
      const unsigned lead = byte_at(bytes, at);
      if (lead < 0x80) {
        out += static_cast<char>(lead);
        ++at;
        continue;
      }
      std::size_t length = 0;
      const std::uint16_t character = table_.find(bytes.subspan(at), length);
      if (character == kNone) {
        out.resize(start);
        return not_text(table_.name(), bytes, at);
      }
      append_utf8_character(out, character);
      at += length;
    }
    return {};
  }

 private:
  const MultiByteTable& table_;
};

// ICU's gb18030 is the servers' own.
class Gb18030Converter : public CharsetConverter {
 public:
  Gb18030Converter() : CharsetConverter(true) {
    UErrorCode status = U_ZERO_ERROR;
    icu_ = ucnv_open("gb18030", &status);
    CHECK(U_SUCCESS(status), "ICU has gb18030");
    ucnv_setToUCallBack(icu_, UCNV_TO_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &status);
  }
  ~Gb18030Converter() override { ucnv_close(icu_); }

  Result<void> append_utf8(std::string& out, ByteView bytes) override {
    const std::size_t start = out.size();
    const char* const begin = as_text(bytes).data();
    const char* at = begin;
    ucnv_resetToUnicode(icu_);
    while (at < begin + bytes.size()) {
      UErrorCode status = U_ZERO_ERROR;
      const char* const before = at;
      const UChar32 character = ucnv_getNextUChar(icu_, &at, begin + bytes.size(), &status);
      if (U_FAILURE(status)) {
        out.resize(start);
        return not_text("gb18030", bytes, static_cast<std::size_t>(before - begin));
      }
      append_utf8_character(out, static_cast<std::uint32_t>(character));
    }
    return {};
  }

 private:
  UConverter* icu_ = nullptr;
};

// ucs2, utf16 (both big-endian), utf16le and utf32 (big-endian).
class UnicodeConverter : public CharsetConverter {
 public:
  UnicodeConverter(std::string_view name, unsigned unit_bytes, bool little, bool pairs)
      : CharsetConverter(false),
        name_(name),
        unit_bytes_(unit_bytes),
        little_(little),
        pairs_(pairs) {}

  Result<void> append_utf8(std::string& out, ByteView bytes) override {
    const std::size_t start = out.size();
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t begin = at;
      std::uint32_t code = 0;
      const bool complete = take_unit(bytes, at, code);
      if (complete && pairs_ && code >= 0xd800 && code < 0xdc00) {
        std::uint32_t low = 0;
        const bool paired = take_unit(bytes, at, low) && low >= 0xdc00 && low < 0xe000;
        if (paired) code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      }
      const bool surrogate = code >= 0xd800 && code < 0xe000;
      if (!complete || surrogate || code > 0x10ffff) {
        out.resize(start);
        return not_text(name_, bytes, begin);
      }
      append_utf8_character(out, code);
    }
    return {};
  }

 private:
  bool take_unit(ByteView bytes, std::size_t& at, std::uint32_t& unit) const {
    if (bytes.size() - at < unit_bytes_) return false;
    unit = 0;
    for (unsigned i = 0; i < unit_bytes_; ++i) {
      const unsigned byte = byte_at(bytes, at + (little_ ? unit_bytes_ - 1 - i : i));
      unit = unit << 8 | byte;
    }
    at += unit_bytes_;
    return true;
  }

  std::string_view name_;
  unsigned unit_bytes_;
  bool little_;
  bool pairs_;
};

// Made when first asked for; never changed afterwards, so all threads share them.
const MultiByteTable* find_table(std::string_view name) {
  struct Entry {
    std::once_flag once;
    std::unique_ptr<const MultiByteTable> table;
  };
  static std::array<Entry, 16> entries;
  const auto charsets = multi_byte_charsets();
  CHECK(charsets.size() <= entries.size(), "a place for each table");
  for (std::size_t i = 0; i < charsets.size(); ++i) {
    if (charsets[i].name != name) continue;
    std::call_once(entries[i].once,
                   [&] { entries[i].table = std::make_unique<const MultiByteTable>(charsets[i]); });
    return entries[i].table.get();
  }
  return nullptr;
}

}  // namespace

void append_utf8_character(std::string& out, std::uint32_t code_point) {
  char bytes[4];
  std::size_t count = 0;
  if (code_point < 0x80) {
    bytes[count++] = static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    bytes[count++] = static_cast<char>(0xc0 | code_point >> 6);
    bytes[count++] = static_cast<char>(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    bytes[count++] = static_cast<char>(0xe0 | code_point >> 12);
    bytes[count++] = static_cast<char>(0x80 | (code_point >> 6 & 0x3f));
    bytes[count++] = static_cast<char>(0x80 | (code_point & 0x3f));
  } else {
    bytes[count++] = static_cast<char>(0xf0 | code_point >> 18);
    bytes[count++] = static_cast<char>(0x80 | (code_point >> 12 & 0x3f));
    bytes[count++] = static_cast<char>(0x80 | (code_point >> 6 & 0x3f));
    bytes[count++] = static_cast<char>(0x80 | (code_point & 0x3f));
  }
  out.append(bytes, count);
}

Result<std::unique_ptr<CharsetConverter>> open_converter(std::string_view charset) {
  using Opened = std::unique_ptr<CharsetConverter>;
  const Charset* const found = find_charset(charset);
  if (found == nullptr) {
    return Error(Errc::kUnsupported, "the character set \"" + std::string(charset) + "\"");
  }
  const std::string_view name = found->name;
  for (const std::string_view same : {"utf8mb4", "utf8mb3", "ascii", "binary"}) {
    if (name == same) return Opened();
  }
  for (const SingleByteCharset& single : single_byte_charsets()) {
    if (single.name == name) return Opened(std::make_unique<SingleByteConverter>(single));
  }
  if (const MultiByteTable* table = find_table(name)) {
    return Opened(std::make_unique<MultiByteConverter>(*table));
  }
  if (name == "gb18030") return Opened(std::make_unique<Gb18030Converter>());
  if (name == "swe7") return Opened(std::make_unique<Swe7Converter>());
  if (name == "ucs2") return Opened(std::make_unique<UnicodeConverter>(name, 2, false, false));
  if (name == "utf16") return Opened(std::make_unique<UnicodeConverter>(name, 2, false, true));
  if (name == "utf16le") return Opened(std::make_unique<UnicodeConverter>(name, 2, true, true));
  if (name == "utf32") return Opened(std::make_unique<UnicodeConverter>(name, 4, false, false));
  return Error(Errc::kUnsupported, "the character set \"" + std::string(charset) + "\"");
}

}  // namespace tiderelay::protocol
