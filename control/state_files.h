// control/state_files.h: what the daemon remembers of sources and tasks over a restart.
//
// <data-dir>/sources/<id>.yaml and <data-dir>/tasks/<name>.yaml: one line of ours, a comment with
// JSON in it, then the user's file as it was sent. Mode 0600: they may hold passwords. Written
// beside, synced, renamed: after a crash the old or the new one is there whole.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace tiderelay::control {

enum class WantedStage : std::uint8_t { kRunning, kPaused };

struct StateFile {
  std::string name;  // the source's id, the task's name
  std::string file;  // where the user had it: base of relative paths, and for messages
  std::string yaml;
  std::map<std::string, WantedStage> stages;  // of a task: by source
  // Sources whose checkpoint is still to be forgotten: --remove-meta, until it is done.
  std::set<std::string> forget;
  // By source: tables {schema, name} that resync-table wants copied again, until that is noted in
  // the task's ledger.
  std::map<std::string, std::set<std::pair<std::string, std::string>>> copy;
};

enum class StateKind : std::uint8_t { kSource, kTask };

// An id or name that can be a file's name. kConfig otherwise.
[[nodiscard]] Result<void> check_state_name(const std::string& name);

[[nodiscard]] std::string encode_state(const StateFile& state);
[[nodiscard]] Result<StateFile> decode_state(const std::string& name, const std::string& text);

[[nodiscard]] Result<void> save_state(const std::string& data_dir, StateKind kind,
                                      const StateFile& state);
[[nodiscard]] Result<void> remove_state(const std::string& data_dir, StateKind kind,
                                        const std::string& name);
[[nodiscard]] Result<std::vector<StateFile>> load_states(const std::string& data_dir,
                                                         StateKind kind);  // by name

}  // namespace tiderelay::control
