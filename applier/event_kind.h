// applier/event_kind.h: the kinds of row changes and statements that event filters speak of, with
// DM's names. The DDL parser gives every statement one kind; an ALTER TABLE gets that of its first
// clause that has a class, else kAlterTable.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tiderelay::applier {

enum class EventKind : std::uint8_t {
  kUnknown,  // a text that does not parse: only sql_patterns judge it
  // rows
  kInsert,
  kUpdate,
  kDelete,
  // statements
  kCreateDatabase,
  kAlterDatabase,
  kCreateTable,
  kCreateIndex,
  kCreateView,
  kDropView,
  kAlterTable,
  kAddTablePartition,
  // statements classed as incompatible changes
  kDropDatabase,
  kDropTable,
  kDropIndex,
  kTruncateTable,
  kRenameTable,
  kValueRangeDecrease,
  kPrecisionDecrease,
  kModifyColumn,
  kRenameColumn,
  kRenameIndex,
  kDropColumn,
  kDropPrimaryKey,
  kDropUniqueKey,
  kModifyDefaultValue,
  kModifyConstraint,
  kModifyColumnsOrder,
  kModifyCharset,
  kModifyCollation,
  kRemoveAutoIncrement,
  kModifyStorageEngine,
  kReorganizePartition,
  kRebuildPartition,
  kCoalescePartition,
  kSplitPartition,
  kExchangePartition,
  kDropTablePartition,
  kTruncateTablePartition,
  kAddForeignKey,
  kDropForeignKey,
  kModifySchemaCharsetAndCollate,
  kModifyTableCharsetAndCollate,
  kModifyTableComment,
  kRecoverTable,
  kAlterTablePartitioning,
  kRemovePartitioning,
  kAddColumn,
  kSetDefaultValue,
  kRebaseAutoId,
  kAddPrimaryKey,
  kAlterIndexVisibility,
  kAlterTtlInfo,
  kAlterTtlRemove,
  kMultiSchemaChange,
};

enum class EventClass : std::uint8_t { kUnknown, kRows, kStatement, kIncompatible };
[[nodiscard]] EventClass class_of(EventKind kind);
[[nodiscard]] std::string_view to_text(EventKind kind);  // "create table"; "" for kUnknown

// An entry of `events`: a set of kinds, or one kind.
enum class EventSet : std::uint8_t {
  kOne,  // the kind itself
  kAll,
  kAllRows,
  kAllStatements,
  kNone,
  kNoRows,
  kNoStatements,
  kIncompatible,
};
struct EventName {
  EventSet set = EventSet::kOne;
  EventKind kind = EventKind::kUnknown;
};
[[nodiscard]] std::optional<EventName> parse_event_name(std::string_view text);  // any case
[[nodiscard]] std::string_view nearest_event_name(std::string_view text);  // "" where none is near

}  // namespace tiderelay::applier
