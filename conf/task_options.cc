// conf/task_options.cc: the keys of a task file and of its instances.
#include <algorithm>
#include <array>

#include "applier/name_pattern.h"
#include "base/nearest.h"
#include "conf/endpoint_options.h"
#include "conf/file_options.h"
#include "conf/rule_options.h"
#include "conf/task_file.h"
#include "conf/words.h"

namespace tiderelay::conf {
namespace {

constexpr std::uint32_t kDmUnknownCheck = 20001;
constexpr std::uint32_t kDmBadTimezone = 20008;
constexpr std::uint32_t kDmBadOnlineDdlRegex = 20048;

constexpr const char* kOrdinaryTables =
    "the tables of such tools are followed like all others, their renames too";
constexpr const char* kLagIsRead = "lag comes from the times of events and heartbeats";
constexpr const char* kNoColumnMapping =
    "column mappings rewrite keys and cannot be left out silently; give the target a column from "
    "the route's extract-table, extract-schema or extract-source instead";
constexpr const char* kNoExpressions =
    "not supported yet: rows that DM drops would arrive; leave the key out, or drop whole kinds of "
    "changes with filters, or tables with the block-allow-list";

// Names of prechecks, as `ignore-checking-items` knows them.
constexpr auto kChecks = std::to_array<std::string_view>({"all",
                                                          "auto_increment_ID",
                                                          "binlog_db",
                                                          "binlog_enable",
                                                          "binlog_format",
                                                          "binlog_forms",
                                                          "binlog_retention",
                                                          "binlog_row_image",
                                                          "conn_number",
                                                          "disk_space",
                                                          "downstream_mutex_features",
                                                          "downstream_table_empty",
                                                          "downstream_version",
                                                          "dump_privilege",
                                                          "empty_region",
                                                          "endpoint",
                                                          "free_space",
                                                          "gtid_mode",
                                                          "log_replica_updates",
                                                          "meta_position",
                                                          "name_case",
                                                          "online_ddl",
                                                          "open_xa",
                                                          "primary_key",
                                                          "region_distribution",
                                                          "replication_privilege",
                                                          "schema_of_shard_tables",
                                                          "server_id",
                                                          "table_schema",
                                                          "target_privilege",
                                                          "version"});

using ReadTask = OptionTable<TaskFile>::Read;

template <auto Member>
void into_task(Reader& reader, const Option& option, const YamlNode& node, TaskFile& into) {
  using V = std::remove_cvref_t<decltype(std::declval<TaskConfig&>().*Member)>;
  Value<V>::read(reader, option, node, into.task.*Member);
}

// A key whose value goes straight into the TaskConfig.
template <auto Member>
OptionTable<TaskFile>& add(OptionTable<TaskFile>& table, std::string name, std::string meaning) {
  using V = std::remove_cvref_t<decltype(std::declval<TaskConfig&>().*Member)>;
  return table.custom<V>(std::move(name), std::move(meaning), into_task<Member>)
      .default_text(Value<V>::show(TaskConfig().*Member));
}

void read_mode(Reader& reader, const Option& option, const YamlNode& node, TaskFile& into) {
  const std::string& mode = node.text;
  if (mode == "dump" || mode == "load" || mode == "load&sync") {
    return reader.refuse(node, "\"" + mode +
                                   "\" needs dump files, and a task keeps none; say full "
                                   "or all, or make files with `tiderelay dump`");
  }
  Value<TaskMode>::read(reader, option, node, into.task.mode);
}

void read_shard_mode(Reader& reader, const Option& option, const YamlNode& node, TaskFile& into) {
  Value<ShardMode>::read(reader, option, node, into.task.shard_mode);
  if (into.task.shard_mode == ShardMode::kOptimistic) {
    reader.refuse(node,
                  "optimistic is not supported yet, and running it as something else would "
                  "be wrong; say pessimistic, or leave it out where the shards' DDL is run "
                  "by hand");
  }
}

void read_strict_optimistic(Reader& reader, const Option& option, const YamlNode& node,
                            TaskFile& /*into*/) {
  bool strict = false;
  Value<bool>::read(reader, option, node, strict);
  if (strict) reader.refuse(node, "goes with shard-mode: optimistic, which is not supported yet");
}

void read_timezone(Reader& reader, const Option& option, const YamlNode& node, TaskFile& into) {
  Value<std::string>::read(reader, option, node, into.task.timezone);
  const std::string& zone = into.task.timezone;
  if (zone.empty()) return;
  const std::string lowered = applier::lower_case_name(zone);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool offset = zone.front() == '+' || zone.front() == '-';
  const bool good_offset = zone.size() == 6 && is_digit(zone[1]) && is_digit(zone[2]) &&
                           zone[3] == ':' && is_digit(zone[4]) && is_digit(zone[5]) &&
                           zone.substr(1) <= "14:00" && zone[4] < '6';
  const auto in_name = [&](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '_' || c == '/' || c == '+' || c == '-';
  };
  if (lowered == "system" || lowered == "local" || (offset && !good_offset) ||
      !std::ranges::all_of(lowered, in_name)) {
    reader.refuse(
        node,
        "wants an offset such as +08:00 or a name such as Asia/Shanghai, got " + node.described(),
        kDmBadTimezone);
  }
}

void read_ignored_checks(Reader& reader, const Option& option, const YamlNode& node,
                         TaskFile& into) {
  Value<std::vector<std::string>>::read(reader, option, node, into.task.ignore_checking_items);
  for (const YamlNode& item : node.items) {
    if (std::ranges::find(kChecks, item.text) != kChecks.end()) continue;
    const std::string_view near = nearest(item.text, kChecks);
    reader.refuse(item,
                  "no check is called " + item.described() +
                      (near.empty() ? "" : "; did you mean " + std::string(near) + "?"),
                  kDmUnknownCheck);
  }
}

// DM adds ^ and $ where they are missing, and wants one group: the real table's name.
void anchor(Reader& reader, const YamlNode& node, std::vector<std::string>& rules) {
  for (std::size_t i = 0; i < rules.size() && i < node.items.size(); ++i) {
    std::string& rule = rules[i];
    if (!rule.starts_with('^')) rule.insert(0, "^");
    if (!rule.ends_with('$')) rule += '$';
    const auto regex = applier::compile_regex(rule, true);
    if (!regex) {
      reader.refuse(node.items[i], regex.error().text(), kDmBadOnlineDdlRegex);
    } else if (applier::capture_groups(**regex) != 1) {
      reader.refuse(node.items[i], "wants exactly one group, around the real table's name",
                    kDmBadOnlineDdlRegex);
    }
  }
}

template <auto Member>
void read_anchored(Reader& reader, const Option& option, const YamlNode& node, TaskFile& into) {
  Value<std::vector<std::string>>::read(reader, option, node, into.task.*Member);
  anchor(reader, node, into.task.*Member);
}

void read_online_ddl_scheme(Reader& reader, const Option& option, const YamlNode& node,
                            TaskFile& into) {
  if (read_word(reader, option, node, {"gh-ost", "pt", ""}) >= 0 && !node.text.empty()) {
    into.task.online_ddl = true;
  }
}

struct Experimental {};
const OptionTable<Experimental>& option_table(Tag<Experimental>) {
  static const auto kTable = OptionTable<Experimental>().ignored<bool>(
      "async-checkpoint-flush", "", "the position commits with the rows");
  return kTable;
}

void add_identity(OptionTable<TaskFile>& table) {
  add<&TaskConfig::name>(table, "name", "the task's name, part of its checkpoints")
      .required()
      .dm_code(20019);
  table
      .custom<TaskMode>("task-mode", "full: existing rows; incremental: changes; all: both",
                        read_mode)
      .required()
      .dm_code(20020);
  table.field<&TaskFile::is_sharding>("is-sharding", "DM 1.0's name for merging shards")
      .mapped("true is shard-mode: pessimistic");
  table
      .custom<ShardMode>("shard-mode", "how the DDL of merged shards is coordinated",
                         read_shard_mode)
      .dm_code(20033);
  table
      .custom<bool>("strict-optimistic-shard-mode", "as shard-mode: optimistic",
                    read_strict_optimistic)
      .default_text("false");
  table.custom<std::vector<std::string>>(
      "ignore-checking-items", "prechecks to be skipped, by their ids", read_ignored_checks);
  add<&TaskConfig::meta_schema>(table, "meta-schema", "downstream schema of the checkpoints");
  table.ignored<bool>("remove-meta", "",
                      "in a file it would restart the task from zero at every start; say "
                      "`start-task --remove-meta`");
  table.ignored<bool>("enable-heartbeat", "", kLagIsRead);
  table.ignored<bool>("disable-heartbeat", "", kLagIsRead);
  table.ignored<std::uint32_t>("heartbeat-update-interval", "", kLagIsRead);
  table.ignored<std::uint32_t>("heartbeat-report-interval", "", kLagIsRead);
}

void add_behaviour(OptionTable<TaskFile>& table) {
  table
      .custom<std::string>("timezone",
                           "what SYSTEM means in the statements of the sources' logs; rows are "
                           "always moved in UTC",
                           read_timezone)
      .default_text("the source's system time zone");
  add<&TaskConfig::case_sensitive>(table, "case-sensitive",
                                   "patterns match exactly; ORed with the source's");
  add<&TaskConfig::collation>(table, "collation_compatible",
                              "strict: CREATE statements name the upstream's collation")
      .dm_code(20052)
      .no_effect("statements always name the collation, mapped where the target lacks it");
  add<&TaskConfig::online_ddl>(table, "online-ddl", "understand gh-ost and pt-osc")
      .no_effect(kOrdinaryTables);
  table.custom<std::string>("online-ddl-scheme", "gh-ost or pt", read_online_ddl_scheme)
      .no_effect(kOrdinaryTables);
  table
      .custom<std::vector<std::string>>("shadow-table-rules",
                                        "regexes with one group: names of shadow tables",
                                        read_anchored<&TaskConfig::shadow_table_rules>)
      .default_text(TaskConfig().shadow_table_rules.front())
      .no_effect(kOrdinaryTables);
  table
      .custom<std::vector<std::string>>("trash-table-rules",
                                        "regexes with one group: names of tables put aside",
                                        read_anchored<&TaskConfig::trash_table_rules>)
      .default_text(TaskConfig().trash_table_rules.front())
      .no_effect(kOrdinaryTables);
  table.ignored<bool>("clean-dump-file", "", "there are no dump files");
  table.ignored<bool>("ansi-quotes", "", "the sql_mode comes from each event");
  table.ignored<Experimental>("experimental", "", "nothing in it is needed");
}

}  // namespace

const OptionTable<StartPosition>& option_table(Tag<StartPosition>) {
  static const auto kTable =
      OptionTable<StartPosition>()
          .field<&StartPosition::binlog_name>("binlog-name", "file of the first event")
          .field<&StartPosition::binlog_pos>("binlog-pos", "offset of the first event")
          .field<&StartPosition::binlog_gtid>("binlog-gtid", "GTID set that is there already");
  return kTable;
}

const OptionTable<InstanceFile>& option_table(Tag<InstanceFile>) {
  static const auto kTable =
      OptionTable<InstanceFile>()
          .field<&InstanceFile::source_id>("source-id", "the source")
          .required()
          .dm_code(20005)
          .field<&InstanceFile::meta>("meta", "where an incremental task begins")
          .field<&InstanceFile::list>("block-allow-list", "name of its list")
          .older("black-white-list")
          .field<&InstanceFile::route_rules>("route-rules", "names of its routes")
          .field<&InstanceFile::filter_rules>("filter-rules", "names of its filters")
          .field<&InstanceFile::dump_name>("mydumper-config-name", "name of its mydumpers entry")
          .field<&InstanceFile::dump>("mydumper", "the same inline")
          .field<&InstanceFile::dump_threads>("mydumper-thread", "in place of its threads")
          .field<&InstanceFile::load_name>("loader-config-name", "name of its loaders entry")
          .field<&InstanceFile::load>("loader", "the same inline")
          .field<&InstanceFile::load_threads>("loader-thread", "in place of its pool-size")
          .field<&InstanceFile::sync_name>("syncer-config-name", "name of its syncers entry")
          .field<&InstanceFile::sync>("syncer", "the same inline")
          .field<&InstanceFile::sync_threads>("syncer-thread", "in place of its worker-count")
          .field<&InstanceFile::validator_name>("validator-config-name",
                                                "name of its validators entry")
          .refused("column-mapping-rules", "list of text", "", kNoColumnMapping)
          .refused("expression-filters", "list of text", "", kNoExpressions);
  return kTable;
}

const OptionTable<TaskFile>& option_table(Tag<TaskFile>) {
  static const auto kTable = [] {
    OptionTable<TaskFile> table;
    add_identity(table);
    add<&TaskConfig::target>(table, "target-database", "the server that takes the rows")
        .required()
        .dm_code(20021);
    table.field<&TaskFile::instances>("mysql-instances", "the sources, one entry each")
        .required()
        .dm_code(20013)
        .field<&TaskFile::lists>("block-allow-list", "named lists of schemas and tables")
        .older("black-white-list")
        .field<&TaskFile::routes>("routes", "named rules: downstream names")
        .field<&TaskFile::filters>("filters", "named rules: changes and statements to drop")
        .refused("expression-filter", "map", "", kNoExpressions)
        .refused("column-mappings", "map", "", kNoColumnMapping)
        .field<&TaskFile::dumps>("mydumpers", "named settings: reading existing rows")
        .field<&TaskFile::loads>("loaders", "named settings: writing existing rows")
        .field<&TaskFile::syncs>("syncers", "named settings: applying changes")
        .field<&TaskFile::validators>("validators", "named settings: comparing");
    add_behaviour(table);
    add<&TaskConfig::tiderelay>(table, "tiderelay", "what DM does not have");
    return table;
  }();
  return kTable;
}

const Section& task_section() { return option_table(Tag<TaskFile>()).section(); }

}  // namespace tiderelay::conf
