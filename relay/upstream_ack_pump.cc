// relay/upstream_ack_pump.cc: the part of UpstreamPump that acknowledges to a semi-sync source:
// what is synced, and nothing else.
//
// One acknowledgement covers all places before it. A source that is answered for a place which a
// crash then loses would count as safe what is gone, so the place must lie before LogEnd (and
// before RelayLog::acknowledged(), when followers are waited for). Source: MySQL 8.0.40,
// plugin/semisync/semisync_replica.cc (slaveReply).
#include <algorithm>

#include "relay/upstream_pump_impl.h"

namespace tiderelay::relay {
namespace {

constexpr std::size_t kAskedMax = 4096;

}  // namespace

void UpstreamPump::Impl::note_asked(const UpstreamStream& stream) {
  AskedAck ask;
  ask.place = {writer.file().begin.generation, writer.file().begin.file, stream.position()};
  ask.file = stream.file();
  // Of very many that wait the last one stands for those before it.
  if (asked.size() == kAskedMax) asked.pop_back();
  asked.push_back(std::move(ask));
  if (asked.back().place <= log.end().get().position) ack_due.notify();
}

std::optional<AskedAck> UpstreamPump::Impl::take_due_ack() {
  LogPosition safe = log.end().get().position;
  if (options.semi_sync_needs_followers) {
    safe = std::min(safe, log.acknowledged().get().position);
  }
  std::optional<AskedAck> due;
  while (!asked.empty() && asked.front().place <= safe) {
    due = std::move(asked.front());
    asked.pop_front();
  }
  return due;
}

asio::awaitable<void> UpstreamPump::Impl::ack_loop() {
  while (!receiving_ended) {
    co_await ack_due.wait();
    for (;;) {
      std::shared_ptr<UpstreamSession> to = session;
      std::optional<AskedAck> due = to ? take_due_ack() : std::nullopt;
      if (!due) break;
      const Result<void> sent = co_await acknowledge(std::move(to), std::move(*due));
      if (!sent) break;
    }
  }
  --coroutines;
}

Awaitable<void> UpstreamPump::Impl::acknowledge(std::shared_ptr<UpstreamSession> to,
                                                AskedAck asked_for) {
  const Result<void> sent =
      co_await to->acknowledge(std::move(asked_for.file), asked_for.place.offset_bytes);
  if (!sent) {
    to->close();
    co_return sent;
  }
  const std::lock_guard lock(mutex);
  ++status.acknowledgements;
  co_return sent;
}

}  // namespace tiderelay::relay
