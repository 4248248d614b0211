// relay/log_names.h: the names that the relay log's folders and files carry, and a position as
// text.
//
//   <source folder>/relay/server-uuid.index           one generation's folder name a line, oldest
//   first <source folder>/relay/<uuid>.<generation>/        "<server_uuid>.000001"; <uuid> is the
//   server's <source folder>/relay/<uuid>.<generation>/<file>  "mysql-bin.000003", the upstream's
//   own name <source folder>/index/<uuid>.<generation>/<file>.idx
// Numbers have six digits or, from 1,000,000 on, as many as they need: order is by number, never by
// text. A position as text is "<uuid>.000001/mysql-bin.000003:4711".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "relay/log_position.h"

namespace tiderelay::relay {

inline constexpr std::uint64_t kFirstEventOffset = 4;  // behind the file's magic
inline constexpr std::string_view kGenerationIndexName = "server-uuid.index";
inline constexpr std::string_view kIndexSuffix = ".idx";
inline constexpr std::string_view kNoteName = "generation.note";
inline constexpr std::string_view kPackingName = "packing";  // in index/, a copy being made

// "mysql-bin.000003" and "<uuid>.000001" alike: a stem and a number behind the last dot.
struct NumberedName {
  std::string stem;
  std::uint64_t number = 0;
  friend bool operator==(const NumberedName&, const NumberedName&) = default;
};
[[nodiscard]] std::optional<NumberedName> parse_numbered_name(std::string_view name);
[[nodiscard]] std::string numbered_name(std::string_view stem, std::uint64_t number);

// A position together with the names that its text form needs.
struct NamedPosition {
  std::string folder;  // "<uuid>.000001"
  std::string file;    // "mysql-bin.000003"
  LogPosition position;
  [[nodiscard]] std::string text() const;
};
[[nodiscard]] Result<NamedPosition> parse_named_position(std::string_view text);

}  // namespace tiderelay::relay
