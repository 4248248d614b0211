// control/target_query_pump.cc: one session, one statement after the other.
#include "control/target_query.h"

#include "control/source_runner.h"
#include "dumper/session_pump.h"
#include "relay/loop.h"

namespace tiderelay::control {

namespace asio = relay::asio;

namespace {

using Side = dumper::Session::Side;

asio::awaitable<void> ask(asio::any_io_executor loop, Side side, relay::ConnectOptions server,
                          std::vector<std::string> statements,
                          Result<relay::StatementResult>& answer) {
  dumper::Session::Setup setup;
  setup.side = side;
  setup.connect = std::move(server);
  dumper::Session session(loop, std::move(setup));
  for (const std::string& sql : statements) {
    answer = co_await session.execute(sql);
    if (!answer) break;
  }
  session.drop();
}

Result<relay::StatementResult> query(Side side, const relay::ConnectOptions& server,
                                     std::vector<std::string> statements) {
  Result<relay::StatementResult> answer = relay::StatementResult();
  {
    relay::Loop loop("ask");
    loop.post([&] {
      relay::spawn(loop.executor(), "ask a server",
                   ask(loop.executor(), side, server, std::move(statements), answer));
    });
  }
  return answer;
}

}  // namespace

Result<relay::StatementResult> query_target(const conf::TaskConfig& task,
                                            std::vector<std::string> statements) {
  const Result<relay::ConnectOptions> target = connect_options(task.target);
  if (!target) return target.error();
  Result<relay::StatementResult> answer = query(Side::kTarget, *target, std::move(statements));
  if (!answer) return answer.error().in("target");
  return answer;
}

Result<relay::StatementResult> query_source(const relay::ConnectOptions& source,
                                            std::vector<std::string> statements) {
  Result<relay::StatementResult> answer = query(Side::kSource, source, std::move(statements));
  if (!answer) return answer.error().in("source");
  return answer;
}

applier::CheckpointScope checkpoint_scope(const conf::TaskConfig& task,
                                          const std::string& source_id) {
  applier::CheckpointScope scope;
  scope.meta_schema = task.meta_schema;
  scope.task = task.name;
  scope.source = source_id;
  return scope;
}

}  // namespace tiderelay::control
