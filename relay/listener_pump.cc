// relay/listener_pump.cc: see listener.h.
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "relay/listener.h"

namespace tiderelay::relay {

using asio::ip::tcp;
using boost::system::error_code;
using Local = asio::local::stream_protocol;

struct Listener::State {
  explicit State(asio::any_io_executor on) : loop(std::move(on)) {}
  asio::any_io_executor loop;
  std::optional<tcp::acceptor> address;
  std::optional<Local::acceptor> path;
  std::string path_name;
  bool closed = false;
};

Listener::Listener(asio::any_io_executor loop) : state_(std::make_shared<State>(std::move(loop))) {}

Listener::~Listener() { close(); }

void Listener::close() {
  error_code ignored;
  state_->closed = true;
  if (state_->address) state_->address->close(ignored);
  if (state_->path) state_->path->close(ignored);
  if (!state_->path_name.empty()) ::unlink(state_->path_name.c_str());
  state_->path_name.clear();
}

std::uint16_t Listener::port() const {
  error_code ignored;
  return state_->address ? state_->address->local_endpoint(ignored).port() : std::uint16_t{0};
}

Result<void> Listener::open(const std::string& host, std::uint16_t port) {
  State& state = *state_;
  error_code failed;
  if (host.starts_with('/')) {
    if (host.size() >= sizeof(sockaddr_un{}.sun_path)) {
      return Error(Errc::kConfig, host + ": the path of a Unix socket has at most 107 bytes");
    }
    ::unlink(host.c_str());
    state.path.emplace(state.loop);
    state.path->open(Local(), failed);
    if (!failed) state.path->bind(Local::endpoint(host), failed);
    if (!failed) ::chmod(host.c_str(), 0600);
    if (!failed) state.path->listen(asio::socket_base::max_listen_connections, failed);
    if (failed) return Error(Errc::kConfig, "cannot listen at " + host + ": " + failed.message());
    state.path_name = host;
    return {};
  }
  const auto address =
      host.empty() ? asio::ip::make_address("::", failed) : asio::ip::make_address(host, failed);
  const std::string where = (host.empty() ? "*" : host) + ":" + std::to_string(port);
  if (failed) {
    return Error(Errc::kConfig, "cannot listen at " + where + ": not an address of this machine");
  }
  const tcp::endpoint at(address, port);
  state.address.emplace(state.loop);
  state.address->open(at.protocol(), failed);
  if (failed && host.empty()) {  // no IPv6 here
    failed = error_code();
    state.address->open(tcp::v4(), failed);
  }
  if (!failed) state.address->set_option(asio::socket_base::reuse_address(true), failed);
  const bool v4 = failed || state.address->local_endpoint(failed).protocol() == tcp::v4();
  failed = error_code();
  state.address->bind(host.empty() && v4 ? tcp::endpoint(tcp::v4(), port) : at, failed);
  if (!failed) state.address->listen(asio::socket_base::max_listen_connections, failed);
  if (failed) return Error(Errc::kConfig, "cannot listen at " + where + ": " + failed.message());
  return {};
}

Awaitable<std::unique_ptr<Transport>> Listener::accept() {
  const auto state = state_;
  error_code failed;
  std::string peer = "a local process";
  int descriptor = -1;
  if (state->path) {
    Local::socket socket(state->loop);
    co_await state->path->async_accept(socket, asio::redirect_error(asio::use_awaitable, failed));
    if (!failed) descriptor = socket.release(failed);
  } else {
    tcp::socket socket(state->loop);
    tcp::endpoint from;
    co_await state->address->async_accept(socket, from,
                                          asio::redirect_error(asio::use_awaitable, failed));
    asio::ip::address address = from.address();
    const bool mapped = address.is_v6() && address.to_v6().is_v4_mapped();
    if (mapped) address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    peer = address.to_string();
    if (!failed) descriptor = socket.release(failed);
  }
  if (state->closed) {
    if (descriptor >= 0) ::close(descriptor);
    co_return Error(Errc::kStopped, "the listener is closed");
  }
  if (failed) {
    const bool full = failed == asio::error::no_descriptors || failed.value() == ENFILE;
    co_return Error(full ? Errc::kLimit : Errc::kConnection, "accept: " + failed.message());
  }
  const bool unix_socket = state->path.has_value();
  co_return std::make_unique<Transport>(state->loop, descriptor, unix_socket, std::move(peer));
}

}  // namespace tiderelay::relay
