// relay/relay_server_pump.cc: connections: accepted, logged in, answered; relay_dump_pump.cc takes
// over when a dump begins.
#include <sys/resource.h>

#include <future>

#include "base/check.h"
#include "protocol/auth.h"
#include "protocol/capabilities.h"
#include "protocol/format_description.h"
#include "protocol/packet_writer.h"
#include "protocol/response.h"
#include "relay/event_listing.h"
#include "relay/hop_pool.h"
#include "relay/relay_server_impl.h"

namespace tiderelay::relay {
namespace {

constexpr std::size_t kReadBytes = 4096;
constexpr std::chrono::milliseconds kIdleTime = std::chrono::hours(8);
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::uint32_t kFirstWithCachingSha2 = 80'004;

std::string framed_error(const Error& error, std::uint8_t sequence) {
  std::string out;
  const bool told = error.code() == Errc::kServer;
  protocol::append_packet(out, sequence,
                          protocol::encode_error(told ? error.server_code() : 1105,
                                                 told ? error.sqlstate() : "HY000", error.text()));
  return out;
}

std::string attribute(const protocol::HandshakeResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.attributes) {
    if (key == name) return value;
  }
  return "";
}

// Thousands of followers need thousands of descriptors: as many as the system lets us have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// The accounts as one client sees them: those that may come from where it is.
class BookFor final : public protocol::AccountBook {
 public:
  BookFor(const RelayServerOptions& options, const RelayClient& client)
      : options_(options), client_(client) {}

  std::optional<protocol::Account> find(const std::string& user) const override {
    protocol::Account found;
    if (client_.address->trusted) {
      found.trusted = true;
      return found;
    }
    const ServedAccount* account = find_account(options_.accounts, user).account;
    if (account == nullptr) return std::nullopt;
    bool allowed = account->networks.empty() || client_.transport->is_unix();
    for (const Network& network : account->networks) {
      allowed = allowed || network.contains(client_.transport->peer());
    }
    if (!allowed) return std::nullopt;
    found.native_stored = protocol::native_stored(account->password);
    found.sha2_stored = protocol::caching_sha2_stored(account->password);
    found.empty_password = account->password.empty();
    found.require_tls = account->require_tls;
    return found;
  }

 private:
  const RelayServerOptions& options_;
  const RelayClient& client_;
};

}  // namespace

// ---- the server's life

RelayServer::RelayServer(RelayServerOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

RelayServer::~RelayServer() { stop(); }

Result<void> RelayServer::start() {
  Impl& impl = *impl_;
  raise_descriptor_limit();
  if (!impl.options.certificate_pem.empty()) {
    ServerTlsOptions tls;
    tls.certificate_pem = impl.options.certificate_pem;
    tls.key_pem = impl.options.key_pem;
    tls.client_ca_pem = impl.options.client_ca_pem;
    tls.allowed_names = impl.options.allowed_names;
    auto made = ServerTls::make(tls);
    if (!made) return made.error();
    impl.tls = std::move(*made);
  }
  auto key = protocol::RsaKey::parse(impl.options.key_pem);
  if (key) impl.key.emplace(std::move(*key));
  for (const ServedAddress& address : impl.options.listen) {
    auto listener = std::make_unique<Listener>(impl.loop.executor());
    if (const auto opened = listener->open(address.host, address.port); !opened) {
      impl.listeners.clear();
      return opened.error();
    }
    impl.listeners.push_back(std::move(listener));
    impl.pauses.push_back(std::make_unique<Signal>(impl.loop.executor()));
  }
  if (const auto opened = impl.open_hops(); !opened) return opened.error();
  impl.started = true;
  impl.loop.post([&impl] {
    for (std::size_t at = 0; at < impl.listeners.size(); ++at) {
      spawn(impl.loop.executor(), "relay server", impl.accept_from(at));
    }
    spawn(impl.loop.executor(), "places", impl.keep_places());
    for (std::size_t at = 0; at < impl.dialling.size(); ++at) {
      spawn(impl.loop.executor(), "hop", impl.dial_hop(at));
    }
    for (std::size_t at = 0; at < impl.hop_listeners.size(); ++at) {
      spawn(impl.loop.executor(), "hops", impl.await_hops(at));
    }
  });
  return {};
}

void RelayServer::stop() {
  Impl& impl = *impl_;
  if (!impl.started) return;
  impl.started = false;
  impl.loop.post([&impl] {
    impl.stopping = true;
    for (const auto& listener : impl.listeners) listener->close();
    for (const auto& listener : impl.hop_listeners) listener->close();
    impl.places_pause.notify();
    for (const auto& pause : impl.pauses) pause->notify();
    for (const auto& pause : impl.hop_pauses) pause->notify();
    for (const auto& transport : impl.dialling) {
      if (transport) transport->close();
    }
    for (const auto& [id, client] : impl.clients) impl.cut(*client);
  });
  impl.loop.finish();
  impl.loop.join();
  for (const auto& [id, source] : impl.sources) source->log->end().unsubscribe(source->token);
  impl.sources.clear();
  for (const AwaitedHop& hop : impl.options.awaited_hops) hop_pool().close(hop.port);
}

std::vector<std::uint16_t> RelayServer::ports() const {
  std::vector<std::uint16_t> ports;
  for (const auto& listener : impl_->listeners) ports.push_back(listener->port());
  return ports;
}

void RelayServer::add_source(const std::string& id, RelayLog& log, Storage& storage,
                             std::function<std::optional<GtidState>()> upstream) {
  auto source = std::make_shared<ServedSource>();
  source->id = id;
  source->log = &log;
  source->storage = &storage;
  source->upstream = std::move(upstream);
  // The callback runs under the lock of LogEnd: it only posts, once for many advances.
  source->token = log.end().subscribe([impl = impl_.get(), weak = std::weak_ptr(source)] {
    const auto served = weak.lock();
    if (!served || served->wake_posted.exchange(true)) return;
    impl->loop.post([impl, served] {
      served->wake_posted = false;
      impl->note_end(*served);
      impl->wake_followers(served);
    });
  });
  impl_->note_end(*source);
  const std::lock_guard lock(impl_->mutex);
  impl_->sources[id] = std::move(source);
}

void RelayServer::remove_source(const std::string& id) {
  std::shared_ptr<ServedSource> source;
  {
    const std::lock_guard lock(impl_->mutex);
    const auto found = impl_->sources.find(id);
    if (found == impl_->sources.end()) return;
    source = found->second;
    impl_->sources.erase(found);
  }
  source->log->end().unsubscribe(source->token);
  if (!impl_->started) return;
  std::promise<void> unused;
  impl_->loop.post([impl = impl_.get(), source, &unused] {
    source->gone = true;
    if (source->clients == 0) return unused.set_value();
    source->when_unused = [&unused] { unused.set_value(); };
    for (const auto& [number, client] : impl->clients) {
      if (client->source == source) impl->cut(*client);
    }
  });
  unused.get_future().wait();
}

std::vector<Follower> RelayServer::followers() const {
  std::vector<Follower> all = impl_->followers();
  std::vector<Follower> absent = impl_->absent_followers();
  std::ranges::move(absent, std::back_inserter(all));
  return all;
}

bool RelayServer::Impl::kill(std::uint32_t connection_id, const std::string& user) {
  const auto found = clients.find(connection_id);
  if (found == clients.end() || found->second->facts.user != user) return false;
  cut(*found->second);
  return true;
}

void RelayServer::Impl::wake_followers(const std::shared_ptr<ServedSource>& source) {
  for (const auto& [id, client] : clients) {
    if (client->source == source) client->woken.notify();
  }
}

void RelayServer::Impl::cut(RelayClient& client) {
  client.lost = true;
  client.transport->close();
  client.woken.notify();
}

// ---- connections

asio::awaitable<void> RelayServer::Impl::accept_from(std::size_t at) {
  while (!stopping) {
    Result<std::unique_ptr<Transport>> accepted = co_await listeners[at]->accept();
    if (accepted) {
      admit(options.listen[at], std::move(*accepted));
    } else if (accepted.error().code() == Errc::kLimit) {
      say("relay server: " + accepted.error().text());
      co_await pauses[at]->wait_for(kAcceptPause);
    }
  }
}

void RelayServer::Impl::admit(const ServedAddress& address, std::unique_ptr<Transport> transport) {
  const auto client = std::make_shared<RelayClient>(loop.executor(), std::move(transport));
  client->id = ++last_id;
  client->address = &address;
  client->facts.connection_id = client->id;
  client->facts.peer = client->transport->peer();
  client->facts.since = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex);
    clients[client->id] = client;
  }
  logging_in.insert(client->id);
  if (logging_in.size() > options.max_logins) {
    const auto oldest = clients.find(*logging_in.begin());
    if (oldest != clients.end()) cut(*oldest->second);
    logging_in.erase(logging_in.begin());
  }
  spawn(loop.executor(), "relay client", serve(client));
}

asio::awaitable<void> RelayServer::Impl::serve(ClientPointer client) {
  const Result<void> ended = co_await talk(client);
  const bool news = !ended && ended.error().code() != Errc::kConnection && !stopping;
  if (news) say("relay server: " + client->transport->peer() + ": " + ended.error().text());
  client->transport->close();
  forget(client);
}

void RelayServer::Impl::forget(const ClientPointer& client) {
  logging_in.erase(client->id);
  {
    const std::lock_guard lock(mutex);
    clients.erase(client->id);
  }
  if (client->keeps_place) note_place(*client, false);
  if (client->source) release(client->source);
}

void RelayServer::Impl::release(const std::shared_ptr<ServedSource>& source) {
  if (--source->clients > 0 || !source->gone || !source->when_unused) return;
  source->when_unused();
}

Awaitable<void> RelayServer::Impl::refuse_at_greeting(ClientPointer client, Error error) {
  const std::string bytes = framed_error(error, 0);
  const Result<void> sent = co_await client->transport->write(as_bytes(bytes), ByteView());
  if (!sent) co_return sent.error();
  co_return error.as(Errc::kStopped);
}

Awaitable<void> RelayServer::Impl::talk(ClientPointer client) {
  client->transport->end_within(options.login_time);
  if (clients.size() > options.max_connections) {
    Error full(1040, "08004", "Too many connections");
    const Result<void> refused = co_await refuse_at_greeting(client, std::move(full));
    co_return refused;
  }
  const std::optional<std::string> version = face(*client->address);
  if (!version) {
    Error none = passing_dump_error("no source was reached yet");
    const Result<void> refused = co_await refuse_at_greeting(client, std::move(none));
    co_return refused;
  }
  const BookFor book(options, *client);
  protocol::ServerSession login(session_options(*client, *version), book);
  const Result<void> logged_in = co_await log_in(client, login);
  logging_in.erase(client->id);
  if (!logged_in) co_return logged_in.error();
  const protocol::HandshakeResponse& who = login.client();
  SqlSession sql;
  sql.connection_id = client->id;
  sql.user = who.user;
  sql.peer = client->transport->peer();
  sql.source_id = client->source->id;
  sql.schema = who.schema;
  sql.semi_sync_offered = options.semi_sync;
  {
    const std::lock_guard lock(mutex);
    client->facts.user = who.user;
    client->facts.source_id = client->source->id;
    client->facts.program = attribute(who, "program_name").substr(0, 64);
  }
  ReplicaSession session(*client->source->log, *this, std::move(sql), login.capabilities(),
                         protocol::parse_server_version(attribute(who, "_client_version")));
  client->transport->wait_at_most(kIdleTime);
  const Result<void> ended = co_await answer(client, session);
  co_return ended;
}

Awaitable<void> RelayServer::Impl::log_in(ClientPointer client, protocol::ServerSession& session) {
  using Kind = protocol::ServerSession::Kind;
  std::vector<std::byte> buffer(kReadBytes);
  for (;;) {
    Result<protocol::ServerSession::Step> step = session.next();
    if (!step) co_return step.error();
    if (step->kind == Kind::kNeedBytes) {
      const std::size_t most = std::min(buffer.size(), session.wanted_bytes());
      const Result<std::size_t> got =
          co_await client->transport->read_some(std::span(buffer).first(most));
      if (!got) co_return got.error();
      session.feed(std::span(buffer).first(*got));
      continue;
    }
    if (step->kind == Kind::kStartTls) {
      const Result<void> encrypted = co_await client->transport->accept_tls(tls);
      if (!encrypted) co_return encrypted.error();
      continue;
    }
    if (step->kind == Kind::kDone) {
      Result<std::shared_ptr<ServedSource>> source = choose(*client, session.client().user);
      if (!source) {
        const std::string bytes =
            framed_error(source.error(), static_cast<std::uint8_t>(step->bytes[3]));
        const Result<void> told = co_await client->transport->write(as_bytes(bytes), ByteView());
        co_return told ? source.error().as(Errc::kStopped) : told.error();
      }
      client->source = std::move(*source);
      ++client->source->clients;
    }
    const Result<void> sent = co_await client->transport->write(as_bytes(step->bytes), ByteView());
    if (!sent) co_return sent.error();
    if (step->kind == Kind::kRefused) co_return Error(Errc::kAuth, session.refusal());
    if (step->kind == Kind::kDone) co_return Result<void>();
  }
}

Awaitable<void> RelayServer::Impl::answer(ClientPointer client, ReplicaSession& session) {
  using Kind = ReplicaSession::Kind;
  std::vector<std::byte> buffer(kReadBytes);
  for (;;) {
    Result<ReplicaSession::Step> step = session.next(std::chrono::system_clock::now());
    if (!step) co_return step.error();
    if (session.registration()) {
      const std::lock_guard lock(mutex);
      client->facts.registered = true;
      client->facts.server_id = session.registration()->server_id;
      client->facts.report_host = session.registration()->host;
      client->facts.report_port = session.registration()->port;
      const auto uuid = session.session().variables.find("replica_uuid");
      const auto older = session.session().variables.find("slave_uuid");
      if (older != session.session().variables.end())
        client->facts.uuid = older->second.value_or("");
      if (uuid != session.session().variables.end()) client->facts.uuid = uuid->second.value_or("");
    }
    if (step->kind == Kind::kClose) co_return Result<void>();
    if (step->kind == Kind::kDump) {
      const Result<void> ended = co_await dump(client, session.request());
      co_return ended;
    }
    if (step->kind == Kind::kNeedBytes) {
      const Result<std::size_t> got = co_await client->transport->read_some(buffer);
      if (!got) co_return got.error();
      session.feed(std::span(buffer).first(*got));
      continue;
    }
    std::string bytes = std::move(step->bytes);
    if (step->kind == Kind::kList) {
      Result<std::string> listed = co_await list(client, session);
      if (!listed) co_return listed.error();
      bytes = std::move(*listed);
    }
    const Result<void> sent = co_await client->transport->write(as_bytes(bytes), ByteView());
    if (!sent) co_return sent.error();
  }
}

Awaitable<std::string> RelayServer::Impl::list(ClientPointer client, ReplicaSession& session) {
  const SqlStatement statement = session.statement();
  const auto result = std::make_shared<Result<SqlResult>>(SqlResult());
  const std::shared_ptr<ServedSource> source = client->source;
  std::function<void()> work = [result, statement, source] {
    *result = list_events(*source->storage, *source->log, statement);
  };
  const Result<void> done = co_await workers.run(loop.executor(), std::move(work));
  if (!done) co_return done.error();
  co_return session.listed(*result);
}

protocol::ServerSessionOptions RelayServer::Impl::session_options(const RelayClient& client,
                                                                  const std::string& version) {
  protocol::ServerSessionOptions session;
  const std::uint32_t number = protocol::parse_server_version(version);
  const bool maria = version.find("MariaDB") != std::string::npos;
  session.server_version = version;
  session.connection_id = client.id;
  session.nonce = nonce();
  session.switch_nonce = nonce();
  session.auth_plugin = !maria && number >= kFirstWithCachingSha2 ? protocol::kCachingSha2
                                                                  : protocol::kNativePassword;
  session.peer = client.transport->peer();
  session.private_channel = client.transport->is_unix() || client.address->trusted;
  session.tls = tls != nullptr && !session.private_channel;
  session.capabilities = number >= (maria ? 100'200U : 50'705U) ? protocol::kDeprecateEof : 0;
  session.key = key ? &*key : nullptr;
  return session;
}

std::string RelayServer::Impl::nonce() {
  std::string made;
  while (made.size() < protocol::kNonceBytes) {
    const char c = static_cast<char>(random() & 0x7f);
    if (c != '\0' && c != '$') made += c;
  }
  return made;
}

}  // namespace tiderelay::relay
