// applier/sql_text.cc: quoting.
#include "applier/sql_text.h"

#include <cstring>

namespace tiderelay::applier {

std::string quoted_name(std::string_view name) {
  std::string out = "`";
  for (const char c : name) {
    if (c == '`') out.push_back('`');
    out.push_back(c);
  }
  out.push_back('`');
  return out;
}

std::string quoted_table(const TableName& name) {
  return quoted_name(name.schema) + "." + quoted_name(name.table);
}

void append_quoted_text(std::string& out, std::string_view text) {
  out.push_back('\'');
  while (!text.empty()) {
    const auto* const quote = static_cast<const char*>(std::memchr(text.data(), '\'', text.size()));
    if (quote == nullptr) break;
    const auto through = static_cast<std::size_t>(quote - text.data()) + 1;
    out.append(text.substr(0, through));
    out.push_back('\'');
    text.remove_prefix(through);
  }
  out.append(text);
  out.push_back('\'');
}

std::string quoted_text(std::string_view text) {
  std::string out;
  append_quoted_text(out, text);
  return out;
}

void append_hex(std::string& out, std::string_view bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  const std::size_t at = out.size();
  out.resize(at + 2 * bytes.size() + 3);
  char* to = out.data() + at;
  *to++ = 'x';
  *to++ = '\'';
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    *to++ = kDigits[byte >> 4];
    *to++ = kDigits[byte & 15];
  }
  *to = '\'';
}

}  // namespace tiderelay::applier
