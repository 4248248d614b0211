// relay/hop_pool.h: the waiting end of hops: connections that relays of other networks dialled to
// us, kept until a source of ours wants to read through one.
//
// A source whose host is "hop:<port>" connects by taking one: Transport::connect() adopts it, acts
// as the TLS server on it and speaks MySQL as a client. TLS begins only then: who cannot show a
// certificate of the right CA wastes one place in the pool and one attempt.
// One for the process, as there is one network. All calls from any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/error.h"
#include "relay/server_tls.h"

namespace tiderelay::relay {

struct HopConnection {
  int descriptor = -1;  // the taker's
  std::string peer;
  std::shared_ptr<ServerTls> tls;
};

class HopPool {
 public:
  static constexpr std::size_t kParkedMax = 64;  // per port; above, the oldest is closed

  HopPool() = default;
  ~HopPool();
  HopPool(const HopPool&) = delete;
  HopPool& operator=(const HopPool&) = delete;

  void open(std::uint16_t port, std::shared_ptr<ServerTls> tls);
  void park(std::uint16_t port, int descriptor, std::string peer);
  // The youngest that has not been closed. kConnection: nobody has dialled in.
  [[nodiscard]] Result<HopConnection> take(std::uint16_t port);
  void close(std::uint16_t port);

 private:
  struct Port {
    std::shared_ptr<ServerTls> tls;
    std::deque<HopConnection> parked;  // the oldest first
  };
  std::mutex mutex_;  // guards ports_
  std::map<std::uint16_t, Port> ports_;
};

[[nodiscard]] HopPool& hop_pool();

inline constexpr std::string_view kHopPrefix = "hop:";
// The port of "hop:3308"; 0: not the name of a hop.
[[nodiscard]] std::uint16_t hop_port(std::string_view host);

}  // namespace tiderelay::relay
