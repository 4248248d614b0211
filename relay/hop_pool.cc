// relay/hop_pool.cc: see hop_pool.h.
#include "relay/hop_pool.h"

#include <sys/socket.h>
#include <unistd.h>

#include <charconv>

namespace tiderelay::relay {

HopPool::~HopPool() {
  for (auto& [number, port] : ports_) {
    for (const HopConnection& one : port.parked) ::close(one.descriptor);
  }
}

void HopPool::open(std::uint16_t port, std::shared_ptr<ServerTls> tls) {
  const std::lock_guard lock(mutex_);
  ports_[port].tls = std::move(tls);
}

void HopPool::close(std::uint16_t port) {
  const std::lock_guard lock(mutex_);
  for (const HopConnection& one : ports_[port].parked) ::close(one.descriptor);
  ports_.erase(port);
}

void HopPool::park(std::uint16_t port, int descriptor, std::string peer) {
  const std::lock_guard lock(mutex_);
  const auto found = ports_.find(port);
  if (found == ports_.end()) {
    ::close(descriptor);
    return;
  }
  Port& here = found->second;
  here.parked.push_back({descriptor, std::move(peer), here.tls});
  if (here.parked.size() <= kParkedMax) return;
  ::close(here.parked.front().descriptor);
  here.parked.pop_front();
}

Result<HopConnection> HopPool::take(std::uint16_t port) {
  const std::string name = std::string(kHopPrefix) + std::to_string(port);
  const std::lock_guard lock(mutex_);
  const auto found = ports_.find(port);
  if (found == ports_.end()) {
    return Error(Errc::kConfig, name + ": no hop waits at this port")
        .with_way_out("give hops.accept a listen address with this port");
  }
  while (!found->second.parked.empty()) {
    HopConnection youngest = std::move(found->second.parked.back());
    found->second.parked.pop_back();
    char byte = 0;
    const ssize_t seen = ::recv(youngest.descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (seen > 0) return youngest;  // it has sent the first bytes of TLS
    ::close(youngest.descriptor);
  }
  return Error(Errc::kConnection, name + ": no relay has dialled in")
      .with_way_out("check that the relay at the other side runs, and that its hops.dial names us");
}

HopPool& hop_pool() {
  static HopPool pool;
  return pool;
}

std::uint16_t hop_port(std::string_view host) {
  std::uint16_t port = 0;
  if (!host.starts_with(kHopPrefix)) return port;
  host.remove_prefix(kHopPrefix.size());
  const auto read = std::from_chars(host.data(), host.data() + host.size(), port);
  return read.ptr == host.data() + host.size() ? port : std::uint16_t{0};
}

}  // namespace tiderelay::relay
