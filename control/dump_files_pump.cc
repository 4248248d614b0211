// control/dump_files_pump.cc: sessions of one moment, and a table at a time in each.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>

#include "applier/schema_builder.h"
#include "applier/sql_text.h"
#include "control/dump_file.h"
#include "control/dump_files.h"
#include "control/source_runner.h"
#include "control/task_plan.h"
#include "dumper/row_encoder.h"
#include "dumper/session_pump.h"
#include "dumper/table_plan.h"
#include "relay/loop.h"
#include "relay/signal.h"

namespace tiderelay::control {

namespace asio = relay::asio;
using applier::quoted_name;
using applier::quoted_table;
using applier::TableName;
using dumper::Session;
using relay::Awaitable;
using relay::StatementResult;

namespace {

constexpr std::chrono::milliseconds kToldEvery{500};

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

struct DumpedTable {
  TableName name;
  std::string create;
  dumper::TablePlan plan;
};

class FileDump {
 public:
  FileDump(asio::any_io_executor loop, const conf::TaskConfig& task,
           const conf::SourceConfig& source, const DumpFilesOptions& options)
      : loop_(std::move(loop)), task_(task), source_(source), options_(options), ended_(loop_) {}

  asio::awaitable<void> run();
  DumpFilesReport report;
  std::function<void(const DumpFilesReport&)> on_progress;

 private:
  Awaitable<void> dump();
  Awaitable<void> prepare();
  Awaitable<void> add_table(TableName name);
  Awaitable<void> write_schemas();
  Awaitable<std::string> shown(Session& session, std::string what);
  Awaitable<void> open_snapshots();
  Awaitable<void> read_position();
  Awaitable<void> unchanged();
  asio::awaitable<void> worker(Session& session);
  Awaitable<void> write_table(Session& session, const DumpedTable& table);
  Awaitable<void> write_rows(Session& session, const DumpedTable& table);
  [[nodiscard]] std::unique_ptr<Session> new_session() const;
  [[nodiscard]] std::string path(const std::string& name) const {
    return options_.folder + "/" + name;
  }

  const asio::any_io_executor loop_;
  const conf::TaskConfig& task_;
  const conf::SourceConfig& source_;
  const DumpFilesOptions& options_;
  relay::ConnectOptions connect_;
  const conf::InstanceConfig* instance_ = nullptr;
  std::unique_ptr<applier::TaskSelection> selection_;
  std::unique_ptr<Session> control_;  // looks, locks
  std::vector<std::unique_ptr<Session>> readers_;
  std::vector<DumpedTable> tables_;
  std::size_t next_table_ = 0;
  std::size_t running_ = 0;
  relay::Signal ended_;
  DumpMoment moment_;
};

std::unique_ptr<Session> FileDump::new_session() const {
  Session::Setup setup;
  setup.side = Session::Side::kSource;
  setup.connect = connect_;
  return std::make_unique<Session>(loop_, std::move(setup));
}

Awaitable<std::string> FileDump::shown(Session& session, std::string what) {
  const Result<StatementResult> answer = co_await session.execute("SHOW CREATE " + what);
  if (!answer) co_return answer.error().in(what);
  if (answer->rows.empty() || answer->rows[0].size() < 2 || !answer->rows[0][1]) {
    co_return Error(Errc::kUnsupported, what + " cannot be shown");
  }
  co_return *answer->rows[0][1];
}

// The table's own definition stands for a target's: it is loaded into one like it.
Awaitable<void> FileDump::add_table(TableName name) {
  const Result<std::string> create = co_await shown(*control_, "TABLE " + quoted_table(name));
  if (!create) co_return create.error();
  const dumper::SourceServer& server = control_->source();
  const auto dialect = server.mariadb ? applier::Dialect::kMariaDb : applier::Dialect::kMySql;
  const Result<applier::TableSchema> schema =
      applier::parse_shown_table(*create, name.schema, dialect, server.version);
  if (!schema) co_return schema.error();
  applier::TableSchema into = *schema;
  into.options.clear();
  Result<dumper::TablePlan> plan =
      dumper::plan_table({name, name, false}, *schema, into, applier::TargetKind::kMysql);
  if (!plan) co_return plan.error();
  if (!plan->transactional) {
    report.notes.push_back(name.schema + "." + name.table +
                           ": its engine has no snapshots, rows written meanwhile may be in it");
  }
  plan->key_name.clear();  // read in the order of the table, whole
  tables_.push_back({name, *create, std::move(*plan)});
  co_return Result<void>();
}

Awaitable<void> FileDump::prepare() {
  const Result<relay::ConnectOptions> connect = connect_options(source_.from);
  if (!connect) co_return connect.error();
  connect_ = *connect;
  instance_ = task_.find_instance(source_.source_id);
  control_ = new_session();
  const Result<void> opened = co_await control_->open();
  if (!opened) co_return opened.error();
  auto selection = make_selection(task_, *instance_, source_, control_->source());
  if (!selection) co_return selection.error();
  selection_ = std::move(*selection);
  auto chosen = applier::DumpSelection::make(instance_->dump.selection, task_.case_sensitive);
  if (!chosen) co_return chosen.error().as(Errc::kConfig);
  const Result<std::vector<TableName>> taken =
      co_await list_tables(control_->connection(), selection_->list());
  if (!taken) co_return taken.error();
  for (const TableName& name : *taken) {
    if (!chosen->takes(name)) continue;
    const Result<void> added = co_await add_table(name);
    if (!added) co_return added.error();
  }
  report.tables = tables_.size();
  if (!tables_.empty()) co_return Result<void>();
  co_return Error(Errc::kConfig, "there is no table to dump")
      .with_way_out("look at the task's lists and extra-args, and at the account's rights");
}

Awaitable<void> FileDump::write_schemas() {
  std::vector<std::string> schemas;
  for (const DumpedTable& table : tables_) {
    if (std::ranges::find(schemas, table.name.schema) == schemas.end()) {
      schemas.push_back(table.name.schema);
    }
    const Result<void> written = write_dump_file(path(dump_table_name(table.name) + "-schema.sql"),
                                                 dump_file_header() + table.create + ";\n");
    if (!written) co_return written.error();
  }
  for (const std::string& schema : schemas) {
    const Result<std::string> create =
        co_await shown(*control_, "DATABASE IF NOT EXISTS " + quoted_name(schema));
    if (!create) co_return create.error();
    const Result<void> written = write_dump_file(path(dump_name(schema) + "-schema-create.sql"),
                                                 dump_file_header() + *create + ";\n");
    if (!written) co_return written.error();
  }
  co_return Result<void>();
}

Awaitable<void> FileDump::read_position() {
  const dumper::SourceServer& server = control_->source();
  const Result<StatementResult> status = co_await control_->execute(server.position_statement());
  if (!status) {
    co_return status.error().with_way_out("GRANT REPLICATION CLIENT ON *.* to the account");
  }
  const Result<std::string> position = dumper::position_of(*status);
  if (!position) co_return position.error();
  moment_.position = *position;
  if (server.gtid_on) {
    const Result<StatementResult> set = co_await control_->execute(
        server.mariadb ? "SELECT @@GLOBAL.gtid_binlog_pos" : "SELECT @@GLOBAL.gtid_executed");
    if (!set) co_return set.error();
    moment_.gtids = set->rows.at(0).at(0).value_or("");
    std::erase(moment_.gtids, '\n');
  }
  report.position = moment_.position;
  report.gtids = moment_.gtids;
  co_return Result<void>();
}

// Without locks the position comes first: what was written since is in the log behind it.
Awaitable<void> FileDump::open_snapshots() {
  const bool locks = !options_.no_locks && !instance_->dump.no_locks;
  if (locks) {
    std::string sql = "LOCK TABLES ";
    for (const DumpedTable& table : tables_) {
      sql += (&table == tables_.data() ? "" : ",") + quoted_table(table.name) + " READ";
    }
    const Result<StatementResult> locked = co_await control_->execute(std::move(sql));
    if (!locked) {
      co_return locked.error().with_way_out(
          "GRANT LOCK TABLES, SELECT on the schemas to the account; or --no-locks, and the "
          "rows are then of a moment at or behind the position in `metadata`");
    }
  } else {
    const Result<void> position = co_await read_position();
    if (!position) co_return position.error();
    report.notes.emplace_back(
        "--no-locks: the rows are of moments behind the position; apply the log from there with "
        "upserts and deletes that may find no row");
  }
  const std::size_t count = std::clamp<std::size_t>(options_.threads, 1, tables_.size());
  for (std::size_t i = 0; i < count; ++i) {
    readers_.push_back(new_session());
    const Result<StatementResult> begun =
        co_await readers_.back()->execute("START TRANSACTION WITH CONSISTENT SNAPSHOT");
    if (!begun) co_return begun.error();
  }
  if (!locks) co_return Result<void>();
  const Result<void> position = co_await read_position();
  const Result<StatementResult> unlocked = co_await control_->execute("UNLOCK TABLES");
  if (!unlocked) co_return unlocked.error();
  co_return position;
}

// Of the definitions, which are not part of a snapshot.
Awaitable<void> FileDump::unchanged() {
  for (const DumpedTable& table : tables_) {
    const Result<std::string> now = co_await shown(*control_, "TABLE " + quoted_table(table.name));
    const bool same =
        now && dumper::comparable_create(*now) == dumper::comparable_create(table.create);
    if (same) continue;
    co_return Error(Errc::kDiverged, "table " + table.name.schema + "." + table.name.table +
                                         " was altered while it was dumped")
        .with_way_out("dump again into another folder");
  }
  co_return Result<void>();
}

Awaitable<void> FileDump::write_rows(Session& session, const DumpedTable& table) {
  const std::string insert =
      dumper::insert_prefix(table.plan, quoted_name(table.name.table), "") + "\n";
  std::optional<DumpFile> file;
  std::string statement;
  unsigned number = 0;
  const auto put = [&]() -> Result<void> {
    if (!file) {
      Result<DumpFile> made =
          DumpFile::make(path(fmt::format("{}.{:09}.sql", dump_table_name(table.name), number++)));
      if (!made) return made.error();
      file.emplace(std::move(*made));
      const Result<void> headed = file->write(dump_file_header());
      if (!headed) return headed;
    }
    report.bytes += statement.size() + 2;
    const Result<void> written = file->write(statement + ";\n");
    statement.clear();
    if (!written || file->bytes() < options_.file_bytes) return written;
    const Result<void> closed = file->close();
    file.reset();
    return closed;
  };
  for (;;) {
    const auto rows = co_await session.connection().next_rows();
    if (!rows) co_return rows.error();
    if (rows->empty()) break;
    for (const ByteView row : *rows) {
      statement += statement.empty() ? insert : ",\n";
      const std::size_t from = statement.size();
      const Result<void> added = dumper::append_tuple(statement, table.plan.columns, row);
      if (!added) co_return added.error();
      escape_backslashes(statement, from);
      ++report.rows;
      if (statement.size() < options_.statement_bytes) continue;
      const Result<void> written = put();
      if (!written) co_return written.error();
    }
  }
  if (!statement.empty()) {
    const Result<void> written = put();
    if (!written) co_return written.error();
  }
  if (!file) co_return Result<void>();
  co_return file->close();
}

Awaitable<void> FileDump::write_table(Session& session, const DumpedTable& table) {
  const std::string& where = instance_->dump.where;
  const auto columns = co_await session.connection().stream(dumper::select_sql(table.plan, where));
  if (!columns) co_return columns.error();
  co_return co_await write_rows(session, table);
}

asio::awaitable<void> FileDump::worker(Session& session) {
  while (next_table_ < tables_.size() && !report.error) {
    const DumpedTable& table = tables_[next_table_++];
    const Result<void> written = co_await write_table(session, table);
    if (!written) {
      if (!report.error) {
        report.error = written.error().in("table " + table.name.schema + "." + table.name.table);
      }
      break;
    }
    ++report.tables_done;
  }
  session.drop();
  --running_;
  ended_.notify();
}

Awaitable<void> FileDump::dump() {
  const Result<void> prepared = co_await prepare();
  if (!prepared) co_return prepared.error().in("source " + source_.source_id);
  const Result<void> folder = make_dump_folder(options_.folder);
  if (!folder) co_return folder.error();
  moment_.began = utc_now();
  const Result<void> schemas = co_await write_schemas();
  if (!schemas) co_return schemas.error();
  const Result<void> opened = co_await open_snapshots();
  if (!opened) co_return opened.error().in("source " + source_.source_id);
  running_ = readers_.size();
  for (const auto& reader : readers_) relay::spawn(loop_, "dump", worker(*reader));
  while (running_ > 0) {
    co_await ended_.wait_for(kToldEvery);
    if (on_progress) on_progress(report);
  }
  if (report.error) co_return *report.error;
  const Result<void> same = co_await unchanged();
  if (!same) co_return same.error();
  moment_.ended = utc_now();
  co_return write_dump_file(path("metadata"), dump_metadata(moment_));
}

asio::awaitable<void> FileDump::run() {
  const Result<void> dumped = co_await dump();
  if (!dumped) report.error = dumped.error();
  if (control_) control_->drop();
  for (const auto& reader : readers_) reader->drop();
}

}  // namespace

DumpFilesReport dump_to_files(const conf::TaskConfig& task, const conf::SourceConfig& source,
                              const DumpFilesOptions& options,
                              const std::function<void(const DumpFilesReport&)>& on_progress) {
  relay::Loop loop("dump");
  FileDump dump(loop.executor(), task, source, options);
  dump.on_progress = on_progress;
  loop.post([&loop, &dump] { relay::spawn(loop.executor(), "dump", dump.run()); });
  loop.finish();
  loop.join();
  return std::move(dump.report);
}

}  // namespace tiderelay::control
