// control/verify_pump.cc: the frame of a comparison: which tables, and workers over them.
#include <algorithm>
#include <mutex>

#include "applier/sql_text.h"
#include "control/precheck_target.h"
#include "control/source_runner.h"
#include "control/task_plan.h"
#include "control/verify_impl.h"
#include "relay/loop.h"

namespace tiderelay::control {

namespace asio = relay::asio;
using applier::TableName;
using relay::Awaitable;
using relay::StatementResult;

namespace {

constexpr std::chrono::milliseconds kToldEvery{500};
constexpr unsigned kTries = 3;  // of a table that was altered meanwhile, or whose session broke

bool may_pass(const Error& error) {
  const std::uint16_t code = error.server_code();
  const bool altered = code == 1049 || code == 1054 || code == 1146 || code == 1176 || code == 1412;
  return error.code() == Errc::kConnection || altered || code == 1205 || code == 1213;
}

}  // namespace

const char* kind_name(RowDifference::Kind kind) {
  switch (kind) {
    case RowDifference::Kind::kMissing:
      return "missing";
    case RowDifference::Kind::kExtra:
      return "extra";
    case RowDifference::Kind::kChanged:
      return "changed";
    case RowDifference::Kind::kTwice:
      return "in several sources";
  }
  return "";
}

const char* state_name(VerifiedTable::State state) {
  switch (state) {
    case VerifiedTable::State::kWaiting:
      return "waiting";
    case VerifiedTable::State::kChecking:
      return "checking";
    case VerifiedTable::State::kEqual:
      return "equal";
    case VerifiedTable::State::kDifferent:
      return "different";
    case VerifiedTable::State::kSkipped:
      return "skipped";
    case VerifiedTable::State::kFailed:
      return "failed";
  }
  return "";
}

bool VerifyReport::is_good() const {
  return !error && std::ranges::all_of(tables, &VerifiedTable::is_good);
}

bool Verifier::wanted(const TableName& source, const TableName& target_table) const {
  if (options.tables.empty()) return true;
  return std::ranges::any_of(options.tables, [&](const std::string& name) {
    return name == text_of(source) || name == text_of(target_table);
  });
}

Result<void> Verifier::add_tables(std::size_t place, const std::vector<TableName>& taken) {
  VerifySource& source = *sources[place];
  auto copied = applier::DumpSelection::make(source.instance->dump.selection, task.case_sensitive);
  if (!copied) return copied.error().as(Errc::kConfig);
  for (const TableName& name : taken) {
    const Result<std::optional<TableName>> to = source.selection->target_of(name);
    if (!to) return to.error().as(Errc::kConfig);
    if (!*to || !wanted(name, **to)) continue;
    VerifyGroup& group = by_target[**to];
    group.target = **to;
    group.parts.push_back({place, name});
  }
  return {};
}

// A table that the task takes in part is not equal, and no row of it can be judged.
void Verifier::list_groups() {
  for (auto& [target_table, group] : by_target) {
    VerifiedTable shown;
    shown.target = text_of(target_table);
    for (const VerifyGroup::Part& part : group.parts) {
      VerifySource& source = *sources[part.source];
      shown.parts.push_back({source.config->source_id, text_of(part.table), ""});
      auto copied =
          applier::DumpSelection::make(source.instance->dump.selection, task.case_sensitive);
      if (task.mode != conf::TaskMode::kIncremental && copied && !copied->takes(part.table)) {
        shown.note = "extra-args leaves its rows out of the copy";
      }
      for (const auto kind :
           {protocol::RowKind::kInsert, protocol::RowKind::kUpdate, protocol::RowKind::kDelete}) {
        const Result<bool> drops = source.selection->drops_rows(part.table, kind);
        if (!drops || *drops) shown.note = "the task's filters leave out some of its changes";
      }
    }
    if (!shown.note.empty()) shown.state = VerifiedTable::State::kSkipped;
    group.place = report.tables.size();
    if (shown.note.empty()) groups.push_back(group);
    report.tables.push_back(std::move(shown));
  }
}

Awaitable<void> Verifier::ask_source(VerifySource& source) {
  relay::Connection connection(loop, source.connect);
  const Result<void> connected = co_await connection.connect();
  if (!connected) co_return connected.error();
  const Result<StatementResult> facts = co_await connection.execute(dumper::describe_source_sql());
  if (!facts) co_return facts.error();
  const Result<dumper::SourceServer> server =
      dumper::describe_source(connection.server_version(), *facts);
  if (!server) co_return server.error();
  source.server = *server;
  auto selection = make_selection(task, *source.instance, *source.config, source.server);
  if (!selection) co_return selection.error();
  source.selection = std::move(*selection);
  const Result<std::vector<TableName>> taken =
      co_await list_tables(connection, source.selection->list());
  if (!taken) co_return taken.error();
  co_return add_tables(sources.size() - 1, *taken);
}

Awaitable<void> Verifier::prepare(const std::vector<conf::SourceConfig>& configs) {
  applier::CoordinatorOptions coordinator;
  const Result<void> made = make_coordinator_options(task, task.instances.front(), coordinator);
  if (!made) co_return made.error();
  target = coordinator.target;
  target_session = coordinator.session;
  for (const conf::SourceConfig& config : configs) {
    sources.push_back(std::make_unique<VerifySource>());
    VerifySource& source = *sources.back();
    source.config = &config;
    source.instance = task.find_instance(config.source_id);
    const Result<relay::ConnectOptions> connect = connect_options(config.from);
    if (!connect) co_return connect.error();
    source.connect = *connect;
    const Result<void> asked = co_await ask_source(source);
    if (!asked) co_return asked.error().in("source " + config.source_id);
  }
  list_groups();
  if (report.tables.empty()) {
    co_return Error(Errc::kConfig, options.tables.empty()
                                       ? "the task takes no table of its sources"
                                       : "the task takes none of the tables that were named")
        .with_way_out("name tables as db.table, as the source or the target has them");
  }
  co_return Result<void>();
}

void Verifier::add_difference(RowDifference difference) {
  if (report.differences.size() < options.differences_max) {
    report.differences.push_back(std::move(difference));
  }
}

asio::awaitable<void> Verifier::worker() {
  while (next_group < groups.size()) {
    const VerifyGroup& group = groups[next_group++];
    VerifiedTable& shown = report.tables[group.place];
    const VerifiedTable fresh = shown;
    for (unsigned attempt = 1;; ++attempt) {
      shown = fresh;
      shown.state = VerifiedTable::State::kChecking;
      TableCheck check(*this, group);
      const Result<void> checked = co_await check.run();
      if (!checked && may_pass(checked.error()) && attempt < kTries) continue;
      if (!checked) {
        shown.state = VerifiedTable::State::kFailed;
        shown.note = checked.error().text();
        if (!checked.error().way_out().empty()) shown.note += "; " + checked.error().way_out();
      }
      break;
    }
    told();
  }
  --running;
  ended.notify();
}

asio::awaitable<void> Verifier::run(const std::vector<conf::SourceConfig>& configs) {
  const Result<void> prepared = co_await prepare(configs);
  if (!prepared) {
    report.error = prepared.error();
    co_return;
  }
  running = std::clamp<std::size_t>(options.threads, 1, groups.size() + 1);
  for (std::size_t i = running; i > 0; --i) relay::spawn(loop, "verify", worker());
  while (running > 0) {
    co_await ended.wait_for(kToldEvery);
    told();
  }
}

VerifyReport run_verify(const conf::TaskConfig& task,
                        const std::vector<conf::SourceConfig>& sources,
                        const VerifyOptions& options,
                        const std::function<void(const VerifyReport&)>& on_progress) {
  relay::Loop loop("verify");
  Verifier verifier(loop.executor(), task, options);
  verifier.on_progress = on_progress;
  loop.post([&loop, &verifier, &sources] {
    relay::spawn(loop.executor(), "verify", verifier.run(sources));
  });
  loop.finish();
  loop.join();
  return std::move(verifier.report);
}

}  // namespace tiderelay::control
