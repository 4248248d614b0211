// control/http_pump.cc: connections of the HTTP server, one coroutine each, and the client's one
// request. A deadline closes the socket of whoever is too slow.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <unordered_set>

#include "control/http.h"

namespace tiderelay::control {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t kConnectionsMax = 64;
constexpr std::uint32_t kHeaderBytesMax = 16U << 10U;
constexpr std::uint64_t kAnswerBytesMax = 256U << 20U;
constexpr std::chrono::seconds kRequestDeadline{30};

http::response<http::string_body> to_beast(const HttpResponse& response, unsigned version,
                                           bool keep_alive) {
  http::response<http::string_body> message(static_cast<http::status>(response.status), version);
  message.set(http::field::server, "tiderelay");
  message.set(http::field::content_type, response.content_type);
  message.set(http::field::cache_control, "no-store");
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
  request.authorization = std::string(message[http::field::authorization]);
  request.content_type = std::string(message[http::field::content_type]);
  return request;
}

HttpResponse refused(unsigned status, const std::string& text) {
  return HttpResponse(
      status, "application/json",
      R"({"error_code":)" + std::to_string(status) + R"(,"error_msg":")" + text + "\"}");
}

// What the parser refused, as an answer; nullopt where the peer is simply gone.
std::optional<HttpResponse> refusal(const error_code& failure) {
  if (failure == http::error::body_limit) return refused(413, "the body is too large");
  if (failure == http::error::header_limit) return refused(431, "the header is too large");
  if (failure.category() == make_error_code(http::error::bad_method).category() &&
      failure != http::error::end_of_stream && failure != http::error::partial_message) {
    return refused(400, "not an HTTP request");
  }
  return std::nullopt;
}

}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  Impl(asio::any_io_executor on, HttpServerOptions with, Handler answer)
      : loop(std::move(on)), options(std::move(with)), handler(std::move(answer)), acceptor(loop) {}

  asio::awaitable<void> accept_all(std::shared_ptr<Impl> self);
  asio::awaitable<void> serve(std::shared_ptr<Impl> self,
                              std::shared_ptr<beast::tcp_stream> stream);
  asio::awaitable<bool> answer_one(std::shared_ptr<Impl> self,
                                   std::shared_ptr<beast::tcp_stream> stream,
                                   beast::flat_buffer& buffer);

  asio::any_io_executor loop;
  HttpServerOptions options;
  Handler handler;
  tcp::acceptor acceptor;
  std::unordered_set<std::shared_ptr<beast::tcp_stream>> streams;
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
    auto stream = std::make_shared<beast::tcp_stream>(std::move(socket));
    self->streams.insert(stream);
    relay::spawn(self->loop, "http connection", self->serve(self, stream));
  }
}

asio::awaitable<void> HttpServer::Impl::serve(std::shared_ptr<Impl> self,
                                              std::shared_ptr<beast::tcp_stream> stream) {
  beast::flat_buffer buffer;
  while (!self->stopping) {
    const bool keep = co_await self->answer_one(self, stream, buffer);
    if (!keep) break;
  }
  self->streams.erase(stream);
  stream->close();
}

// One request and its answer; false: the connection ends.
asio::awaitable<bool> HttpServer::Impl::answer_one(std::shared_ptr<Impl> self,
                                                   std::shared_ptr<beast::tcp_stream> stream,
                                                   beast::flat_buffer& buffer) {
  http::request_parser<http::string_body> parser;
  parser.body_limit(self->options.max_body_bytes);
  parser.header_limit(kHeaderBytesMax);
  error_code failure;
  stream->expires_after(kRequestDeadline);
  co_await http::async_read(*stream, buffer, parser,
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
    HttpRequest request = from_beast(received);
    stream->expires_never();
    const HttpResponse answer = co_await self->handler(std::move(request));
    message = to_beast(answer, version, keep);
  }
  stream->expires_after(kRequestDeadline);
  co_await http::async_write(*stream, message, asio::redirect_error(asio::use_awaitable, failure));
  co_return keep && !failure;
}

HttpServer::HttpServer(asio::any_io_executor loop, HttpServerOptions options, Handler handler)
    : impl_(std::make_shared<Impl>(std::move(loop), std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() = default;

Result<void> HttpServer::start() {
  error_code failure;
  const std::string place = impl_->options.host + ":" + std::to_string(impl_->options.port);
  const auto address = asio::ip::make_address(impl_->options.host, failure);
  if (failure) return Error(Errc::kConfig, "api listen " + place + ": not an address");
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
  for (const auto& stream : impl_->streams) stream->cancel();
}

std::uint16_t HttpServer::port() const {
  error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).port();
}

namespace {

asio::awaitable<Result<HttpResponse>> request_once(asio::any_io_executor loop, std::string host,
                                                   std::uint16_t port, HttpRequest request,
                                                   std::chrono::milliseconds deadline) {
  error_code failure;
  const std::string place = host + ":" + std::to_string(port);
  tcp::resolver resolver(loop);
  const auto found = co_await resolver.async_resolve(
      host, std::to_string(port), asio::redirect_error(asio::use_awaitable, failure));
  if (failure) co_return Error(Errc::kConnection, place + ": " + failure.message());
  beast::tcp_stream stream(loop);
  stream.expires_after(deadline);
  co_await stream.async_connect(found, asio::redirect_error(asio::use_awaitable, failure));
  if (failure) {
    co_return Error(Errc::kConnection, place + ": " + failure.message())
        .with_way_out("is `tiderelay serve` running there? --addr names another address");
  }
  http::request<http::string_body> message(
      http::string_to_verb(request.method),
      request.query.empty() ? request.path : request.path + "?" + request.query, 11);
  message.set(http::field::host, host);
  if (!request.authorization.empty()) {
    message.set(http::field::authorization, request.authorization);
  }
  message.set(http::field::content_type, "application/json");
  message.body() = std::move(request.body);
  message.prepare_payload();
  co_await http::async_write(stream, message, asio::redirect_error(asio::use_awaitable, failure));
  if (failure) co_return Error(Errc::kConnection, place + ": " + failure.message());
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kAnswerBytesMax);
  co_await http::async_read(stream, buffer, parser,
                            asio::redirect_error(asio::use_awaitable, failure));
  if (failure) co_return Error(Errc::kConnection, place + ": " + failure.message());
  HttpResponse response;
  response.status = parser.get().result_int();
  response.content_type = std::string(parser.get()[http::field::content_type]);
  response.body = std::move(parser.get().body());
  co_return response;
}

asio::awaitable<void> store(asio::awaitable<Result<HttpResponse>> work,
                            std::optional<Result<HttpResponse>>& into) {
  Result<HttpResponse> got = co_await std::move(work);
  into = std::move(got);
}

}  // namespace

Result<HttpResponse> http_request(const std::string& host, std::uint16_t port,
                                  const HttpRequest& request, std::chrono::milliseconds deadline) {
  asio::io_context loop(1);
  std::optional<Result<HttpResponse>> answer;
  relay::spawn(loop.get_executor(), "http request",
               store(request_once(loop.get_executor(), host, port, request, deadline), answer));
  loop.run();
  if (!answer) return Error(Errc::kConnection, "the request was not answered");
  return *answer;
}

}  // namespace tiderelay::control
