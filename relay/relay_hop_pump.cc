// relay/relay_hop_pump.cc: the dialling end of hops. The relay dials out to where others may not
// dial in, begins TLS, and is then read from like by any other client.
//
// A few connections wait at the far end at any time: each that is taken into use is replaced by a
// new one. Every source that is read has a connection of its own, so that none waits behind
// another's bytes.
#include "relay/hop_pool.h"
#include "relay/relay_server_impl.h"

namespace tiderelay::relay {
namespace {

constexpr std::chrono::milliseconds kDialTime{10'000};
constexpr std::chrono::milliseconds kFirstPause{500};
constexpr std::chrono::milliseconds kLongestPause{15'000};
constexpr std::chrono::milliseconds kParkedTime = std::chrono::hours(24);

}  // namespace

Result<void> RelayServer::Impl::open_hops() {
  for (const DialledHop& hop : options.hops) {
    hop_addresses.push_back({hop.host, hop.port, "", true, hop.sources});
  }
  dialling.resize(options.hops.size() * kSpareHops);
  for (std::size_t at = 0; at < dialling.size(); ++at) {
    hop_pauses.push_back(std::make_unique<Signal>(loop.executor()));
  }
  for (const AwaitedHop& hop : options.awaited_hops) {
    auto server_tls = ServerTls::make(hop.tls);
    if (!server_tls) return server_tls.error();
    auto listener = std::make_unique<Listener>(loop.executor());
    if (const auto opened = listener->open(hop.host, hop.port); !opened) return opened.error();
    hop_pool().open(hop.port, std::move(*server_tls));
    hop_listeners.push_back(std::move(listener));
  }
  return {};
}

asio::awaitable<void> RelayServer::Impl::await_hops(std::size_t at) {
  Signal pause(loop.executor());
  while (!stopping) {
    Result<std::unique_ptr<Transport>> accepted = co_await hop_listeners[at]->accept();
    if (accepted) {
      const std::string peer = (*accepted)->peer();
      hop_pool().park(options.awaited_hops[at].port, (*accepted)->release(), peer);
    } else if (!stopping) {
      co_await pause.wait_for(kFirstPause);
    }
  }
}

Awaitable<void> RelayServer::Impl::connect_hop(const DialledHop& hop, Transport& transport) {
  transport.end_within(kDialTime);
  const Result<void> connected = co_await transport.connect(hop.host, hop.port);
  if (!connected) co_return connected.error();
  // The other end answers when one of its sources wants us.
  transport.wait_at_most(kParkedTime);
  const Result<void> encrypted = co_await transport.start_tls(hop.tls);
  co_return encrypted;
}

asio::awaitable<void> RelayServer::Impl::dial_hop(std::size_t at) {
  const DialledHop& hop = options.hops[at / kSpareHops];
  const ServedAddress& address = hop_addresses[at / kSpareHops];
  std::chrono::milliseconds pause = kFirstPause;
  std::string last_problem;
  while (!stopping) {
    dialling[at] = std::make_unique<Transport>(loop.executor());
    const Result<void> ready = co_await connect_hop(hop, *dialling[at]);
    std::unique_ptr<Transport> transport = std::move(dialling[at]);
    if (stopping) break;
    if (ready) {
      say("hop to " + transport->peer() + ": in use");
      admit(address, std::move(transport));
      pause = kFirstPause;
      last_problem.clear();
      continue;
    }
    if (ready.error().text() != last_problem) {
      last_problem = ready.error().text();
      say("hop to " + hop.host + ":" + std::to_string(hop.port) + ": " + last_problem);
    }
    co_await hop_pauses[at]->wait_for(pause);
    pause = std::min(2 * pause, kLongestPause);
  }
}

}  // namespace tiderelay::relay
