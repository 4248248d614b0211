// control/precheck_rows.h: the rows of the prechecks, each made of facts alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/prechecks.h"

namespace tiderelay::control {

// "8.0.31", "5.5.5-10.11.6-MariaDB", "5.7.mysql_aurora.2.11.2": the first numbers, as 80031.
[[nodiscard]] std::uint32_t version_number(std::string_view text);

[[nodiscard]] CheckRow new_row(const char* item, const std::string& name, const std::string& about,
                               const std::string& where);
void add_issue(CheckRow& row, CheckState severity, const std::string& text,
               const std::string& instruction = "", const std::string& self = "",
               const std::string& other = "");
void add_error(CheckRow& row, const Error& error, const std::string& instruction,
               const std::string& self = "");

// Of a source that was reached: its server, and its tables.
void add_server_rows(const conf::TaskConfig& task, const SourceFacts& facts,
                     std::vector<CheckRow>& rows);
void add_table_rows(const conf::TaskConfig& task, const SourceFacts& facts,
                    const TargetFacts& target, std::vector<CheckRow>& rows);
void add_target_rows(const conf::TaskConfig& task, const std::vector<SourceFacts>& sources,
                     const TargetFacts& target, std::vector<CheckRow>& rows);

}  // namespace tiderelay::control
