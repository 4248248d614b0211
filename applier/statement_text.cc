#include "applier/statement_text.h"

#include <algorithm>

#include "base/utf8.h"
#include "protocol/charset.h"

namespace tiderelay::applier {

std::string ascii_only(std::string_view bytes) {
  std::string text(bytes);
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  return text;
}

Result<std::string> statement_text(std::string_view sql, std::uint16_t client_collation,
                                   protocol::Dialect dialect) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (std::ranges::all_of(sql, is_ascii)) return std::string(sql);
  const auto collation = protocol::find_collation(client_collation, dialect);
  const std::string_view charset = collation ? collation->charset->name : "utf8mb4";
  const Error unreadable =
      Error(Errc::kUnsupported,
            "a statement whose bytes are no text of its client's character set " +
                std::string(charset))
          .with_way_out(
              "binlog replace TASK \"...\" runs it as it was meant, binlog skip leaves it out");
  const auto converter = protocol::open_converter(charset);
  if (!converter) return unreadable;
  std::string text;
  if (*converter) {
    if (!(*converter)->append_utf8(text, as_bytes(sql))) return unreadable;
    return text;
  }
  if (!tiderelay::is_utf8(sql)) return unreadable;
  return std::string(sql);
}

}  // namespace tiderelay::applier
