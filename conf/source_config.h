// conf/source_config.h: a source as DM describes it: where its server is and how its log is kept.
//
// Reads DM's source file (YAML, with the names of 2.0 to today; those of 1.0's dm-worker.toml are
// the same). Strict: an unknown key is an error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "applier/event_filter.h"
#include "conf/endpoint.h"
#include "conf/file_access.h"
#include "conf/problem.h"
#include "conf/values.h"

namespace tiderelay::conf {

enum class Flavor : std::uint8_t { kDetected, kMysql, kMariadb };

struct PurgeConfig {  // never past what an applier or a registered follower still needs
  Duration interval = std::chrono::hours(1);
  Duration expires{0};  // files older than this; 0: not by age
  ByteSize remain_space{std::uint64_t{15} << 30U};
};

struct CheckerConfig {  // resuming a paused subtask by itself
  bool check_enable = true;
  Duration backoff_rollback = std::chrono::minutes(5);
  Duration backoff_max = std::chrono::minutes(5);
};

struct SourceConfig {
  std::string source_id;
  bool enable = true;
  bool enable_gtid = false;
  Endpoint from;
  Flavor flavor = Flavor::kDetected;
  std::uint32_t server_id = 0;  // 0: drawn at random from DM's range
  std::string relay_dir;  // empty: <data-dir>/sources/<source-id>/relay; relative: below data-dir
  std::string relay_binlog_name;
  std::string relay_binlog_gtid;
  PurgeConfig purge;
  CheckerConfig checker;
  bool case_sensitive = false;  // ORed with the task's
  std::vector<applier::EventRuleOptions> filters;
  std::vector<Note> notes;
};

// `file` is for messages and as the base of relative paths. Errors: Errc::kConfig, one line per
// problem; `problems`, if not null, gets them one by one.
[[nodiscard]] Result<SourceConfig> parse_source(std::string_view yaml, const std::string& file,
                                                const FileAccess& access,
                                                std::vector<Problem>* problems = nullptr);
[[nodiscard]] Result<SourceConfig> load_source(const std::string& path, const FileAccess& access);

}  // namespace tiderelay::conf
