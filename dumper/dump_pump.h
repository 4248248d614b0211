// dumper/dump_pump.h: the full phase of one source: the rows that exist, chunk by chunk, into the
// target, with a ledger there. Rules: docs/exactly-once.md, 2 and 3.
//
// Owner: the applier; lives on that applier's loop, status() too. run() ends when every table is
// `loaded` in tiderelay_table (LOW, HIGH, the schema at LOW), on the first error that needs a
// person, or with kStopped after stop(). Whatever ends it, even kill -9: a new pump goes on from
// the ledger. The task was taken over before (applier/checkpoint.h): options.epoch is that epoch.
// Before destruction run() must have returned.
#pragma once

#include <memory>
#include <vector>

#include "dumper/dump_options.h"
#include "dumper/dump_status.h"
#include "relay/awaitable.h"
#include "relay/connection.h"

namespace tiderelay::dumper {

class DumpPump {
 public:
  DumpPump(relay::asio::any_io_executor loop, relay::ConnectOptions source,
           relay::ConnectOptions target, DumpOptions options, std::vector<DumpTable> tables);
  ~DumpPump();
  DumpPump(const DumpPump&) = delete;
  DumpPump& operator=(const DumpPump&) = delete;

  relay::Awaitable<void> run();
  void stop();
  [[nodiscard]] DumpStatus status() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace tiderelay::dumper
