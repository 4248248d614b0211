// applier/target_info.h: what the statements need to know about the server they are for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tiderelay::applier {

enum class TargetKind : std::uint8_t { kTidb, kMysql, kMariadb };

struct TargetInfo {
  TargetKind kind = TargetKind::kTidb;
  std::uint32_t version = 80503;  // TiDB: its own release; MySQL and MariaDB: 80031, 101119

  // From the version in the server's greeting: "8.0.11-TiDB-v8.5.3", "5.5.5-10.11.6-MariaDB-log".
  static TargetInfo from_greeting(std::string_view server_version);
};

}  // namespace tiderelay::applier
