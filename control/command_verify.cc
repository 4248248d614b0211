// control/command_verify.cc: the report of a comparison as JSON, its progress as lines.
#include "control/command_verify.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <ostream>

#include "control/commands.h"
#include "control/dm_answers.h"
#include "control/migration_files.h"
#include "control/operations.h"
#include "control/progress.h"

namespace tiderelay::control {

namespace json = boost::json;

namespace {

json::value shown_value(const std::optional<std::string>& value) {
  if (!value) return nullptr;
  return json::string(*value);
}

json::object table_object(const VerifiedTable& table) {
  json::array sources;
  for (const VerifiedTable::Part& part : table.parts) {
    sources.push_back(json::object{
        {"source", part.source_id}, {"table", part.table}, {"equalUpTo", part.position}});
  }
  json::object counts;
  const auto count = [&counts](const char* name, std::uint64_t value) {
    counts[name] = std::to_string(value);
  };
  count("rows", table.rows);
  count("ranges", table.ranges);
  count("rangesLookedInto", table.ranges_looked_into);
  count("missing", table.missing);
  count("extra", table.extra);
  count("changed", table.changed);
  count("inSeveralSources", table.twice);
  count("unsettled", table.unsettled);
  count("repaired", table.repaired);
  json::object object{{"table", table.target}, {"state", state_name(table.state)}};
  object["sources"] = std::move(sources);
  for (auto& member : counts) object[member.key()] = member.value();
  object["note"] = table.note;
  return object;
}

json::object difference_object(const RowDifference& difference) {
  json::array values;
  for (const RowDifference::Value& value : difference.values) {
    values.push_back(json::object{{"column", value.column},
                                  {"source", shown_value(value.source)},
                                  {"target", shown_value(value.target)}});
  }
  return {{"table", difference.table},       {"kind", kind_name(difference.kind)},
          {"sources", difference.sources},   {"key", difference.key},
          {"repaired", difference.repaired}, {"values", std::move(values)}};
}

json::object report_object(const VerifyReport& report) {
  json::array tables;
  for (const VerifiedTable& table : report.tables) tables.push_back(table_object(table));
  json::array differences;
  for (const RowDifference& difference : report.differences) {
    differences.push_back(difference_object(difference));
  }
  return {{"result", report.is_good()},
          {"msg", report.error ? with_way_out(*report.error) : ""},
          {"tables", std::move(tables)},
          {"differences", std::move(differences)}};
}

std::string progress_of(const VerifyReport& report) {
  std::size_t done = 0;
  std::uint64_t rows = 0;
  std::uint64_t different = 0;
  std::string now;
  for (const VerifiedTable& table : report.tables) {
    rows += table.rows;
    different += table.different();
    if (table.state == VerifiedTable::State::kChecking) {
      if (now.empty()) now = ", at " + table.target;
    } else if (table.state != VerifiedTable::State::kWaiting) {
      ++done;
    }
  }
  return fmt::format("verify: {} of {} tables, {} rows, {} differ{}", done, report.tables.size(),
                     short_count(static_cast<double>(rows)), different, now);
}

}  // namespace

int run_verify_command(VerifyArguments arguments, Streams streams) {
  for (const std::string& table : arguments.options.tables) {
    if (is_table_name(table)) continue;
    return failed(streams.err,
                  Error(Errc::kConfig, "--table: wants db.table, got \"" + table + "\""));
  }
  const Result<MigrationFiles> files =
      read_migration(arguments.task_file, arguments.source_files, arguments.secret_key_path);
  if (!files) return failed(streams.err, files.error());
  arguments.options.wait = std::chrono::seconds(arguments.wait_seconds);
  arguments.options.by = this_operator();
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  const auto every = terminal ? std::chrono::seconds(1) : std::chrono::seconds(10);
  auto next = std::chrono::steady_clock::now() + every;
  const VerifyReport report =
      run_verify(files->task, files->sources, arguments.options, [&](const VerifyReport& so_far) {
        if (std::chrono::steady_clock::now() < next) return;
        next = std::chrono::steady_clock::now() + every;
        streams.err << (terminal ? "\r\x1b[K" : "") << progress_of(so_far) << (terminal ? "" : "\n")
                    << std::flush;
      });
  if (terminal) streams.err << "\r\x1b[K";
  streams.err << progress_of(report) << '\n';
  streams.out << json_text(report_object(report));
  if (report.error) return failed(streams.err, *report.error);
  return report.is_good() ? kExitDone : kExitFailed;
}

}  // namespace tiderelay::control
