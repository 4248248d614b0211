// control/ctl_words.h: dmctl's command line, as words: what is asked, or why it is not understood.
//
// Used at both ends: ctl refuses before it asks, the daemon refuses what others send.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace tiderelay::control {

enum class CtlCommand : std::uint8_t {
  kBinlog,        // an order for one statement
  kBinlogSchema,  // a table definition of a task
  kCheckTask,
  kConfig,
  kListMember,
  kNoEffect,  // accepted; the answer says why there is nothing to do
  kOperateSource,
  kPauseRelay,
  kPauseTask,
  kPurgeRelay,
  kQueryError,
  kQueryStatus,
  kRefused,  // known, not done; the answer says what to do instead
  kResumeRelay,
  kResumeTask,
  kShardLocks,
  kStartTask,
  kStopTask,
  kResyncTable,
  kUpdateTask,
  kValidation,  // refused, in the shape of its answers
};

struct CtlCall {
  CtlCommand command = CtlCommand::kQueryStatus;
  std::string name;                     // as typed
  std::string action;                   // create, update, stop, show; of config: task, source
  std::vector<std::string> arguments;   // tasks or files as typed
  std::vector<std::string> sources;     // -s
  std::vector<std::string> statements;  // of kBinlog
  std::string position;                 // of kBinlog: -b
  std::string by;                       // who asks; ctl says it
  std::string file;                     // purge-relay -f; binlog-schema: with the definition
  std::string schema;                   // of kBinlogSchema
  std::string table;                    // of kBinlogSchema
  std::string folder;                   // purge-relay --sub-dir; config --path
  std::string parts;                    // list-member: 'l', 'm', 'w'; empty: all
  bool remove_meta = false;
  bool more = false;
  enum class Definition : std::uint8_t { kOfFile, kOfSource, kOfTarget };
  Definition definition = Definition::kOfFile;  // of kBinlogSchema
  std::size_t errors_max = 10;
  std::size_t warnings_max = 10;
};

// kConfig: the text names the nearest known command, the way out is the usage.
[[nodiscard]] Result<CtlCall> parse_ctl(const std::vector<std::string>& words);

// Which of the words may name a file that is to be sent along.
[[nodiscard]] std::vector<std::string> file_words(const CtlCall& call);

// The list of commands, or one command's usage; a name that is not known gives the list.
[[nodiscard]] std::string ctl_help(const std::string& command = "");

// What may stand where a line ends: commands, their actions, their options.
[[nodiscard]] std::vector<std::string> ctl_candidates(const std::string& line);

// A line of the prompt, split at blanks; '...' and "..." hold a word together.
[[nodiscard]] Result<std::vector<std::string>> split_line(const std::string& line);

}  // namespace tiderelay::control
