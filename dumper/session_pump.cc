// dumper/session_pump.cc: see session_pump.h.
#include "dumper/session_pump.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace tiderelay::dumper {
namespace {

using relay::Awaitable;
using relay::QueryOutcome;
using relay::StatementResult;

// Silence on a session may be a scan on the source or a commit on the target.
constexpr std::chrono::minutes kPatience{10};

std::string source_setup_sql(std::chrono::seconds lock_wait) {
  return "SET NAMES utf8mb4; SET SESSION sql_mode='NO_BACKSLASH_ESCAPES', time_zone='+00:00', "
         "autocommit=1, wait_timeout=86400, net_write_timeout=3600, sql_select_limit=DEFAULT, "
         "lock_wait_timeout=" +
         std::to_string(lock_wait.count()) +
         "; SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";
}

std::string more_source_setup_sql(const SourceServer& source) {
  if (source.mariadb) return "SET SESSION max_statement_time=0";
  if (source.version >= 80'000) {
    return "SET SESSION max_execution_time=0, information_schema_stats_expiry=0";
  }
  return source.version >= 50'708 ? "SET SESSION max_execution_time=0" : "DO 0";
}

// Statements outside a transaction commit by themselves here: reads see what is there now.
std::string more_target_setup_sql(const applier::TargetInfo& target) {
  const bool tidb = target.kind == applier::TargetKind::kTidb;
  return tidb ? "SET autocommit=1"
              : "SET SESSION net_read_timeout=3600, net_write_timeout=3600; SET autocommit=1";
}

}  // namespace

Session::Session(relay::asio::any_io_executor loop, Setup setup)
    : loop_(std::move(loop)), setup_(std::move(setup)) {}

bool Session::is_open() const { return ready_ && connection_->is_open(); }

void Session::drop() {
  ready_ = false;
  if (connection_) connection_->close();
}

void Session::stop() {
  stopped_ = true;
  drop();
}

relay::Connection& Session::connection() {
  CHECK(connection_ != nullptr, "open() comes first");
  return *connection_;
}

Awaitable<void> Session::open() {
  if (is_open()) co_return Result<void>();
  drop();
  if (stopped_) co_return Error(Errc::kStopped, "the full phase is stopped");
  relay::ConnectOptions options = setup_.connect;
  options.io_timeout = std::max<std::chrono::milliseconds>(options.io_timeout, kPatience);
  options.local_infile = setup_.side == Side::kTarget;
  connection_ = std::make_unique<relay::Connection>(loop_, std::move(options));
  const Result<void> connected = co_await connection_->connect();
  if (!connected) co_return connected.error();
  Result<void> set_up = Result<void>();
  if (setup_.side == Side::kSource) {
    set_up = co_await set_up_source();
  } else {
    set_up = co_await set_up_target();
  }
  ready_ = set_up.has_value() && !stopped_;
  if (!ready_) connection_->close();
  if (stopped_) co_return Error(Errc::kStopped, "the full phase is stopped");
  co_return set_up;
}

Awaitable<void> Session::set_up_source() {
  const Result<QueryOutcome> set = co_await connection_->query(source_setup_sql(setup_.lock_wait));
  if (!set) co_return set.error();
  if (set->error) co_return set->error->in("setting up a session of the source");
  const Result<StatementResult> variables = co_await connection_->execute(describe_source_sql());
  if (!variables) co_return variables.error();
  const auto described = describe_source(connection_->server_version(), *variables);
  if (!described) co_return described.error();
  source_ = *described;
  // What only some builds know; without it the server's own limits hold.
  const Result<QueryOutcome> more = co_await connection_->query(more_source_setup_sql(source_));
  if (!more) co_return more.error();
  co_return Result<void>();
}

Awaitable<void> Session::set_up_target() {
  target_ = applier::TargetInfo::from_greeting(connection_->server_version());
  const std::string setup = applier::session_setup_sql(target_, setup_.target);
  const Result<QueryOutcome> set = co_await connection_->query(setup);
  if (!set) co_return set.error();
  const auto facts = applier::session_is_ready(*set);
  if (!facts) co_return facts.error();
  facts_ = *facts;
  const Result<QueryOutcome> more = co_await connection_->query(more_target_setup_sql(target_));
  if (!more) co_return more.error();
  if (more->error) co_return more->error->in("setting up a session of the target");
  co_return Result<void>();
}

Awaitable<QueryOutcome> Session::query(std::string sql) {
  const Result<void> opened = co_await open();
  if (!opened) co_return opened.error();
  Result<QueryOutcome> outcome = co_await connection_->query(std::move(sql));
  co_return outcome;
}

Awaitable<StatementResult> Session::execute(std::string sql) {
  const Result<void> opened = co_await open();
  if (!opened) co_return opened.error();
  Result<StatementResult> result = co_await connection_->execute(std::move(sql));
  co_return result;
}

}  // namespace tiderelay::dumper
