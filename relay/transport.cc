// relay/transport.cc: see transport.h.
#include "relay/transport.h"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "relay/hop_pool.h"
#include "relay/tls_context.h"

namespace tiderelay::relay {
namespace {

using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Socket = asio::generic::stream_protocol::socket;

}  // namespace

// Outlives the Transport while a handler of its timer is queued.
struct Transport::State : std::enable_shared_from_this<Transport::State> {
  explicit State(const asio::any_io_executor& loop) : socket(loop), resolver(loop), timer(loop) {}

  // Each operation stands between begin() and end(). The timer is not set anew for each: when it
  // fires early, it goes on to the deadline of that moment.
  void begin() {
    waiting = true;
    const auto by = Clock::now() + silence;
    deadline = fixed ? *fixed : by;
    if (!timer_runs || timer.expiry() > deadline) watch();
  }
  void end() { waiting = false; }

  // The handler of a cancelled timer may already be queued: so it owns what it touches and knows
  // which wait it belongs to.
  void watch() {
    timer_runs = true;
    timer.expires_at(deadline);
    timer.async_wait([self = shared_from_this(), mine = ++watches](error_code cancelled) {
      if (cancelled || mine != self->watches) return;
      self->timer_runs = false;
      if (!self->waiting || self->closed) return;
      if (Clock::now() < self->deadline) return self->watch();
      self->timed_out = true;
      self->shut();
    });
  }

  void adopt(int descriptor) {
    error_code ignored;
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    socket.assign(asio::generic::stream_protocol(address.ss_family, 0), descriptor, ignored);
    if (!unix_socket) set_tcp_options();
  }

  // A peer that vanished without a word is noticed after two minutes, also where nothing is sent.
  void set_tcp_options() {
    error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    const std::pair<int, int> probes[] = {
        {TCP_KEEPIDLE, 60}, {TCP_KEEPINTVL, 10}, {TCP_KEEPCNT, 6}};
    for (const auto& [name, value] : probes) {
      ::setsockopt(socket.native_handle(), IPPROTO_TCP, name, &value, sizeof value);
    }
  }

  void shut() {
    error_code ignored;
    resolver.cancel();
    socket.close(ignored);
    ++watches;
    timer_runs = false;
    timer.cancel();
  }

  [[nodiscard]] Error failure(const char* doing, const error_code& code) const {
    if (closed) return Error(Errc::kConnection, peer + ": closed by ourselves");
    if (timed_out) {
      const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(allowed).count();
      return Error(Errc::kConnection,
                   peer + ": no answer within " + std::to_string(time) + " ms (" + doing + ")")
          .with_way_out("check that the server is alive and that nothing on the way drops packets");
    }
    if (code == asio::error::eof || code == asio::ssl::error::stream_truncated) {
      return Error(Errc::kConnection, peer + ": the other side closed the connection");
    }
    return Error(Errc::kConnection, peer + ": " + doing + ": " + code.message());
  }

  Socket socket;
  std::optional<asio::ssl::stream<Socket&>> tls;
  std::optional<asio::ssl::context> tls_context;
  asio::ip::tcp::resolver resolver;
  asio::steady_timer timer;
  std::string peer;
  std::string host;
  bool unix_socket = false;
  bool closed = false;
  bool timed_out = false;

  std::chrono::milliseconds silence{60'000};
  std::chrono::milliseconds allowed{60'000};
  std::optional<Clock::time_point> fixed;
  Clock::time_point deadline;
  bool waiting = false;
  bool timer_runs = false;
  unsigned watches = 0;
};

Transport::Transport(asio::any_io_executor loop) : state_(std::make_shared<State>(loop)) {}

Transport::Transport(asio::any_io_executor loop, int descriptor, bool unix_socket, std::string peer)
    : Transport(std::move(loop)) {
  state_->unix_socket = unix_socket;
  state_->peer = std::move(peer);
  state_->adopt(descriptor);
}

Transport::~Transport() { close(); }

void Transport::close() {
  state_->closed = true;
  state_->shut();
}

int Transport::release() {
  error_code failed;
  const int descriptor = state_->socket.release(failed);
  return failed ? -1 : descriptor;
}

bool Transport::is_open() const { return state_->socket.is_open(); }
bool Transport::is_unix() const { return state_->unix_socket; }
const std::string& Transport::peer() const { return state_->peer; }

void Transport::end_within(std::chrono::milliseconds time) {
  state_->allowed = time;
  state_->fixed = Clock::now() + time;
}

void Transport::wait_at_most(std::chrono::milliseconds silence) {
  state_->allowed = state_->silence = silence;
  state_->fixed.reset();
}

Awaitable<void> Transport::connect_unix(std::string path) {
  const auto state = state_;
  state->unix_socket = true;
  state->peer = path;
  error_code failed;
  if (path.size() >= sizeof(sockaddr_un{}.sun_path)) {
    co_return Error(Errc::kConfig, path + ": the path of a Unix socket has at most 107 bytes");
  }
  const asio::local::stream_protocol::endpoint at(path);
  state->begin();
  co_await state->socket.async_connect(at, asio::redirect_error(asio::use_awaitable, failed));
  state->end();
  if (failed || state->closed) {
    co_return state->failure("connecting", failed)
        .with_way_out("check that the server runs and that this is the path of its socket");
  }
  co_return Result<void>();
}

Awaitable<void> Transport::connect_hop(std::uint16_t port) {
  const auto state = state_;
  Result<HopConnection> taken = hop_pool().take(port);
  if (!taken) co_return taken.error();
  state->adopt(taken->descriptor);
  state->peer = "hop:" + std::to_string(port) + " (" + taken->peer + ")";
  const Result<void> encrypted = co_await accept_tls(taken->tls);
  co_return encrypted;
}

Awaitable<void> Transport::connect(std::string host, std::uint16_t port) {
  const auto state = state_;
  if (const std::uint16_t hop = hop_port(host); hop != 0) {
    const Result<void> connected = co_await connect_hop(hop);
    co_return connected;
  }
  if (host.starts_with('/')) {
    const Result<void> connected = co_await connect_unix(std::move(host));
    co_return connected;
  }
  state->host = host;
  state->peer =
      (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
  error_code failed;
  state->begin();
  const auto found = co_await state->resolver.async_resolve(
      host, std::to_string(port), asio::redirect_error(asio::use_awaitable, failed));
  state->end();
  if (state->closed || state->timed_out) co_return state->failure("looking up the name", failed);
  if (failed || found.empty()) {
    co_return Error(Errc::kConnection, state->peer + ": the host is not found: " + failed.message())
        .with_way_out("check the host name and the resolver of this machine");
  }
  // Each address has its share of the time, so that one which swallows packets leaves some for the
  // next.
  const auto by = state->fixed;
  auto left = static_cast<int>(found.size());
  for (const auto& entry : found) {
    const Socket::endpoint_type at(entry.endpoint());
    failed = error_code();
    error_code ignored;
    state->socket.close(ignored);
    state->timed_out = false;
    if (by) state->fixed = Clock::now() + (*by - Clock::now()) / left--;
    state->begin();
    co_await state->socket.async_connect(at, asio::redirect_error(asio::use_awaitable, failed));
    state->end();
    if (!failed || state->closed) break;
  }
  state->fixed = by;
  if (failed == asio::error::connection_refused) {
    co_return Error(Errc::kConnection, state->peer + ": connection refused")
        .with_way_out("check that the server runs and listens on this address and port");
  }
  if (failed || state->closed) co_return state->failure("connecting", failed);
  state->set_tcp_options();
  co_return Result<void>();
}

Awaitable<void> Transport::start_tls(TlsOptions tls) {
  const auto state = state_;
  const Result<SSL_CTX*> context = make_client_context(tls);
  if (!context) co_return context.error().in(state->peer);
  state->tls_context.emplace(*context);  // owns it
  state->tls.emplace(state->socket, *state->tls_context);
  const Result<void> prepared = prepare_tls(state->tls->native_handle(), tls, state->host);
  if (!prepared) co_return prepared.error().in(state->peer);
  error_code failed;
  state->begin();
  co_await state->tls->async_handshake(asio::ssl::stream_base::client,
                                       asio::redirect_error(asio::use_awaitable, failed));
  state->end();
  if (state->closed || state->timed_out) co_return state->failure("TLS handshake", failed);
  if (failed) {
    const bool lost = failed == asio::error::eof || failed == asio::ssl::error::stream_truncated ||
                      failed.category() == boost::system::system_category();
    co_return explain_tls_failure(state->tls->native_handle(), lost, failed.message())
        .in(state->peer);
  }
  const Result<void> allowed = check_names(state->tls->native_handle(), tls.allowed_names);
  if (!allowed) co_return allowed.error().in(state->peer);
  co_return Result<void>();
}

Awaitable<void> Transport::accept_tls(std::shared_ptr<ServerTls> tls) {
  const auto state = state_;
  state->tls_context.emplace(tls->share_context());  // owns its share
  state->tls.emplace(state->socket, *state->tls_context);
  error_code failed;
  state->begin();
  co_await state->tls->async_handshake(asio::ssl::stream_base::server,
                                       asio::redirect_error(asio::use_awaitable, failed));
  state->end();
  if (failed || state->closed) co_return state->failure("TLS handshake", failed);
  co_return tls->check_client(state->tls->native_handle());
}

Awaitable<std::size_t> Transport::read_whenever(std::span<std::byte> into) {
  const auto state = state_;
  error_code failed;
  std::size_t count = 0;
  const asio::mutable_buffer buffer(into.data(), into.size());
  if (state->tls) {
    count = co_await state->tls->async_read_some(buffer,
                                                 asio::redirect_error(asio::use_awaitable, failed));
  } else {
    count = co_await state->socket.async_read_some(
        buffer, asio::redirect_error(asio::use_awaitable, failed));
  }
  if (failed || state->closed) co_return state->failure("reading", failed);
  co_return count;
}

Awaitable<std::size_t> Transport::read_some(std::span<std::byte> into) {
  const auto state = state_;
  error_code failed;
  std::size_t count = 0;
  const asio::mutable_buffer buffer(into.data(), into.size());
  state->begin();
  if (state->tls) {
    count = co_await state->tls->async_read_some(buffer,
                                                 asio::redirect_error(asio::use_awaitable, failed));
  } else {
    count = co_await state->socket.async_read_some(
        buffer, asio::redirect_error(asio::use_awaitable, failed));
  }
  state->end();
  if (failed || state->closed) co_return state->failure("reading", failed);
  co_return count;
}

Awaitable<void> Transport::write(ByteView first, ByteView second) {
  const auto state = state_;
  while (!first.empty() || !second.empty()) {
    error_code failed;
    std::size_t count = 0;
    std::array<asio::const_buffer, 2> both;
    both[0] = asio::const_buffer(first.data(), first.size());
    both[1] = asio::const_buffer(second.data(), second.size());
    state->begin();
    if (state->tls) {
      count = co_await state->tls->async_write_some(
          both, asio::redirect_error(asio::use_awaitable, failed));
    } else {
      count = co_await state->socket.async_write_some(
          both, asio::redirect_error(asio::use_awaitable, failed));
    }
    state->end();
    if (failed || state->closed) co_return state->failure("writing", failed);
    const std::size_t of_first = std::min(count, first.size());
    first = first.subspan(of_first);
    second = second.subspan(count - of_first);
  }
  co_return Result<void>();
}

Awaitable<void> Transport::write_whenever(ByteView bytes) {
  const auto state = state_;
  while (!bytes.empty()) {
    error_code failed;
    std::size_t count = 0;
    const asio::const_buffer buffer(bytes.data(), bytes.size());
    if (state->tls) {
      count = co_await state->tls->async_write_some(
          buffer, asio::redirect_error(asio::use_awaitable, failed));
    } else {
      count = co_await state->socket.async_write_some(
          buffer, asio::redirect_error(asio::use_awaitable, failed));
    }
    if (failed || state->closed) co_return state->failure("writing", failed);
    bytes = bytes.subspan(count);
  }
  co_return Result<void>();
}

bool Transport::all_arrived() const {
  int unacknowledged = 0;
  return state_->socket.is_open() &&
         ::ioctl(state_->socket.native_handle(), SIOCOUTQ, &unacknowledged) == 0 &&
         unacknowledged == 0;
}

}  // namespace tiderelay::relay
