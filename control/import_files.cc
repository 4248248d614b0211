// control/import_files.cc: from what the old files say to new ones.
#include "control/import_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "conf/source_config.h"
#include "conf/task_config.h"

namespace tiderelay::control {

namespace {

struct SourceText {
  std::map<std::string, std::string> top;   // keys of a source file
  std::map<std::string, std::string> from;  // of its `from`
  std::string worker;                       // DM's address, a label
};

// DM-Ansible's variable: the key here. Behind "from." of `from`.
const std::map<std::string, std::string>& inventory_keys() {
  static const std::map<std::string, std::string> keys = {
      {"server_id", "server-id"},
      {"enable_gtid", "enable-gtid"},
      {"relay_binlog_name", "relay-binlog-name"},
      {"relay_binlog_gtid", "relay-binlog-gtid"},
      {"flavor", "flavor"},
      {"mysql_host", "from.host"},
      {"mysql_port", "from.port"},
      {"mysql_user", "from.user"},
      {"mysql_password", "from.password"},
  };
  return keys;
}

class Importer {
 public:
  explicit Importer(const conf::FileAccess& access) : access_(access) {}

  Result<void> add(const NamedText& file);
  Result<Imported> finish();

 private:
  Result<void> add_inventory(const NamedText& file);
  Result<void> add_toml(const NamedText& file);
  Result<void> add_task(const NamedText& file);
  void add_worker(const NamedText& file, const std::vector<TomlTable>& tables);
  void put(SourceText& source, const std::string& key, const std::string& value);
  [[nodiscard]] static std::string source_yaml(const std::string& id, const SourceText& source);

  const conf::FileAccess& access_;
  Imported imported_;
  std::map<std::string, SourceText> sources_;
  std::vector<NamedText> tasks_;
  std::string listen_;
};

std::string quoted(const std::string& text) {
  return boost::json::serialize(boost::json::string(text));
}

// Numbers and switches as they are, all else in quotes.
std::string yaml_value(const std::string& key, const std::string& value) {
  const bool digits =
      !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
  const bool plain =
      value == "true" || value == "false" || (digits && (key == "port" || key == "server-id"));
  return plain ? value : quoted(value);
}

void Importer::put(SourceText& source, const std::string& key, const std::string& value) {
  if (value.empty() && key != "from.password") return;  // Ansible's "not set"
  if (key.starts_with("from.")) {
    source.from[key.substr(5)] = value;
  } else {
    source.top[key] = value;
  }
}

Result<void> Importer::add_inventory(const NamedText& file) {
  const Result<std::vector<InventoryHost>> hosts = read_inventory(file);
  if (!hosts) return hosts.error();
  std::set<std::string> unused;
  for (const InventoryHost& host : *hosts) {
    if (host.group == "dm_master_servers") continue;
    if (host.group != "dm_worker_servers") {
      unused.insert("[" + host.group + "]");
      continue;
    }
    const auto id = host.variables.find("source_id");
    if (id == host.variables.end() || id->second.empty()) {
      return Error(Errc::kConfig, file.name + ": " + host.name + " has no source_id")
          .with_way_out("give it one, as task files name it");
    }
    SourceText& source = sources_[id->second];
    for (const auto& [key, value] : host.variables) {
      const auto known = inventory_keys().find(key);
      if (known != inventory_keys().end()) {
        put(source, known->second, value);
      } else if (key != "source_id" && key != "ansible_host" && key != "dm_worker_port") {
        unused.insert(key);
      }
    }
    const auto address = host.variables.find("ansible_host");
    const auto port = host.variables.find("dm_worker_port");
    source.worker =
        fmt::format("{}:{}", address == host.variables.end() ? host.name : address->second,
                    port == host.variables.end() ? "8262" : port->second);
  }
  for (const std::string& name : unused) {
    imported_.notes.push_back(
        file.name + ": " + name +
        " has no effect: there are no workers, masters and monitors to deploy");
  }
  return {};
}

// dm-worker.toml of 1.0: one source.
void Importer::add_worker(const NamedText& file, const std::vector<TomlTable>& tables) {
  SourceText& source = sources_[tables.front().values.at("source-id")];
  static const std::set<std::string> kTop = {
      "server-id", "flavor", "enable-gtid", "relay-dir", "relay-binlog-name", "relay-binlog-gtid"};
  static const std::set<std::string> kFrom = {"host", "port", "user", "password"};
  for (const TomlTable& table : tables) {
    for (const auto& [key, value] : table.values) {
      if (table.table.empty() && kTop.contains(key)) {
        put(source, key, value);
      } else if (table.table.empty() && key == "worker-addr") {
        source.worker = value;
      } else if (table.table == "from" && kFrom.contains(key)) {
        put(source, "from." + key, value);
      } else if (key != "source-id") {
        imported_.notes.push_back(fmt::format("{}: {}{}{} has no effect", file.name, table.table,
                                              table.table.empty() ? "" : ".", key));
      }
    }
  }
}

Result<void> Importer::add_toml(const NamedText& file) {
  const Result<std::vector<TomlTable>> tables = read_toml(file);
  if (!tables) return tables.error();
  if (tables->front().values.contains("source-id")) {
    add_worker(file, *tables);
    return {};
  }
  for (const TomlTable& table : *tables) {
    if (table.table == "deploy") {
      auto id = table.values.find("source-id");
      if (id == table.values.end()) id = table.values.find("mysql-instance");
      if (id == table.values.end()) {
        return Error(Errc::kConfig,
                     fmt::format("{}:{}: [[deploy]] has no source-id", file.name, table.line));
      }
      const auto worker = table.values.find("dm-worker");
      if (worker != table.values.end()) sources_[id->second].worker = worker->second;
      sources_[id->second];
      continue;
    }
    for (const auto& [key, value] : table.values) {
      if (key == "master-addr") {
        listen_ = value;
      } else {
        imported_.notes.push_back(file.name + ": " + key +
                                  " has no effect: there is one process, without etcd and workers");
      }
    }
  }
  return {};
}

Result<void> Importer::add_task(const NamedText& file) {
  const Result<conf::TaskConfig> task = conf::parse_task(file.text, file.name, access_);
  if (!task) return task.error();
  for (const conf::Note& note : task->notes) imported_.notes.push_back(conf::to_text(note));
  for (const conf::InstanceConfig& instance : task->instances) sources_[instance.source_id];
  tasks_.push_back({"tasks/" + task->name + ".yaml", file.text});
  return {};
}

Result<void> Importer::add(const NamedText& file) {
  if (file.name.ends_with(".ini")) return add_inventory(file);
  if (file.name.ends_with(".toml")) return add_toml(file);
  if (file.name.ends_with(".yaml") || file.name.ends_with(".yml")) return add_task(file);
  return Error(Errc::kConfig, file.name + ": not a name that tells what it is")
      .with_way_out("inventory.ini, dm-master.toml or dm-worker.toml, task.yaml");
}

std::string Importer::source_yaml(const std::string& id, const SourceText& source) {
  std::string yaml;
  if (!source.worker.empty()) yaml += "# was the source of DM's worker " + source.worker + "\n";
  yaml += "source-id: " + quoted(id) + "\n";
  for (const auto& [key, value] : source.top) yaml += key + ": " + yaml_value(key, value) + "\n";
  yaml += "from:\n";
  std::map<std::string, std::string> from = source.from;
  from.try_emplace("host", "");
  from.try_emplace("port", "3306");
  from.try_emplace("user", "root");
  from.try_emplace("password", "");
  for (const char* const key : {"host", "port", "user", "password"}) {
    yaml += fmt::format("  {}: {}\n", key, yaml_value(key, from.at(key)));
  }
  return yaml;
}

Result<Imported> Importer::finish() {
  if (sources_.empty()) return Error(Errc::kConfig, "the files name no source");
  std::string yaml = "sources:\n";
  for (const auto& [id, source] : sources_) {
    const std::string name = "sources/" + id + ".yaml";
    imported_.files.push_back({name, source_yaml(id, source)});
    yaml += "- " + quoted(name) + "\n";
    if (!source.from.contains("host")) {
      imported_.gaps.push_back(name + ": from.host, user and password are in none of the files");
      continue;
    }
    const Result<conf::SourceConfig> read =
        conf::parse_source(imported_.files.back().text, name, access_);
    if (!read) return read.error();
  }
  if (!tasks_.empty()) yaml += "tasks:\n";
  for (const NamedText& task : tasks_) yaml += "- " + quoted(task.name) + "\n";
  for (NamedText& task : tasks_) imported_.files.push_back(std::move(task));
  if (!listen_.empty()) {
    yaml = "# DM listened on " + listen_ +
           "; beyond loopback the API wants TLS and tokens (docs/api.md)\n" + yaml;
  }
  imported_.files.push_back({"tiderelay.yaml", std::move(yaml)});
  return std::move(imported_);
}

}  // namespace

Result<Imported> import_files(const std::vector<NamedText>& given, const conf::FileAccess& access) {
  Importer importer(access);
  for (const NamedText& file : given) {
    const Result<void> added = importer.add(file);
    if (!added) return added.error();
  }
  return importer.finish();
}

}  // namespace tiderelay::control
