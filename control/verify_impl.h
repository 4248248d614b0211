// control/verify_impl.h: what the pumps of a comparison share. All on one loop.
//
//   Verifier     sources, tables, workers                     verify_pump.cc
//   TableCheck   one target table: ranges, then their rows    verify_table_pump.cc
//   its rows     settled one by one, mended                   verify_rows_pump.cc
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "applier/checkpoint.h"
#include "applier/session_setup.h"
#include "applier/task_selection.h"
#include "control/row_compare.h"
#include "control/verify.h"
#include "dumper/chunk_bounds.h"
#include "dumper/session_pump.h"
#include "dumper/table_check.h"
#include "relay/signal.h"

namespace tiderelay::control {

struct VerifySource {
  const conf::SourceConfig* config = nullptr;
  const conf::InstanceConfig* instance = nullptr;
  relay::ConnectOptions connect;
  dumper::SourceServer server;
  std::unique_ptr<applier::TaskSelection> selection;
};

struct VerifyGroup {  // the tables that go into one
  struct Part {
    std::size_t source = 0;
    applier::TableName table;
  };
  applier::TableName target;
  std::vector<Part> parts;
  std::size_t place = 0;  // in the report
};

struct Verifier {
  Verifier(relay::asio::any_io_executor executor, const conf::TaskConfig& checked,
           const VerifyOptions& with)
      : loop(std::move(executor)), task(checked), options(with), ended(loop) {}

  relay::asio::awaitable<void> run(const std::vector<conf::SourceConfig>& configs);
  relay::Awaitable<void> prepare(const std::vector<conf::SourceConfig>& configs);
  relay::Awaitable<void> ask_source(VerifySource& source);
  [[nodiscard]] Result<void> add_tables(std::size_t source,
                                        const std::vector<applier::TableName>& taken);
  [[nodiscard]] bool wanted(const applier::TableName& source,
                            const applier::TableName& target) const;
  void list_groups();
  relay::asio::awaitable<void> worker();
  void add_difference(RowDifference difference);
  void told() const {
    if (on_progress) on_progress(report);
  }

  const relay::asio::any_io_executor loop;
  const conf::TaskConfig& task;
  const VerifyOptions& options;
  std::function<void(const VerifyReport&)> on_progress;
  relay::ConnectOptions target;
  applier::SessionOptions target_session;
  std::vector<std::unique_ptr<VerifySource>> sources;
  std::map<applier::TableName, VerifyGroup> by_target;
  std::vector<VerifyGroup> groups;
  std::size_t next_group = 0;
  std::size_t running = 0;  // workers
  relay::Signal ended;
  VerifyReport report;
};

class TableCheck {
 public:
  TableCheck(Verifier& verifier, const VerifyGroup& group);

  relay::Awaitable<void> run();

 private:
  using Side = dumper::CheckSide;
  struct Part {
    std::size_t source = 0;
    dumper::TablePlan plan;
    std::unique_ptr<dumper::Session> session;
  };
  struct Row {
    std::string raw;     // the packet
    std::string values;  // values_text()
    std::string text;    // the target's check text, in tables without a key
    std::size_t part = 0;
  };
  using Rows = std::map<std::string, std::vector<Row>>;  // by key, or by values
  // What is looked at: a range of the key, a bucket, or single rows.
  struct Area {
    dumper::Bound lower, upper;
    std::string bucket;
    std::vector<std::string> keys;  // row packets
  };
  struct Suspect {
    std::string raw;
    unsigned strikes = 0;  // unequal while the source's row did not change
    std::vector<Row> source, target;
  };
  using Suspects = std::map<std::string, Suspect>;
  struct Applied {
    bool known = false;  // the target has a checkpoint of the task
    std::string phase, low;
    std::string epoch;
  };

  // ---- verify_table_pump.cc
  relay::Awaitable<void> prepare();
  relay::Awaitable<void> add_part(const VerifyGroup::Part& part, applier::TableSchema there);
  relay::Awaitable<std::string> show_create(dumper::Session& session, applier::TableName table);
  relay::Awaitable<void> check_ranges();
  relay::Awaitable<void> check_buckets();
  relay::Awaitable<dumper::CheckSum> sum_of(dumper::Session& session, std::string sql);
  relay::Awaitable<std::map<std::string, dumper::CheckSum>> bucket_sums(dumper::Session& session,
                                                                        std::string sql);
  [[nodiscard]] VerifiedTable& shown() const { return verifier_.report.tables[group_.place]; }
  [[nodiscard]] VerifySource& source_of(const Part& part) const {
    return *verifier_.sources[part.source];
  }
  [[nodiscard]] std::string limited(const Part& part, const std::string& condition) const;
  relay::Awaitable<std::string> log_end(Part& part);
  relay::Awaitable<Applied> read_applied(const Part& part, bool locked);
  [[nodiscard]] Result<bool> has_reached(const Part& part, const Applied& applied,
                                         const std::string& position) const;
  relay::Awaitable<void> wait_applied(std::vector<std::string> positions);
  relay::Awaitable<std::vector<std::string>> log_ends();

  // ---- verify_rows_pump.cc
  [[nodiscard]] Result<std::string> condition(const Part& part, Side side, const Area& area,
                                              std::size_t first_key) const;
  relay::Awaitable<void> read_rows(dumper::Session& session, std::size_t part, Side side,
                                   const Area& area, const char* lock, Rows& rows);
  relay::Awaitable<Rows> read_sources(const Area& area, const char* lock);
  relay::Awaitable<Rows> read_target(const Area& area);
  relay::Awaitable<void> look_into(Area area);
  relay::Awaitable<void> settle(Suspects& suspects, const Area& area);
  relay::Awaitable<void> settle_once(Suspects& suspects, Suspects& proved, const Area& area);
  relay::Awaitable<void> conclude(Suspects proved, const Area& area);
  void note_difference(const Suspect& suspect, bool repaired);
  relay::Awaitable<void> repair(const Area& area);
  relay::Awaitable<void> write_rows(const Area& area, const Rows& wanted,
                                    const std::vector<std::string>& positions);
  [[nodiscard]] Result<std::vector<std::string>> repair_sql(const Rows& wanted,
                                                            const Rows& there) const;
  [[nodiscard]] Area area_of(const Suspects& suspects, const Area& area) const;
  [[nodiscard]] std::string described(const Row& row) const;

  Verifier& verifier_;
  const VerifyGroup& group_;
  std::vector<Part> parts_;
  dumper::Session target_;
  applier::TargetKind kind_ = applier::TargetKind::kTidb;
  bool by_key_ = false;
};

}  // namespace tiderelay::control
