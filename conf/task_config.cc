// conf/task_config.cc: resolves a task's named rules into its instances and checks what spans keys.
#include "conf/task_config.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/nearest.h"
#include "conf/file_options.h"
#include "conf/rule_options.h"
#include "conf/task_file.h"

namespace tiderelay::conf {
namespace {

// DM's numbers of errors in a task file.
constexpr std::uint32_t kDmMetaWithoutPlace = 20011;
constexpr std::uint32_t kDmNoInstances = 20013;
constexpr std::uint32_t kDmSourceTwice = 20014;
constexpr std::uint32_t kDmNoRoute = 20023;
constexpr std::uint32_t kDmNoFilter = 20024;
constexpr std::uint32_t kDmNoList = 20026;
constexpr std::uint32_t kDmNoMydumper = 20027;
constexpr std::uint32_t kDmNoLoader = 20029;
constexpr std::uint32_t kDmNoSyncer = 20030;
constexpr std::uint32_t kDmNameTwice = 20032;
constexpr std::uint32_t kDmNoValidator = 20056;

class TaskResolver {
 public:
  TaskResolver(Reader& reader, const YamlNode& root, TaskFile& file)
      : reader_(reader), root_(root), file_(file) {}

  void resolve() {
    check_task();
    name_rules();
    const YamlNode* instances = root_.find("mysql-instances");
    if (instances == nullptr || instances->items.size() != file_.instances.size()) return;
    if (file_.instances.empty()) {
      reader_.refuse(*instances, "names no source", kDmNoInstances);
    }
    for (std::size_t i = 0; i < file_.instances.size(); ++i) {
      add_instance(instances->items[i], file_.instances[i]);
    }
    note_unused();
  }

 private:
  [[nodiscard]] const YamlNode& at(const YamlNode& map, std::string_view key) const {
    const YamlNode* node = map.find(key);
    return node == nullptr ? map : *node;
  }
  [[nodiscard]] bool case_sensitive() const { return file_.task.case_sensitive; }

  void check_task() {
    TaskConfig& task = file_.task;
    if (root_.find("name") != nullptr && task.name.empty()) {
      reader_.refuse(at(root_, "name"), "is empty", 20019);
    }
    check_name(reader_, at(root_, "name"), task.name);
    const YamlNode* target = root_.find("target-database");
    if (target != nullptr && target->kind == YamlNode::Kind::kMap &&
        target->find("port") == nullptr) {
      reader_.refuse(*target, "the key port is missing (TiDB listens on 4000, MySQL on 3306)");
    }
    if (task.meta_schema.empty()) reader_.refuse(at(root_, "meta-schema"), "is empty");
    if (!file_.is_sharding) return;
    const YamlNode& node = at(root_, "is-sharding");
    const bool mode_given = root_.find("shard-mode") != nullptr;
    if (mode_given && *file_.is_sharding != (task.shard_mode != ShardMode::kNone)) {
      reader_.refuse(node, "contradicts shard-mode; leave is-sharding out");
    } else if (*file_.is_sharding && !mode_given) {
      task.shard_mode = ShardMode::kPessimistic;
    }
  }

  // Calls check(node, rule) for each named rule, with its name filled in.
  template <class Rule, class Check>
  void each_rule(std::string_view key, std::map<std::string, Rule>& rules, const Check& check) {
    const YamlNode* map = root_.find(key);
    if (map == nullptr || map->kind != YamlNode::Kind::kMap) return;
    for (const YamlEntry& entry : map->entries) {
      const auto found = rules.find(entry.key);
      if (found != rules.end()) check(entry, found->second);
    }
  }

  void name_rules() {
    each_rule("routes", file_.routes, [this](const YamlEntry& entry, auto& rule) {
      rule.name = entry.key;
      check_route(reader_, entry.value, rule, case_sensitive());
    });
    each_rule("filters", file_.filters, [this](const YamlEntry& entry, auto& rule) {
      rule.name = entry.key;
      check_filter(reader_, entry.value, rule, case_sensitive());
    });
    for (const char* key : {"block-allow-list", "black-white-list"}) {
      each_rule(key, file_.lists, [this](const YamlEntry& entry, const auto& list) {
        check_list(reader_, entry.value, list, case_sensitive());
      });
    }
  }

  // The rule that `name` at `node` names; null after a problem.
  template <class Rule>
  const Rule* find_rule(const std::map<std::string, Rule>& rules, const std::string& name,
                        const YamlNode& node, const std::string& key, std::uint32_t dm_code) {
    used_.insert(key + "." + name);
    const auto found = rules.find(name);
    if (found != rules.end()) return &found->second;
    std::vector<std::string_view> names;
    for (const auto& [known, rule] : rules) names.push_back(known);
    const std::string_view near = nearest(name, names);
    reader_.refuse(node,
                   key + " has no entry \"" + name + "\"" +
                       (near.empty() ? "" : "; did you mean \"" + std::string(near) + "\"?"),
                   dm_code);
    return nullptr;
  }

  template <class Rule>
  std::vector<Rule> find_rules(const std::map<std::string, Rule>& rules,
                               const std::vector<std::string>& names, const YamlNode& map,
                               std::string_view list_key, const std::string& key,
                               std::uint32_t dm_code) {
    std::vector<Rule> found;
    const YamlNode& list = at(map, list_key);
    std::set<std::string> seen;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const YamlNode& node = i < list.items.size() ? list.items[i] : list;
      if (!seen.insert(names[i]).second) {
        reader_.refuse(node, "\"" + names[i] + "\" is named twice", kDmNameTwice);
        continue;
      }
      const Rule* rule = find_rule(rules, names[i], node, key, dm_code);
      if (rule != nullptr) found.push_back(*rule);
    }
    return found;
  }

  // One of a named entry, an inline map, or the built-in defaults.
  template <class Settings>
  Settings settings_of(const YamlNode& map, const std::map<std::string, Settings>& all,
                       const std::string& name, const std::optional<Settings>& written,
                       std::string_view name_key, const std::string& key, std::uint32_t dm_twice,
                       std::uint32_t dm_missing) {
    if (!name.empty() && written) {
      reader_.refuse(at(map, name_key), "the settings are named and inline; leave one out",
                     dm_twice);
    }
    if (!name.empty()) {
      const Settings* found = find_rule(all, name, at(map, name_key), key, dm_missing);
      return found == nullptr ? Settings() : *found;
    }
    return written.value_or(Settings());
  }

  void add_instance(const YamlNode& map, const InstanceFile& from) {
    InstanceConfig to;
    to.source_id = from.source_id;
    to.start = from.meta;
    if (!from.source_id.empty() && file_.task.find_instance(from.source_id) != nullptr) {
      reader_.refuse(at(map, "source-id"), "the source is there already", kDmSourceTwice);
    }
    check_start(map, from.meta);
    to.list_name = from.list;
    if (!from.list.empty()) {
      const bool older = map.find("block-allow-list") == nullptr;
      const auto* list = find_rule(file_.lists, from.list,
                                   at(map, older ? "black-white-list" : "block-allow-list"),
                                   "block-allow-list", kDmNoList);
      if (list != nullptr) to.list = *list;
    }
    to.route_names = from.route_rules;
    to.routes =
        find_rules(file_.routes, from.route_rules, map, "route-rules", "routes", kDmNoRoute);
    to.filter_names = from.filter_rules;
    to.filters =
        find_rules(file_.filters, from.filter_rules, map, "filter-rules", "filters", kDmNoFilter);
    check_together(map, to);
    to.dump = settings_of(map, file_.dumps, from.dump_name, from.dump, "mydumper-config-name",
                          "mydumpers", 20015, kDmNoMydumper);
    to.load = settings_of(map, file_.loads, from.load_name, from.load, "loader-config-name",
                          "loaders", 20016, kDmNoLoader);
    to.sync = settings_of(map, file_.syncs, from.sync_name, from.sync, "syncer-config-name",
                          "syncers", 20017, kDmNoSyncer);
    if (!from.validator_name.empty()) {
      find_rule(file_.validators, from.validator_name, at(map, "validator-config-name"),
                "validators", kDmNoValidator);
    }
    override_threads(map, from, to);
    file_.task.instances.push_back(std::move(to));
  }

  void override_threads(const YamlNode& map, const InstanceFile& from, InstanceConfig& to) {
    const auto set = [&](const char* key, const std::optional<std::uint32_t>& threads,
                         std::uint32_t& value) {
      if (!threads) return;
      if (*threads == 0) reader_.refuse(at(map, key), "must be at least 1");
      value = *threads;
    };
    set("mydumper-thread", from.dump_threads, to.dump.threads);
    set("loader-thread", from.load_threads, to.load.pool_size);
    set("syncer-thread", from.sync_threads, to.sync.worker_count);
  }

  void check_start(const YamlNode& map, const StartPosition& start) {
    const YamlNode* meta = map.find("meta");
    const bool incremental = file_.task.mode == TaskMode::kIncremental;
    if (meta == nullptr) {
      if (incremental) {
        reader_.note(map, Verdict::kHonoured,
                     "no meta: without a checkpoint the task begins at the source's current end");
      }
      return;
    }
    if (!incremental) {
      return reader_.note(*meta, Verdict::kNoEffect,
                          "only incremental tasks begin at a given place");
    }
    if (!start.given()) {
      reader_.refuse(*meta, "wants binlog-name or binlog-gtid", kDmMetaWithoutPlace);
    }
    if (!start.binlog_name.empty() && !looks_like_binlog_name(start.binlog_name)) {
      reader_.refuse(at(*meta, "binlog-name"), "wants a name such as mysql-bin.000003");
    }
    if (!start.binlog_gtid.empty() && !looks_like_gtid_set(start.binlog_gtid)) {
      reader_.refuse(at(*meta, "binlog-gtid"), "is no GTID set");
    }
  }

  // The rules of one instance together: two with the same patterns are ambiguous for ever.
  void check_together(const YamlNode& map, const InstanceConfig& instance) {
    if (!reader_.problems().empty()) return;  // each rule alone must be good first
    const auto router = applier::Router::make(instance.routes, case_sensitive());
    if (!router) reader_.refuse(at(map, "route-rules"), router.error().text());
    const auto filter = applier::EventFilter::make(instance.filters, case_sensitive());
    if (!filter) reader_.refuse(at(map, "filter-rules"), filter.error().text(), 20037);
  }

  void note_unused() {
    const auto note = [this](std::string_view file_key, const std::string& key) {
      const YamlNode* map = root_.find(file_key);
      if (map == nullptr) return;
      for (const YamlEntry& entry : map->entries) {
        if (used_.contains(key + "." + entry.key)) continue;
        reader_.note(entry.value, Verdict::kNoEffect,
                     "no instance names it" +
                         std::string(key == "mydumpers" || key == "loaders" || key == "syncers"
                                         ? "; instances without a name run on built-in defaults"
                                         : ""));
      }
    };
    note("block-allow-list", "block-allow-list");
    note("black-white-list", "block-allow-list");
    for (const char* key : {"routes", "filters", "mydumpers", "loaders", "syncers", "validators"}) {
      note(key, key);
    }
  }

  Reader& reader_;
  const YamlNode& root_;
  TaskFile& file_;
  std::set<std::string> used_;
};

}  // namespace

const InstanceConfig* TaskConfig::find_instance(std::string_view source_id) const {
  const auto found = std::ranges::find(instances, source_id, &InstanceConfig::source_id);
  return found == instances.end() ? nullptr : &*found;
}

TaskConfig read_task(Reader& reader, const YamlNode& root) {
  TaskFile file;
  if (root.find("source-id") != nullptr && root.find("from") != nullptr) {
    reader.refuse(root, "this is a source file; a task file is wanted here");
    return std::move(file.task);
  }
  option_table(Tag<TaskFile>()).read(reader, root, file);
  if (root.kind == YamlNode::Kind::kMap) TaskResolver(reader, root, file).resolve();
  return std::move(file.task);
}

Result<TaskConfig> parse_task(std::string_view yaml, const std::string& file,
                              const FileAccess& access, std::vector<Problem>* problems) {
  return read_file<TaskConfig>(yaml, file, access, problems, read_task);
}

Result<TaskConfig> load_task(const std::string& path, const FileAccess& access) {
  const Result<std::string> yaml = access.read_file(path);
  if (!yaml) return yaml.error();
  return parse_task(*yaml, path, access);
}

std::vector<applier::EventRuleOptions> with_source_filters(
    const InstanceConfig& instance, const std::vector<applier::EventRuleOptions>& source_filters,
    bool case_sensitive) {
  const auto key = [case_sensitive](const applier::EventRuleOptions& rule) {
    const auto folded = [case_sensitive](const std::string& text) {
      return case_sensitive ? text : applier::lower_case_name(text);
    };
    return std::pair(folded(rule.schema_pattern), folded(rule.table_pattern));
  };
  std::vector<applier::EventRuleOptions> all = instance.filters;
  for (const applier::EventRuleOptions& rule : source_filters) {
    const bool known = std::ranges::any_of(
        instance.filters, [&](const auto& of_task) { return key(of_task) == key(rule); });
    if (!known) all.push_back(rule);
  }
  return all;
}

}  // namespace tiderelay::conf
