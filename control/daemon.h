// control/daemon.h: what `serve` keeps: sources, tasks, their files; and DM's commands on them.
//
// answer() is called from worker threads. Commands that change something (changes()) come one at a
// time, from one thread; all others may come at once, and never wait for a change. stop() comes
// last, from the thread of the changes or when it has ended.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "conf/file_access.h"
#include "conf/source_config.h"
#include "conf/task_config.h"
#include "control/ctl_words.h"
#include "control/dm_answers.h"
#include "control/snapshot.h"
#include "control/source_runner.h"
#include "control/state_files.h"
#include "control/task_runner.h"

namespace tiderelay::control {

using SentFiles = std::map<std::string, std::string>;  // path: content

class Daemon {
 public:
  struct Options {
    std::string data_dir;
    std::string address;                    // of the API, for list-member
    conf::FileAccess access;                // with the operator's key
    bool checks = true;                     // ask the servers before a source or task is taken
    SourceWatcher* watcher = nullptr;       // outlives the daemon
    relay::RetainOptions retain;            // of every relay log
    std::uint64_t max_log_bytes = 0;        // of each relay log; 0: no cap
    std::uint64_t pack_bytes_a_second = 0;  // 0: log files stay as they are
    bool semi_sync = false;                 // as relay::UpstreamOptions
    std::uint32_t semi_sync_followers = 0;
  };
  explicit Daemon(Options options);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Begins what ran before, and what the daemon's own file names.
  [[nodiscard]] Result<void> restore(const std::vector<conf::SourceConfig>& sources,
                                     const std::vector<conf::TaskConfig>& tasks);
  void stop();  // tasks, then sources

  [[nodiscard]] static bool changes(const CtlCall& call);
  [[nodiscard]] boost::json::object answer(const CtlCall& call, const SentFiles& files);
  [[nodiscard]] Snapshot snapshot() const;

 private:
  struct SourceEntry {
    std::shared_ptr<SourceRunner> runner;
    StateFile state;
    bool from_config = false;  // its file is the daemon's
  };
  struct Share {  // a task at one source; the runner goes first
    std::shared_ptr<SourceRunner> source;
    std::shared_ptr<TaskRunner> runner;
  };
  struct TaskEntry {
    conf::TaskConfig config;
    StateFile state;
    bool from_config = false;
    std::map<std::string, Share> shares;
  };
  using Answer = boost::json::object;

  [[nodiscard]] Answer plain_answer_of(const CtlCall& call, const SentFiles& files);
  [[nodiscard]] Answer operate_source(const CtlCall& call, const SentFiles& files);
  [[nodiscard]] Answer show_sources(const std::vector<std::string>& wanted) const;
  [[nodiscard]] SourceOutcome create_source(const std::string& word, const SentFiles& files);
  [[nodiscard]] SourceOutcome update_source(const std::string& word, const SentFiles& files);
  [[nodiscard]] SourceOutcome remove_source(const std::string& word, const SentFiles& files);
  [[nodiscard]] static StateFile sent_state(const std::string& name, const std::string& word,
                                            const SentFiles& files);
  [[nodiscard]] std::optional<Error> why_not_changed(const std::string& source_id) const;
  [[nodiscard]] std::shared_ptr<SourceRunner> take_source(const std::string& id);
  [[nodiscard]] Result<conf::SourceConfig> sent_source(const std::string& word,
                                                       const SentFiles& files) const;
  // may_fail: a source that cannot start is kept, and shown with its error.
  [[nodiscard]] Result<void> run_source(const conf::SourceConfig& source, StateFile state,
                                        bool from_config, bool may_fail = false);
  [[nodiscard]] Result<void> restore_sources(const std::vector<conf::SourceConfig>& sources);
  [[nodiscard]] Result<void> restore_tasks(const std::vector<conf::TaskConfig>& tasks);
  void drop_stale_pins();

  [[nodiscard]] Answer check_task(const CtlCall& call, const SentFiles& files) const;
  [[nodiscard]] Answer start_task(const CtlCall& call, const SentFiles& files);
  [[nodiscard]] Answer stop_tasks(const CtlCall& call, const SentFiles& files);
  [[nodiscard]] Answer set_stages(const CtlCall& call, const SentFiles& files, WantedStage stage);
  [[nodiscard]] Answer query_status(const CtlCall& call, const SentFiles& files) const;
  [[nodiscard]] Answer list_member(const CtlCall& call) const;
  [[nodiscard]] Answer show_config(const CtlCall& call) const;
  [[nodiscard]] Answer export_config() const;
  [[nodiscard]] Answer set_relays(const CtlCall& call);
  [[nodiscard]] Answer purge_relays(const CtlCall& call);
  [[nodiscard]] static SourceOutcome purge_relay(const std::string& id, relay::LogCatalog& catalog,
                                                 const CtlCall& call,
                                                 const std::vector<relay::LogPosition>& needed,
                                                 const relay::RetainOptions& retain);
  [[nodiscard]] Answer query_error(const CtlCall& call, const SentFiles& files) const;
  [[nodiscard]] Answer order_statements(const CtlCall& call, const SentFiles& files);
  [[nodiscard]] static SourceOutcome order_statement(const CtlCall& call,
                                                     const conf::TaskConfig& task,
                                                     const std::string& source_id,
                                                     const TaskStatus& status);
  [[nodiscard]] Answer operate_schemas(const CtlCall& call, const SentFiles& files);
  [[nodiscard]] static Result<std::string> operate_schema(const CtlCall& call,
                                                          const conf::TaskConfig& task,
                                                          const SourceRunner& source,
                                                          const TaskStatus& status,
                                                          const std::string& file_text);
  [[nodiscard]] Answer shard_locks(const CtlCall& call) const;

  [[nodiscard]] Result<conf::TaskConfig> sent_task(const std::string& word,
                                                   const SentFiles& files) const;
  [[nodiscard]] Result<std::string> task_name(const std::string& word,
                                              const SentFiles& files) const;
  [[nodiscard]] Result<std::vector<std::string>> chosen_sources(
      const conf::TaskConfig& task, const std::vector<std::string>& wanted) const;
  [[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> chosen_shares(
      const CtlCall& call, const SentFiles& files) const;
  // Its status, with its followers out of all of them.
  [[nodiscard]] static SourceRunner::Status status_of(const SourceRunner& runner,
                                                      const std::vector<relay::Follower>& all);
  [[nodiscard]] std::vector<relay::Follower> followers() const {
    return options_.watcher == nullptr ? std::vector<relay::Follower>()
                                       : options_.watcher->followers();
  }
  [[nodiscard]] std::vector<conf::SourceConfig> configs_of(
      const std::vector<std::string>& ids) const;
  [[nodiscard]] Error unknown_task(const std::string& name) const;
  [[nodiscard]] Error unknown_source(const std::string& id) const;
  [[nodiscard]] std::vector<std::string> tasks_of(const std::string& source_id) const;
  [[nodiscard]] Result<void> begin_task(const conf::TaskConfig& task, const std::string& file,
                                        const std::string& yaml,
                                        const std::vector<std::string>& ids, bool remove_meta);
  // new_rules: lists and filters may differ from the checkpoint's.
  void run_share(TaskEntry& task, const std::string& source_id, bool new_rules = false);
  [[nodiscard]] Answer update_task(const CtlCall& call, const SentFiles& files);
  [[nodiscard]] Answer resync_tables(const CtlCall& call, const SentFiles& files);
  [[nodiscard]] static Result<void> end_shares(TaskEntry& task,
                                               const std::vector<std::string>& ids);
  using StateChange = std::function<void(StateFile&)>;
  void note_done(const std::string& task, const StateChange& change);
  [[nodiscard]] Result<void> change_state(TaskEntry& task, const StateChange& change);

  const Options options_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;  // guards the maps; written by the thread of the changes alone
  std::map<std::string, SourceEntry> sources_;
  std::map<std::string, TaskEntry> tasks_;
  std::mutex state_mutex_;  // guards TaskEntry::state and its file; comes before mutex_
};

}  // namespace tiderelay::control
