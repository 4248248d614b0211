// control/dm_answers.cc: field by field as DM prints them.
#include "control/dm_answers.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <map>

namespace tiderelay::control {

namespace json = boost::json;

namespace {

void print(std::string& out, const json::value& value, unsigned depth);

void indent(std::string& out, unsigned depth) { out.append(4UL * depth, ' '); }

template <class Items, class PrintItem>
void print_items(std::string& out, const Items& items, char open, char close, unsigned depth,
                 PrintItem print_item) {
  out += open;
  bool first = true;
  for (const auto& item : items) {
    out += first ? "\n" : ",\n";
    first = false;
    indent(out, depth + 1);
    print_item(item);
  }
  if (!first) {
    out += '\n';
    indent(out, depth);
  }
  out += close;
}

void print(std::string& out, const json::value& value, unsigned depth) {
  if (value.is_object()) {
    print_items(out, value.get_object(), '{', '}', depth, [&](const json::key_value_pair& item) {
      out += json::serialize(item.key());
      out += ": ";
      print(out, item.value(), depth + 1);
    });
  } else if (value.is_array()) {
    print_items(out, value.get_array(), '[', ']', depth,
                [&](const json::value& item) { print(out, item, depth + 1); });
  } else if (value.is_double()) {
    out += fmt::format("{}", value.get_double());  // not "0E0"
  } else {
    out += json::serialize(value);
  }
}

const char* unit_name(Unit unit) {
  switch (unit) {
    case Unit::kCheck:
      return "Check";
    case Unit::kDump:
      return "Dump";
    case Unit::kLoad:
      return "Load";
    case Unit::kSync:
      return "Sync";
  }
  return "InvalidUnit";
}

// "(mysql-bin.000001, 4)"
std::string dm_position(const std::string& file, std::uint64_t offset) {
  return file.empty() ? "" : fmt::format("({}, {})", file, offset);
}

std::string upstream_end(const SourceRunner::Status& status) {
  return dm_position(status.upstream_file, status.upstream_offset_bytes);
}

std::string quoted_count(std::uint64_t count) { return std::to_string(count); }

json::object dump_object(const TaskStatus& status) {
  std::uint64_t completed = 0;
  double rows = 0;
  double estimated = 0;
  for (const TableProgress& table : status.tables) {
    completed += table.done ? 1 : 0;
    rows += static_cast<double>(table.rows_done);
    estimated += static_cast<double>(std::max(table.rows_estimated, table.rows_done));
  }
  json::object dump;
  dump["totalTables"] = quoted_count(status.tables.size());
  dump["completedTables"] = static_cast<double>(completed);
  dump["finishedBytes"] = 0.0;
  dump["finishedRows"] = rows;
  dump["estimateTotalRows"] = estimated;
  dump["bps"] = "0";
  dump["progress"] = fmt::format("{:.2f} %", estimated > 0 ? 100.0 * rows / estimated : 100.0);
  return dump;
}

json::object sync_object(const TaskStatus& status, const SourceRunner::Status* source) {
  json::object sync;
  const std::string rows = quoted_count(status.rows);
  const std::string rate = quoted_count(static_cast<std::uint64_t>(status.rows_per_second));
  sync["totalEvents"] = rows;
  sync["totalTps"] = rate;
  sync["recentTps"] = rate;
  sync["masterBinlog"] = source != nullptr ? upstream_end(*source) : "";
  sync["masterBinlogGtid"] = source != nullptr ? source->upstream_gtids : "";
  sync["syncerBinlog"] = status.applied_position;
  sync["syncerBinlogGtid"] = status.applied_set;
  sync["blockingDDLs"] = json::array();
  sync["unresolvedGroups"] = json::array();
  sync["synced"] = status.caught_up;
  sync["binlogType"] = "local";
  sync["secondsBehindMaster"] = quoted_count(static_cast<std::uint64_t>(status.lag_seconds));
  sync["blockDDLOwner"] = "";
  sync["conflictMsg"] = "";
  sync["totalRows"] = rows;
  sync["totalRps"] = rate;
  sync["recentRps"] = rate;
  sync["ioTotalBytes"] = "0";
  sync["dumpIOTotalBytes"] = "0";
  return sync;
}

json::object subtask_object(const SubtaskView& subtask, const SourceRunner::Status* source) {
  const TaskStatus& status = subtask.status;
  json::object object;
  object["name"] = subtask.task;
  object["stage"] = stage_name(status.stage);
  object["unit"] = unit_name(status.unit);
  object["result"] = nullptr;
  if (status.error) {
    json::object result;
    result["isCanceled"] = false;
    result["errors"] = json::array({error_object(*status.error)});
    result["detail"] = nullptr;
    object["result"] = std::move(result);
  }
  object["unresolvedDDLLockID"] = "";
  if (status.unit == Unit::kSync) {
    object["sync"] = sync_object(status, source);
  } else {
    object["dump"] = dump_object(status);
  }
  object["validation"] = nullptr;
  return object;
}

json::object relay_object(const SourceRunner::Status& status) {
  json::object relay;
  relay["masterBinlog"] = upstream_end(status);
  relay["masterBinlogGtid"] = status.upstream_gtids;
  relay["relaySubDir"] = status.folder;
  relay["relayBinlog"] = dm_position(status.upstream.file, status.upstream.offset_bytes);
  relay["relayBinlogGtid"] = status.upstream.gtids;
  relay["relayCatchUpMaster"] = status.caught_up;
  relay["stage"] = stage_name(status.stage);
  relay["result"] = nullptr;
  if (status.error) {
    json::object result;
    result["isCanceled"] = false;
    result["errors"] = json::array({error_object(*status.error)});
    result["detail"] = nullptr;
    relay["result"] = std::move(result);
  }
  return relay;
}

std::string task_status_word(const std::string& task, const std::vector<TaskStatus>& subtasks) {
  bool paused = false;
  bool all_same = true;
  for (const TaskStatus& status : subtasks) {
    if (status.stage == Stage::kPaused && status.error) {
      return "Error - Some error occurred in subtask. Please run `query-status " + task +
             "` to get more details.";
    }
    paused = paused || status.stage == Stage::kPaused;
    all_same = all_same && status.stage == subtasks.front().stage;
  }
  if (paused) return "Paused";
  const Stage stage = subtasks.front().stage;
  const bool at_rest =
      stage == Stage::kNew || stage == Stage::kFinished || stage == Stage::kStopped;
  return all_same && at_rest ? stage_name(stage) : "Running";
}

}  // namespace

std::string json_text(const json::value& value) {
  std::string out;
  print(out, value, 0);
  out += '\n';
  return out;
}

json::object plain_answer(bool result, const std::string& message) {
  json::object answer;
  answer["result"] = result;
  answer["msg"] = message;
  return answer;
}

json::object sources_answer(const std::vector<SourceOutcome>& outcomes,
                            const std::string& message) {
  bool all = true;
  json::array sources;
  for (const SourceOutcome& outcome : outcomes) {
    all = all && outcome.result;
    json::object source;
    source["result"] = outcome.result;
    source["msg"] = outcome.message;
    source["source"] = outcome.source_id;
    source["worker"] = "tiderelay";
    sources.push_back(std::move(source));
  }
  json::object answer = plain_answer(all, message);
  answer["sources"] = std::move(sources);
  return answer;
}

json::object short_status(const std::vector<SubtaskView>& subtasks) {
  std::map<std::string, std::vector<const SubtaskView*>> by_task;
  for (const SubtaskView& subtask : subtasks) by_task[subtask.task].push_back(&subtask);
  json::array tasks;
  for (const auto& [name, views] : by_task) {
    std::vector<TaskStatus> statuses;
    json::array sources;
    for (const SubtaskView* view : views) {
      statuses.push_back(view->status);
      sources.push_back(json::string(view->source_id));
    }
    json::object task;
    task["taskName"] = name;
    task["taskStatus"] = task_status_word(name, statuses);
    task["sources"] = std::move(sources);
    tasks.push_back(std::move(task));
  }
  json::object answer = plain_answer(true, "");
  answer["tasks"] = std::move(tasks);
  return answer;
}

json::object long_status(const std::vector<SourceView>& sources,
                         const std::vector<SubtaskView>& subtasks) {
  json::array list;
  for (const SourceView& source : sources) {
    json::object source_status;
    source_status["source"] = source.source_id;
    source_status["worker"] = "tiderelay";
    source_status["result"] = nullptr;
    source_status["relayStatus"] = relay_object(source.status);
    json::array subtask_status;
    for (const SubtaskView& subtask : subtasks) {
      if (subtask.source_id != source.source_id) continue;
      subtask_status.push_back(subtask_object(subtask, &source.status));
    }
    json::object entry;
    entry["result"] = true;
    entry["msg"] = "";
    entry["sourceStatus"] = std::move(source_status);
    entry["subTaskStatus"] = std::move(subtask_status);
    list.push_back(std::move(entry));
  }
  json::object answer = plain_answer(true, "");
  answer["sources"] = std::move(list);
  return answer;
}

json::object error_object(const Error& error) {
  json::object object;
  object["ErrCode"] = error.server_code();
  object["ErrClass"] = "tiderelay";
  object["ErrScope"] = error.server_code() != 0 ? "downstream" : "internal";
  object["ErrLevel"] = "high";
  object["Message"] = error.text();
  object["RawCause"] = error.server_code() != 0 ? error.text() : "";
  object["Workaround"] = error.way_out();
  return object;
}

}  // namespace tiderelay::control
