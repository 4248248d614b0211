// conf/words.h: how the values of enums are written in the files. word_of() gives them back.
#pragma once

#include "applier/event_filter.h"
#include "conf/daemon_config.h"
#include "conf/option_table.h"
#include "conf/source_config.h"
#include "conf/task_config.h"

namespace tiderelay::conf {

template <class E>
using Word = std::pair<E, std::string_view>;

template <>
struct EnumWords<Flavor> {
  static constexpr auto kWords = std::to_array<Word<Flavor>>(
      {{Flavor::kDetected, ""}, {Flavor::kMysql, "mysql"}, {Flavor::kMariadb, "mariadb"}});
};
template <>
struct EnumWords<TaskMode> {
  static constexpr auto kWords =
      std::to_array<Word<TaskMode>>({{TaskMode::kAll, "all"},
                                     {TaskMode::kFull, "full"},
                                     {TaskMode::kIncremental, "incremental"}});
};
template <>
struct EnumWords<ShardMode> {
  static constexpr auto kWords =
      std::to_array<Word<ShardMode>>({{ShardMode::kNone, ""},
                                      {ShardMode::kPessimistic, "pessimistic"},
                                      {ShardMode::kOptimistic, "optimistic"}});
};
template <>
struct EnumWords<CollationMode> {
  static constexpr auto kWords = std::to_array<Word<CollationMode>>(
      {{CollationMode::kLoose, "loose"}, {CollationMode::kStrict, "strict"}});
};
template <>
struct EnumWords<OnDuplicate> {
  static constexpr auto kWords =
      std::to_array<Word<OnDuplicate>>({{OnDuplicate::kReplace, "replace"},
                                        {OnDuplicate::kError, "error"},
                                        {OnDuplicate::kIgnore, "ignore"}});
};
template <>
struct EnumWords<Analyze> {
  static constexpr auto kWords = std::to_array<Word<Analyze>>(
      {{Analyze::kOptional, "optional"}, {Analyze::kRequired, "required"}, {Analyze::kOff, "off"}});
};
template <>
struct EnumWords<OnMissingRow> {
  static constexpr auto kWords = std::to_array<Word<OnMissingRow>>(
      {{OnMissingRow::kPause, "pause"}, {OnMissingRow::kCount, "count"}});
};
template <>
struct EnumWords<Compression> {
  static constexpr auto kWords =
      std::to_array<Word<Compression>>({{Compression::kNone, "none"}, {Compression::kLz4, "lz4"}});
};
template <>
struct EnumWords<SyncMode> {
  static constexpr auto kWords = std::to_array<Word<SyncMode>>({{SyncMode::kGroup, "group"}});
};
template <>
struct EnumWords<LogFormat> {
  static constexpr auto kWords =
      std::to_array<Word<LogFormat>>({{LogFormat::kText, "text"}, {LogFormat::kJson, "json"}});
};
template <>
struct EnumWords<LogLevel> {
  static constexpr auto kWords = std::to_array<Word<LogLevel>>({{LogLevel::kTrace, "trace"},
                                                                {LogLevel::kDebug, "debug"},
                                                                {LogLevel::kInfo, "info"},
                                                                {LogLevel::kWarn, "warn"},
                                                                {LogLevel::kError, "error"}});
};
template <>
struct EnumWords<applier::FilterAction> {
  static constexpr auto kWords =
      std::to_array<Word<applier::FilterAction>>({{applier::FilterAction::kDo, "Do"},
                                                  {applier::FilterAction::kIgnore, "Ignore"},
                                                  {applier::FilterAction::kError, "Error"}});
};

}  // namespace tiderelay::conf
