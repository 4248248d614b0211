// protocol/json_binary.cc: binary JSON.
//
// document:  type 1, value
// container: count n, size n, (object: key offset n, key length 2)*, (type 1, offset or value n)*,
//            keys, values; n = 2 (small) or 4 (large); offsets count from the container's start
// string:    length (7 bits a byte, low first, high bit: more), UTF-8
// opaque:    MySQL type 1, length as for strings, bytes
#include "protocol/json_binary.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocol/number_text.h"
#include "protocol/row_image.h"

namespace tiderelay::protocol {
namespace {

enum : std::uint8_t {
  kSmallObject = 0,
  kLargeObject = 1,
  kSmallArray = 2,
  kLargeArray = 3,
  kLiteral = 4,
  kInt16 = 5,
  kUint16 = 6,
  kInt32 = 7,
  kUint32 = 8,
  kInt64 = 9,
  kUint64 = 10,
  kDouble = 11,
  kText = 12,
  kOpaque = 15,
};

void append_base64(std::string& out, ByteView bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t n = 0; n < 3; ++n) {
      group = group << 8 | (n < have ? std::to_integer<std::uint32_t>(bytes[i + n]) : 0);
    }
    for (std::size_t n = 0; n < 4; ++n) {
      out += n <= have ? kDigits[group >> (18 - 6 * n) & 63] : '=';
    }
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    constexpr std::string_view kNamed = "\b\t\n\f\r\"\\";
    constexpr std::string_view kNames = "btnfr\"\\";
    const std::size_t named = kNamed.find(text[i]);
    if (named != std::string_view::npos) {
      out += '\\';
      out += kNames[named];
    } else {
      out += "\\u00";
      append_hex(out, as_bytes(text.substr(i, 1)));
    }
  }
  out.append(text, plain);
  out += '"';
}

class JsonPrinter {
 public:
  // No byte of a document belongs to two values, so what is read never exceeds what is there.
  JsonPrinter(std::string& out, std::size_t document_bytes)
      : out_(out), budget_bytes_(document_bytes) {}

  [[nodiscard]] bool value(std::uint8_t type, ByteView bytes, int depth) {
    switch (type) {
      case kSmallObject:
        return container<2>(bytes, true, depth);
      case kLargeObject:
        return container<4>(bytes, true, depth);
      case kSmallArray:
        return container<2>(bytes, false, depth);
      case kLargeArray:
        return container<4>(bytes, false, depth);
      case kText: {
        std::string_view text;
        if (!sized_text(bytes, text)) return false;
        append_json_string(out_, text);
        return true;
      }
      case kOpaque:
        return opaque(bytes);
      default:
        return scalar(type, bytes);
    }
  }

 private:
  [[nodiscard]] bool spend(std::size_t bytes) {
    if (bytes > budget_bytes_) return false;
    budget_bytes_ -= bytes;
    return true;
  }

  [[nodiscard]] bool sized_text(ByteView bytes, std::string_view& text) {
    std::uint64_t size = 0;
    std::size_t at = 0;
    for (;; ++at) {
      if (at >= bytes.size() || at >= 5) return false;
      const auto byte = std::to_integer<std::uint64_t>(bytes[at]);
      size |= (byte & 0x7f) << (7 * at);
      if ((byte & 0x80) == 0) break;
    }
    const ByteView rest = bytes.subspan(at + 1);
    if (rest.size() < size || !spend(static_cast<std::size_t>(size))) return false;
    text = as_text(rest.first(static_cast<std::size_t>(size)));
    return true;
  }

  template <unsigned kBytes, class Integer>
  [[nodiscard]] bool integer(ByteView bytes) {
    if (bytes.size() < kBytes) return false;
    append_integer(out_, static_cast<Integer>(load_le<kBytes>(bytes.data())));
    return true;
  }

  [[nodiscard]] bool scalar(std::uint8_t type, ByteView bytes) {
    switch (type) {
      case kLiteral: {
        if (bytes.empty()) return false;
        constexpr std::string_view kWords[] = {"null", "true", "false"};
        const auto word = std::to_integer<std::size_t>(bytes[0]);
        if (word > 2) return false;
        out_ += kWords[word];
        return true;
      }
      case kInt16:
        return integer<2, std::int16_t>(bytes);
      case kUint16:
        return integer<2, std::uint16_t>(bytes);
      case kInt32:
        return integer<4, std::int32_t>(bytes);
      case kUint32:
        return integer<4, std::uint32_t>(bytes);
      case kInt64:
        return integer<8, std::int64_t>(bytes);
      case kUint64:
        return integer<8, std::uint64_t>(bytes);
      case kDouble:
        return bytes.size() >= 8 && real(std::bit_cast<double>(load_le<8>(bytes.data())));
      default:
        return false;
    }
  }

  [[nodiscard]] bool real(double number) {
    const std::size_t start = out_.size();
    if (!append_mysql_double(out_, number)) return false;
    const std::string_view text = std::string_view(out_).substr(start);
    if (text.find_first_of(".e") == std::string_view::npos) out_ += ".0";
    return true;
  }

  [[nodiscard]] bool opaque(ByteView bytes) {
    std::string_view text;
    if (bytes.empty() || !sized_text(bytes.subspan(1), text)) return false;
    const ByteView data = as_bytes(text);
    const auto type = static_cast<ColumnType>(bytes[0]);
    if (type == ColumnType::kNewDecimal) {
      return data.size() >= 2 &&
             append_decimal(out_, data.subspan(2), std::to_integer<unsigned>(data[0]),
                            std::to_integer<unsigned>(data[1]));
    }
    const bool temporal = type == ColumnType::kDate || type == ColumnType::kTime ||
                          type == ColumnType::kDateTime || type == ColumnType::kTimestamp;
    if (temporal && data.size() != 8) return false;
    out_ += '"';
    if (temporal) {
      const auto packed = static_cast<std::int64_t>(load_le<8>(data.data()));
      if (type == ColumnType::kDate) append_packed_date(out_, packed);
      if (type == ColumnType::kTime) append_packed_time(out_, packed, 6);
      if (type == ColumnType::kDateTime || type == ColumnType::kTimestamp) {
        append_packed_datetime(out_, packed, 6);
      }
    } else {
      out_ += "base64:type";
      append_integer(out_, static_cast<int>(type));
      out_ += ':';
      append_base64(out_, data);
    }
    out_ += '"';
    return true;
  }

  template <unsigned kOffset>
  [[nodiscard]] bool container(ByteView bytes, bool object, int depth) {
    constexpr std::size_t kHead = 2 * kOffset;
    constexpr std::size_t kKeyEntry = kOffset + 2;
    constexpr std::size_t kValueEntry = kOffset + 1;
    if (depth >= kMaxJsonDepth || bytes.size() < kHead || !spend(kHead)) return false;
    const std::uint64_t count = load_le<kOffset>(bytes.data());
    const std::uint64_t size = load_le<kOffset>(bytes.data() + kOffset);
    const std::size_t entry_bytes = kValueEntry + (object ? kKeyEntry : 0);
    if (size > bytes.size() || size < kHead || (size - kHead) / entry_bytes < count ||
        !spend(static_cast<std::size_t>(count) * entry_bytes)) {
      return false;
    }
    const ByteView all = bytes.first(static_cast<std::size_t>(size));
    const std::byte* key_entry = all.data() + kHead;
    const std::byte* value_entry =
        key_entry + (object ? static_cast<std::size_t>(count) * kKeyEntry : 0);
    out_ += object ? '{' : '[';
    for (std::uint64_t i = 0; i < count; ++i) {
      if (i > 0) out_ += ", ";
      if (object) {
        if (!key(all, load_le<kOffset>(key_entry), load_le<2>(key_entry + kOffset))) return false;
        key_entry += kKeyEntry;
        out_ += ": ";
      }
      if (!entry<kOffset>(all, value_entry, depth)) return false;
      value_entry += kValueEntry;
    }
    out_ += object ? '}' : ']';
    return true;
  }

  [[nodiscard]] bool key(ByteView container, std::uint64_t offset, std::uint64_t size) {
    if (offset > container.size() || container.size() - offset < size ||
        !spend(static_cast<std::size_t>(size))) {
      return false;
    }
    append_json_string(out_, as_text(container.subspan(static_cast<std::size_t>(offset),
                                                       static_cast<std::size_t>(size))));
    return true;
  }

  // Small values stand in the entry itself.
  template <unsigned kOffset>
  [[nodiscard]] bool entry(ByteView container, const std::byte* at, int depth) {
    const auto type = std::to_integer<std::uint8_t>(*at);
    const bool in_place = type == kLiteral || type == kInt16 || type == kUint16 ||
                          (kOffset == 4 && (type == kInt32 || type == kUint32));
    if (in_place) return scalar(type, {at + 1, kOffset});
    const std::uint64_t offset = load_le<kOffset>(at + 1);
    if (offset >= container.size()) return false;
    return value(type, container.subspan(static_cast<std::size_t>(offset)), depth + 1);
  }

  std::string& out_;
  std::size_t budget_bytes_;
};

}  // namespace

Result<void> append_json_text(std::string& out, ByteView binary) {
  if (binary.empty()) {
    out += "null";
    return {};
  }
  const std::size_t start = out.size();
  JsonPrinter printer(out, binary.size());
  if (!printer.value(std::to_integer<std::uint8_t>(binary[0]), binary.subspan(1), 0)) {
    out.resize(start);
    return Error(Errc::kCorrupt, "a JSON value of " + std::to_string(binary.size()) +
                                     " bytes that is not MySQL's binary JSON");
  }
  return {};
}

}  // namespace tiderelay::protocol
