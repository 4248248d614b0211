// dumper/dump_options.h: what the full phase copies, and how.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "applier/session_setup.h"
#include "applier/target_schema.h"

namespace tiderelay::dumper {

using applier::TableName;

struct DumpTable {
  TableName source;
  TableName target;
  // Other sources, or other tables of this one, write the same target table: no row of it is ever
  // displaced, and it is never emptied.
  bool shared_target = false;
};

// ANALYZE TABLE when a table is loaded. TiDB only.
enum class Analyze : std::uint8_t {
  kOptional,  // a failure is noted
  kRequired,  // a failure ends the phase
  kOff,
};

// What a row does that meets another one with the same key in the target. Never applied to shared
// targets: there it pauses.
enum class OnDuplicate : std::uint8_t { kReplace, kError, kIgnore };

struct DumpOptions {
  std::string task;
  std::string source_id;
  std::string meta_schema = "dm_meta";
  std::uint64_t epoch = 1;  // of the coordinator row, raised by the takeover before

  // SELECTs at a time; besides them each of up to four tables has a connection for its bounds.
  unsigned readers = 4;
  // Target sessions at most: more than readers only where commits take as long as reading.
  unsigned writers = 16;

  // Of a chunk, which is one transaction of the target. Too small costs round trips, too large
  // memory there (TiDB: two to three times the size).
  std::uint64_t chunk_bytes = std::uint64_t{16} << 20U;
  std::uint64_t chunk_rows_max = 200'000;
  std::uint64_t statement_bytes = std::uint64_t{1} << 20U;  // of an INSERT, where LOAD DATA fails

  std::string where;  // on every table; empty: all rows

  // The user gives up the proof: no lock of any kind; without GTID the position is read `grace`
  // before the first SELECT.
  bool no_locks = false;
  std::chrono::milliseconds grace{30'000};
  std::chrono::seconds lock_wait{5};  // for LOCK TABLES ... READ, which writers queue behind

  OnDuplicate on_duplicate = OnDuplicate::kReplace;
  Analyze analyze = Analyze::kOff;

  // How source tables become target tables; kind and version are taken from the target's greeting.
  applier::Target translation;
  applier::RouteOf route;           // for foreign keys; empty: the same names
  applier::SessionOptions session;  // of the target's sessions

  // How long a chunk that fails for passing reasons (connections, conflicts, a busy store) is tried
  // again before the phase ends with the last error.
  std::chrono::seconds retry_for{300};
  std::uint64_t random_seed = 0;
};

}  // namespace tiderelay::dumper
