// tests/sim/sim_target.h: a target with transactions, sessions that outlive their clients, and the
// checkpoint rows; executes what a worker sends, statement by statement.
//
// Optimistic (TiDB): a snapshot at BEGIN, duplicates and conflicts answered by COMMIT. Pessimistic
// (MySQL): the newest rows, locks until the end, waits that end in 1205. The rows' statements are
// taken in their structured form; BEGIN, marks, the fence and COMMIT are read from the text that
// was sent. Not modelled: collations, gap locks, schema changes, several result sets a statement.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "applier/statements.h"
#include "relay/query_outcome.h"
#include "tests/sim/sim_source.h"

namespace tiderelay::tests::sim {

// Rules taken out, to see the oracles notice.
struct Broken {
  bool fence = false;          // the checkpoint statement always succeeds
  bool counts = false;         // it does not look at counts
  bool early_begin = false;    // BEGIN takes its snapshot when the session's last COMMIT ended
  bool inserts_first = false;  // of a batch
  bool maximum = false;        // a restart takes the largest member for the whole set
  bool one_key = false;        // the planner knows the primary keys alone
  bool chunk_filter = false;   // the replay leaves out what each chunk's own LOW covers
  bool epoch = false;          // a takeover does not raise the epoch
};

struct SimOp {  // one statement on rows
  applier::Shape shape = applier::Shape::kInsert;
  applier::RowOp op = applier::RowOp::kInsert;
  std::size_t table = 0;
  struct Pair {
    SimRow before;
    SimRow after;
    std::vector<bool> sets;  // columns that `after` has
  };
  std::vector<Pair> rows;
};

struct SimStatement {
  std::string text;         // empty for rows
  std::optional<SimOp> op;  // rows
};
using SimPacket = std::vector<SimStatement>;

struct SimWorkerRow {
  std::int64_t epoch = 0;
  std::int64_t seq = 0;
  std::string applied;
};

// What is committed.
struct SimData {
  std::vector<std::map<std::uint64_t, SimRow>> tables;  // by row id
  std::map<std::uint32_t, SimWorkerRow> workers;
  std::int64_t epoch = 0;
  std::size_t low = 0;  // transactions below are applied
};

class SimTarget {
 public:
  SimTarget(std::uint64_t seed, bool optimistic, Broken broken);

  using SessionId = std::uint64_t;
  SessionId connect();
  void send(SessionId session, std::vector<SimPacket> packets);
  // All answers, once there are as many as packets.
  [[nodiscard]] std::optional<std::vector<relay::QueryOutcome>> answers(SessionId session);
  // The server has closed the connection without an answer.
  [[nodiscard]] bool closed(SessionId session) const { return sessions_.at(session)->closed; }
  // The client is gone. The server may go on with what it got, or not.
  void cut(SessionId session, bool server_notices);
  // One statement of one session. False: nothing is left to do.
  bool run_one();
  void run_until_unlocked();  // until no session holds a checkpoint row

  std::int64_t take_over(std::uint32_t workers);
  [[nodiscard]] bool save_low(std::int64_t epoch, std::size_t low);

  [[nodiscard]] SimData& data() { return data_; }
  [[nodiscard]] SimState state() const;
  [[nodiscard]] applier::AppliedSet applied() const;
  [[nodiscard]] std::uint64_t commits() const { return commits_; }
  void trouble(int per_mille) { trouble_per_mille_ = per_mille; }  // of statements go wrong

 private:
  struct Session {
    std::deque<SimPacket> packets;
    std::size_t at = 0;  // statement of packets.front()
    bool open = true;    // the client is there
    bool closed = false;
    std::vector<relay::QueryOutcome> outcomes{1};
    std::size_t expected = 0;

    bool in_transaction = false;
    bool optimistic = true;
    std::optional<SimData> snapshot;  // optimistic
    std::uint64_t version = 0;        // of the snapshot
    std::map<std::pair<std::size_t, std::uint64_t>, std::optional<SimRow>> writes;
    std::map<std::uint32_t, SimWorkerRow> worker_writes;
    std::set<std::string> touched;  // keys that COMMIT checks, or locks
    bool duplicate = false;         // COMMIT answers 1062
    std::map<std::string, std::int64_t, std::less<>> variables;
    std::int64_t row_count = 0;
    int waits = 0;
    std::optional<SimData> early_snapshot;
    std::uint64_t early_version = 0;
  };
  struct Answer {
    bool blocked = false;
    bool cut = false;  // the connection ends without an answer
    relay::StatementResult result;
    std::optional<Error> error;
  };

  Answer execute(Session& session, const SimStatement& statement);
  Answer execute_text(Session& session, std::string_view text);
  Answer execute_op(Session& session, const SimOp& op);  // a statement happens whole or not at all
  Answer fence(Session& session, std::string_view text);
  Answer commit(Session& session);
  void begin(Session& session, bool optimistic);
  void rollback(Session& session);
  void finish_packet(Session& session);

  using RowIds = std::vector<std::uint64_t>;
  [[nodiscard]] const SimData& base(const Session& session) const;
  [[nodiscard]] std::map<std::uint64_t, SimRow> rows(const Session& session,
                                                     std::size_t table) const;
  // Rows that hold the primary key or the unique value of `row`; rows equal to it without a key.
  [[nodiscard]] RowIds same_key(const Session& session, std::size_t table, const SimRow& row) const;
  [[nodiscard]] RowIds collisions(const Session& session, std::size_t table,
                                  const SimRow& row) const;
  bool touch(Session& session, const std::string& key);  // false: locked by another session
  bool touch_row(Session& session, std::size_t table, std::uint64_t id, const SimRow& row);
  bool write(Session& session, std::size_t table, std::uint64_t id, std::optional<SimRow> row);
  Answer insert_row(Session& session, std::size_t table, const SimRow& row);
  Answer change_row(Session& session, std::size_t table, std::uint64_t id, const SimRow& row);
  Answer run_op(Session& session, const SimOp& op);
  [[nodiscard]] SessionId id_of(const Session& session) const;

  std::mt19937_64 random_;
  const bool optimistic_;
  const Broken broken_;
  SimData data_;
  std::uint64_t version_ = 1;
  std::map<std::string, std::uint64_t> changed_;  // key -> version of its last commit
  std::map<std::string, SessionId> locks_;
  std::map<SessionId, std::unique_ptr<Session>> sessions_;
  SessionId next_session_ = 1;
  std::uint64_t next_row_ = 1'000'000;
  std::uint64_t commits_ = 0;
  int trouble_per_mille_ = 0;
};

// What a worker sends, ready to be executed.
SimPacket sim_packet(const std::string& sql, const applier::BatchSql* body, std::size_t index,
                     const Broken& broken);

}  // namespace tiderelay::tests::sim
