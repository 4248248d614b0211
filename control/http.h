// control/http.h: a small HTTP/1.1 server and a one-request client, both on Boost.Beast, plain or
// over TLS.
//
// Limits of the server: 64 connections, 16 of them event streams, 16 KiB of headers, max_body_bytes
// of body, 30 s for a handshake, a request or an answer to pass; what is beyond is answered (431,
// 413) or closed. One handler answers everything; it runs on the server's loop and may await.
// Owner: control; stop() closes the listener and all connections, then the loop runs dry.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "relay/awaitable.h"

namespace tiderelay::control {

namespace asio = boost::asio;

struct HttpRequest {
  std::string method;  // GET, POST, ...
  std::string path;    // without the query
  std::string query;   // behind '?', undecoded
  std::string body;
  std::string host;           // the header's value
  std::string authorization;  // the same
  std::string content_type;   // the same; the client always sends application/json
};

struct HttpResponse {
  HttpResponse() = default;
  HttpResponse(unsigned status_code, std::string type, std::string text)
      : status(status_code), content_type(std::move(type)), body(std::move(text)) {}
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string allow;  // of a 405: the methods
  // Server-sent events instead of the body: asked for the next one every second.
  std::function<std::string()> next_event;
};

struct TlsFiles {  // PEM texts
  std::string certificate, key;
  std::string client_ca;  // not empty: clients must have a certificate of it
  [[nodiscard]] bool given() const { return !certificate.empty(); }
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8261;  // 0: any free one, see port()
  std::size_t max_body_bytes = 4U << 20U;
  TlsFiles tls;
};

class HttpServer {
 public:
  using Handler = std::function<asio::awaitable<HttpResponse>(HttpRequest)>;

  HttpServer(asio::any_io_executor loop, HttpServerOptions options, Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] Result<void> start();  // binds and listens; an address in use is kConfig
  void stop();
  [[nodiscard]] std::uint16_t port() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

struct HttpPeer {
  std::string host;
  std::uint16_t port = 0;
  bool tls = false;
  std::string ca_pem;  // empty: the system's
};

// One request from a program that waits for it: runs a loop of its own until the answer or the
// deadline.
[[nodiscard]] Result<HttpResponse> http_request(const HttpPeer& peer, const HttpRequest& request,
                                                std::chrono::milliseconds deadline);

}  // namespace tiderelay::control
