// control/command_serve.cc: the daemon's threads: the main one waits for signals, one answers HTTP,
// each source and task has its own.
#include "control/command_serve.h"

#include <fmt/format.h>
#include <pthread.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <sstream>

#include "control/api.h"
#include "control/daemon.h"
#include "control/data_folder.h"
#include "control/http.h"
#include "control/log_setup.h"
#include "control/relay_service.h"
#include "control/tls_files.h"
#include "relay/loop.h"

namespace tiderelay::control {

namespace {

constexpr std::size_t kBodyBytesMax = 32U << 20U;

int fail(const Error& error) {
  fmt::print(stderr, "tiderelay serve: {}\n", error.text());
  if (!error.way_out().empty()) fmt::print(stderr, "way out: {}\n", error.way_out());
  return error.code() == Errc::kConfig ? 2 : 1;
}

Result<conf::DaemonConfig> load_config(const ServeArguments& arguments,
                                       const conf::FileAccess& access) {
  conf::DaemonConfig config;
  if (!arguments.config_file.empty()) {
    Result<conf::DaemonConfig> loaded = conf::load_daemon(arguments.config_file, access);
    if (!loaded) return loaded.error();
    config = std::move(*loaded);
  }
  if (!arguments.data_dir.empty()) config.data_dir = arguments.data_dir;
  if (!arguments.listen.empty()) {
    const Result<conf::ListenAddress> listen = conf::parse_listen_address(arguments.listen);
    if (!listen) return listen.error().in("--listen");
    config.api.listen = *listen;
  }
  const Result<void> api = check_api(config.api);
  if (!api) return api.error();
  return config;
}

Result<std::vector<std::string>> read_tokens(const std::string& path,
                                             const conf::FileAccess& access) {
  std::vector<std::string> tokens;
  if (path.empty()) return tokens;
  const Result<std::string> text = access.read_file(path);
  if (!text) return text.error().in("api.tokens-file");
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) tokens.push_back(line);
  }
  if (tokens.empty()) return Error(Errc::kConfig, "api.tokens-file: " + path + " has no token");
  return tokens;
}

Result<TlsFiles> api_tls(const conf::Security& security, const conf::FileAccess& access) {
  const Result<TlsTexts> texts = read_tls(security, access);
  if (!texts) return texts.error().in("api.tls");
  TlsFiles files;
  files.certificate = texts->certificate;
  files.key = texts->key;
  files.client_ca = texts->ca;
  return files;
}

// A second signal while stopping ends the process at once.
void end_on_next(const sigset_t& signals) {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGHUP, SIG_IGN);
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

// Answers until a signal comes; gives the exit code. Stops in the order of the data: no new calls,
// then tasks, then relay logs.
int serve_until_signal(const conf::DaemonConfig& config, Daemon& daemon,
                       std::vector<std::string> tokens, TlsFiles tls, const sigset_t& signals,
                       const std::function<void()>& open_log_anew) {
  relay::Loop loop("http");
  ApiOptions api_options;
  api_options.tokens = std::move(tokens);
  api_options.listen_host = config.api.listen.host;
  Api api(loop.executor(), daemon, std::move(api_options));
  HttpServerOptions options;
  options.tls = std::move(tls);
  options.host = config.api.listen.host;
  options.port = config.api.listen.port;
  options.max_body_bytes = kBodyBytesMax;
  HttpServer server(loop.executor(), options,
                    [&api](HttpRequest request) { return api.answer(std::move(request)); });
  const Result<void> listening = server.start();
  int code = 0;
  if (listening) {
    conf::ListenAddress here = config.api.listen;
    here.port = server.port();
    spdlog::info("listening at {}://{}", config.api.tls.given() ? "https" : "http", here.text());
    int signal = SIGHUP;
    while (signal == SIGHUP) {
      ::sigwait(&signals, &signal);
      if (signal == SIGHUP) open_log_anew();
    }
    spdlog::info("{}: stopping in order; a second signal stops at once", strsignal(signal));
  } else {
    code = fail(listening.error());
  }
  end_on_next(signals);
  loop.post([&server] { server.stop(); });
  loop.finish();
  loop.join();
  return code;
}

}  // namespace

Result<void> check_api(const conf::ApiConfig& api) {
  if (api.tls.given() && !(api.tls.has_cert() && api.tls.has_key())) {
    return Error(Errc::kConfig, "api.tls: a certificate and its key are needed")
        .with_way_out("api: {tls: {ssl-cert: server.pem, ssl-key: server.key}}");
  }
  if (api.listen.loopback() || (api.tls.given() && !api.tokens_file.empty())) return {};
  return Error(Errc::kConfig, "api.listen: " + api.listen.text() +
                                  " can be reached from other machines: whoever reaches it "
                                  "commands the daemon")
      .with_way_out(
          "give it api.tls and api.tokens-file, or listen on 127.0.0.1 and let others in through "
          "ssh -L 8261:127.0.0.1:8261");
}

int run_serve(const ServeArguments& arguments) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread: they inherit it

  conf::FileAccess access = conf::real_files();
  const Result<conf::DaemonConfig> config = load_config(arguments, access);
  if (!config) return fail(config.error());
  if (!config->secret_key_path.empty()) {
    const Result<conf::SecretKey> key = conf::read_secret_key(config->secret_key_path);
    if (!key) return fail(key.error());
    access.secret_key = *key;
  }
  Result<std::vector<std::string>> tokens = read_tokens(config->api.tokens_file, access);
  if (!tokens) return fail(tokens.error());
  Result<TlsFiles> tls = api_tls(config->api.tls, access);
  if (!tls) return fail(tls.error());
  const Result<std::function<void()>> open_log_anew = set_up_log(*config);
  if (!open_log_anew) return fail(open_log_anew.error());
  const Result<DataFolder> folder = DataFolder::open(config->data_dir);
  if (!folder) return fail(folder.error());
  for (const conf::Note& note : config->notes) spdlog::info("{}", conf::to_text(note));

  Daemon::Options options;
  options.data_dir = folder->path();
  options.address = config->api.listen.text();
  options.access = access;
  Result<std::unique_ptr<RelayService>> relays =
      RelayService::make(*config, folder->path(), access);
  if (!relays) return fail(relays.error());
  options.watcher = relays->get();
  const Result<void> limits = read_limits(config->relay, folder->path(), options);
  if (!limits) return fail(limits.error());
  Daemon daemon(std::move(options));
  const Result<void> restored = daemon.restore(config->sources, config->tasks);
  if (!restored) return fail(restored.error());
  const int code = serve_until_signal(*config, daemon, std::move(*tokens), std::move(*tls), signals,
                                      *open_log_anew);
  (*relays)->stop();
  daemon.stop();
  if (code == 0) spdlog::info("stopped");
  return code;
}

}  // namespace tiderelay::control
