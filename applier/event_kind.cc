// applier/event_kind.cc: DM's names of the kinds, with their classes, in one table.
#include "applier/event_kind.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/nearest.h"

namespace tiderelay::applier {
namespace {

struct Row {
  std::string_view name;
  EventKind kind;
  EventClass event_class;
};
using enum EventKind;
constexpr EventClass kRow = EventClass::kRows;
constexpr EventClass kDdl = EventClass::kStatement;
constexpr EventClass kBad = EventClass::kIncompatible;

// Where a kind has two names the first is the one that is printed.
constexpr auto kRows = std::to_array<Row>({
    {"insert", kInsert, kRow},
    {"update", kUpdate, kRow},
    {"delete", kDelete, kRow},
    {"create database", kCreateDatabase, kDdl},
    {"create schema", kCreateDatabase, kDdl},
    {"alter database", kAlterDatabase, kDdl},
    {"alter schema", kAlterDatabase, kDdl},
    {"create table", kCreateTable, kDdl},
    {"create index", kCreateIndex, kDdl},
    {"create view", kCreateView, kDdl},
    {"drop view", kDropView, kDdl},
    {"alter table", kAlterTable, kDdl},
    {"add table partition", kAddTablePartition, kDdl},
    {"drop database", kDropDatabase, kBad},
    {"drop schema", kDropDatabase, kBad},
    {"drop table", kDropTable, kBad},
    {"drop index", kDropIndex, kBad},
    {"truncate table", kTruncateTable, kBad},
    {"rename table", kRenameTable, kBad},
    {"value range decrease", kValueRangeDecrease, kBad},
    {"precision decrease", kPrecisionDecrease, kBad},
    {"modify column", kModifyColumn, kBad},
    {"rename column", kRenameColumn, kBad},
    {"rename index", kRenameIndex, kBad},
    {"drop column", kDropColumn, kBad},
    {"drop primary key", kDropPrimaryKey, kBad},
    {"drop unique key", kDropUniqueKey, kBad},
    {"modify default value", kModifyDefaultValue, kBad},
    {"modify constraint", kModifyConstraint, kBad},
    {"modify columns order", kModifyColumnsOrder, kBad},
    {"modify charset", kModifyCharset, kBad},
    {"modify collation", kModifyCollation, kBad},
    {"remove auto increment", kRemoveAutoIncrement, kBad},
    {"modify storage engine", kModifyStorageEngine, kBad},
    {"reorganize table partition", kReorganizePartition, kBad},
    {"rebuild table partition", kRebuildPartition, kBad},
    {"coalesce table partition", kCoalescePartition, kBad},
    {"split table partition", kSplitPartition, kBad},
    {"exchange table partition", kExchangePartition, kBad},
    {"drop table partition", kDropTablePartition, kBad},
    {"truncate table partition", kTruncateTablePartition, kBad},
    {"add foreign key", kAddForeignKey, kBad},
    {"drop foreign key", kDropForeignKey, kBad},
    {"modify schema charset and collate", kModifySchemaCharsetAndCollate, kBad},
    {"modify table charset and collate", kModifyTableCharsetAndCollate, kBad},
    {"modify table comment", kModifyTableComment, kBad},
    {"recover table", kRecoverTable, kBad},
    {"alter table partitioning", kAlterTablePartitioning, kBad},
    {"remove table partitioning", kRemovePartitioning, kBad},
    {"add column", kAddColumn, kBad},
    {"set default value", kSetDefaultValue, kBad},
    {"rebase auto id", kRebaseAutoId, kBad},
    {"add primary key", kAddPrimaryKey, kBad},
    {"alter index visibility", kAlterIndexVisibility, kBad},
    {"alter ttl info", kAlterTtlInfo, kBad},
    {"alter ttl remove", kAlterTtlRemove, kBad},
    {"multi schema change", kMultiSchemaChange, kBad},
});

struct SetRow {
  std::string_view name;
  EventSet set;
};
constexpr auto kSets = std::to_array<SetRow>({
    {"all", EventSet::kAll},
    {"all dml", EventSet::kAllRows},
    {"all ddl", EventSet::kAllStatements},
    {"none", EventSet::kNone},
    {"none dml", EventSet::kNoRows},
    {"none ddl", EventSet::kNoStatements},
    {"incompatible ddl changes", EventSet::kIncompatible},
});

std::string lower_ascii(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lowered;
}

}  // namespace

EventClass class_of(EventKind kind) {
  const auto row = std::ranges::find(kRows, kind, &Row::kind);
  return row == kRows.end() ? EventClass::kUnknown : row->event_class;
}

std::string_view to_text(EventKind kind) {
  const auto row = std::ranges::find(kRows, kind, &Row::kind);
  return row == kRows.end() ? std::string_view() : row->name;
}

std::optional<EventName> parse_event_name(std::string_view text) {
  const std::string lowered = lower_ascii(text);
  const auto row = std::ranges::find(kRows, lowered, &Row::name);
  if (row != kRows.end()) return EventName{EventSet::kOne, row->kind};
  const auto set = std::ranges::find(kSets, lowered, &SetRow::name);
  if (set != kSets.end()) return EventName{set->set, kUnknown};
  return std::nullopt;
}

std::string_view nearest_event_name(std::string_view text) {
  std::vector<std::string_view> names;
  for (const Row& row : kRows) names.push_back(row.name);
  for (const SetRow& row : kSets) names.push_back(row.name);
  return nearest(lower_ascii(text), names);
}

}  // namespace tiderelay::applier
