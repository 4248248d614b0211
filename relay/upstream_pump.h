// relay/upstream_pump.h: receives one source's binary log into its relay log, for ever.
//
// Connects as a replica, receives by file and offset, compares the overlap, appends, syncs on a
// thread of its own while more arrives, reconnects with back-off. Transient errors are tried again,
// permanent ones stop it until retry(). A full disk or the storage cap make it stop receiving: the
// upstream still has the log. A failed write or sync calls on_fatal, which ends the process.
//
// Owner: whoever runs the source's loop. start(), stop() and retry() on the loop; status() from any
// thread. After stop() let the loop run until it has nothing left to do, then destroy.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/awaitable.h"
#include "relay/connection.h"
#include "relay/log_catalog.h"
#include "relay/relay_log.h"
#include "relay/start_plan.h"

namespace tiderelay::relay {

struct UpstreamOptions {
  ConnectOptions connect;       // io_timeout is set from dead_after
  std::uint32_t server_id = 0;  // unique among the upstream's replicas
  std::string replica_uuid;     // stable; the upstream ends an older dump of the same one
  std::string report_host = "tiderelay";
  StartPoint start;
  // A peer that says nothing for so long is dead; heartbeats come three times as often.
  std::chrono::milliseconds dead_after{30'000};
  std::chrono::milliseconds retry_first{500};
  std::chrono::milliseconds retry_at_most{30'000};
  // How long a new server may lack transactions that were received from the old one (a replica that
  // was promoted and still applies) before that counts as a loss.
  std::chrono::milliseconds switch_patience{60'000};
  RetainOptions retain;
  std::chrono::milliseconds purge_every{60'000};
  // Stop receiving above so many bytes of ended files, or below so much free space. 0: no limit.
  std::uint64_t max_log_bytes = 0;
  std::uint64_t min_free_bytes = 256U << 20;
  // Compress the files that have ended, so many bytes of them a second. 0: they stay as they are.
  std::uint64_t pack_bytes_a_second = 0;
  // Acknowledge to a semi-sync source what is synced; also only what RelayLog::acknowledged() has.
  bool semi_sync = false;
  bool semi_sync_needs_followers = false;
  std::uint64_t seed = 0;  // of the jitter
  // Ends the process. Without one: a line on stderr, then _exit.
  std::function<void(const Error&)> on_fatal;
  std::function<void(const std::string& line)> log;  // one line of text for a person
};

enum class UpstreamState : std::uint8_t {
  kConnecting,
  kComparing,  // the overlap with what was received before
  kReceiving,
  kRetrying,    // after a transient error
  kStopped,     // a permanent error: retry() when it is dealt with
  kDiskFull,    // or less than min_free_bytes left
  kStorageCap,  // max_log_bytes
  kEnded,       // after stop()
};
[[nodiscard]] const char* state_name(UpstreamState state);

struct UpstreamStatus {
  UpstreamState state = UpstreamState::kConnecting;
  std::optional<Error> error;  // why it is not receiving; with the way out
  std::uint64_t failures = 0;  // in a row
  std::string server_uuid;
  std::string server_version;
  std::string file;  // the upstream's name and offset of what was received
  std::uint64_t offset_bytes = 0;
  std::uint64_t received_bytes = 0;  // since the start of the process
  std::uint64_t received_events = 0;
  std::uint64_t connects = 0;
  bool semi_sync = false;                             // the source waits for us
  std::uint64_t acknowledgements = 0;                 // sent to it
  std::uint32_t timestamp_seconds = 0;                // of the last event received
  std::chrono::system_clock::time_point last_packet;  // heartbeats count
  std::string gtids;                                  // received and synced
  std::optional<GenerationNote> diverged;             // of the last generation, when it is one
  std::vector<std::string> warnings;
  std::string alarm;  // storage: what keeps a purge from making room
};

class UpstreamPump {
 public:
  UpstreamPump(asio::any_io_executor loop, RelayLog& log, UpstreamOptions options);
  ~UpstreamPump();
  UpstreamPump(const UpstreamPump&) = delete;
  UpstreamPump& operator=(const UpstreamPump&) = delete;

  void start();
  void stop();
  void retry();  // at once, also after a permanent error

  [[nodiscard]] UpstreamStatus status() const;
  [[nodiscard]] bool running() const;  // false: start() was not called or all has ended

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tiderelay::relay
