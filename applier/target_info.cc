// applier/target_info.cc: reads a server's greeting.
#include "applier/target_info.h"

#include <charconv>

namespace tiderelay::applier {
namespace {

// "8.0.31-log" -> 80031
std::uint32_t version_number(std::string_view text) {
  std::uint32_t parts[3] = {0, 0, 0};
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (std::uint32_t& part : parts) {
    const auto read = std::from_chars(at, end, part);
    if (read.ec != std::errc()) break;
    at = read.ptr;
    if (at == end || *at != '.') break;
    ++at;
  }
  return parts[0] * 10'000 + parts[1] * 100 + parts[2];
}

}  // namespace

TargetInfo TargetInfo::from_greeting(std::string_view server_version) {
  TargetInfo info;
  const std::size_t tidb = server_version.find("-TiDB-");
  if (tidb != std::string_view::npos) {
    std::string_view release = server_version.substr(tidb + 6);
    if (release.starts_with('v')) release.remove_prefix(1);
    info.version = version_number(release);
    return info;
  }
  const bool mariadb = server_version.find("MariaDB") != std::string_view::npos;
  info.kind = mariadb ? TargetKind::kMariadb : TargetKind::kMysql;
  if (mariadb && server_version.starts_with("5.5.5-")) server_version.remove_prefix(6);
  info.version = version_number(server_version);
  return info;
}

}  // namespace tiderelay::applier
