// control/command_dump.cc: files in, progress and the position out.
#include "control/command_dump.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <ostream>

#include "conf/daemon_config.h"
#include "control/commands.h"
#include "control/migration_files.h"
#include "control/progress.h"

namespace tiderelay::control {

namespace {

Result<MigrationFiles> read_files(const DumpArguments& arguments) {
  if (!arguments.task_file.empty()) {
    return read_task_for(arguments.task_file, arguments.source_file, arguments.secret_key_path);
  }
  MigrationFiles files;
  Result<conf::SourceConfig> source =
      read_source_file(arguments.source_file, arguments.secret_key_path);
  if (!source) return source.error();
  files.task.name = "dump";
  files.task.instances.emplace_back();
  files.task.instances.back().source_id = source->source_id;
  files.sources.push_back(std::move(*source));
  return files;
}

std::string progress_of(const DumpFilesReport& report) {
  return fmt::format("dump: {} of {} tables, {} rows, {} MiB", report.tables_done, report.tables,
                     short_count(static_cast<double>(report.rows)), report.bytes >> 20U);
}

}  // namespace

int run_dump_command(DumpArguments arguments, Streams streams) {
  const Result<MigrationFiles> files = read_files(arguments);
  if (!files) return failed(streams.err, files.error());
  arguments.options.file_bytes = arguments.file_mib << 20U;
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  const auto every = terminal ? std::chrono::seconds(1) : std::chrono::seconds(10);
  auto next = std::chrono::steady_clock::now() + every;
  const DumpFilesReport report = dump_to_files(
      files->task, files->sources.front(), arguments.options, [&](const DumpFilesReport& so_far) {
        if (std::chrono::steady_clock::now() < next) return;
        next = std::chrono::steady_clock::now() + every;
        streams.err << (terminal ? "\r\x1b[K" : "") << progress_of(so_far) << (terminal ? "" : "\n")
                    << std::flush;
      });
  if (terminal) streams.err << "\r\x1b[K";
  for (const std::string& note : report.notes) streams.err << "note: " << note << '\n';
  if (report.error) return failed(streams.err, *report.error);
  streams.err << progress_of(report) << '\n';
  streams.out << arguments.options.folder << ": the rows of " << report.position
              << (report.gtids.empty() ? "" : ", GTIDs " + report.gtids) << '\n';
  return kExitDone;
}

}  // namespace tiderelay::control
