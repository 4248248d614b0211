// control/source_runner.h: one source of the daemon: its thread, its upstream pump, its relay log.
//
// All calls from the control thread except status(), which any thread may call. start() opens the
// relay log and begins to receive; stop() ends receiving, syncs and joins the thread. The relay log
// lives as long as the runner: readers (task runners) are stopped before it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "conf/source_config.h"
#include "relay/connection.h"
#include "relay/relay_log.h"
#include "relay/sql_answers.h"
#include "relay/upstream_pump.h"

namespace tiderelay::control {

enum class Stage : std::uint8_t { kNew, kRunning, kPaused, kStopped, kFinished };
[[nodiscard]] const char* stage_name(Stage stage);  // DM's words

// What a server of a source or a task's target needs to be dialled.
[[nodiscard]] Result<relay::ConnectOptions> connect_options(const conf::Endpoint& endpoint);
[[nodiscard]] Result<relay::TlsOptions> tls_options(const conf::Security& security);

class SourceRunner;

// Who wants to know which relay logs there are. Called from the control thread.
class SourceWatcher {
 public:
  virtual ~SourceWatcher() = default;
  virtual void started(SourceRunner& runner) = 0;   // its relay log is open
  virtual void stopping(SourceRunner& runner) = 0;  // when it returns nobody uses the log
  [[nodiscard]] virtual std::vector<relay::Follower> followers() const { return {}; }
};

class SourceRunner {
 public:
  struct Options {
    std::string data_dir;
    conf::SourceConfig source;
    relay::StartPoint start;  // of an empty relay log, unless the source's file says it
    relay::RetainOptions retain;
    std::uint64_t max_log_bytes = 0;        // 0: no cap
    std::uint64_t pack_bytes_a_second = 0;  // 0: log files stay as they are
    bool semi_sync = false;                 // as relay::UpstreamOptions
    std::uint32_t semi_sync_followers = 0;
    SourceWatcher* watcher = nullptr;  // outlives the runner
  };
  struct Status {
    Stage stage = Stage::kNew;
    std::vector<relay::Follower> followers;  // of the relay server; filled in by the daemon
    std::optional<Error> error;              // why it does not receive
    std::optional<Error> no_room;            // the same, and it will by itself once there is room
    relay::UpstreamStatus upstream;
    std::string folder;  // of the relay log's last generation
    // Where the upstream's own log ends, looked at every second; empty: not known.
    std::string upstream_file;
    std::uint64_t upstream_offset_bytes = 0;
    std::string upstream_gtids;
    bool caught_up = false;  // received up to there
  };

  explicit SourceRunner(Options options);
  ~SourceRunner();
  SourceRunner(const SourceRunner&) = delete;
  SourceRunner& operator=(const SourceRunner&) = delete;

  [[nodiscard]] Result<void> start();
  // After a start() that failed: status() shows why, and nothing else happens. There is no log().
  void fail(const Error& error);
  [[nodiscard]] bool failed() const;
  void pause();
  void resume();
  void stop();
  [[nodiscard]] Status status() const;
  [[nodiscard]] const conf::SourceConfig& config() const;
  [[nodiscard]] relay::RelayLog& log();
  [[nodiscard]] relay::Storage& storage();
  [[nodiscard]] const relay::ConnectOptions& connect() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tiderelay::control
