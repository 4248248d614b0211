// relay/log_names.cc: names to numbers and back.
#include "relay/log_names.h"

#include <charconv>

namespace tiderelay::relay {
namespace {

constexpr std::size_t kNumberDigits = 6;

std::optional<std::uint64_t> parse_number(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failure != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<NumberedName> parse_numbered_name(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  const std::string_view digits = name.substr(dot + 1);
  if (digits.size() < kNumberDigits) return std::nullopt;
  if (name.find('/') != std::string_view::npos) return std::nullopt;
  const auto number = parse_number(digits);
  if (!number) return std::nullopt;
  NumberedName parsed{std::string(name.substr(0, dot)), *number};
  // One number, one name: otherwise two files could lie at one position.
  if (numbered_name(parsed.stem, parsed.number) != name) return std::nullopt;
  return parsed;
}

std::string numbered_name(std::string_view stem, std::uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < kNumberDigits) digits.insert(0, kNumberDigits - digits.size(), '0');
  return std::string(stem) + "." + digits;
}

std::string NamedPosition::text() const {
  return folder + "/" + file + ":" + std::to_string(position.offset_bytes);
}

Result<NamedPosition> parse_named_position(std::string_view text) {
  const Error malformed(Errc::kConfig, "\"" + std::string(text) +
                                           "\" is no log position: it should look like "
                                           "<server_uuid>.000001/mysql-bin.000003:4711");
  const std::size_t slash = text.find('/');
  const std::size_t colon = text.rfind(':');
  if (slash == std::string_view::npos || colon == std::string_view::npos || colon < slash) {
    return malformed;
  }
  const auto folder = parse_numbered_name(text.substr(0, slash));
  const auto file = parse_numbered_name(text.substr(slash + 1, colon - slash - 1));
  const auto offset_bytes = parse_number(text.substr(colon + 1));
  if (!folder || !file || !offset_bytes || folder->number == 0 || folder->number > UINT32_MAX) {
    return malformed;
  }
  NamedPosition named;
  named.folder = std::string(text.substr(0, slash));
  named.file = std::string(text.substr(slash + 1, colon - slash - 1));
  named.position = {static_cast<std::uint32_t>(folder->number), file->number, *offset_bytes};
  return named;
}

}  // namespace tiderelay::relay
