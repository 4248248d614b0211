// dumper/dump_impl.h: what the pumps of the full phase share: the tables, the chunks that wait, the
// sessions.
//
// Who does what, all on one loop:
//   run            meta tables, takeover, ledger; then waits for the others    dump_pump.cc
//   table workers  one table after the other: prepare, plan, finish            table_pump.cc
//   movers         one chunk after the other, source to target                 chunk_pump.cc
// A mover needs a chunk and a reader (a source session); it gives the reader back when the rows are
// read, so that another mover reads while this one commits.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "applier/ddl_parser.h"
#include "dumper/chunk_bounds.h"
#include "dumper/dump_pump.h"
#include "dumper/ledger.h"
#include "dumper/row_encoder.h"
#include "dumper/session_pump.h"
#include "dumper/table_plan.h"
#include "relay/signal.h"

namespace tiderelay::dumper {

using Clock = std::chrono::steady_clock;

// One table while it is copied.
struct TableTask {
  TableTask(relay::asio::any_io_executor loop, DumpTable named)
      : table(std::move(named)), changed(std::move(loop)) {}

  DumpTable table;
  TableStatus status;
  TableRow row;  // as in the ledger
  TablePlan plan;
  std::string staging;  // keyless: the table that its parts go to, quoted
  unsigned staging_attempt = 0;
  bool staged_by_insert = false;
  std::optional<ChunkSizer> sizer;
  LowMark low;                  // without GTID: the table's
  std::string low_uuid;         // of the server it was read from
  std::size_t open_chunks = 0;  // queued or under way
  bool schema_changed = false;  // a mover met an unknown column or table
  Error schema_error;
  Bound planned_to;            // the last stored chunk's upper bound
  bool fully_planned = false;  // the last chunk is open above
  relay::Signal changed;       // for the table's worker: a chunk was done, or given up

  void forget_plan();  // of a copy that begins anew
};

struct ChunkJob {
  TableTask* table = nullptr;
  ChunkRow chunk;
  bool by_insert = false;  // LOAD DATA was not proved
  unsigned attempts = 0;
  Clock::time_point failing_since;
};

// Retrying: 100 ms, doubled up to 5 s, with jitter.
class Backoff {
 public:
  explicit Backoff(std::uint64_t seed) : random_(seed) {}
  [[nodiscard]] std::chrono::milliseconds next();
  void reset() { tries_ = 0; }
  [[nodiscard]] bool lasted(
      std::chrono::seconds limit) const;  // since the first next() after a reset()

 private:
  std::mt19937_64 random_;
  unsigned tries_ = 0;
  Clock::time_point since_;
};

// What is worth another try on a fresh session.
[[nodiscard]] bool is_passing(const Error& error);
// An unknown schema, table, column or index: the table may have been altered.
[[nodiscard]] bool is_lost(const Error& error);

// LOAD DATA LOCAL is switched off.
[[nodiscard]] bool load_is_refused(const Error& error);

struct DumpPump::Impl {
  Impl(relay::asio::any_io_executor executor, relay::ConnectOptions source_options,
       relay::ConnectOptions target_options, DumpOptions dump_options,
       std::vector<DumpTable> dump_tables);

  // A worker or a mover: what stop() must reach.
  struct Hand {
    Hand(Impl& impl, unsigned seed);
    Session source;  // workers: their own; movers use readers
    Session helper;  // workers: holds a lock while `source` opens a snapshot
    Session target;
    relay::Signal wake;
    Backoff backoff;
  };

  // ---- dump_pump.cc
  relay::Awaitable<void> run();
  void stop();
  void fail(const Error& error);  // the first one ends the phase
  [[nodiscard]] bool ending() const { return stopping || failure.has_value(); }
  relay::Awaitable<void> prepare_target(Hand& hand);
  relay::Awaitable<void> read_ledger(Hand& hand);
  relay::asio::awaitable<void> table_worker(unsigned number);
  relay::asio::awaitable<void> mover(unsigned number);
  void ended();
  void wake_movers();
  void end_all();
  [[nodiscard]] bool has_work() const;
  [[nodiscard]] ChunkJob take_job();
  void note_progress(TableTask& table, std::uint64_t rows, std::uint64_t bytes);
  void note(const std::string& text);
  // Waits as long as the backoff says, or until the phase ends: kStopped.
  relay::Awaitable<void> pause(Hand& hand);
  // A packet that may be sent twice: retried until it is answered by OK or a lasting error.
  relay::Awaitable<relay::QueryOutcome> persist(Hand& hand, Session& session, std::string sql);
  // persist(), and the fence judged.
  relay::Awaitable<void> persist_fenced(Hand& hand, std::string sql);
  relay::Awaitable<void> store_table(Hand& hand, TableTask& table, std::string sql);

  // ---- mark_pump.cc
  // LOW for a chunk, on the session that will read it.
  relay::Awaitable<void> read_low(Hand& hand, Session& source, TableTask& table, ChunkRow& chunk);
  relay::Awaitable<LowReading> read_mark(Session& source);
  relay::Awaitable<void> table_low(Hand& hand, TableTask& table);  // without GTID
  relay::Awaitable<void> low_under_lock(Hand& hand, TableTask& table);
  relay::Awaitable<void> low_after_grace(Hand& hand, TableTask& table);
  relay::Awaitable<std::string> log_end(Hand& hand);

  // ---- table_pump.cc
  relay::Awaitable<void> copy_table(Hand& hand, TableTask& table);
  relay::Awaitable<bool> copy_once(Hand& hand, TableTask& table);  // false: begin anew
  relay::Awaitable<std::string> show_create(Hand& hand, Session& session, TableName name);
  relay::Awaitable<void> prepare_table(Hand& hand, TableTask& table, std::string create);
  relay::Awaitable<applier::TableSchema> target_table(Hand& hand, TableTask& table,
                                                      applier::TableSchema source_schema);
  relay::Awaitable<void> create_target(Hand& hand, TableTask& table, applier::TableSchema schema);
  relay::Awaitable<void> estimate(Hand& hand, TableTask& table);
  relay::Awaitable<void> analyze(Hand& hand, TableTask& table);
  relay::Awaitable<void> begin_loading(Hand& hand, TableTask& table, std::string create);
  relay::Awaitable<void> begin_anew(Hand& hand, TableTask& table);
  relay::Awaitable<void> empty_target(Hand& hand, TableTask& table);
  relay::Awaitable<void> note_absence(Hand& hand, TableTask& table);  // dropped at the source
  [[nodiscard]] Result<void> resume_chunks(TableTask& table);
  relay::Awaitable<void> plan_chunks(Hand& hand, TableTask& table);
  relay::Awaitable<void> store_chunks(Hand& hand, TableTask& table, std::vector<ChunkRow> chunks);
  relay::Awaitable<void> wait_for_chunks(TableTask& table);
  relay::Awaitable<bool> schema_still_same(Hand& hand, TableTask& table);
  relay::Awaitable<bool> finish_table(Hand& hand, TableTask& table);  // false: begin anew
  void enqueue(TableTask& table, ChunkRow chunk);

  // ---- chunk_pump.cc
  struct Loaded {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    std::uint64_t affected = 0;
    std::uint64_t warnings = 0;
    [[nodiscard]] bool proved() const { return affected == rows && warnings == 0; }
  };
  // Gives the reader back when it goes, or earlier.
  class Lease {
   public:
    Lease(Impl& impl, Session* session) : impl_(impl), session_(session) {}
    ~Lease() { release(); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    void release();
    [[nodiscard]] Session& session() const { return *session_; }

   private:
    Impl& impl_;
    Session* session_;
  };
  relay::Awaitable<void> load_chunk(Hand& hand, ChunkJob& job);
  relay::Awaitable<void> begin(Session& target, bool pessimistic);
  relay::Awaitable<Loaded> stream_chunk(Session& source, Session& target, TableTask& table,
                                        const ChunkRow& chunk);
  relay::Awaitable<void> send_rows(Session& source, Session& target, LoadEncoder& encoder,
                                   Loaded& loaded);
  relay::Awaitable<void> commit_chunk(Hand& hand, TableTask& table, ChunkRow& chunk);
  relay::Awaitable<void> resolve_chunk(Hand& hand, TableTask& table, ChunkRow& chunk);
  relay::Awaitable<void> settle(Hand& hand, ChunkJob job, Error error);
  void chunk_done(ChunkJob& job, std::uint64_t bytes);
  void note_load_refused();
  [[nodiscard]] std::string chunk_select(const TableTask& table, const ChunkRow& chunk) const;

  // ---- insert_pump.cc: where LOAD DATA cannot, or was not proved
  struct Batch {  // of rows that go as one INSERT
    std::string sql;
    std::string part;               // of the staging table; empty: none
    std::vector<std::string> rows;  // as they came from the wire
  };
  relay::Awaitable<Loaded> insert_chunk(Session& reader, Session& writer, TableTask& table,
                                        ChunkRow& chunk);
  [[nodiscard]] Result<void> add_to_batch(const TableTask& table, Batch& batch, ByteView row,
                                          std::uint32_t chunk) const;
  relay::Awaitable<void> insert_batch(Session& writer, TableTask& table, Batch& batch,
                                      std::vector<std::string>& displaced);
  relay::Awaitable<relay::StatementResult> undo_batch(Session& writer, TableTask& table,
                                                      Batch& batch);
  relay::Awaitable<void> insert_row(Session& writer, TableTask& table, std::string row,
                                    std::string part, std::vector<std::string>& displaced,
                                    OnDuplicate same_key);
  // False: the row that is there stays.
  relay::Awaitable<bool> make_room(Session& writer, TableTask& table, std::string row,
                                   std::vector<std::string>& displaced, OnDuplicate same_key);
  relay::Awaitable<void> displace(Session& writer, TableTask& table, std::string condition,
                                  std::vector<std::string>& displaced);

  // ---- displaced_pump.cc: rows that gave way to others are read again at the end
  relay::Awaitable<void> repair_displaced(Hand& hand, TableTask& table);
  relay::Awaitable<void> repair_row(Hand& hand, TableTask& table, std::string bound,
                                    std::vector<std::string>& displaced);
  relay::Awaitable<void> repair_once(Hand& hand, TableTask& table, std::string bound,
                                     std::vector<std::string>& displaced);
  relay::Awaitable<std::vector<std::string>> read_rows(Session& reader, std::string sql);

  // ---- keyless_pump.cc: one snapshot at an exact position, through a staging table
  relay::Awaitable<bool> copy_keyless(Hand& hand, TableTask& table);  // false: begin anew
  relay::Awaitable<bool> stage_table(Hand& hand, TableTask& table);
  relay::Awaitable<void> make_staging(Hand& hand, TableTask& table);
  relay::Awaitable<LowMark> open_snapshot(Hand& hand, TableTask& table);
  relay::Awaitable<LowMark> mariadb_snapshot(Hand& hand, TableTask& table);
  relay::Awaitable<LowMark> locked_snapshot(Hand& hand, TableTask& table);
  relay::Awaitable<LowMark> quiet_snapshot(Hand& hand, TableTask& table);

  // ---- staging_pump.cc
  struct Staging {  // the one stream of a table without a key
    std::span<const ByteView> rows;
    std::size_t at = 0;
    std::uint32_t part = 0;
    std::uint32_t first_chunk = 0;
  };
  relay::Awaitable<std::optional<ByteView>> next_row(Session& reader, Staging& staging);
  relay::Awaitable<bool> stage_part(Hand& hand, TableTask& table, Staging& staging);
  relay::Awaitable<void> load_part(Hand& hand, TableTask& table, Staging& staging,
                                   std::uint32_t chunk, ByteView row, Loaded& loaded);
  relay::Awaitable<void> insert_part(Hand& hand, TableTask& table, Staging& staging,
                                     std::uint32_t chunk, ByteView row, Loaded& loaded);
  relay::Awaitable<void> move_parts(Hand& hand, TableTask& table);
  relay::Awaitable<void> move_part(Hand& hand, TableTask& table, ChunkRow& chunk);
  relay::Awaitable<void> move_once(Hand& hand, TableTask& table, ChunkRow& chunk);

  const relay::asio::any_io_executor loop;
  const relay::ConnectOptions source;
  const relay::ConnectOptions target;
  const DumpOptions options;
  std::vector<std::unique_ptr<TableTask>> tables;
  std::optional<Ledger> ledger;
  applier::TargetInfo target_info;
  SourceServer source_server;

  std::vector<std::unique_ptr<Hand>> hands;
  std::vector<std::unique_ptr<Session>> readers;
  std::vector<Session*> free_readers;
  std::vector<ChunkJob> queue;  // taken at random
  std::vector<Hand*> idle_movers;
  std::size_t next_table = 0;
  std::size_t tables_open = 0;
  unsigned worker_count = 0;  // hands: run() itself, then the workers, then the movers
  unsigned running = 0;
  relay::Signal finished;
  bool stopping = false;
  bool load_refused = false;  // LOAD DATA LOCAL is switched off in the target
  std::optional<Error> failure;
  std::mt19937_64 random;

  std::vector<std::string> notes;
  struct Progress {
    Clock::time_point at;
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
  };
  std::deque<Progress> progress;                                // of the last ten seconds
  std::vector<std::pair<Clock::time_point, std::string>> ends;  // of the log, for --no-locks
};

}  // namespace tiderelay::dumper
