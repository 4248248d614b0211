// relay/upstream_pump.cc: two coroutines: one receives, one syncs what was received.
#include "relay/upstream_pump.h"

#include <utility>

#include "base/check.h"
#include "relay/upstream_pump_impl.h"

namespace tiderelay::relay {

const char* state_name(UpstreamState state) {
  switch (state) {
    case UpstreamState::kConnecting:
      return "connecting";
    case UpstreamState::kComparing:
      return "comparing";
    case UpstreamState::kReceiving:
      return "receiving";
    case UpstreamState::kRetrying:
      return "retrying";
    case UpstreamState::kStopped:
      return "stopped";
    case UpstreamState::kDiskFull:
      return "disk full";
    case UpstreamState::kStorageCap:
      return "storage cap";
    case UpstreamState::kEnded:
      return "ended";
  }
  return "";
}

UpstreamPump::UpstreamPump(asio::any_io_executor loop, RelayLog& log, UpstreamOptions options)
    : impl_(std::make_unique<Impl>(std::move(loop), log, std::move(options))) {}

UpstreamPump::~UpstreamPump() { CHECK(impl_->coroutines == 0, "stop() it, then run its loop dry"); }

void UpstreamPump::start() {
  CHECK(!impl_->started, "a pump is started once");
  impl_->started = true;
  impl_->coroutines = 5;
  impl_->acknowledged_token = impl_->log.acknowledged().subscribe(impl_->ack_due.remote());
  spawn(impl_->loop, "upstream", impl_->run());
  spawn(impl_->loop, "upstream sync", impl_->sync_loop());
  spawn(impl_->loop, "upstream purge", impl_->purge_loop());
  spawn(impl_->loop, "upstream packer", impl_->pack_loop());
  spawn(impl_->loop, "upstream acks", impl_->ack_loop());
}

// Say so, then wake whatever run() may be waiting for: it sees `stopping` and returns by itself.
void UpstreamPump::stop() {
  impl_->stopping = true;
  if (impl_->session) impl_->session->close();
  impl_->woken.notify();
  impl_->purge_timer.notify();
  impl_->pack_timer.notify();
}

void UpstreamPump::retry() { impl_->woken.notify(); }

bool UpstreamPump::running() const { return impl_->coroutines > 0; }

UpstreamStatus UpstreamPump::status() const {
  const std::lock_guard lock(impl_->mutex);
  UpstreamStatus status = impl_->status;
  status.gtids = impl_->status_gtids.text();
  return status;
}

void UpstreamPump::Impl::set_state(UpstreamState state, std::optional<Error> error) {
  {
    const std::lock_guard lock(mutex);
    status.state = state;
    status.error = std::move(error);
    status.failures = failures;
  }
  publish();
}

void UpstreamPump::Impl::publish() {
  const auto generation = log.catalog().last_generation();
  const bool diverged = generation && generation->note.why == GenerationNote::Why::kDiverged;
  const std::lock_guard lock(mutex);
  if (writer.has_file()) {
    status.file = writer.file().name;
    status.offset_bytes = writer.tracker().end_bytes();
    status_gtids = writer.tracker().gtids();
  }
  status.diverged = diverged ? std::optional(generation->note) : std::nullopt;
}

// ---- the receiving coroutine

asio::awaitable<void> UpstreamPump::Impl::run() {
  while (!stopping) {
    const Result<void> ended = co_await stream_once();
    session.reset();
    if (stopping) break;
    co_await recover_from(ended.error());
  }
  const Result<void> settled = co_await settle();
  if (!settled) say("not everything could be synced at the end: " + settled.error().text());
  receiving_ended = true;
  sync_wanted.notify();
  log.acknowledged().unsubscribe(acknowledged_token);
  ack_due.notify();
  set_state(UpstreamState::kEnded);
  --coroutines;
}

Awaitable<void> UpstreamPump::Impl::stream_once() {
  if (const auto limit = storage_limit()) co_return *limit;
  if (const auto cut = writer.cut_unfinished(); !cut) co_return cut.error();
  const Result<void> settled = co_await settle();
  if (!settled) co_return settled.error();
  if (const auto dropped = log.drop_empty_file(); !dropped) co_return dropped.error();
  set_state(UpstreamState::kConnecting);
  ConnectOptions connect = options.connect;
  connect.io_timeout = options.dead_after;
  session = std::make_shared<UpstreamSession>(loop, connect);
  asked.clear();
  const Result<UpstreamFacts> facts = co_await session->open(options.server_id);
  if (!facts) co_return facts.error();
  if (const auto noted = log.upstream().set(facts->variables); !noted) co_return noted.error();
  {
    const std::lock_guard lock(mutex);
    status.server_uuid = facts->server_uuid;
    status.server_version = facts->version;
    status.warnings = warnings_about(*facts);
    ++status.connects;
  }
  const Result<StartPlan> plan = co_await make_plan(*session, *facts);
  if (!plan) co_return plan.error();
  DumpRequest request;
  request.file = plan->file;
  request.begin_bytes = plan->begin_bytes;
  const bool too_big =
      request.begin_bytes > UINT32_MAX && !UpstreamSession::takes_big_offsets(*facts);
  if (too_big || compare_whole_file) request.begin_bytes = 4;
  request.server_id = options.server_id;
  request.replica_uuid = options.replica_uuid;
  request.report_host = options.report_host;
  request.heartbeat = options.dead_after / 3;
  request.semi_sync = options.semi_sync;
  overlap = OverlapCheck();
  pending_file.clear();
  pending_generation.reset();
  if (plan->kind == StartPlan::Kind::kResume) {
    overlap = OverlapCheck(request.begin_bytes, plan->end_bytes);
  } else {
    pending_file = plan->file;
  }
  if (plan->kind == StartPlan::Kind::kNewGeneration) {
    pending_generation = plan->note;
    pending_uuid = facts->server_uuid;
  }
  const Result<protocol::ChecksumAlgorithm> announced =
      co_await session->begin_dump(*facts, request);
  if (!announced) co_return announced.error();
  set_state(overlap.done() ? UpstreamState::kReceiving : UpstreamState::kComparing);
  say(fmt::format("receiving {} from {} on from server {} ({})", request.file, request.begin_bytes,
                  facts->server_uuid, facts->version));
  streaming_since = Clock::now();
  {
    const std::lock_guard lock(mutex);
    status.semi_sync = session->semi_sync();
  }
  UpstreamStream stream(request.file, request.begin_bytes, *announced, session->semi_sync());
  const Result<void> ended = co_await receive(*session, stream);
  co_return ended;
}

Awaitable<StartPlan> UpstreamPump::Impl::make_plan(UpstreamSession& from,
                                                   const UpstreamFacts& upstream) {
  StartFacts facts;
  facts.resume = log.resume_point();
  facts.file_is_complete = writer.has_file() && writer.tracker().file_is_complete();
  facts.start = options.start;
  facts.upstream = upstream;
  Result<std::vector<UpstreamFile>> files = co_await from.files();
  if (!files) co_return files.error();
  facts.files = std::move(*files);
  const bool moved = facts.resume && facts.resume->generation.uuid != upstream.server_uuid;
  if (facts.resume && !facts.resume->gtids.empty() && upstream.has_gtids()) {
    Result<GtidState> missing = co_await from.missing(upstream, facts.resume->gtids);
    if (!missing) co_return missing.error();
    facts.missing = std::move(*missing);
  }
  if (!moved || facts.missing.empty()) missing_since.reset();
  if (moved && !facts.missing.empty()) {
    if (!missing_since) missing_since = Clock::now();
    if (Clock::now() - *missing_since < options.switch_patience) {
      co_return Error(Errc::kConnection,
                      "server " + upstream.server_uuid + " took the place of " +
                          facts.resume->generation.uuid +
                          " but does not have these yet: " + facts.missing.text());
    }
  }
  if (plan_override && !moved) co_return *std::exchange(plan_override, std::nullopt);
  plan_override.reset();
  Result<StartPlan> plan = plan_start(facts);
  if (plan && plan->kind == StartPlan::Kind::kFindByGtids) {
    const Result<std::string> found = co_await from.find_file(facts.files, plan->gtids);
    if (!found) co_return found.error();
    facts.searched = true;
    facts.found_file = *found;
    plan = plan_start(facts);
  }
  if (plan && plan->kind == StartPlan::Kind::kNewGeneration && flapping()) {
    co_return Error(Errc::kDiverged, plan->note.text).with_way_out(kFlappingWayOut);
  }
  co_return plan;
}

Awaitable<void> UpstreamPump::Impl::receive(UpstreamSession& from, UpstreamStream& stream) {
  for (;;) {
    const Result<std::span<const Connection::Piece>> pieces = co_await from.pieces();
    if (!pieces) co_return pieces.error();
    std::uint64_t bytes = 0;
    std::uint64_t events = 0;
    for (const Connection::Piece& piece : *pieces) {
      Result<UpstreamStream::Step> step = stream.feed(piece);
      if (!step) co_return explain_upstream_error(step.error(), options.connect.user);
      bytes += piece.bytes.size();
      events += piece.last ? 1 : 0;
      if (step->kind == UpstreamStream::Kind::kNothing) continue;
      // The common case is not worth a coroutine for each event.
      const bool plain =
          step->kind == UpstreamStream::Kind::kBytes && (pending_file.empty() || !step->first);
      if (plain) {
        if (const auto stored = store(*step); !stored) co_return stored.error();
        if (step->last && stream.wants_acknowledgement()) note_asked(stream);
        continue;
      }
      const bool ends = step->kind == UpstreamStream::Kind::kBytes && step->last;
      const Result<void> taken = co_await take_step(std::move(*step));
      if (!taken) co_return taken.error();
      if (ends && stream.wants_acknowledgement()) note_asked(stream);
    }
    kick();
    if (failures > 0 && Clock::now() - streaming_since > options.retry_at_most) failures = 0;
    {
      const std::lock_guard lock(mutex);
      status.received_bytes += bytes;
      status.received_events += events;
      status.offset_bytes = writer.has_file() ? writer.tracker().end_bytes() : 0;
      status.timestamp_seconds = stream.timestamp_seconds();
      status.last_packet = std::chrono::system_clock::now();
    }
    checked_bytes += bytes;
    if (const auto room = check_storage(); !room) co_return room.error();
  }
}

Awaitable<void> UpstreamPump::Impl::take_step(UpstreamStream::Step step) {
  switch (step.kind) {
    case UpstreamStream::Kind::kNothing:
      break;
    case UpstreamStream::Kind::kHeartbeat:
      co_return overlap.upstream_ends();
    case UpstreamStream::Kind::kFile:
      co_return next_file(step);
    case UpstreamStream::Kind::kBytes: {
      const Result<void> begun = co_await begin_file();
      if (!begun) co_return begun.error();
      co_return store(step);
    }
  }
  co_return Result<void>();
}

Result<void> UpstreamPump::Impl::store(const UpstreamStream::Step& step) {
  if (overlap.done()) return writer.append(step.bytes, step.first, step.last);
  const auto same = overlap.compare(writer, step.bytes, step.first);
  if (!same) return same;
  if (overlap.done()) {
    compare_whole_file = false;
    set_state(UpstreamState::kReceiving);
  }
  return same;
}

Result<void> UpstreamPump::Impl::next_file(const UpstreamStream::Step& step) {
  if (const auto whole = overlap.upstream_ends(); !whole) return whole;
  if (step.position != 4) {
    return Error(Errc::kCorrupt, "the upstream goes on in the middle of " + step.file);
  }
  const LogTracker& tracker = writer.tracker();
  if (pending_file.empty() && tracker.end_bytes() != tracker.boundary()) {
    // Cut off by a crash of the upstream, or only on the way: it counts when it looks so twice.
    const LogPosition place{writer.file().begin.generation, writer.file().begin.file,
                            tracker.end_bytes()};
    if (abandoned != place) {
      abandoned = place;
      return Error(Errc::kCorrupt, writer.file().name + " ended inside a transaction");
    }
    writer.abandon_open();
  }
  pending_file = step.file;
  return {};
}

Awaitable<void> UpstreamPump::Impl::begin_file() {
  kick();
  const Result<void> settled = co_await settle();
  if (!settled) co_return settled.error();
  if (pending_generation) {
    const auto current = log.catalog().last_generation();
    const auto resume = log.resume_point();
    // A crash may have left the generation without a file.
    const bool there = current && current->uuid == pending_uuid && resume && resume->file.empty();
    if (!there) {
      const auto opened = log.start_generation(pending_uuid, *pending_generation);
      if (!opened) co_return opened.error();
      generations.push_back(Clock::now());
      say("a new generation of the relay log: " + pending_generation->text);
    }
    pending_generation.reset();
  }
  const auto begun = log.start_file(pending_file);
  if (!begun) co_return begun.error();
  pending_file.clear();
  publish();
  purge_timer.notify();  // only a file that has ended can go
  pack_timer.notify();
  co_return Result<void>();
}

Awaitable<void> UpstreamPump::Impl::settle() {
  while (!writer.settled()) {
    if (storage_full) co_return *storage_full;
    if (broken) co_return Error(Errc::kStorage, "the relay log is broken");
    kick();
    co_await sync_done.wait();
  }
  co_return Result<void>();
}

// ---- the syncing coroutine

asio::awaitable<void> UpstreamPump::Impl::sync_loop() {
  while (!receiving_ended && !broken) {
    if (!writer.sync_due() || storage_full) {
      co_await sync_wanted.wait();
      continue;
    }
    Result<std::optional<SyncJob>> job = writer.take_sync();
    if (!job && is_disk_full(job.error())) {
      storage_full = job.error();
      if (session) session->close();
      sync_done.notify();
      continue;
    }
    if (!job) fatal(job.error());
    if (!job || !*job) continue;
    Result<void> outcome = Result<void>();
    std::function<void()> work = [&outcome, &running = **job] { outcome = running.run(); };
    const Result<void> ran = co_await workers.run(loop, std::move(work));
    if (!ran || !outcome) fatal(outcome ? ran.error() : outcome.error());
    writer.finish_sync(**job);
    publish();
    sync_done.notify();
    ack_due.notify();
  }
  --coroutines;
}

}  // namespace tiderelay::relay
