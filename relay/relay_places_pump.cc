// relay/relay_places_pump.cc: where registered followers would go on if they came back now, noted
// every second in each source's catalog, so that a purge leaves them what they need.
//
// What was sent need not have arrived: a file is needed until kArrivedBytes of later ones were sent
// (more than any socket buffers hold), or the next one is kArrivedTime old and the peer's kernel
// has acknowledged all.
#include <algorithm>

#include "relay/relay_server_impl.h"

namespace tiderelay::relay {
namespace {

constexpr std::chrono::milliseconds kNoteEvery{1000};
constexpr std::uint64_t kArrivedBytes = 64U << 20;
constexpr std::chrono::seconds kArrivedTime{5};

void drop_arrived(RelayClient& client, std::chrono::steady_clock::time_point now) {
  while (client.begun.size() > 1) {
    const BegunFile& later = client.begun[1];
    const bool far = client.facts.sent_bytes - later.sent_bytes >= kArrivedBytes;
    const bool quiet = now - later.at >= kArrivedTime && client.transport->all_arrived();
    const bool acknowledged = client.facts.acknowledged >= later.begin;
    if (!far && !quiet && !acknowledged) return;
    client.begun.pop_front();
  }
}

// Of a place before all that this process has seen: by the GTIDs of the files.
std::optional<std::uint64_t> transactions_since(RelayLog& log, const LogPosition& place) {
  const auto executed = log.end().gtids();
  if (!executed || executed->empty()) return std::nullopt;
  const std::vector<LogFile> files = log.catalog().files();
  const auto later =
      std::ranges::find_if(files, [&place](const LogFile& file) { return place < file.begin; });
  if (later == files.begin()) return std::nullopt;
  const LogFile& in = *(later - 1);
  const bool last = later == files.end();
  if (!in.gtids_before || (!last && !later->gtids_before)) return std::nullopt;
  const std::uint64_t total = executed->count();
  const std::uint64_t before = std::min(total, in.gtids_before->count());
  const std::uint64_t behind =
      std::min(total, last ? total : std::max(before, later->gtids_before->count()));
  const double part = in.size_bytes == 0 ? 0
                                         : static_cast<double>(place.offset_bytes) /
                                               static_cast<double>(in.size_bytes);
  const auto passed =
      static_cast<std::uint64_t>(std::min(1.0, part) * static_cast<double>(behind - before));
  return total - before - passed;
}

void measure_lag(Follower& one, const ServedSource& source) {
  RelayLog& log = *source.log;
  one.lag_bytes = log.catalog().bytes_between(one.sent, log.end().get().position);
  if (one.lag_bytes == 0) {
    one.lag_transactions = 0;
    return;
  }
  const auto lag = source.history.behind(one.sent, std::chrono::steady_clock::now());
  if (lag) {
    one.lag_transactions = lag->transactions;
    one.lag_seconds = std::chrono::duration<double>(lag->time).count();
    return;
  }
  one.lag_transactions = transactions_since(log, one.sent);
  const double known = one.connected
                           ? one.last_event_seconds
                           : std::chrono::duration<double>(one.seen.time_since_epoch()).count();
  if (known == 0) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  one.lag_seconds = std::max(0.0, std::chrono::duration<double>(now).count() - known);
}

}  // namespace

void RelayServer::Impl::begin_place(RelayClient& client, const LogFile& file) {
  client.keeps_place = client.facts.registered;
  if (!client.keeps_place) return;
  BegunFile begun;
  begun.begin = file.begin;
  begun.at = std::chrono::steady_clock::now();
  client.begun.assign(1, begun);
  note_place(client, true);
  places_pause.notify();
}

void RelayServer::Impl::note_place(RelayClient& client, bool connected) {
  FollowerPlace place;
  place.from = client.begun.front().begin;
  place.seen = std::chrono::system_clock::now();
  place.connected = connected;
  place.about = client.facts.peer + " as " + client.facts.user;
  client.source->log->catalog().note_follower(client.facts.server_id, std::move(place));
}

// Of two clients with one server id the one that needs more counts.
void RelayServer::Impl::note_places() {
  const auto now = std::chrono::steady_clock::now();
  std::map<std::pair<ServedSource*, std::uint32_t>, RelayClient*> furthest_behind;
  for (const auto& [id, client] : clients) {
    if (!client->keeps_place || client->lost) continue;
    drop_arrived(*client, now);
    RelayClient*& behind = furthest_behind[{client->source.get(), client->facts.server_id}];
    if (behind == nullptr || client->begun.front().begin < behind->begun.front().begin) {
      behind = client.get();
    }
  }
  for (const auto& [who, client] : furthest_behind) note_place(*client, true);
}

asio::awaitable<void> RelayServer::Impl::keep_places() {
  std::string told;
  while (!stopping) {
    co_await places_pause.wait_for(kNoteEvery);
    note_places();
    for (const std::shared_ptr<ServedSource>& source : all_sources()) {
      if (source->gone) continue;
      ++source->clients;  // remove_source() waits
      const auto saved = std::make_shared<Result<void>>(Result<void>());
      std::function<void()> work = [saved, source] {
        *saved = source->log->catalog().save_followers();
      };
      const Result<void> ran = co_await workers.run(loop.executor(), std::move(work));
      release(source);
      const std::string problem = !ran ? ran.error().text() : !*saved ? saved->error().text() : "";
      if (!problem.empty() && problem != told) say("relay server: " + problem);
      told = problem;
    }
  }
}

std::vector<std::shared_ptr<ServedSource>> RelayServer::Impl::all_sources() const {
  std::vector<std::shared_ptr<ServedSource>> all;
  const std::lock_guard lock(mutex);
  for (const auto& [id, source] : sources) all.push_back(source);
  return all;
}

void RelayServer::Impl::note_end(ServedSource& source) {
  const LogEnd::Value end = source.log->end().get();
  if (end.position.generation == 0) return;
  const std::lock_guard lock(mutex);
  source.history.note(end.position, end.transactions, std::chrono::steady_clock::now());
}

std::vector<Follower> RelayServer::Impl::followers() const {
  std::vector<Follower> all;
  const std::lock_guard lock(mutex);
  for (const auto& [id, client] : clients) {
    if (client->facts.source_id.empty()) continue;
    Follower& one = all.emplace_back(client->facts);
    const auto source = sources.find(one.source_id);
    if (one.dumping && source != sources.end()) measure_lag(one, *source->second);
  }
  return all;
}

std::vector<Follower> RelayServer::Impl::absent_followers() const {
  std::vector<Follower> absent;
  const std::lock_guard lock(mutex);
  for (const auto& [id, source] : sources) {
    for (const auto& [server_id, place] : source->log->catalog().follower_places()) {
      if (place.connected) continue;
      Follower& one = absent.emplace_back();
      one.connected = false;
      one.registered = true;
      one.source_id = id;
      one.server_id = server_id;
      const std::size_t user = place.about.rfind(" as ");
      one.peer = place.about.substr(0, user);
      if (user != std::string::npos) one.user = place.about.substr(user + 4);
      one.sent = place.from;
      one.seen = place.seen;
      measure_lag(one, *source);
    }
  }
  return absent;
}

}  // namespace tiderelay::relay
