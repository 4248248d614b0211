// control/http_client_pump.cc: the client's one request.
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <optional>

#include "control/http.h"

namespace tiderelay::control {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::uint64_t kAnswerBytesMax = 256U << 20U;

http::request<http::string_body> message_of(const HttpPeer& peer, const HttpRequest& request) {
  http::request<http::string_body> message(
      http::string_to_verb(request.method),
      request.query.empty() ? request.path : request.path + "?" + request.query, 11);
  message.set(http::field::host, peer.host + ":" + std::to_string(peer.port));
  if (!request.authorization.empty()) {
    message.set(http::field::authorization, request.authorization);
  }
  message.set(http::field::content_type, "application/json");
  message.body() = request.body;
  message.prepare_payload();
  return message;
}

template <class Stream>
asio::awaitable<Result<HttpResponse>> exchange(Stream& stream, std::string place,
                                               http::request<http::string_body>& message) {
  error_code failure;
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

Result<void> prepare(asio::ssl::context& context, const HttpPeer& peer) {
  error_code failure;
  if (peer.ca_pem.empty()) {
    context.set_default_verify_paths(failure);
  } else {
    context.add_certificate_authority(asio::buffer(peer.ca_pem), failure);
  }
  if (failure) return Error(Errc::kConfig, "--ca: " + failure.message());
  context.set_verify_mode(asio::ssl::verify_peer, failure);
  context.set_verify_callback(asio::ssl::host_name_verification(peer.host), failure);
  return {};
}

asio::awaitable<Result<HttpResponse>> request_once(asio::any_io_executor loop, HttpPeer peer,
                                                   HttpRequest request,
                                                   std::chrono::milliseconds deadline) {
  error_code failure;
  const std::string place = peer.host + ":" + std::to_string(peer.port);
  tcp::resolver resolver(loop);
  const auto found = co_await resolver.async_resolve(
      peer.host, std::to_string(peer.port), asio::redirect_error(asio::use_awaitable, failure));
  if (failure) co_return Error(Errc::kConnection, place + ": " + failure.message());
  asio::ssl::context context(asio::ssl::context::tls_client);
  const Result<void> prepared = prepare(context, peer);
  if (!prepared) co_return prepared.error();
  beast::ssl_stream<beast::tcp_stream> stream(loop, context);
  beast::tcp_stream& plain = stream.next_layer();
  plain.expires_after(deadline);
  co_await plain.async_connect(found, asio::redirect_error(asio::use_awaitable, failure));
  if (failure) {
    co_return Error(Errc::kConnection, place + ": " + failure.message())
        .with_way_out("is `tiderelay serve` running there? --addr names another address");
  }
  http::request<http::string_body> message = message_of(peer, request);
  if (!peer.tls) co_return co_await exchange(plain, place, message);
  co_await stream.async_handshake(asio::ssl::stream_base::client,
                                  asio::redirect_error(asio::use_awaitable, failure));
  if (failure) {
    co_return Error(Errc::kConnection, place + ": TLS: " + failure.message())
        .with_way_out("--ca names the file of the CA that signed the daemon's certificate");
  }
  co_return co_await exchange(stream, place, message);
}

asio::awaitable<void> store(asio::awaitable<Result<HttpResponse>> work,
                            std::optional<Result<HttpResponse>>& into) {
  Result<HttpResponse> got = co_await std::move(work);
  into = std::move(got);
}

}  // namespace

Result<HttpResponse> http_request(const HttpPeer& peer, const HttpRequest& request,
                                  std::chrono::milliseconds deadline) {
  asio::io_context loop(1);
  std::optional<Result<HttpResponse>> answer;
  relay::spawn(loop.get_executor(), "http request",
               store(request_once(loop.get_executor(), peer, request, deadline), answer));
  loop.run();
  if (!answer) return Error(Errc::kConnection, "the request was not answered");
  return *answer;
}

}  // namespace tiderelay::control
