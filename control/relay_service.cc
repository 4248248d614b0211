// control/relay_service.cc: see relay_service.h.
#include "control/relay_service.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include "control/tls_files.h"
#include "protocol/rsa_key.h"

namespace tiderelay::control {
namespace {

constexpr const char* kKeyName = "relay-server-key.pem";
constexpr const char* kCertificateName = "relay-server-cert.pem";
constexpr std::uint64_t kPackBytesASecond = 64U << 20;  // a tenth of a core

Result<relay::ServedAccount> served_account(const conf::RelayUser& user) {
  relay::ServedAccount account;
  account.name = user.name;
  account.password = user.password.reveal();
  account.sources = user.sources;
  account.require_tls = user.require_tls;
  for (const std::string& text : user.networks) {
    auto network = relay::Network::parse(text);
    if (!network) return network.error().in("relay-server.users." + user.name);
    account.networks.push_back(std::move(*network));
  }
  return account;
}

// The key and certificate of our own making, the same after every restart.
Result<TlsTexts> own_certificate(const std::string& data_dir) {
  relay::Storage& disk = relay::posix_storage();
  TlsTexts texts;
  const auto there = disk.exists(data_dir + "/" + kCertificateName);
  if (!there) return there.error();
  if (*there) {
    auto key = relay::read_small_file(disk, data_dir + "/" + kKeyName);
    if (!key) return key.error();
    auto certificate = relay::read_small_file(disk, data_dir + "/" + kCertificateName);
    if (!certificate) return certificate.error();
    texts.key = std::move(*key);
    texts.certificate = std::move(*certificate);
    return texts;
  }
  texts.key = protocol::RsaKey::generate().private_pem();
  texts.certificate = relay::make_self_signed(texts.key, "tiderelay");
  const ::mode_t before = ::umask(0077);
  const auto key = relay::replace_small_file(disk, data_dir, kKeyName, texts.key);
  ::umask(before);
  if (!key) return key.error();
  const auto certificate =
      relay::replace_small_file(disk, data_dir, kCertificateName, texts.certificate);
  if (!certificate) return certificate.error();
  return texts;
}

Result<void> read_server(const conf::RelayServerConfig& config, const std::string& data_dir,
                         const conf::FileAccess& access, relay::RelayServerOptions& options) {
  relay::ServedAddress common;
  common.host = config.listen.host;
  common.port = config.listen.port;
  options.listen.push_back(std::move(common));
  for (const conf::RelayPort& port : config.ports) {
    relay::ServedAddress own;
    own.host = port.listen.host;
    own.port = port.listen.port;
    own.source_id = port.source;
    options.listen.push_back(std::move(own));
  }
  for (const conf::RelayUser& user : config.users) {
    auto account = served_account(user);
    if (!account) return account.error();
    options.accounts.push_back(std::move(*account));
  }
  Result<TlsTexts> texts = read_tls(config.tls, access);
  if (!texts) return texts.error().in("tls");
  options.client_ca_pem = texts->ca;
  if (texts->certificate.empty()) texts = own_certificate(data_dir);
  if (!texts) return texts.error();
  options.certificate_pem = texts->certificate;
  options.key_pem = texts->key;
  options.allowed_names = config.tls.cert_allowed_cn;
  return {};
}

// Both ends of a hop show a certificate: there are no accounts.
Result<TlsTexts> hop_tls(const conf::Security& security, const conf::FileAccess& access,
                         const std::string& place) {
  Result<TlsTexts> texts = read_tls(security, access);
  if (!texts) return texts.error().in(place);
  if (texts->ca.empty() || texts->certificate.empty() || texts->key.empty()) {
    return Error(Errc::kConfig, place + ": a hop needs tls with ssl-ca, ssl-cert and ssl-key")
        .with_way_out("make a CA for your relays and sign a certificate for each of them");
  }
  return texts;
}

Result<void> read_hops(const conf::HopsConfig& hops, const conf::FileAccess& access,
                       relay::RelayServerOptions& options) {
  for (const conf::HopDial& dial : hops.dial) {
    const std::string place = "hops.dial to " + dial.to.text();
    const Result<TlsTexts> texts = hop_tls(dial.tls, access, place);
    if (!texts) return texts.error();
    relay::DialledHop hop;
    hop.host = dial.to.host;
    hop.port = dial.to.port;
    hop.sources = dial.serve;
    hop.tls.mode = relay::TlsOptions::Mode::kVerifyCa;
    hop.tls.ca_pem = texts->ca;
    hop.tls.certificate_pem = texts->certificate;
    hop.tls.key_pem = texts->key;
    hop.tls.allowed_names = dial.tls.cert_allowed_cn;
    options.hops.push_back(std::move(hop));
  }
  for (const conf::HopAccept& accept : hops.accept) {
    const std::string place = "hops.accept at " + accept.listen.text();
    const Result<TlsTexts> texts = hop_tls(accept.tls, access, place);
    if (!texts) return texts.error();
    relay::AwaitedHop hop;
    hop.host = accept.listen.host;
    hop.port = accept.listen.port;
    hop.tls.certificate_pem = texts->certificate;
    hop.tls.key_pem = texts->key;
    hop.tls.client_ca_pem = texts->ca;
    hop.tls.allowed_names = accept.tls.cert_allowed_cn;
    options.awaited_hops.push_back(std::move(hop));
  }
  return {};
}

}  // namespace

RelayService::~RelayService() = default;

Result<std::unique_ptr<RelayService>> RelayService::make(const conf::DaemonConfig& config,
                                                         const std::string& data_dir,
                                                         const conf::FileAccess& access) {
  std::unique_ptr<RelayService> service(new RelayService());
  if (config.relay.semi_sync_followers > 0 &&
      !(config.relay.semi_sync && config.relay_server.semi_sync)) {
    return Error(Errc::kConfig,
                 "relay.semi-sync-followers: needs relay.semi-sync and relay-server.semi-sync")
        .with_way_out("set both to true, or leave it out");
  }
  const bool hops = !config.hops.accept.empty() || !config.hops.dial.empty();
  if (!config.relay_server.enabled() && !hops) return service;
  relay::RelayServerOptions options;
  if (config.relay_server.enabled()) {
    const auto listening = read_server(config.relay_server, data_dir, access, options);
    if (!listening) return listening.error().in("relay-server");
  }
  const auto hopping = read_hops(config.hops, access, options);
  if (!hopping) return hopping.error();
  options.semi_sync = config.relay_server.semi_sync;
  options.semi_sync_followers = config.relay.semi_sync_followers;
  options.log = [](const std::string& line) { spdlog::info("{}", line); };
  service->server_ = std::make_unique<relay::RelayServer>(std::move(options));
  if (const auto started = service->server_->start(); !started) {
    return started.error().in("relay-server").as(Errc::kConfig);
  }
  if (config.relay_server.enabled()) {
    spdlog::info("relay server: listening at {}", config.relay_server.listen.text());
  }
  return service;
}

void RelayService::stop() {
  if (server_) server_->stop();
}

void RelayService::started(SourceRunner& runner) {
  if (!server_) return;
  server_->add_source(runner.config().source_id, runner.log(), runner.storage(),
                      [&runner]() -> std::optional<relay::GtidState> {
                        const SourceRunner::Status status = runner.status();
                        if (status.upstream_file.empty()) return std::nullopt;
                        auto gtids = relay::GtidState::parse(status.upstream_gtids);
                        if (!gtids || gtids->empty()) return std::nullopt;
                        return std::move(*gtids);
                      });
}

void RelayService::stopping(SourceRunner& runner) {
  if (server_) server_->remove_source(runner.config().source_id);
}

std::vector<relay::Follower> RelayService::followers() const {
  return server_ ? server_->followers() : std::vector<relay::Follower>();
}

Result<void> read_limits(const conf::RelayConfig& relay, const std::string& data_dir,
                         Daemon::Options& options) {
  const conf::RetainConfig& retain = relay.retain;
  if (retain.age.count() > 0) {
    options.retain.max_age = std::chrono::duration_cast<std::chrono::seconds>(retain.age);
  }
  if (relay.compress_sealed == conf::Compression::kLz4) {
    options.pack_bytes_a_second = kPackBytesASecond;
  }
  options.semi_sync = relay.semi_sync;
  options.semi_sync_followers = relay.semi_sync_followers;
  options.retain.follower_bytes = retain.followers.bytes;
  options.retain.follower_absence =
      std::chrono::duration_cast<std::chrono::seconds>(retain.followers_absent);
  if (retain.size.bytes > 0) {
    options.retain.max_bytes = retain.size.bytes;
    options.max_log_bytes = retain.size.bytes + retain.size.bytes / 10 + retain.followers.bytes;
  }
  if (retain.free_space.size.bytes > 0) {
    options.retain.min_free_bytes = retain.free_space.size.bytes;
  }
  if (retain.free_space.percent > 0) {
    const auto space = tiderelay::relay::posix_storage().free_space(data_dir);
    if (!space) return space.error().in("relay.retain.free-space");
    options.retain.min_free_bytes = space->total_bytes / 100 * retain.free_space.percent;
  }
  return {};
}

}  // namespace tiderelay::control
