// control/api_pump.cc: hands each call to the thread that may do it and waits for its answer.
#include <openssl/crypto.h>

#include "control/api.h"
#include "relay/loop.h"

namespace tiderelay::control {

namespace {

constexpr unsigned kChangeThreads = 1;  // changes come one after the other
constexpr unsigned kLookThreads = 4;

HttpResponse json_response(unsigned status, const boost::json::object& answer) {
  return HttpResponse(status, "application/json", json_text(answer));
}

HttpResponse refusal(unsigned status, const std::string& text) {
  boost::json::object error;
  error["error_code"] = status;
  error["error_msg"] = text;
  return json_response(status, error);
}

bool same_text(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

struct Api::Impl {
  Impl(asio::any_io_executor on, Daemon& with, std::vector<std::string> known)
      : loop(std::move(on)), daemon(with), tokens(std::move(known)) {}

  [[nodiscard]] bool allowed(const HttpRequest& request) const;
  asio::awaitable<HttpResponse> run(CtlCall call, SentFiles files);

  asio::any_io_executor loop;
  Daemon& daemon;
  const std::vector<std::string> tokens;
  relay::WorkerPool changes{kChangeThreads};
  relay::WorkerPool looks{kLookThreads};
};

bool Api::Impl::allowed(const HttpRequest& request) const {
  bool known = tokens.empty();
  for (const std::string& token : tokens) {
    known = same_text(request.authorization, "Bearer " + token) || known;
  }
  return known;
}

asio::awaitable<HttpResponse> Api::Impl::run(CtlCall call, SentFiles files) {
  boost::json::object answer;
  relay::WorkerPool& pool = Daemon::changes(call) ? changes : looks;
  std::function<void()> work = [&] { answer = daemon.answer(call, files); };
  const Result<void> done = co_await pool.run(loop, std::move(work));
  if (!done) co_return refusal(500, done.error().text());
  co_return json_response(200, answer);
}

Api::Api(asio::any_io_executor loop, Daemon& daemon, std::vector<std::string> tokens)
    : impl_(std::make_unique<Impl>(std::move(loop), daemon, std::move(tokens))) {}

Api::~Api() = default;

asio::awaitable<HttpResponse> Api::answer(HttpRequest request) {
  if (request.path == "/healthz") {
    co_return HttpResponse(200, "text/plain", "ok\n");
  }
  if (request.path != kCtlPath) co_return refusal(404, "no such path: " + request.path);
  if (request.method != "POST") co_return refusal(405, "only POST");
  if (!request.content_type.starts_with("application/json")) {
    co_return refusal(415, "Content-Type must be application/json");
  }
  if (!impl_->allowed(request)) co_return refusal(401, "a token of api.tokens-file is missing");
  Result<CtlMessage> message = decode_ctl(request.body);
  if (!message) co_return refusal(400, message.error().text() + "; " + message.error().way_out());
  Result<CtlCall> call = parse_ctl(message->command);
  if (!call) co_return refusal(400, call.error().text() + "\n" + call.error().way_out());
  co_return co_await impl_->run(std::move(*call), std::move(message->files));
}

}  // namespace tiderelay::control
