// control/dm_answers.h: the JSON that dmctl's users know, made from our status values.
//
// Rules of DM: four blanks of indent, every field printed in a fixed order, 64-bit integers as
// quoted strings. Source: tiflow dm/proto/dmmaster.proto, dmworker.proto, and its JSON marshaller's
// options.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "control/ctl_words.h"
#include "control/source_runner.h"
#include "control/task_runner.h"

namespace tiderelay::control {

struct SubtaskView {  // one task at one source
  std::string task;
  std::string source_id;
  TaskStatus status;
};
struct SourceView {
  std::string source_id;
  SourceRunner::Status status;
};

[[nodiscard]] std::string json_text(const boost::json::value& value);  // indented, with a line end

// {"result", "msg"}: a refusal or a plain success.
[[nodiscard]] boost::json::object plain_answer(bool result, const std::string& message);
[[nodiscard]] std::string with_way_out(const Error& error);  // "text; way out"
[[nodiscard]] boost::json::object refusal(const Error& error);
// {"result", "msg", "sources": [{"result", "msg", "source", "worker"}]}
struct SourceOutcome {
  std::string source_id;
  bool result = true;
  std::string message;
};
[[nodiscard]] boost::json::object sources_answer(const std::vector<SourceOutcome>& outcomes,
                                                 const std::string& message = "");

// What dmctl prints empty where a command was refused: "sources": [] and the like.
void add_empty_fields(const CtlCall& call, boost::json::object& answer);

[[nodiscard]] std::string position_text(const std::string& file,
                                        std::uint64_t offset);  // "(mysql-bin.000001, 4)"
// Names of members as DM's OpenAPI writes them: masterBinlog -> master_binlog.
[[nodiscard]] boost::json::value in_snake_case(const boost::json::value& value);
// An element of subTaskStatus. `source` may be null.
[[nodiscard]] boost::json::object subtask_object(const SubtaskView& subtask,
                                                 const SourceRunner::Status* source);

[[nodiscard]] boost::json::object follower_object(const relay::Follower& one);
// What tiderelay knows of a relay log beyond DM: {"state", "alarm", "followers": [...]}.
[[nodiscard]] boost::json::object relay_more_object(const SourceRunner::Status& status);

// query-status without a task: a line per task.
[[nodiscard]] boost::json::object short_status(const std::vector<SourceView>& sources,
                                               const std::vector<SubtaskView>& subtasks);
// query-status of one task, or of one source with all of its tasks.
[[nodiscard]] boost::json::object long_status(const std::vector<SourceView>& sources,
                                              const std::vector<SubtaskView>& subtasks);

// {"ErrCode", "ErrClass", ..., "Message", "RawCause", "Workaround"}
[[nodiscard]] boost::json::object error_object(const Error& error);

}  // namespace tiderelay::control
