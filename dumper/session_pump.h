// dumper/session_pump.h: a connection with its setup, made when it is first needed and made anew
// when it broke.
//
// Owner: the coroutine that uses it, one at a time. drop() from the same loop ends what waits.
#pragma once

#include <memory>
#include <string>

#include "applier/session_setup.h"
#include "applier/target_info.h"
#include "dumper/source_server.h"
#include "relay/connection.h"

namespace tiderelay::dumper {

class Session {
 public:
  enum class Side : std::uint8_t { kSource, kTarget };
  struct Setup {
    Side side = Side::kSource;
    relay::ConnectOptions connect;
    applier::SessionOptions target;     // target sessions
    std::chrono::seconds lock_wait{5};  // source sessions
  };

  Session(relay::asio::any_io_executor loop, Setup setup);

  relay::Awaitable<void> open();  // connects and sets up unless it is open
  void drop();                    // the next open() connects anew
  void stop();                    // drop(), and no open() any more: kStopped
  [[nodiscard]] bool is_open() const;
  [[nodiscard]] relay::Connection& connection();  // REQUIRES: open() said so

  // open(), then the packet.
  relay::Awaitable<relay::QueryOutcome> query(std::string sql);
  relay::Awaitable<relay::StatementResult> execute(std::string sql);

  // Known after the first open().
  [[nodiscard]] const applier::TargetInfo& target() const { return target_; }
  [[nodiscard]] const applier::SessionFacts& facts() const { return facts_; }
  [[nodiscard]] const SourceServer& source() const { return source_; }

 private:
  relay::Awaitable<void> set_up_source();
  relay::Awaitable<void> set_up_target();

  const relay::asio::any_io_executor loop_;
  const Setup setup_;
  std::unique_ptr<relay::Connection> connection_;
  bool ready_ = false;
  bool stopped_ = false;
  applier::TargetInfo target_;
  applier::SessionFacts facts_;
  SourceServer source_;
};

}  // namespace tiderelay::dumper
