// dumper/table_check.cc: see table_check.h.
#include "dumper/table_check.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "applier/sql_text.h"
#include "dumper/row_encoder.h"

namespace tiderelay::dumper {
namespace {

using applier::quoted_name;
using applier::quoted_table;
using applier::SqlType;

// Introducers that TiDB knows: a bound holds characters of the source's charset.
constexpr std::array<std::string_view, 7> kTidbCharsets = {"utf8mb4", "utf8",   "utf8mb3", "latin1",
                                                           "ascii",   "binary", "gbk"};

// As PlannedColumn::select, with the target's name there.
std::string value_sql(const PlannedColumn& column, CheckSide side) {
  if (side == CheckSide::kSource) return column.select;
  const bool plain = column.select == quoted_name(column.name);
  return quoted_name(column.target_name) + (plain ? "" : "*1e0");
}

const std::string& name_of(const PlannedColumn& column, CheckSide side) {
  return side == CheckSide::kSource ? column.name : column.target_name;
}

std::string checked_sql(const PlannedColumn& column, CheckSide side) {
  const std::string value = value_sql(column, side);
  if (column.type == SqlType::kBit) return value + "+0";
  if (column.type == SqlType::kJson || column.type == SqlType::kUuid ||
      column.type == SqlType::kInet) {
    return "MD5(CAST(" + value + " AS CHAR))";
  }
  switch (column.form) {
    case ValueForm::kPlain:
      return value;
    case ValueForm::kText:
      return "MD5(CONVERT(" + value + " USING utf8mb4))";
    case ValueForm::kBytes:
      return "MD5(" + value + ")";
    case ValueForm::kVectorText:  // printed in two ways: over the rows alone
      return "''";
  }
  return value;
}

const TableName& table_of(const TablePlan& plan, CheckSide side) {
  return side == CheckSide::kSource ? plan.table.source : plan.table.target;
}

std::string from_sql(const TablePlan& plan, CheckSide side, const std::string& where, bool chunk) {
  std::string sql = " FROM " + quoted_table(table_of(plan, side));
  if (chunk && side == CheckSide::kSource && !plan.key_name.empty()) {
    sql += " FORCE INDEX (" + quoted_name(plan.key_name) + ")";
  }
  return where.empty() ? sql : sql + " WHERE " + where;
}

std::string number_of(const std::string& text, int from) {
  return "SUM(CAST(CONV(SUBSTRING(" + text + "," + std::to_string(from) +
         ",15),16,10) AS UNSIGNED))";
}

bool is_rounded(const KeyColumn& key) {
  return key.type == SqlType::kFloat || key.type == SqlType::kDouble;
}

}  // namespace

bool has_check_key(const TablePlan& plan, applier::TargetKind target) {
  const bool tidb = target == applier::TargetKind::kTidb;
  return !plan.key.empty() && std::ranges::all_of(plan.key, [tidb](const KeyColumn& key) {
    const bool known =
        key.charset.empty() || std::ranges::find(kTidbCharsets, key.charset) != kTidbCharsets.end();
    return key.column != KeyColumn::kNotCopied && !is_rounded(key) && (known || !tidb);
  });
}

std::string check_text_sql(const TablePlan& plan, CheckSide side) {
  std::string values;
  std::string nulls;
  for (const PlannedColumn& column : plan.columns) {
    values += checked_sql(column, side) + ",";
    nulls += (nulls.empty() ? "" : ",") + ("ISNULL(" + quoted_name(name_of(column, side)) + ")");
  }
  return "MD5(CONCAT_WS(','," + values + "CONCAT(" + nulls + ")))";
}

std::string chunk_sum_sql(const TablePlan& plan, CheckSide side, const std::string& where) {
  return "SELECT COUNT(*)," + number_of(check_text_sql(plan, side), 1) +
         from_sql(plan, side, where, true);
}

std::string bucket_sums_sql(const TablePlan& plan, CheckSide side, const std::string& where) {
  return "SELECT SUBSTRING(text_of_row,1,2) AS bucket,COUNT(*)," + number_of("text_of_row", 3) +
         " FROM (SELECT " + check_text_sql(plan, side) + " AS text_of_row" +
         from_sql(plan, side, where, false) + ") AS checked GROUP BY bucket";
}

std::string in_bucket(const TablePlan& plan, CheckSide side, const std::string& bucket) {
  return "SUBSTRING(" + check_text_sql(plan, side) + ",1,2)=" + applier::quoted_text(bucket);
}

std::string rows_sql(const TablePlan& plan, CheckSide side, const std::string& where,
                     bool with_text) {
  std::string sql = with_text ? "SELECT " + check_text_sql(plan, side) + "," : "SELECT ";
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    sql += (i > 0 ? "," : "") + value_sql(plan.columns[i], side);
  }
  return sql + from_sql(plan, side, where, false);
}

Result<std::string> same_key(const TablePlan& plan, CheckSide side, ByteView row) {
  const std::vector<KeyColumn>& key = side == CheckSide::kSource ? plan.key : plan.target_key;
  std::string condition;
  for (const KeyColumn& column : key) {
    const Result<std::string> literal = literal_of(plan.columns, row, column.column);
    if (!literal) return literal.error();
    condition += (condition.empty() ? "" : " AND ") + quoted_name(column.name) + "=" + *literal;
  }
  return condition;
}

void CheckSum::add(const CheckSum& other) {
  rows += other.rows;
  sum += other.sum;
}

Result<CheckSum> check_sum(const relay::TextValue& count, const relay::TextValue& sum) {
  CheckSum read;
  const std::string rows = count.value_or("");
  const auto end = rows.data() + rows.size();
  if (std::from_chars(rows.data(), end, read.rows).ptr != end || rows.empty()) {
    return Error(Errc::kCorrupt, "a count of rows is '" + rows + "'");
  }
  for (const char digit : sum.value_or("0")) {  // a SUM of integers is a DECIMAL of any length
    if (digit < '0' || digit > '9') return Error(Errc::kCorrupt, "a sum is '" + *sum + "'");
    read.sum = read.sum * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return read;
}

}  // namespace tiderelay::dumper
