// conf/base64.h: standard base64 with its padding, and nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tiderelay::conf {

[[nodiscard]] std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text);
[[nodiscard]] std::string to_base64(std::span<const std::uint8_t> bytes);

}  // namespace tiderelay::conf
