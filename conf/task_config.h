// conf/task_config.h: a task as DM describes it: what goes from which sources to which target, how.
//
// Reads DM's task file with the names of 2019 and of today, unchanged. Every key has a verdict (the
// option tables in task_options.cc): what is mapped or has no effect is in `notes`, what cannot be
// done is an error with the way out. Named rules are resolved: each instance holds its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "applier/dump_selection.h"
#include "applier/event_filter.h"
#include "applier/router.h"
#include "applier/table_filter.h"
#include "conf/endpoint.h"
#include "conf/file_access.h"
#include "conf/problem.h"
#include "conf/values.h"

namespace tiderelay::conf {

enum class TaskMode : std::uint8_t { kFull, kIncremental, kAll };
enum class ShardMode : std::uint8_t { kNone, kPessimistic, kOptimistic };
enum class CollationMode : std::uint8_t { kLoose, kStrict };
enum class OnDuplicate : std::uint8_t { kReplace, kError, kIgnore };
enum class Analyze : std::uint8_t { kOptional, kRequired, kOff };
enum class OnMissingRow : std::uint8_t { kPause, kCount };

struct StartPosition {  // `meta` of an instance, for incremental tasks without a checkpoint
  std::string binlog_name;
  std::uint64_t binlog_pos = 0;
  std::string binlog_gtid;
  [[nodiscard]] bool given() const { return !binlog_name.empty() || !binlog_gtid.empty(); }
};

struct DumpConfig {  // `mydumpers`: reading the existing rows
  std::uint32_t threads = 4;
  ByteSize chunk_filesize{std::uint64_t{16} << 20U};  // a chunk is one transaction of the target
  ByteSize statement_size;                            // 0: as large as the target takes with ease
  std::uint64_t rows = 0;                             // per chunk; 0: by size alone
  std::string where;
  std::string extra_args;  // as written; what follows here comes out of it
  bool no_locks = false;   // --no-locks or --consistency none
  applier::DumpSelectionOptions selection;
  Security security;  // --ca, --cert, --key: instead of the source's
};

struct LoadConfig {  // `loaders`: writing them
  std::uint32_t pool_size = 16;
  OnDuplicate on_duplicate = OnDuplicate::kReplace;
  Analyze analyze = Analyze::kOptional;
};

struct SyncConfig {  // `syncers`: the incremental phase
  std::uint32_t worker_count = 16;
  std::uint32_t batch = 100;  // DM's rows of a downstream transaction: see batch_rows
  bool safe_mode = false;
};

struct TideTaskConfig {  // tiderelay's own, under the key `tiderelay`
  OnMissingRow on_missing_row = OnMissingRow::kPause;
  std::uint32_t batch_rows = 0;  // 0: 500, or the syncer's batch if that is more
  ByteSize batch_bytes{std::uint64_t{4} << 20U};
  std::uint64_t split_transaction_rows = 50'000;
  bool assume_no_cascade = false;
  Duration no_locks_grace = std::chrono::seconds(30);
  ByteSize memory_budget{std::uint64_t{64} << 20U};
};

struct InstanceConfig {  // one source's share of the task, with its rules resolved
  std::string source_id;
  StartPosition start;
  applier::TableFilterOptions list;
  std::vector<applier::RouteOptions> routes;
  std::vector<applier::EventRuleOptions> filters;  // the task's; add_source_filters() adds its own
  DumpConfig dump;
  LoadConfig load;
  SyncConfig sync;

  // As written, for messages: names of rules and inline settings.
  std::string list_name;
  std::vector<std::string> route_names;
  std::vector<std::string> filter_names;
};

struct TaskConfig {
  std::string name;
  TaskMode mode = TaskMode::kAll;
  ShardMode shard_mode = ShardMode::kNone;
  std::vector<std::string> ignore_checking_items;
  std::string meta_schema = "dm_meta";
  std::string timezone;  // empty: the target's
  bool case_sensitive = false;
  CollationMode collation = CollationMode::kLoose;
  bool online_ddl = true;
  std::vector<std::string> shadow_table_rules{"^_(.+)_(?:new|gho)$"};
  std::vector<std::string> trash_table_rules{"^_(.+)_(?:ghc|del|old)$"};
  Endpoint target;
  std::vector<InstanceConfig> instances;
  TideTaskConfig tiderelay;
  std::vector<Note> notes;

  [[nodiscard]] const InstanceConfig* find_instance(std::string_view source_id) const;
};

// As parse_source().
[[nodiscard]] Result<TaskConfig> parse_task(std::string_view yaml, const std::string& file,
                                            const FileAccess& access,
                                            std::vector<Problem>* problems = nullptr);
[[nodiscard]] Result<TaskConfig> load_task(const std::string& path, const FileAccess& access);

// The event filter rules of one instance: the task's, and the source's own behind them. Where both
// have a rule for the same patterns the task's wins.
[[nodiscard]] std::vector<applier::EventRuleOptions> with_source_filters(
    const InstanceConfig& instance, const std::vector<applier::EventRuleOptions>& source_filters,
    bool case_sensitive);

}  // namespace tiderelay::conf
