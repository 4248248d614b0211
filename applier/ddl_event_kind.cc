#include "applier/ddl_event_kind.h"

#include <algorithm>

#include "applier/ddl_lexer.h"

namespace tiderelay::applier {
namespace {

bool is_large(SqlType type) { return type >= SqlType::kTinyText && type <= SqlType::kLongBlob; }
bool is_string(SqlType type) {
  return is_large(type) || (type >= SqlType::kChar && type <= SqlType::kVarbinary);
}

std::uint32_t length_of(const Column& column) {
  switch (column.type) {
    case SqlType::kTinyText:
    case SqlType::kTinyBlob:
      return 255;
    case SqlType::kText:
    case SqlType::kBlob:
      return 65535;
    case SqlType::kMediumText:
    case SqlType::kMediumBlob:
      return 16777215;
    case SqlType::kLongText:
    case SqlType::kLongBlob:
      return 4294967295U;
    default:
      return column.length;
  }
}

EventKind change_of_type(const Column& from, const Column& to) {
  const bool sign = from.is_unsigned != to.is_unsigned;
  const bool cut =
      (length_of(to) > 0 && length_of(to) < length_of(from)) || to.decimals < from.decimals || sign;
  if (from.type == to.type) {
    if (from.type == SqlType::kDecimal)
      return from.length != to.length || from.decimals != to.decimals || sign
                 ? EventKind::kPrecisionDecrease
                 : EventKind::kAlterTable;
    if (from.type == SqlType::kEnum || from.type == SqlType::kSet) {
      const bool changed =
          to.elements.size() < from.elements.size() ||
          !std::equal(from.elements.begin(), from.elements.end(), to.elements.begin());
      return changed ? EventKind::kValueRangeDecrease : EventKind::kAlterTable;
    }
    if (from.type <= SqlType::kBigInt)
      return sign ? EventKind::kPrecisionDecrease : EventKind::kAlterTable;
    if (from.type == SqlType::kBinary)
      return from.length != to.length ? EventKind::kPrecisionDecrease : EventKind::kAlterTable;
    if (from.type == SqlType::kChar) return EventKind::kAlterTable;
    return cut ? EventKind::kValueRangeDecrease : EventKind::kAlterTable;
  }
  const auto var = [](SqlType type) {
    return type == SqlType::kVarchar || type == SqlType::kVarbinary;
  };
  const auto fixed = [](SqlType type) {
    return type == SqlType::kChar || type == SqlType::kBinary;
  };
  if ((var(from.type) && fixed(to.type)) || (fixed(from.type) && var(to.type)))
    return EventKind::kModifyColumn;
  if (is_string(from.type) && is_string(to.type))
    return cut ? EventKind::kModifyColumn : EventKind::kAlterTable;
  if (from.type <= SqlType::kBigInt && to.type <= SqlType::kBigInt)
    return to.type < from.type || sign ? EventKind::kValueRangeDecrease : EventKind::kAlterTable;
  return EventKind::kModifyColumn;
}

bool in_key(const TableSchema& table, const std::string& column, KeyKind kind) {
  for (const Key& key : table.keys) {
    if (key.kind != kind || (kind == KeyKind::kUnique && key.parts.size() != 1)) continue;
    for (const KeyPart& part : key.parts)
      if (same_word(part.column, column)) return true;
  }
  return false;
}

EventKind modify(const AlterClause& clause, const TableSchema& before,
                 const SchemaContext& context) {
  const Column* from = before.find_column(clause.name);
  const Result<Column> to =
      build_column(clause.column, {before.charset, before.collation}, context);
  if (from == nullptr || !to) return EventKind::kAlterTable;
  const EventKind type = change_of_type(*from, *to);
  if (type != EventKind::kAlterTable) return type;
  if (from->auto_increment && !to->auto_increment) return EventKind::kRemoveAutoIncrement;
  if (in_key(before, from->name, KeyKind::kPrimary) && !clause.column.primary)
    return EventKind::kDropPrimaryKey;
  if (in_key(before, from->name, KeyKind::kUnique) && !clause.column.unique)
    return EventKind::kDropUniqueKey;
  if (from->default_sql != to->default_sql) return EventKind::kModifyDefaultValue;
  if (from->charset != to->charset) return EventKind::kModifyCharset;
  if (from->collation != to->collation) return EventKind::kModifyCollation;
  if (clause.column.position.kind != ColumnPosition::Kind::kUnchanged)
    return EventKind::kModifyColumnsOrder;
  if (!same_word(from->name, to->name)) return EventKind::kRenameColumn;
  return EventKind::kAlterTable;
}

EventKind options_kind(const TableOptions& options) {
  if (!options.charset.charset.empty()) return EventKind::kModifyCharset;
  if (!options.charset.collation.empty()) return EventKind::kModifyCollation;
  for (const auto& [option, value] : options.others)
    if (option == "ENGINE") return EventKind::kModifyStorageEngine;
  return EventKind::kAlterTable;
}

EventKind partition_kind(PartitionVerb verb) {
  switch (verb) {
    case PartitionVerb::kDrop:
      return EventKind::kDropTablePartition;
    case PartitionVerb::kTruncate:
      return EventKind::kTruncateTablePartition;
    case PartitionVerb::kReorganize:
      return EventKind::kReorganizePartition;
    case PartitionVerb::kCoalesce:
      return EventKind::kCoalescePartition;
    case PartitionVerb::kExchange:
      return EventKind::kExchangePartition;
    case PartitionVerb::kRebuild:
      return EventKind::kRebuildPartition;
    case PartitionVerb::kAdd:
      break;
  }
  return EventKind::kAlterTable;
}

}  // namespace

EventKind event_kind_of(const AlterClause& clause, const TableSchema* before,
                        const SchemaContext& context) {
  switch (clause.kind) {
    case AlterKind::kModifyColumn:
      return before == nullptr ? EventKind::kAlterTable : modify(clause, *before, context);
    case AlterKind::kRenameColumn:
      return EventKind::kRenameColumn;
    case AlterKind::kRenameKey:
      return EventKind::kRenameIndex;
    case AlterKind::kRenameTable:
      return EventKind::kRenameTable;
    case AlterKind::kDropColumn:
      return EventKind::kDropColumn;
    case AlterKind::kDropKey:
      return EventKind::kDropIndex;
    case AlterKind::kDropPrimaryKey:
      return EventKind::kDropPrimaryKey;
    case AlterKind::kSetDefault:
    case AlterKind::kDropDefault:
      return EventKind::kModifyDefaultValue;
    case AlterKind::kAddKey:
    case AlterKind::kAddForeignKey:
    case AlterKind::kAddCheck:
      return EventKind::kModifyConstraint;
    case AlterKind::kConvertCharset:
      return EventKind::kModifyCharset;
    case AlterKind::kTableOptions:
      return options_kind(clause.options);
    case AlterKind::kPartition:
      return partition_kind(clause.partition_verb);
    default:
      return EventKind::kAlterTable;
  }
}

EventKind event_kind_of(const DdlStatement& statement, const TableSchema* before,
                        const SchemaContext& context) {
  if (statement.kind != StatementKind::kAlterTable) return statement.event;
  for (const AlterClause& clause : statement.clauses) {
    const EventKind kind = event_kind_of(clause, before, context);
    const bool decided = clause.kind == AlterKind::kModifyColumn;
    if (kind != EventKind::kAlterTable || decided) return kind;
  }
  return EventKind::kAlterTable;
}

}  // namespace tiderelay::applier
