// control/api_pump.cc: hands each call to the thread that may do it and waits for its answer.
#include <openssl/crypto.h>

#include <boost/json.hpp>

#include "control/api.h"
#include "control/metrics.h"
#include "control/rest.h"
#include "control/status_page.h"
#include "relay/loop.h"

namespace tiderelay::control {

namespace {

constexpr unsigned kChangeThreads = 1;  // changes come one after the other
constexpr unsigned kLookThreads = 4;

bool same_text(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// The command's answer as that of a changing path.
HttpResponse rest_response(const boost::json::object& answer, unsigned status) {
  const boost::json::value* const result = answer.if_contains("result");
  if (result != nullptr && *result == true) {
    if (status == 204) return HttpResponse(204, "application/json", "");
    return json_response(status, answer);
  }
  std::string text;
  const boost::json::value* const message = answer.if_contains("msg");
  if (message != nullptr && message->is_string()) text = std::string(message->get_string());
  const boost::json::value* const sources = answer.if_contains("sources");
  if (sources != nullptr && sources->is_array()) {
    for (const auto& source : sources->get_array()) {
      const std::string part(source.at("msg").as_string());
      if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
    }
  }
  boost::json::object error{{"error_code", 400}, {"error_msg", text}};
  if (const auto* const checks = answer.if_contains("checkResult")) error["checkResult"] = *checks;
  return json_response(400, error);
}

}  // namespace

struct Api::Impl {
  Impl(asio::any_io_executor on, Daemon& with, ApiOptions with_options)
      : loop(std::move(on)), daemon(with), options(std::move(with_options)) {}

  [[nodiscard]] std::optional<HttpResponse> refusal(const RouteMatch& match,
                                                    const HttpRequest& request) const;
  [[nodiscard]] bool has_token(const HttpRequest& request) const;
  asio::awaitable<Result<boost::json::object>> run(CtlCall call, SentFiles files);
  asio::awaitable<HttpResponse> run_ctl(std::string body);
  asio::awaitable<bool> is_there(const RouteMatch& match);
  asio::awaitable<HttpResponse> read(RouteMatch match);

  asio::any_io_executor loop;
  Daemon& daemon;
  const ApiOptions options;
  relay::WorkerPool changes{kChangeThreads};
  relay::WorkerPool looks{kLookThreads};
};

bool Api::Impl::has_token(const HttpRequest& request) const {
  bool known = options.tokens.empty();
  for (const std::string& token : options.tokens) {
    known = same_text(request.authorization, "Bearer " + token) || known;
  }
  return known;
}

// Why a request is not even looked at.
std::optional<HttpResponse> Api::Impl::refusal(const RouteMatch& match,
                                               const HttpRequest& request) const {
  if (options.tokens.empty() && !is_own_host(request.host, options.listen_host)) {
    return error_response(403, "the Host header names another machine: " + request.host);
  }
  if (match.route == nullptr && match.allow.empty()) {
    return error_response(404, "no such path: " + request.path);
  }
  if (match.route == nullptr) {
    HttpResponse response = error_response(405, "only " + match.allow);
    response.allow = match.allow;
    return response;
  }
  if (match.route->access == Route::Access::kToken && !has_token(request)) {
    return error_response(401, "a token of api.tokens-file is missing");
  }
  const bool json_body = request.content_type.starts_with("application/json");
  const std::string method = match.route->method;
  if (method != "GET" && (!request.body.empty() || method == "POST") && !json_body) {
    return error_response(415, "Content-Type must be application/json");
  }
  return std::nullopt;
}

asio::awaitable<Result<boost::json::object>> Api::Impl::run(CtlCall call, SentFiles files) {
  boost::json::object answer;
  relay::WorkerPool& pool = Daemon::changes(call) ? changes : looks;
  std::function<void()> work = [&] { answer = daemon.answer(call, files); };
  const Result<void> done = co_await pool.run(loop, std::move(work));
  if (!done) co_return done.error();
  co_return answer;
}

asio::awaitable<HttpResponse> Api::Impl::run_ctl(std::string body) {
  Result<CtlMessage> message = decode_ctl(body);
  if (!message) {
    co_return error_response(400, message.error().text() + "; " + message.error().way_out());
  }
  Result<CtlCall> call = parse_ctl(message->command);
  if (!call) co_return error_response(400, call.error().text() + "\n" + call.error().way_out());
  const Result<boost::json::object> answer =
      co_await run(std::move(*call), std::move(message->files));
  if (!answer) co_return error_response(500, answer.error().text());
  co_return json_response(200, *answer);
}

// Whether there is what the path names.
asio::awaitable<bool> Api::Impl::is_there(const RouteMatch& match) {
  bool there = false;
  const std::string& name = match.parameters.front();
  const bool task = std::string(match.route->path).starts_with("/api/v1/tasks");
  std::function<void()> work = [&] {
    const Snapshot snapshot = daemon.snapshot();
    there = task ? snapshot.find_task(name) != nullptr : snapshot.find_source(name) != nullptr;
  };
  const Result<void> done = co_await looks.run(loop, std::move(work));
  co_return done&& there;
}

// A snapshot may wait for a lock that a change holds for a moment: not on the loop.
asio::awaitable<HttpResponse> Api::Impl::read(RouteMatch match) {
  HttpResponse response;
  std::function<void()> work = [&] {
    const Snapshot snapshot = daemon.snapshot();
    if (std::string(match.route->path) == "/metrics") {
      response = HttpResponse(200, kMetricsType, metrics_text(snapshot));
    } else {
      response = read_answer(match, snapshot);
    }
  };
  const Result<void> done = co_await looks.run(loop, std::move(work));
  if (!done) co_return error_response(500, done.error().text());
  co_return response;
}

Api::Api(asio::any_io_executor loop, Daemon& daemon, ApiOptions options)
    : impl_(std::make_unique<Impl>(std::move(loop), daemon, std::move(options))) {}

Api::~Api() = default;

asio::awaitable<HttpResponse> Api::answer(HttpRequest request) {
  RouteMatch match = match_route(request.method, request.path);
  std::optional<HttpResponse> refusal = impl_->refusal(match, request);
  if (refusal) co_return std::move(*refusal);
  const std::string path = match.route->path;
  if (path == "/") co_return HttpResponse(200, "text/html; charset=utf-8", status_page());
  if (path == kCtlPath) co_return co_await impl_->run_ctl(std::move(request.body));
  if (path == "/api/v1/events") {
    HttpResponse events;
    events.next_event = [this] {
      return boost::json::serialize(status_object(impl_->daemon.snapshot()));
    };
    co_return events;
  }
  Result<std::optional<RestCommand>> command = command_of(match, request);
  if (!command) {
    const std::string& way_out = command.error().way_out();
    co_return error_response(400, command.error().text() + (way_out.empty() ? "" : "; " + way_out));
  }
  if (!*command) co_return co_await impl_->read(std::move(match));
  if (!match.parameters.empty()) {
    const bool there = co_await impl_->is_there(match);
    if (!there) co_return error_response(404, "there is no " + match.parameters.front());
  }
  Result<CtlCall> call = parse_ctl((*command)->words);
  if (!call) co_return error_response(400, call.error().text());
  const Result<boost::json::object> answer =
      co_await impl_->run(std::move(*call), std::move((*command)->files));
  if (!answer) co_return error_response(500, answer.error().text());
  co_return rest_response(*answer, (*command)->status);
}

bool is_own_host(const std::string& header, const std::string& listen_host) {
  std::string name = header.substr(
      0, header.find(']') == std::string::npos ? header.rfind(':') : header.find(']') + 1);
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  return name == "localhost" || name == "127.0.0.1" || name == "::1" ||
         (!listen_host.empty() && name == listen_host);
}

}  // namespace tiderelay::control
