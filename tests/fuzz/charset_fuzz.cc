// tests/fuzz/charset_fuzz.cc: any bytes as text of the character set that the first byte chooses.
// What comes out is UTF-8, or the output is as it was.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "protocol/charset.h"

namespace {

constexpr std::string_view kNames[] = {"latin1",  "big5",  "cp932", "eucjpms", "euckr",  "gb2312",
                                       "gbk",     "sjis",  "ujis",  "gb18030", "ucs2",   "utf16",
                                       "utf16le", "utf32", "swe7",  "cp1251",  "tis620", "hebrew"};

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t more = first < 0x80   ? 0
                             : first < 0xc2 ? 9
                             : first < 0xe0 ? 1
                             : first < 0xf0 ? 2
                             : first < 0xf5 ? 3
                                            : 9;
    if (text.size() - i <= more) return false;
    for (std::size_t n = 1; n <= more; ++n) {
      if ((static_cast<unsigned char>(text[i + n]) & 0xc0) != 0x80) return false;
    }
    i += more + 1;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto converter = tiderelay::protocol::open_converter(kNames[data[0] % std::size(kNames)]);
  CHECK(converter.has_value() && *converter != nullptr, "the character set is known");
  std::string out = "before";
  const tiderelay::ByteView bytes(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  const bool converted = (*converter)->append_utf8(out, bytes).has_value();
  CHECK(converted || out == "before", "an error changes nothing");
  CHECK(is_utf8(out), "what comes out is UTF-8");
  return 0;
}
