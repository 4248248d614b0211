// relay/upstream_record.cc: see upstream_record.h.
#include "relay/upstream_record.h"

namespace tiderelay::relay {
namespace {

constexpr const char* kName = "upstream";

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\\') out += "\\\\";
    if (c == '\n') out += "\\n";
    if (c == '\t') out += "\\t";
    if (c != '\\' && c != '\n' && c != '\t') out += c;
  }
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    ++i;
    out += text[i] == 'n' ? '\n' : text[i] == 't' ? '\t' : text[i];
  }
  return out;
}

}  // namespace

std::string encode_variables(const ServerVariables& variables) {
  std::string out;
  for (const auto& [name, value] : variables) {
    append_escaped(out, name);
    out += '\t';
    append_escaped(out, value);
    out += '\n';
  }
  return out;
}

ServerVariables decode_variables(std::string_view text) {
  ServerVariables variables;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) continue;
    variables[unescaped(line.substr(0, tab))] = unescaped(line.substr(tab + 1));
  }
  return variables;
}

Result<void> UpstreamRecord::load() {
  const std::string path = folder_ + "/" + kName;
  const auto there = storage_.exists(path);
  if (!there) return there.error();
  if (!*there) return {};
  const auto text = read_small_file(storage_, path);
  if (!text) return text.error();
  const std::lock_guard lock(mutex_);
  variables_ = std::make_shared<const ServerVariables>(decode_variables(*text));
  return {};
}

Result<void> UpstreamRecord::set(const ServerVariables& variables) {
  const std::shared_ptr<const ServerVariables> before = get();
  if (before && *before == variables) return {};
  {
    const std::lock_guard lock(mutex_);
    variables_ = std::make_shared<const ServerVariables>(variables);
  }
  const auto written = replace_small_file(storage_, folder_, kName, encode_variables(variables));
  if (!written && is_disk_full(written.error())) return {};
  return written;
}

}  // namespace tiderelay::relay
