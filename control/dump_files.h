// control/dump_files.h: the full phase into files that myloader, tidb-lightning and mysql read.
//
// All rows are of one moment: the tables are locked for reading while every reader opens its
// snapshot and the position is read, and unlocked before the first row is. Names of files are
// dumpling's; `metadata` is written last, so a folder without it is not complete.
// Source: dumpling export/metadata.go, mydumper src/mydumper_metadata.c.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "conf/source_config.h"
#include "conf/task_config.h"

namespace tiderelay::control {

struct DumpFilesOptions {
  std::string folder;  // made; must be empty
  unsigned threads = 4;
  bool no_locks = false;  // the rows are not proved to be of one moment
  std::uint64_t file_bytes = std::uint64_t{256} << 20U;     // begins the next file
  std::uint64_t statement_bytes = std::uint64_t{1} << 20U;  // of an INSERT
};

struct DumpFilesReport {
  std::size_t tables = 0, tables_done = 0;
  std::uint64_t rows = 0, bytes = 0;
  std::string position;  // "mysql-bin.000003:4711"
  std::string gtids;
  std::vector<std::string> notes;
  std::optional<Error> error;
};

// `task`: which tables and rows (lists and extra-args; routes are not applied), by its instance of
// the source. `on_progress`: called now and then, on a thread of its own.
[[nodiscard]] DumpFilesReport dump_to_files(
    const conf::TaskConfig& task, const conf::SourceConfig& source, const DumpFilesOptions& options,
    const std::function<void(const DumpFilesReport&)>& on_progress);

}  // namespace tiderelay::control
