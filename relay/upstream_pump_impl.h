// relay/upstream_pump_impl.h: what UpstreamPump's two source files share; nobody else includes it.
#pragma once

#include <fmt/format.h>

#include <deque>
#include <mutex>
#include <random>

#include "relay/log_packer.h"
#include "relay/loop.h"
#include "relay/overlap_check.h"
#include "relay/signal.h"
#include "relay/upstream_pump.h"
#include "relay/upstream_session.h"
#include "relay/upstream_stream.h"

namespace tiderelay::relay {

using Clock = std::chrono::steady_clock;

inline constexpr const char* kFlappingWayOut =
    "this happened several times within minutes: two servers may answer at this address in turn; "
    "connect to one of them";

struct AskedAck {  // a place that the source waits to have acknowledged
  LogPosition place;
  std::string file;
};

struct UpstreamPump::Impl {
  Impl(asio::any_io_executor on, RelayLog& relay_log, UpstreamOptions given)
      : loop(on),
        log(relay_log),
        writer(relay_log.writer()),
        options(std::move(given)),
        random(options.seed),
        sync_wanted(on),
        sync_done(on),
        woken(on),
        purge_timer(on),
        pack_timer(on),
        ack_due(on) {}

  asio::awaitable<void> run();
  asio::awaitable<void> sync_loop();
  asio::awaitable<void> purge_loop();
  asio::awaitable<void> pack_loop();
  Awaitable<std::uint64_t> pack(LogPacker& packer);
  asio::awaitable<void> ack_loop();
  Awaitable<void> acknowledge(std::shared_ptr<UpstreamSession> to, AskedAck asked_for);
  void note_asked(const UpstreamStream& stream);
  [[nodiscard]] std::optional<AskedAck> take_due_ack();
  Awaitable<void> stream_once();
  Awaitable<StartPlan> make_plan(UpstreamSession& session, const UpstreamFacts& facts);
  Awaitable<void> receive(UpstreamSession& session, UpstreamStream& stream);
  Awaitable<void> take_step(UpstreamStream::Step step);
  Awaitable<void> begin_file();
  Awaitable<void> settle();
  asio::awaitable<void> recover_from(Error error);
  asio::awaitable<void> wait_for_storage();

  [[nodiscard]] Result<void> store(const UpstreamStream::Step& step);
  [[nodiscard]] Result<void> next_file(const UpstreamStream::Step& step);
  [[nodiscard]] Result<void> note_difference(const Error& error);
  [[nodiscard]] bool lost_place(const Error& error) const;
  [[nodiscard]] bool flapping();  // generations follow each other within minutes
  [[nodiscard]] Result<void> check_storage();
  [[nodiscard]] std::optional<Error> storage_limit();
  [[nodiscard]] std::chrono::milliseconds backoff();
  void kick() {
    if (writer.sync_due()) sync_wanted.notify();
  }
  asio::awaitable<bool> purge();
  void fatal(const Error& error);
  void say(const std::string& line) const {
    if (options.log) options.log(line);
  }
  void set_state(UpstreamState state, std::optional<Error> error = std::nullopt);
  void publish();

  const asio::any_io_executor loop;
  RelayLog& log;
  LogWriter& writer;
  const UpstreamOptions options;
  std::mt19937_64 random;
  WorkerPool workers{3};  // one sync, one purge and one step of compression at a time
  Signal sync_wanted;     // sync_loop waits
  Signal sync_done;       // run() waits
  Signal woken;           // run() waits: stop() and retry()
  Signal purge_timer;     // purge_loop waits
  Signal pack_timer;      // pack_loop waits
  Signal ack_due;         // ack_loop waits
  bool started = false;
  bool stopping = false;
  bool receiving_ended = false;
  int coroutines = 0;

  std::shared_ptr<UpstreamSession> session;  // ack_loop may hold it for longer
  std::deque<AskedAck> asked;                // ascending
  LogEnd::Token acknowledged_token = 0;
  bool broken = false;  // a write or sync failed: nothing more is written
  std::optional<Error> storage_full;
  std::optional<StartPlan> plan_override;  // decided when the overlap differed
  std::optional<GenerationNote> pending_generation;
  std::string pending_uuid;
  std::string pending_file;  // begun when its first event arrives
  OverlapCheck overlap;
  bool compare_whole_file = false;  // the upstream finds no event where the last transaction begins
  LogPosition abandoned;            // where a file ended inside a transaction the last time
  std::uint64_t checked_bytes = 0;
  std::string held_by;  // whom the last purge kept files for
  std::uint64_t failures = 0;
  Clock::time_point streaming_since;
  std::string last_damage;
  int same_damage = 0;
  std::optional<Clock::time_point> missing_since;
  std::vector<Clock::time_point> generations;

  mutable std::mutex mutex;  // guards status
  UpstreamStatus status;
  GtidState status_gtids;
};

}  // namespace tiderelay::relay
