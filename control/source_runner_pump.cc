// control/source_runner_pump.cc: the thread of a source: receiving, and a look at the upstream's
// end.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <mutex>
#include <random>

#include "base/hash.h"
#include "conf/file_access.h"
#include "control/source_runner.h"
#include "dumper/source_server.h"
#include "relay/loop.h"
#include "relay/signal.h"

namespace tiderelay::control {

namespace asio = relay::asio;

namespace {

constexpr std::chrono::milliseconds kLookEvery{1000};
constexpr std::uint32_t kServerIdBase = 429'496'729;  // DM's range for drawn ids
constexpr std::uint32_t kServerIdSpan = 100'000;

// The same source keeps its id over restarts, so an older connection of ours is replaced.
std::string replica_uuid(const std::string& text) {
  const std::uint64_t high = hash_text(text);
  const std::uint64_t low = hash_text(text + "/2");
  return fmt::format("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", high >> 32U, high >> 16U & 0xffffU,
                     high & 0xfffU, low >> 52U, low & 0xffffffffffffULL);
}

Result<relay::StartPoint> start_point(const SourceRunner::Options& options) {
  relay::StartPoint start = options.start;
  const conf::SourceConfig& source = options.source;
  if (!source.relay_binlog_gtid.empty()) {
    const Result<relay::GtidState> set = relay::GtidState::parse(source.relay_binlog_gtid);
    if (!set) return set.error().in("relay-binlog-gtid").as(Errc::kConfig);
    start.kind = relay::StartPoint::Kind::kGtids;
    start.gtids = *set;
  } else if (!source.relay_binlog_name.empty()) {
    start.kind = relay::StartPoint::Kind::kFile;
    start.file = source.relay_binlog_name;
  }
  return start;
}

relay::UpstreamOptions upstream_options(const SourceRunner::Options& options,
                                        const relay::ConnectOptions& connect) {
  relay::UpstreamOptions upstream;
  upstream.connect = connect;
  const std::string identity = options.data_dir + "/" + options.source.source_id;
  upstream.server_id = options.source.server_id;
  if (upstream.server_id == 0) {
    upstream.server_id =
        kServerIdBase + static_cast<std::uint32_t>(hash_text(identity) % kServerIdSpan);
  }
  upstream.replica_uuid = replica_uuid(identity);
  upstream.start = options.start;
  upstream.retain = options.retain;
  upstream.max_log_bytes = options.max_log_bytes;
  upstream.pack_bytes_a_second = options.pack_bytes_a_second;
  upstream.semi_sync = options.semi_sync;
  upstream.semi_sync_needs_followers = options.semi_sync_followers > 0;
  upstream.seed = std::random_device()();
  const std::string source_id = options.source.source_id;
  upstream.log = [source_id](const std::string& line) { spdlog::info("{}: {}", source_id, line); };
  return upstream;
}

// The text itself, or its file's.
Result<std::string> pem_of(const std::string& text, const std::string& path) {
  if (!text.empty() || path.empty()) return text;
  return conf::real_files().read_file(path);
}

}  // namespace

const char* stage_name(Stage stage) {
  switch (stage) {
    case Stage::kNew:
      return "New";
    case Stage::kRunning:
      return "Running";
    case Stage::kPaused:
      return "Paused";
    case Stage::kStopped:
      return "Stopped";
    case Stage::kFinished:
      return "Finished";
  }
  return "InvalidStage";
}

Result<relay::ConnectOptions> connect_options(const conf::Endpoint& endpoint) {
  relay::ConnectOptions options;
  options.host = endpoint.host;
  options.port = endpoint.port;
  options.user = endpoint.user;
  options.password = endpoint.password.reveal();
  // What the server's globals say must not change what it answers: SHOW CREATE TABLE, above all.
  options.session_sql = "SET SESSION sql_mode='',autocommit=1,completion_type=NO_CHAIN";
  if (!endpoint.security.given()) return options;
  const Result<relay::TlsOptions> tls = tls_options(endpoint.security);
  if (!tls) return tls.error();
  options.tls = *tls;
  return options;
}

Result<relay::TlsOptions> tls_options(const conf::Security& security) {
  relay::TlsOptions tls;
  tls.mode =
      security.has_ca() ? relay::TlsOptions::Mode::kVerifyCa : relay::TlsOptions::Mode::kRequired;
  const Result<std::string> ca = pem_of(security.ca_pem, security.ca_path);
  if (!ca) return ca.error();
  const Result<std::string> certificate = pem_of(security.cert_pem, security.cert_path);
  if (!certificate) return certificate.error();
  const Result<std::string> key = pem_of(security.key_pem.reveal(), security.key_path);
  if (!key) return key.error();
  tls.ca_pem = *ca;
  tls.certificate_pem = *certificate;
  tls.key_pem = *key;
  tls.allowed_names = security.cert_allowed_cn;
  return tls;
}

struct SourceRunner::Impl {
  explicit Impl(Options with)
      : options(std::move(with)), loop("src " + options.source.source_id.substr(0, 11)) {}

  asio::awaitable<void> look();
  relay::Awaitable<void> look_once();
  void forget_end();
  void make_pump();
  void go_on();

  Options options;
  relay::ConnectOptions connect;
  relay::Storage& storage = relay::posix_storage();
  std::unique_ptr<relay::RelayLog> log;
  relay::Loop loop;
  std::unique_ptr<relay::Signal> pause;
  std::unique_ptr<relay::Connection> looking;
  std::optional<dumper::SourceServer> server;
  bool stopping = false;

  bool wants_pump = false;  // resume() came: a pump is started once, so another one goes on

  mutable std::mutex mutex;                   // guards what follows
  std::shared_ptr<relay::UpstreamPump> pump;  // replaced on the loop only
  Stage stage = Stage::kNew;
  std::optional<Error> failure;  // it could not start
  std::string end_file;
  std::uint64_t end_offset_bytes = 0;
  std::string end_gtids;
};

void SourceRunner::Impl::make_pump() {
  auto made = std::make_shared<relay::UpstreamPump>(loop.executor(), *log,
                                                    upstream_options(options, connect));
  const std::lock_guard lock(mutex);
  pump = std::move(made);
}

// After a pause, once the old pump has come to rest.
void SourceRunner::Impl::go_on() {
  if (!wants_pump || stopping || pump->running()) return;
  wants_pump = false;
  make_pump();
  pump->start();
}

void SourceRunner::Impl::forget_end() {
  looking.reset();
  const std::lock_guard lock(mutex);
  end_file.clear();
}

asio::awaitable<void> SourceRunner::Impl::look() {
  while (!stopping) {
    go_on();
    const Result<void> looked = co_await look_once();
    if (!looked) forget_end();
    co_await pause->wait_for(kLookEvery);
  }
  looking.reset();
}

relay::Awaitable<void> SourceRunner::Impl::look_once() {
  if (!looking) {
    looking = std::make_unique<relay::Connection>(loop.executor(), connect);
    const Result<void> connected = co_await looking->connect();
    if (!connected) co_return connected.error();
    const Result<relay::StatementResult> facts =
        co_await looking->execute(dumper::describe_source_sql());
    if (!facts) co_return facts.error();
    Result<dumper::SourceServer> described =
        dumper::describe_source(looking->server_version(), *facts);
    if (!described) co_return described.error();
    server = *described;
  }
  const Result<relay::StatementResult> end =
      co_await looking->execute(server->position_statement());
  if (!end) co_return end.error();
  const Result<std::string> position = dumper::position_of(*end);
  if (!position) co_return position.error();
  const std::size_t colon = position->rfind(':');
  const std::lock_guard lock(mutex);
  end_file = position->substr(0, colon);
  end_offset_bytes = std::stoull(position->substr(colon + 1));
  for (std::size_t i = 0; i < end->columns.size() && !end->rows.empty(); ++i) {
    if (end->columns[i].name == "Executed_Gtid_Set") end_gtids = end->rows[0][i].value_or("");
  }
  co_return Result<void>();
}

SourceRunner::SourceRunner(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

SourceRunner::~SourceRunner() { stop(); }

Result<void> SourceRunner::start() {
  const Result<relay::ConnectOptions> connect = connect_options(impl_->options.source.from);
  if (!connect) return connect.error();
  impl_->connect = *connect;
  relay::RelayLogOptions log_options;
  log_options.folder = impl_->options.data_dir + "/sources/" + impl_->options.source.source_id;
  auto log = relay::RelayLog::open(impl_->storage, log_options);
  if (!log) return log.error().in("source " + impl_->options.source.source_id);
  impl_->log = std::move(*log);
  for (const std::string& finding : impl_->log->findings()) {
    spdlog::info("{}: {}", impl_->options.source.source_id, finding);
  }
  const Result<relay::StartPoint> start = start_point(impl_->options);
  if (!start) return start.error().in("source " + impl_->options.source.source_id);
  impl_->options.start = *start;
  impl_->make_pump();
  impl_->pause = std::make_unique<relay::Signal>(impl_->loop.executor());
  impl_->stage = Stage::kRunning;
  impl_->loop.post([impl = impl_.get()] {
    impl->pump->start();
    relay::spawn(impl->loop.executor(), "look at the upstream", impl->look());
  });
  if (impl_->options.watcher != nullptr) impl_->options.watcher->started(*this);
  return {};
}

void SourceRunner::fail(const Error& error) {
  const std::lock_guard lock(impl_->mutex);
  impl_->failure = error;
}

bool SourceRunner::failed() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->failure.has_value();
}

void SourceRunner::pause() {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->failure || impl_->stage != Stage::kRunning) return;
  impl_->stage = Stage::kPaused;
  impl_->loop.post([impl = impl_.get()] {
    impl->wants_pump = false;
    impl->pump->stop();
  });
}

void SourceRunner::resume() {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->failure) return;
  const bool was_paused = impl_->stage == Stage::kPaused;
  impl_->stage = Stage::kRunning;
  impl_->loop.post([impl = impl_.get(), was_paused] {
    if (!was_paused) return impl->pump->retry();
    impl->wants_pump = true;
    impl->go_on();
  });
}

void SourceRunner::stop() {
  if (impl_->stage == Stage::kNew || impl_->stage == Stage::kStopped) return;
  if (impl_->options.watcher != nullptr) impl_->options.watcher->stopping(*this);
  impl_->loop.post([impl = impl_.get()] {
    impl->stopping = true;
    impl->pause->notify();
    if (impl->looking) impl->looking->close();
    impl->pump->stop();
  });
  impl_->loop.finish();
  impl_->loop.join();
  const std::lock_guard lock(impl_->mutex);
  impl_->stage = Stage::kStopped;
}

SourceRunner::Status SourceRunner::status() const {
  Status status;
  const std::lock_guard lock(impl_->mutex);
  if (impl_->failure) {
    status.stage = Stage::kPaused;
    status.error = impl_->failure;
    return status;
  }
  if (impl_->pump) status.upstream = impl_->pump->status();
  status.stage = impl_->stage;
  status.upstream_file = impl_->end_file;
  status.upstream_offset_bytes = impl_->end_offset_bytes;
  status.upstream_gtids = impl_->end_gtids;
  if (impl_->log) {
    const auto generation = impl_->log->catalog().last_generation();
    if (generation) status.folder = generation->folder();
  }
  if (status.upstream.state == relay::UpstreamState::kStopped && status.stage == Stage::kRunning) {
    status.stage = Stage::kPaused;
    status.error = status.upstream.error;
  }
  const bool no_room = status.upstream.state == relay::UpstreamState::kStorageCap ||
                       status.upstream.state == relay::UpstreamState::kDiskFull;
  if (no_room) status.no_room = status.upstream.error;
  status.caught_up = !status.upstream_file.empty() &&
                     status.upstream.file == status.upstream_file &&
                     status.upstream.offset_bytes >= status.upstream_offset_bytes;
  return status;
}

const conf::SourceConfig& SourceRunner::config() const { return impl_->options.source; }
relay::RelayLog& SourceRunner::log() { return *impl_->log; }
relay::Storage& SourceRunner::storage() { return impl_->storage; }
const relay::ConnectOptions& SourceRunner::connect() const { return impl_->connect; }

}  // namespace tiderelay::control
