// dumper/table_plan.cc: see table_plan.h. Why the forms are as they are, was measured: MySQL
// refuses a utf8mb4 file with bytes that are no utf-8, even for binary columns (1300), and JSON out
// of a binary file (3144); TiDB takes both.
#include "dumper/table_plan.h"

#include <algorithm>
#include <cctype>

#include "applier/engine_rules.h"
#include "applier/sql_text.h"

namespace tiderelay::dumper {
namespace {

using applier::quoted_name;
using applier::quoted_table;

using applier::Column;
using applier::Generated;
using applier::Key;
using applier::KeyKind;
using applier::SqlType;
using applier::TableSchema;
using applier::TargetKind;

bool is_binary(SqlType type) {
  switch (type) {
    case SqlType::kBit:
    case SqlType::kBinary:
    case SqlType::kVarbinary:
    case SqlType::kTinyBlob:
    case SqlType::kBlob:
    case SqlType::kMediumBlob:
    case SqlType::kLongBlob:
    case SqlType::kGeometry:
    case SqlType::kVector:
      return true;
    default:
      return false;
  }
}

bool is_plain(SqlType type) {
  return type <= SqlType::kDouble || (type >= SqlType::kYear && type <= SqlType::kTimestamp);
}

bool is_utf8(const std::string& charset) {
  return charset == "utf8mb4" || charset == "utf8mb3" || charset == "utf8";
}

bool same_name(const std::string& a, const std::string& b) {
  const auto equal = [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), equal);
}

// FLOAT prints six digits, DOUBLE(m,d) d decimals; as a plain double both print all of them, and
// times one keeps the sign of -0, which plus zero would not.
std::string select_expression(const Column& column) {
  const bool rounded =
      column.type == SqlType::kFloat ||
      (column.type == SqlType::kDouble && column.type_text.find('(') != std::string::npos);
  return rounded ? quoted_name(column.name) + "*1e0" : quoted_name(column.name);
}

ValueForm form_of(const Column& source, const Column& target, TargetKind kind) {
  if (source.type == SqlType::kVector && kind == TargetKind::kTidb) return ValueForm::kVectorText;
  if (is_binary(source.type)) return ValueForm::kBytes;
  if (source.type == SqlType::kUuid || source.type == SqlType::kInet) return ValueForm::kText;
  (void)target;
  return is_plain(source.type) ? ValueForm::kPlain : ValueForm::kText;
}

Error in_table(const TableSchema& schema, const std::string& text) {
  return Error(Errc::kDiverged, "table " + quoted_table(schema.name) + ": " + text);
}

Result<void> plan_columns(TablePlan& plan, const TableSchema& source, const TableSchema& target,
                          TargetKind kind) {
  for (const Column& column : source.columns) {
    if (column.generated != Generated::kNo) continue;
    const Column* there = target.find_column(column.name);
    if (there == nullptr) {
      return in_table(target, "the target has no column " + quoted_name(column.name))
          .with_way_out("add the column to the target's table, or drop that table");
    }
    if (there->generated != Generated::kNo) {
      return in_table(target, "column " + quoted_name(column.name) +
                                  " is generated in the target and not in the source")
          .with_way_out("make it an ordinary column in the target");
    }
    PlannedColumn planned;
    planned.name = column.name;
    planned.target_name = there->name;
    planned.type = column.type;
    planned.select = select_expression(column);
    planned.form = form_of(column, *there, kind);
    plan.columns.push_back(std::move(planned));
  }
  for (const Column& column : target.columns) {
    const bool fed = source.find_column(column.name) != nullptr ||
                     column.generated != Generated::kNo || column.default_sql || !column.not_null ||
                     column.auto_increment;
    if (!fed) {
      return in_table(target, "column " + quoted_name(column.name) +
                                  " of the target is NOT NULL, has no default and does not exist "
                                  "in the source")
          .with_way_out("give it a default");
    }
  }
  if (plan.columns.empty()) return in_table(source, "has no column to copy");
  return {};
}

void plan_conversion(TablePlan& plan, const TableSchema& target, TargetKind kind) {
  plan.binary_file = kind != TargetKind::kTidb &&
                     std::any_of(plan.columns.begin(), plan.columns.end(), [](const auto& column) {
                       return column.form == ValueForm::kBytes;
                     });
  if (!plan.binary_file) return;
  for (PlannedColumn& column : plan.columns) {
    const Column* there = target.find_column(column.target_name);
    const bool members = there->type == SqlType::kEnum || there->type == SqlType::kSet;
    const bool other_charset = there->is_character() && (members || !is_utf8(there->charset));
    column.convert =
        column.form == ValueForm::kText && (there->type == SqlType::kJson || other_charset);
  }
}

// A key of NOT NULL whole columns.
bool is_row_key(const TableSchema& schema, const Key& key) {
  if (!key.unique()) return false;
  return std::all_of(key.parts.begin(), key.parts.end(), [&](const applier::KeyPart& part) {
    const Column* column = schema.find_column(part.column);
    return !part.column.empty() && part.prefix_length == 0 && column != nullptr && column->not_null;
  });
}

bool same_columns(const Key& a, const Key& b) {
  const auto in_b = [&](const applier::KeyPart& part) {
    return std::any_of(b.parts.begin(), b.parts.end(), [&](const applier::KeyPart& other) {
      return same_name(part.column, other.column);
    });
  };
  return a.parts.size() == b.parts.size() && std::all_of(a.parts.begin(), a.parts.end(), in_b);
}

// What chunks are cut by: numbers and dates compare fast; ENUM and SET are ordered by number, which
// no index serves.
int key_cost(const TableSchema& schema, const Key& key) {
  int cost = key.kind == KeyKind::kPrimary ? 0 : 1;
  if (key.invisible) cost += 2;
  for (const applier::KeyPart& part : key.parts) {
    const Column& column = *schema.find_column(part.column);
    const bool by_number = column.type == SqlType::kEnum || column.type == SqlType::kSet ||
                           column.type == SqlType::kBit;
    const bool slow =
        by_number || column.type == SqlType::kFloat || column.type == SqlType::kDouble;
    cost += slow ? 100 : 4;
  }
  return cost;
}

const Key* choose_key(const TableSchema& source, const TableSchema& target) {
  const Key* best = nullptr;
  for (const Key& key : source.keys) {
    if (!is_row_key(source, key)) continue;
    const bool in_target = std::any_of(
        target.keys.begin(), target.keys.end(),
        [&](const Key& other) { return is_row_key(target, other) && same_columns(key, other); });
    if (!in_target) continue;
    if (best == nullptr || key_cost(source, key) < key_cost(source, *best)) best = &key;
  }
  return best;
}

std::size_t position_of(const TablePlan& plan, const std::string& column) {
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    if (same_name(plan.columns[i].name, column)) return i;
  }
  return KeyColumn::kNotCopied;
}

void plan_keys(TablePlan& plan, const TableSchema& source, const TableSchema& target) {
  const Key* key = choose_key(source, target);
  if (key != nullptr) {
    plan.key_name = key->name;
    for (const applier::KeyPart& part : key->parts) {
      const Column& column = *source.find_column(part.column);
      KeyColumn planned;
      planned.name = column.name;
      planned.type = column.type;
      planned.charset = column.charset;
      planned.column = position_of(plan, column.name);
      const Column& there = *target.find_column(part.column);
      KeyColumn mirrored = planned;
      mirrored.name = there.name;
      mirrored.type = there.type;
      mirrored.charset = there.charset;
      plan.key.push_back(std::move(planned));
      plan.target_key.push_back(std::move(mirrored));
    }
  }
  for (const Key& other : target.keys) {
    if (!other.unique() ||
        (key != nullptr && is_row_key(target, other) && same_columns(*key, other)))
      continue;
    std::vector<std::size_t> positions;
    for (const applier::KeyPart& part : other.parts) {
      const std::size_t position = part.column.empty() || part.prefix_length != 0
                                       ? KeyColumn::kNotCopied
                                       : position_of(plan, part.column);
      positions.push_back(position);
    }
    if (std::count(positions.begin(), positions.end(), KeyColumn::kNotCopied) > 0) {
      positions.clear();
    }
    plan.other_unique.push_back(std::move(positions));
  }
}

// What LOAD DATA reads each field into.
std::string file_columns(const TablePlan& plan) {
  std::string list;
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    const PlannedColumn& column = plan.columns[i];
    list += (i == 0 ? "" : ",") +
            (column.convert ? "@c" + std::to_string(i) : quoted_name(column.target_name));
  }
  return list;
}

}  // namespace

Result<TablePlan> plan_table(const DumpTable& table, const TableSchema& source,
                             const TableSchema& target, TargetKind kind) {
  TablePlan plan;
  plan.table = table;
  if (!applier::is_transactional(target)) return applier::not_transactional(target);
  const Result<void> columns = plan_columns(plan, source, target, kind);
  if (!columns) return columns.error();
  plan.transactional = applier::is_transactional(source);
  plan_conversion(plan, target, kind);
  plan_keys(plan, source, target);
  if (plan.key.empty()) {
    plan.staged_because = "no unique key of NOT NULL columns on both sides";
  } else if (table.shared_target && !plan.other_unique.empty()) {
    plan.staged_because = "several unique keys, and others write the target's table, too";
  }
  return plan;
}

std::string select_sql(const TablePlan& plan, const std::string& where) {
  std::string sql = "SELECT /*!40001 SQL_NO_CACHE */ ";
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    if (i > 0) sql += ",";
    sql += plan.columns[i].select;
  }
  sql += " FROM " + quoted_table(plan.table.source);
  if (!plan.key_name.empty()) sql += " FORCE INDEX (" + quoted_name(plan.key_name) + ")";
  if (!where.empty()) sql += " WHERE " + where;
  return sql;
}

std::string load_sql(const TablePlan& plan, const std::string& into, const std::string& part) {
  std::string sql = "LOAD DATA LOCAL INFILE 'tiderelay' INTO TABLE " + into + " CHARACTER SET " +
                    (plan.binary_file ? "binary" : "utf8mb4") +
                    " FIELDS TERMINATED BY '\t' ENCLOSED BY '' ESCAPED BY '\\'"
                    " LINES STARTING BY '' TERMINATED BY '\n' (" +
                    file_columns(plan) + ")";
  std::string sets;
  if (!part.empty()) sets = quoted_name(kPartColumn) + "=" + part;
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    if (!plan.columns[i].convert) continue;
    sets += (sets.empty() ? "" : ",") + quoted_name(plan.columns[i].target_name) + "=CONVERT(@c" +
            std::to_string(i) + " USING utf8mb4)";
  }
  return sets.empty() ? sql : sql + " SET " + sets;
}

std::string target_columns(const TablePlan& plan) {
  std::string list;
  for (const PlannedColumn& column : plan.columns) {
    list += (list.empty() ? "" : ",") + quoted_name(column.target_name);
  }
  return list;
}

std::string insert_prefix(const TablePlan& plan, const std::string& into, const std::string& part) {
  return "INSERT INTO " + into + " (" + target_columns(plan) +
         (part.empty() ? "" : "," + quoted_name(kPartColumn)) + ") VALUES ";
}

std::string comparable_create(const std::string& create_table) {
  const std::size_t options = create_table.rfind("\n)");
  const std::size_t at =
      create_table.find(" AUTO_INCREMENT=", options == std::string::npos ? 0 : options);
  if (at == std::string::npos) return create_table;
  std::size_t end = at + std::string(" AUTO_INCREMENT=").size();
  while (end < create_table.size() && create_table[end] >= '0' && create_table[end] <= '9') ++end;
  return create_table.substr(0, at) + create_table.substr(end);
}

}  // namespace tiderelay::dumper
