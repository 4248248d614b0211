// relay/relay_server.h: serves relay logs to whoever speaks the replication protocol: replicas of
// MySQL and MariaDB, mysqlbinlog, other tiderelays.
//
// Which source a client reads: the one of the port that it came to; otherwise the one that its user
// name ends with ("repl@mysql-replica-01"); otherwise the only one that its account may read.
// Nothing beyond the log's end (LogEnd) is ever sent. All followers are served from one thread of
// the server's own; file bytes that are not in the page cache are read on a small pool.
//
// All calls from one thread, but followers(), which any may call. stop() ends every connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "relay/relay_log.h"
#include "relay/server_tls.h"
#include "relay/sql_answers.h"
#include "relay/tls_options.h"

namespace tiderelay::relay {

struct Network {  // of IPv4 or IPv6 addresses
  std::string address;
  unsigned bits = 0;
  [[nodiscard]] static Result<Network> parse(const std::string& text);  // "10.0.0.0/8"
  [[nodiscard]] bool contains(const std::string& peer) const;
};

struct ServedAccount {
  std::string name;
  std::string password;
  std::vector<std::string> sources;  // ids; empty: all
  std::vector<Network> networks;     // empty: anywhere
  bool require_tls = false;
};

struct ServedAddress {
  std::string host;  // an address, empty for all, or the path of a Unix socket
  std::uint16_t port = 0;
  std::string source_id;  // empty: the user's name or account tells
  bool trusted = false;   // clients need no account, their user name is the source's id: a hop
  std::vector<std::string> sources;  // that may be read here; empty: all
};

struct DialledHop {  // where the relay dials to, to be read from
  std::string host;
  std::uint16_t port = 0;
  std::vector<std::string> sources;  // empty: all
  TlsOptions tls;
};

struct AwaitedHop {  // where relays of other networks dial in: hop_pool.h
  std::string host;  // an address, empty for all
  std::uint16_t port = 0;
  ServerTlsOptions tls;
};

struct RelayServerOptions {
  std::vector<ServedAddress> listen;
  std::vector<ServedAccount> accounts;
  std::vector<DialledHop> hops;
  std::vector<AwaitedHop> awaited_hops;
  std::string key_pem;  // RSA; for passwords without TLS, and the certificate's own
  std::string certificate_pem;
  std::string client_ca_pem;  // clients must show a certificate; empty: need not
  std::vector<std::string> allowed_names;
  std::chrono::milliseconds login_time{10'000};  // a client that has not logged in by then is cut
  std::size_t max_logins = 1000;                 // at once; above, the oldest one is cut
  std::size_t max_connections = 10'000;
  std::chrono::milliseconds write_time{600'000};  // a follower that takes nothing for so long
  bool semi_sync = false;                         // followers may acknowledge
  std::uint32_t semi_sync_followers = 1;          // that have to, for RelayLog::acknowledged()
  std::function<void(const std::string& line)> log;
};

class RelayServer {
 public:
  explicit RelayServer(RelayServerOptions options);
  ~RelayServer();  // stop()
  RelayServer(const RelayServer&) = delete;
  RelayServer& operator=(const RelayServer&) = delete;

  [[nodiscard]] Result<void> start();
  void stop();

  // upstream: what the source itself has executed at the moment, if it is known; from any thread.
  // The log must live until remove_source() has returned.
  void add_source(const std::string& id, RelayLog& log, Storage& storage,
                  std::function<std::optional<GtidState>()> upstream);
  void remove_source(const std::string& id);  // its followers are cut first

  // Those that are connected, then those whose place is kept while they are away.
  [[nodiscard]] std::vector<Follower> followers() const;
  [[nodiscard]] std::vector<std::uint16_t> ports() const;  // as bound, in the order of `listen`

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tiderelay::relay
