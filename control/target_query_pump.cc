// control/target_query_pump.cc: one session, one statement after the other.
#include "control/target_query.h"

#include "control/source_runner.h"
#include "dumper/session_pump.h"
#include "relay/loop.h"

namespace tiderelay::control {

namespace asio = relay::asio;

namespace {

asio::awaitable<void> ask(asio::any_io_executor loop, relay::ConnectOptions target,
                          std::vector<std::string> statements,
                          Result<relay::StatementResult>& answer) {
  dumper::Session::Setup setup;
  setup.side = dumper::Session::Side::kTarget;
  setup.connect = std::move(target);
  dumper::Session session(loop, std::move(setup));
  for (const std::string& sql : statements) {
    answer = co_await session.execute(sql);
    if (!answer) break;
  }
  session.drop();
}

}  // namespace

Result<relay::StatementResult> query_target(const conf::TaskConfig& task,
                                            std::vector<std::string> statements) {
  const Result<relay::ConnectOptions> target = connect_options(task.target);
  if (!target) return target.error();
  Result<relay::StatementResult> answer = relay::StatementResult();
  {
    relay::Loop loop("target");
    loop.post([&] {
      relay::spawn(loop.executor(), "ask the target",
                   ask(loop.executor(), *target, std::move(statements), answer));
    });
  }
  if (!answer) return answer.error().in("target");
  return answer;
}

}  // namespace tiderelay::control
