// conf/task_file.h: a task file as it is written, before its named rules are resolved.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "conf/option_table.h"
#include "conf/task_config.h"

namespace tiderelay::conf {

struct ValidatorConfig {};  // accepted as far as it asks for nothing

struct InstanceFile {
  std::string source_id;
  StartPosition meta;
  std::vector<std::string> route_rules;
  std::vector<std::string> filter_rules;
  std::string list;
  std::string dump_name;
  std::optional<DumpConfig> dump;
  std::optional<std::uint32_t> dump_threads;
  std::string load_name;
  std::optional<LoadConfig> load;
  std::optional<std::uint32_t> load_threads;
  std::string sync_name;
  std::optional<SyncConfig> sync;
  std::optional<std::uint32_t> sync_threads;
  std::string validator_name;
};

struct TaskFile {
  TaskConfig task;  // what needs no resolving is filled in here
  std::optional<bool> is_sharding;
  std::vector<InstanceFile> instances;
  std::map<std::string, applier::TableFilterOptions> lists;
  std::map<std::string, applier::RouteOptions> routes;
  std::map<std::string, applier::EventRuleOptions> filters;
  std::map<std::string, DumpConfig> dumps;
  std::map<std::string, LoadConfig> loads;
  std::map<std::string, SyncConfig> syncs;
  std::map<std::string, ValidatorConfig> validators;
};

const OptionTable<StartPosition>& option_table(Tag<StartPosition>);
const OptionTable<DumpConfig>& option_table(Tag<DumpConfig>);
const OptionTable<LoadConfig>& option_table(Tag<LoadConfig>);
const OptionTable<SyncConfig>& option_table(Tag<SyncConfig>);
const OptionTable<ValidatorConfig>& option_table(Tag<ValidatorConfig>);
const OptionTable<TideTaskConfig>& option_table(Tag<TideTaskConfig>);
const OptionTable<InstanceFile>& option_table(Tag<InstanceFile>);
const OptionTable<TaskFile>& option_table(Tag<TaskFile>);

}  // namespace tiderelay::conf
