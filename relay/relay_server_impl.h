// relay/relay_server_impl.h: what RelayServer's source files share; nobody else includes it.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <set>

#include "protocol/rsa_key.h"
#include "protocol/server_session.h"
#include "relay/dump_stream.h"
#include "relay/lag_history.h"
#include "relay/listener.h"
#include "relay/loop.h"
#include "relay/relay_server.h"
#include "relay/replica_session.h"
#include "relay/signal.h"

namespace tiderelay::relay {

struct ServedSource {
  std::string id;
  RelayLog* log = nullptr;
  Storage* storage = nullptr;
  std::function<std::optional<GtidState>()> upstream;
  LogEnd::Token token = 0;
  LagHistory history;  // under Impl::mutex
  std::atomic<bool> wake_posted = false;
  bool gone = false;
  int clients = 0;
  std::function<void()> when_unused;  // set by remove_source()
};

// A file whose beginning was sent; what lies before it goes on being kept until it has surely
// arrived.
struct BegunFile {
  LogPosition begin;
  std::uint64_t sent_bytes = 0;  // before it
  std::chrono::steady_clock::time_point at;
};

struct RelayClient {
  RelayClient(asio::any_io_executor loop, std::unique_ptr<Transport> with)
      : transport(std::move(with)), woken(std::move(loop)) {}
  std::uint32_t id = 0;
  const ServedAddress* address = nullptr;
  std::unique_ptr<Transport> transport;
  Signal woken;  // the dump waits
  std::shared_ptr<ServedSource> source;
  bool lost = false;           // it has closed, or sent COM_QUIT during the dump
  std::optional<Error> ended;  // by us: what it is told
  bool writing = false;
  bool keeps_place = false;     // it has registered and waits at the end: what it needs is kept
  std::deque<BegunFile> begun;  // the first one is needed
  LogPosition asked;            // semi-sync: up to here the follower was asked to acknowledge
  LogPosition has;              // what it has when it acknowledged that
  Follower facts;               // under Impl::mutex
};
using ClientPointer = std::shared_ptr<RelayClient>;

struct RelayServer::Impl final : FollowerBoard {
  explicit Impl(RelayServerOptions with) : options(std::move(with)), loop("relay server") {}

  static constexpr std::size_t kSpareHops = 2;  // that wait at each far end

  asio::awaitable<void> accept_from(std::size_t at);
  asio::awaitable<void> await_hops(std::size_t at);
  asio::awaitable<void> dial_hop(std::size_t at);  // each hop has kSpareHops numbers
  Awaitable<void> connect_hop(const DialledHop& hop, Transport& transport);
  asio::awaitable<void> serve(ClientPointer client);
  Awaitable<void> talk(ClientPointer client);
  Awaitable<void> refuse_at_greeting(ClientPointer client, Error error);
  Awaitable<void> log_in(ClientPointer client, protocol::ServerSession& session);
  Awaitable<void> answer(ClientPointer client, ReplicaSession& session);
  Awaitable<std::string> list(ClientPointer client, ReplicaSession& session);

  Awaitable<void> dump(ClientPointer client, FollowRequest request);
  Awaitable<void> stream(ClientPointer client, FollowRequest request, DumpStart start);
  Awaitable<void> write(ClientPointer client, std::string_view bytes);
  void note_progress(RelayClient& client, const DumpStream& dump, LogPosition begin,
                     std::size_t sent_bytes);
  asio::awaitable<void> watch(ClientPointer client);
  [[nodiscard]] bool take_acks(RelayClient& client, protocol::PacketReader& reader);
  void note_ack(RelayClient& client, const LogPosition& place);
  void note_rest(RelayClient& client, const DumpStream& dump, const LogPosition& begin);
  asio::awaitable<void> keep_places();
  void begin_place(RelayClient& client, const LogFile& file);
  void note_places();
  [[nodiscard]] std::vector<std::shared_ptr<ServedSource>> all_sources() const;
  static void note_place(RelayClient& client, bool connected);
  static void release(const std::shared_ptr<ServedSource>& source);
  [[nodiscard]] std::vector<Follower> absent_followers() const;
  void note_end(ServedSource& source);
  void end_older_dump(const RelayClient& newer);

  [[nodiscard]] protocol::ServerSessionOptions session_options(const RelayClient& client,
                                                               const std::string& version);
  [[nodiscard]] std::optional<std::string> face(const ServedAddress& address) const;
  [[nodiscard]] Result<std::shared_ptr<ServedSource>> choose(const RelayClient& client,
                                                             const std::string& user) const;
  [[nodiscard]] std::string nonce();
  void admit(const ServedAddress& address, std::unique_ptr<Transport> transport);
  void forget(const ClientPointer& client);
  void cut(RelayClient& client);
  void wake_followers(const std::shared_ptr<ServedSource>& source);
  void say(const std::string& line) const {
    if (options.log) options.log(line);
  }

  [[nodiscard]] std::vector<Follower> followers() const override;
  [[nodiscard]] bool kill(std::uint32_t connection_id, const std::string& user) override;

  const RelayServerOptions options;
  Loop loop;
  WorkerPool workers{2};
  std::shared_ptr<ServerTls> tls;
  std::optional<protocol::RsaKey> key;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<std::unique_ptr<Signal>> pauses;  // of accept_from()
  Signal places_pause{loop.executor()};
  [[nodiscard]] Result<void> open_hops();

  std::vector<std::unique_ptr<Listener>> hop_listeners;
  std::vector<ServedAddress> hop_addresses;
  std::vector<std::unique_ptr<Transport>> dialling;
  std::vector<std::unique_ptr<Signal>> hop_pauses;
  std::random_device random;
  std::uint32_t last_id = 0;
  std::set<std::uint32_t> logging_in;  // the oldest first
  bool started = false;
  bool stopping = false;

  mutable std::mutex mutex;  // guards the two maps and each client's facts
  std::map<std::string, std::shared_ptr<ServedSource>> sources;
  std::map<std::uint32_t, ClientPointer> clients;
};

// The account that a user name means: the name itself, or what stands before its last '@'.
struct NamedAccount {
  const ServedAccount* account = nullptr;
  std::string source_id;  // behind the '@'
};
[[nodiscard]] NamedAccount find_account(const std::vector<ServedAccount>& accounts,
                                        const std::string& user);

}  // namespace tiderelay::relay
