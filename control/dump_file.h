// control/dump_file.h: the files of a dump: their names, what they begin with, and the metadata.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "applier/table_schema.h"
#include "base/error.h"

namespace tiderelay::control {

// What may not stand in a file's name, or means something there, as %2E.
[[nodiscard]] std::string dump_name(const std::string& name);
[[nodiscard]] std::string dump_table_name(const applier::TableName& table);  // "db.table"

// At the top of every file: names in utf-8, moments in UTC, no foreign keys.
[[nodiscard]] const char* dump_file_header();

// Backslashes and NULs in a tuple whose quotes are doubled: for sessions with backslash escapes.
void escape_backslashes(std::string& text, std::size_t from);

struct DumpMoment {
  std::string began, ended;  // UTC
  std::string position;      // "mysql-bin.000003:4711"
  std::string gtids;
};
[[nodiscard]] std::string dump_metadata(const DumpMoment& moment);

// One file, written in order and synced at its end.
class DumpFile {
 public:
  [[nodiscard]] static Result<DumpFile> make(const std::string& path);
  [[nodiscard]] Result<void> write(std::string_view text);
  [[nodiscard]] Result<void> close();
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Closer> file_;
  std::string path_;
  std::uint64_t bytes_ = 0;
};

[[nodiscard]] Result<void> write_dump_file(const std::string& path, const std::string& text);
[[nodiscard]] Result<void> make_dump_folder(const std::string& folder);

}  // namespace tiderelay::control
