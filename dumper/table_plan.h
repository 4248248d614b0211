// dumper/table_plan.h: decides how one table travels: which columns, how each is selected, sent and
// loaded, which key cuts the chunks, what may collide.
//
// In:  the table's schema in the source and in the target.
// Out: a TablePlan, or an error that names the column and the way out.
// The key must be unique and NOT NULL on both sides; every other table is keyless here, and is
// copied in one snapshot, as is one with several unique keys that other sources write, too: a stale
// row could not be told from another source's (docs/exactly-once.md, 3).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "applier/table_schema.h"
#include "applier/target_info.h"
#include "base/error.h"
#include "dumper/dump_options.h"

namespace tiderelay::dumper {

// How a value of the SELECT goes into the target's statements.
// Of a staging table: the part that a row belongs to.
inline constexpr char kPartColumn[] = "tiderelay_part";

enum class ValueForm : std::uint8_t {
  kPlain,      // digits, dates: nothing to escape
  kText,       // utf-8
  kBytes,      // x'..' in an INSERT, raw and escaped in LOAD DATA
  kVectorText  // the source's 32-bit floats, as text: for targets that take vectors only so
};

struct PlannedColumn {
  std::string name;         // the source's
  std::string target_name;  // as the target spells it
  applier::SqlType type = applier::SqlType::kOther;
  std::string select;  // `f`*1e0
  ValueForm form = ValueForm::kText;
  bool convert = false;  // loaded through a variable, CONVERT(... USING utf8mb4)
};

struct KeyColumn {
  std::string name;
  applier::SqlType type = applier::SqlType::kOther;
  std::string charset;     // character types
  std::size_t column = 0;  // in TablePlan::columns; kNotCopied: a generated column
  static constexpr std::size_t kNotCopied = static_cast<std::size_t>(-1);
};

struct TablePlan {
  DumpTable table;
  std::vector<PlannedColumn> columns;
  std::vector<KeyColumn> key;         // empty: keyless
  std::vector<KeyColumn> target_key;  // the same columns as the target has them
  std::string key_name;               // the source's index, for FORCE INDEX
  // Unique keys of the target beside the chunk key: column positions in `columns`. A key over
  // something that is not copied (an expression, a generated column) is listed without positions.
  std::vector<std::vector<std::size_t>> other_unique;
  bool transactional = true;  // the source's engine: a snapshot holds
  bool binary_file = false;   // LOAD DATA ... CHARACTER SET binary
  std::vector<std::string> notes;
  // Why the table is read in one snapshot and goes through a staging table; empty: in chunks.
  std::string staged_because;

  [[nodiscard]] bool staged() const { return !staged_because.empty(); }
};

[[nodiscard]] Result<TablePlan> plan_table(const DumpTable& table,
                                           const applier::TableSchema& source,
                                           const applier::TableSchema& target,
                                           applier::TargetKind kind);

// The statements around the rows. `where`: a condition, or empty.
[[nodiscard]] std::string select_sql(const TablePlan& plan, const std::string& where);
// `into`: the table that is loaded, quoted; `part`: for a staging table, the number of the part.
[[nodiscard]] std::string load_sql(const TablePlan& plan, const std::string& into,
                                   const std::string& part);
[[nodiscard]] std::string insert_prefix(const TablePlan& plan, const std::string& into,
                                        const std::string& part);
[[nodiscard]] std::string target_columns(const TablePlan& plan);  // "`a`,`b`"

// Without what changes while rows are written: AUTO_INCREMENT=n.
[[nodiscard]] std::string comparable_create(const std::string& create_table);

}  // namespace tiderelay::dumper
