// control/import_files.h: what a DM deployment of 2019 says about its sources, as tiderelay's
// files: DM-Ansible's inventory.ini, dm-master.toml and dm-worker.toml of 1.0, task files.
//
// Plain text in, plain text out. Passwords stay as they are written (DM's cipher texts are read
// by everything here).
// Source: dm-ansible roles/dm-worker/templates, DM 1.0 dm/master/config.go, dm/worker/config.go.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "conf/file_access.h"

namespace tiderelay::control {

struct NamedText {
  std::string name;  // path
  std::string text;
};

struct Imported {
  std::vector<NamedText>
      files;  // relative paths: sources/<id>.yaml, tasks/<name>.yaml, tiderelay.yaml
  std::vector<std::string> notes;  // each key that has no effect, with the reason
  std::vector<std::string> gaps;   // what is left to be filled in by hand
};

// kConfig: file, line and what would be right.
[[nodiscard]] Result<Imported> import_files(const std::vector<NamedText>& given,
                                            const conf::FileAccess& access);

// One server of an inventory with the variables that hold for it.
struct InventoryHost {
  std::string group, name;
  std::map<std::string, std::string> variables;
};
[[nodiscard]] Result<std::vector<InventoryHost>> read_inventory(const NamedText& file);

// `table`: "" at the top, "from", "deploy" of [[deploy]], one for each; values without quotes.
struct TomlTable {
  std::string table;
  int line = 0;
  std::map<std::string, std::string> values;
};
[[nodiscard]] Result<std::vector<TomlTable>> read_toml(const NamedText& file);

}  // namespace tiderelay::control
