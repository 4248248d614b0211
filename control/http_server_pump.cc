// control/http_server_pump.cc: connections of the HTTP server, one coroutine each. A deadline
// closes the socket of whoever is too slow.
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <optional>
#include <unordered_set>

#include "control/http.h"
#include "relay/signal.h"

namespace tiderelay::control {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t kConnectionsMax = 64;
constexpr std::size_t kEventStreamsMax = 16;
constexpr std::uint32_t kHeaderBytesMax = 16U << 10U;
constexpr std::chrono::seconds kRequestDeadline{30};
constexpr std::chrono::seconds kDrainDeadline{2};
constexpr std::chrono::milliseconds kEventEvery{1000};
constexpr const char* kEventHead =
    "HTTP/1.1 200 OK\r\nServer: tiderelay\r\nContent-Type: text/event-stream\r\n"
    "Cache-Control: no-store\r\nConnection: close\r\n\r\n";

using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

http::response<http::string_body> to_beast(const HttpResponse& response, unsigned version,
                                           bool keep_alive) {
  http::response<http::string_body> message(static_cast<http::status>(response.status), version);
  message.set(http::field::server, "tiderelay");
  message.set(http::field::content_type, response.content_type);
  message.set(http::field::cache_control, "no-store");
  message.set("X-Content-Type-Options", "nosniff");
  message.set("X-Frame-Options", "DENY");
  message.set("Referrer-Policy", "no-referrer");
  if (!response.allow.empty()) message.set(http::field::allow, response.allow);
  if (response.status == 401) message.set(http::field::www_authenticate, "Bearer");
  message.body() = response.body;
  message.keep_alive(keep_alive);
  message.prepare_payload();
  return message;
}

HttpRequest from_beast(http::request<http::string_body>& message) {
  HttpRequest request;
  request.method = std::string(message.method_string());
  const std::string target(message.target());
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string::npos) request.query = target.substr(mark + 1);
  request.body = std::move(message.body());
  request.host = std::string(message[http::field::host]);
  request.authorization = std::string(message[http::field::authorization]);
  request.content_type = std::string(message[http::field::content_type]);
  return request;
}

HttpResponse refused(unsigned status, const std::string& text) {
  return HttpResponse(
      status, "application/json",
      R"({"error_code":)" + std::to_string(status) + R"(,"error_msg":")" + text + "\"}");
}

// What a request that cannot be read is answered; nothing: the peer is gone.
std::optional<HttpResponse> refusal(const error_code& failure) {
  if (failure == http::error::body_limit) return refused(413, "the body is too large");
  if (failure == http::error::header_limit) return refused(431, "the header is too large");
  if (failure.category() == make_error_code(http::error::bad_method).category() &&
      failure != http::error::end_of_stream && failure != http::error::partial_message) {
    return refused(400, "not an HTTP request");
  }
  return std::nullopt;
}

Result<void> prepare(asio::ssl::context& context, const TlsFiles& files) {
  error_code failure;
  context.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                          asio::ssl::context::no_tlsv1_1,
                      failure);
  const auto unusable = [&failure](const char* key) {
    return Error(Errc::kConfig, std::string("api.tls.") + key + ": what it names cannot be used (" +
                                    failure.message() + ")")
        .with_way_out(
            "PEM files are wanted; the key must be the certificate's and have no password");
  };
  context.use_certificate_chain(asio::buffer(files.certificate), failure);
  if (failure) return unusable("ssl-cert");
  context.use_private_key(asio::buffer(files.key), asio::ssl::context::pem, failure);
  if (failure) return unusable("ssl-key");
  if (files.client_ca.empty()) return {};
  context.add_certificate_authority(asio::buffer(files.client_ca), failure);
  if (failure) return unusable("ssl-ca");
  context.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, failure);
  return {};
}

}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  Impl(asio::any_io_executor on, HttpServerOptions with, Handler answer)
      : loop(std::move(on)), options(std::move(with)), handler(std::move(answer)), acceptor(loop) {}

  asio::awaitable<void> accept_all(std::shared_ptr<Impl> self);
  asio::awaitable<void> serve_plain(std::shared_ptr<Impl> self,
                                    std::shared_ptr<PlainStream> stream);
  asio::awaitable<void> serve_tls(std::shared_ptr<Impl> self, std::shared_ptr<TlsStream> stream);
  template <class Stream>
  asio::awaitable<void> serve(Stream& stream);
  template <class Stream>
  asio::awaitable<bool> answer_one(Stream& stream, beast::flat_buffer& buffer);
  static asio::awaitable<void> drain(beast::tcp_stream& stream);
  template <class Stream>
  asio::awaitable<void> send_events(Stream& stream, std::function<std::string()> next_event);

  asio::any_io_executor loop;
  HttpServerOptions options;
  Handler handler;
  tcp::acceptor acceptor;
  asio::ssl::context tls{asio::ssl::context::tls_server};
  std::unordered_set<beast::tcp_stream*> streams;
  std::unordered_set<relay::Signal*> waiting;  // event streams between two events
  bool stopping = false;
};

asio::awaitable<void> HttpServer::Impl::accept_all(std::shared_ptr<Impl> self) {
  while (!self->stopping) {
    error_code failure;
    tcp::socket socket(self->loop);
    co_await self->acceptor.async_accept(socket,
                                         asio::redirect_error(asio::use_awaitable, failure));
    if (failure) {
      if (self->stopping) co_return;
      asio::steady_timer pause(self->loop, std::chrono::milliseconds(100));  // out of descriptors
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, failure));
      continue;
    }
    if (self->streams.size() >= kConnectionsMax) continue;  // the socket closes
    if (self->options.tls.given()) {
      auto stream = std::make_shared<TlsStream>(std::move(socket), self->tls);
      self->streams.insert(&stream->next_layer());
      relay::spawn(self->loop, "https connection", self->serve_tls(self, stream));
    } else {
      auto stream = std::make_shared<PlainStream>(std::move(socket));
      self->streams.insert(stream.get());
      relay::spawn(self->loop, "http connection", self->serve_plain(self, stream));
    }
  }
}

asio::awaitable<void> HttpServer::Impl::serve_plain(std::shared_ptr<Impl> self,
                                                    std::shared_ptr<PlainStream> stream) {
  co_await self->serve(*stream);
  self->streams.erase(stream.get());
  stream->close();
}

asio::awaitable<void> HttpServer::Impl::serve_tls(std::shared_ptr<Impl> self,
                                                  std::shared_ptr<TlsStream> stream) {
  error_code failure;
  beast::get_lowest_layer(*stream).expires_after(kRequestDeadline);
  co_await stream->async_handshake(asio::ssl::stream_base::server,
                                   asio::redirect_error(asio::use_awaitable, failure));
  if (!failure) co_await self->serve(*stream);
  self->streams.erase(&stream->next_layer());
  stream->next_layer().close();  // no goodbye: a peer may never answer it
}

template <class Stream>
asio::awaitable<void> HttpServer::Impl::serve(Stream& stream) {
  beast::flat_buffer buffer;
  while (!stopping) {
    const bool keep = co_await answer_one(stream, buffer);
    if (!keep) break;
  }
}

// One request and its answer; false: the connection ends.
template <class Stream>
asio::awaitable<bool> HttpServer::Impl::answer_one(Stream& stream, beast::flat_buffer& buffer) {
  http::request_parser<http::string_body> parser;
  parser.body_limit(options.max_body_bytes);
  parser.header_limit(kHeaderBytesMax);
  error_code failure;
  beast::get_lowest_layer(stream).expires_after(kRequestDeadline);
  co_await http::async_read(stream, buffer, parser,
                            asio::redirect_error(asio::use_awaitable, failure));
  http::response<http::string_body> message;
  bool keep = false;
  if (failure) {
    const std::optional<HttpResponse> answer = refusal(failure);
    if (!answer) co_return false;
    message = to_beast(*answer, 11, false);
  } else {
    http::request<http::string_body> received = parser.release();
    const unsigned version = received.version();
    keep = received.keep_alive();
    const bool head = received.method() == http::verb::head;
    HttpRequest request = from_beast(received);
    if (head) request.method = "GET";
    beast::get_lowest_layer(stream).expires_never();
    HttpResponse answer = co_await handler(std::move(request));
    if (answer.next_event && !head && waiting.size() < kEventStreamsMax) {
      co_await send_events(stream, std::move(answer.next_event));
      co_return false;
    }
    if (answer.next_event) answer = refused(503, "too many event streams");
    message = to_beast(answer, version, keep);
    if (head) message.body().clear();
  }
  beast::get_lowest_layer(stream).expires_after(kRequestDeadline);
  const bool unread = failure.failed();
  co_await http::async_write(stream, message, asio::redirect_error(asio::use_awaitable, failure));
  if (unread && !failure) co_await drain(beast::get_lowest_layer(stream));
  co_return keep && !failure;
}

// What the peer still sends is read for a moment: closing on it would reset the connection, and the
// answer would be lost.
asio::awaitable<void> HttpServer::Impl::drain(beast::tcp_stream& stream) {
  error_code failure;
  stream.socket().shutdown(tcp::socket::shutdown_send, failure);
  stream.expires_after(kDrainDeadline);
  std::array<char, 4096> bytes{};
  while (!failure) {
    const auto into = asio::buffer(bytes);
    co_await stream.async_read_some(into, asio::redirect_error(asio::use_awaitable, failure));
  }
}

template <class Stream>
asio::awaitable<void> HttpServer::Impl::send_events(Stream& stream,
                                                    std::function<std::string()> next_event) {
  relay::Signal pause(loop);
  waiting.insert(&pause);
  std::string text = kEventHead;
  error_code failure;
  while (!stopping && !failure) {
    text += "data: " + next_event() + "\n\n";
    beast::get_lowest_layer(stream).expires_after(kRequestDeadline);
    co_await asio::async_write(stream, asio::buffer(text),
                               asio::redirect_error(asio::use_awaitable, failure));
    text.clear();
    if (!failure && !stopping) co_await pause.wait_for(kEventEvery);
  }
  waiting.erase(&pause);
}

HttpServer::HttpServer(asio::any_io_executor loop, HttpServerOptions options, Handler handler)
    : impl_(std::make_shared<Impl>(std::move(loop), std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() = default;

Result<void> HttpServer::start() {
  error_code failure;
  const std::string host = impl_->options.host.empty() ? "0.0.0.0" : impl_->options.host;
  const std::string place = host + ":" + std::to_string(impl_->options.port);
  const auto address = asio::ip::make_address(host, failure);
  if (failure) return Error(Errc::kConfig, "api listen " + place + ": not an address");
  if (impl_->options.tls.given()) {
    const Result<void> prepared = prepare(impl_->tls, impl_->options.tls);
    if (!prepared) return prepared;
  }
  const tcp::endpoint endpoint(address, impl_->options.port);
  impl_->acceptor.open(endpoint.protocol(), failure);
  if (!failure) impl_->acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  if (!failure) impl_->acceptor.bind(endpoint, failure);
  if (!failure) impl_->acceptor.listen(tcp::acceptor::max_listen_connections, failure);
  if (failure) {
    return Error(Errc::kConfig, "api listen " + place + ": " + failure.message())
        .with_way_out("choose another address under `api: {listen: ...}`");
  }
  relay::spawn(impl_->loop, "http accept", impl_->accept_all(impl_));
  return {};
}

void HttpServer::stop() {
  impl_->stopping = true;
  error_code ignored;
  impl_->acceptor.close(ignored);
  for (beast::tcp_stream* const stream : impl_->streams) stream->cancel();
  for (relay::Signal* const pause : impl_->waiting) pause->notify();
}

std::uint16_t HttpServer::port() const {
  error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).port();
}

}  // namespace tiderelay::control
