// relay/upstream_recovery_pump.cc: the part of UpstreamPump that deals with what went wrong: errors
// of the upstream, another history, full disks.
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "relay/upstream_pump_impl.h"

namespace tiderelay::relay {

namespace {

constexpr std::chrono::milliseconds kStorageRetry{5'000};
constexpr std::uint64_t kStorageCheckBytes = 32U << 20;
constexpr std::uint64_t kPackIdleMilliseconds = 60'000;
constexpr int kSameDamageAtMost = 3;
constexpr std::chrono::minutes kGenerationWindow{10};
constexpr std::size_t kGenerationsAtMost = 3;

void default_fatal(const Error& error) {
  std::fprintf(stderr,
               "tiderelay: the relay log cannot be kept: %s\n"
               "tiderelay: ending, so that nothing counts as stored that is not\n",
               error.text().c_str());
  std::fflush(stderr);
  ::_exit(1);
}

bool is_permanent(const Error& error) {
  switch (error.code()) {
    case Errc::kUnsupported:
    case Errc::kAuth:
    case Errc::kConfig:
    case Errc::kPurged:
    case Errc::kDiverged:
      return true;
    default:
      return false;
  }
}

}  // namespace

// A handler that returns (in tests) finds the pump ending without another write.
void UpstreamPump::Impl::fatal(const Error& error) {
  set_state(UpstreamState::kStopped, error);
  if (!options.on_fatal) default_fatal(error);
  options.on_fatal(error);
  stopping = true;
  broken = true;
  if (session) session->close();
  woken.notify();
  purge_timer.notify();
  pack_timer.notify();
  sync_done.notify();
}

asio::awaitable<void> UpstreamPump::Impl::recover_from(Error error) {
  if (error.code() == Errc::kStorage) fatal(error);
  if (storage_full || is_disk_full(error)) {
    if (!storage_full) storage_full = error;
    co_await wait_for_storage();
    co_return;
  }
  ++failures;
  if (error.code() == Errc::kCorrupt || error.code() == Errc::kTruncated) {
    same_damage = error.text() == last_damage ? same_damage + 1 : 1;
    last_damage = error.text();
  }
  if (error.code() == Errc::kDiverged && !overlap.done()) {
    const Result<void> noted = note_difference(error);
    if (noted) co_return;
    error = noted.error();
  }
  const bool ask_again = lost_place(error);
  if (ask_again) compare_whole_file = true;
  const bool stop_here = (is_permanent(error) && !ask_again) || same_damage >= kSameDamageAtMost;
  say((stop_here ? "stopped: " : "will try again: ") + error.text() +
      (error.way_out().empty() ? "" : " | " + error.way_out()));
  if (stop_here) {
    same_damage = 0;
    set_state(UpstreamState::kStopped, error);
    co_await woken.wait();
    co_return;
  }
  set_state(UpstreamState::kRetrying, error);
  const bool early = co_await woken.wait_for(backoff());
  if (early) failures = 0;
}

// A server that is asked for a place inside an event reads garbage and complains about that. With
// another history this is to be expected: comparing from the file's start shows the difference.
bool UpstreamPump::Impl::lost_place(const Error& error) const {
  return error.server_code() == 1236 && !overlap.done() && !compare_whole_file &&
         (error.code() == Errc::kConfig || error.code() == Errc::kCorrupt ||
          error.code() == Errc::kUnsupported);
}

bool UpstreamPump::Impl::flapping() {
  const auto now = Clock::now();
  std::erase_if(generations, [now](Clock::time_point at) { return now - at > kGenerationWindow; });
  return generations.size() >= kGenerationsAtMost;
}

// The same server has another history: go on with it in a generation of its own.
Result<void> UpstreamPump::Impl::note_difference(const Error& error) {
  if (flapping()) return error.with_way_out(kFlappingWayOut);
  StartFacts facts;
  facts.resume = log.resume_point();
  facts.upstream.server_uuid = facts.resume->generation.uuid;
  facts.files.push_back({facts.resume->file, facts.resume->end_bytes});
  auto plan = plan_after_difference(facts, error);
  if (!plan) return plan.error();
  plan_override = std::move(*plan);
  overlap = OverlapCheck();
  compare_whole_file = false;
  return {};
}

std::chrono::milliseconds UpstreamPump::Impl::backoff() {
  const auto doublings = std::min<std::uint64_t>(failures - 1, 16);
  const std::chrono::milliseconds doubled = options.retry_first * (1LL << doublings);
  const auto longest = std::min(options.retry_at_most, doubled);
  const auto half = longest.count() / 2;
  const auto jitter =
      half == 0 ? 0 : static_cast<long>(random() % static_cast<std::uint64_t>(half));
  return std::chrono::milliseconds(longest.count() - jitter);
}

std::optional<Error> UpstreamPump::Impl::storage_limit() {
  const std::uint64_t ended_bytes = log.catalog().ended_bytes();
  if (options.max_log_bytes != 0 && ended_bytes > options.max_log_bytes) {
    return Error(Errc::kLimit,
                 fmt::format("the relay log's files that have ended have {} bytes, the limit is {}",
                             ended_bytes, options.max_log_bytes));
  }
  const auto space = log.catalog().free_space();
  if (space && space->free_bytes < options.min_free_bytes) {
    return Error(Errc::kLimit, fmt::format("the disk has {} bytes free, less than the {} to keep",
                                           space->free_bytes, options.min_free_bytes));
  }
  return std::nullopt;
}

Result<void> UpstreamPump::Impl::check_storage() {
  const bool soon = options.max_log_bytes != 0 && checked_bytes >= options.max_log_bytes / 50;
  if (checked_bytes < kStorageCheckBytes && !soon) return {};
  checked_bytes = 0;
  if (const auto limit = storage_limit()) return *limit;
  return {};
}

asio::awaitable<void> UpstreamPump::Impl::wait_for_storage() {
  Error error = *storage_full;
  while (writer.sync_running()) co_await sync_done.wait();
  if (writer.has_file()) {
    if (const auto reopened = writer.reopen(); !reopened) fatal(reopened.error());
  }
  storage_full.reset();
  kick();
  const bool made_room = co_await purge();
  if (made_room && !storage_limit()) co_return;
  say("receiving stops: " + error.text());
  while (!stopping) {
    const bool capped =
        options.max_log_bytes != 0 && log.catalog().ended_bytes() > options.max_log_bytes;
    set_state(capped ? UpstreamState::kStorageCap : UpstreamState::kDiskFull,
              error.with_way_out("make room, raise the limit or let the appliers and followers "
                                 "catch up; the upstream still has its log"));
    co_await woken.wait_for(kStorageRetry);
    co_await purge();
    const auto still = storage_limit();
    if (!still) break;
    error = *still;
  }
  if (!stopping) say("there is room again: receiving goes on");
}

// true: something was removed.
asio::awaitable<bool> UpstreamPump::Impl::purge() {
  const auto now = std::chrono::system_clock::now();
  Result<PurgeOutcome> outcome = PurgeOutcome();
  std::function<void()> work = [this, now, &outcome] {
    outcome = log.catalog().purge(options.retain, now);
  };
  const Result<void> ran = co_await workers.run(loop, std::move(work));
  if (!ran || !outcome) {
    say("purge: " + (outcome ? ran.error() : outcome.error()).text());
    co_return false;
  }
  for (const std::string& name : outcome->removed) say("purged " + name);
  for (const std::string& line : outcome->lost) say(line);
  std::string alarm;
  if (!outcome->lost.empty()) alarm = outcome->lost.back();
  if (!outcome->held_by.empty()) {
    alarm = "files that are due for removal are kept for " + outcome->held_by;
  }
  const bool news = outcome->held_by.substr(0, outcome->held_by.find(':')) != held_by;
  held_by = outcome->held_by.substr(0, outcome->held_by.find(':'));
  if (news && !held_by.empty()) say(alarm);
  const std::lock_guard lock(mutex);
  status.alarm = std::move(alarm);
  co_return !outcome->removed.empty();
}

// Steps of a file, at the rate that is allowed; without anything to do until a file ends.
asio::awaitable<void> UpstreamPump::Impl::pack_loop() {
  LogPacker packer(log.storage(), log.catalog(), options.min_free_bytes);
  while (!stopping && options.pack_bytes_a_second != 0) {
    const Result<std::uint64_t> done = co_await pack(packer);
    if (!done) say(done.error().text());
    const auto pause = std::chrono::milliseconds(
        done && *done != 0 ? *done * 1000 / options.pack_bytes_a_second : kPackIdleMilliseconds);
    if (!stopping) co_await pack_timer.wait_for(pause);
  }
  --coroutines;
}

Awaitable<std::uint64_t> UpstreamPump::Impl::pack(LogPacker& packer) {
  const auto step = std::make_shared<Result<LogPacker::Step>>(LogPacker::Step());
  std::function<void()> work = [step, &packer] { *step = packer.step(); };
  const Result<void> ran = co_await workers.run(loop, std::move(work));
  if (!ran) co_return ran.error();
  if (!*step) co_return step->error();
  if (!(*step)->done.empty()) say((*step)->done);
  co_return (*step)->read_bytes;
}

asio::awaitable<void> UpstreamPump::Impl::purge_loop() {
  while (!stopping) {
    co_await purge_timer.wait_for(options.purge_every);
    if (!stopping) co_await purge();
  }
  --coroutines;
}

}  // namespace tiderelay::relay
