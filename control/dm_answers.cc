// control/dm_answers.cc: field by field as DM prints them.
#include "control/dm_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "control/error_code.h"

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

// "<uuid>.000001/mysql-bin.000001:4" -> "(mysql-bin.000001, 4)"
std::string dm_position_of(const std::string& text) {
  const std::size_t slash = text.rfind('/');
  const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon < begin) return text;
  return fmt::format("({}, {})", text.substr(begin, colon - begin), text.substr(colon + 1));
}

std::string upstream_end(const SourceRunner::Status& status) {
  return position_text(status.upstream_file, status.upstream_offset_bytes);
}

std::string quoted_count(std::uint64_t count) { return std::to_string(count); }

struct CopyTotals {
  std::uint64_t tables_done = 0;
  double rows = 0;
  double rows_estimated = 0;
  std::uint64_t bytes = 0;
  [[nodiscard]] double part() const {
    return rows_estimated > 0 ? std::min(1.0, rows / rows_estimated) : 0.0;
  }
};

CopyTotals copy_totals(const TaskStatus& status) {
  CopyTotals totals;
  for (const TableProgress& table : status.tables) {
    totals.tables_done += table.done ? 1 : 0;
    totals.rows += static_cast<double>(table.rows_done);
    totals.rows_estimated += static_cast<double>(
        table.done ? table.rows_done : std::max(table.rows_estimated, table.rows_done));
    totals.bytes += table.bytes_done;
  }
  return totals;
}

std::string rounded(double value) {
  return std::to_string(static_cast<std::uint64_t>(std::max(0.0, value)));
}

json::object dump_object(const TaskStatus& status) {
  const CopyTotals totals = copy_totals(status);
  json::object dump;
  dump["totalTables"] = quoted_count(status.tables.size());
  dump["completedTables"] = static_cast<double>(totals.tables_done);
  dump["finishedBytes"] = static_cast<double>(totals.bytes);
  dump["finishedRows"] = totals.rows;
  dump["estimateTotalRows"] = totals.rows_estimated;
  dump["bps"] = rounded(status.bytes_per_second);
  dump["progress"] = fmt::format("{:.2f} %", 100 * totals.part());
  return dump;
}

json::object load_object(const TaskStatus& status) {
  const CopyTotals totals = copy_totals(status);
  const double bytes = static_cast<double>(totals.bytes);
  json::object load;
  load["finishedBytes"] = quoted_count(totals.bytes);
  load["totalBytes"] = rounded(totals.part() > 0 ? bytes / totals.part() : bytes);
  load["progress"] = fmt::format("{:.2f} %", 100 * totals.part());
  load["metaBinlog"] = dm_position_of(status.copy_position);
  load["metaBinlogGTID"] = status.copy_gtids;
  load["bps"] = rounded(status.bytes_per_second);
  return load;
}

// What DM has no field for.
json::object more_object(const TaskStatus& status) {
  json::object more;
  more["rowsPerSecond"] = status.rows_per_second;
  more["timeLeftSeconds"] = nullptr;
  if (status.time_left) more["timeLeftSeconds"] = status.time_left->count();
  more["lagSeconds"] = status.lag_seconds;
  more["bytesBehind"] = quoted_count(status.bytes_behind);
  more["rowsMissed"] = quoted_count(status.rows_missed);
  json::array notes;
  for (const std::string& note : status.notes) notes.push_back(json::string(note));
  more["notes"] = std::move(notes);
  json::array tables;
  for (const TableProgress& progress : status.tables) {
    json::object table;
    table["source"] = progress.source;
    table["target"] = progress.target;
    table["rowsDone"] = quoted_count(progress.rows_done);
    table["rowsEstimated"] = quoted_count(progress.rows_estimated);
    table["chunksDone"] = quoted_count(progress.chunks_done);
    table["chunksTotal"] = quoted_count(progress.chunks_total);
    table["done"] = progress.done;
    table["note"] = progress.note;
    tables.push_back(std::move(table));
  }
  more["tables"] = std::move(tables);
  return more;
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
  sync["syncerBinlog"] = dm_position_of(status.applied_position);
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

// Why it does not run: the error, or "cancelled" where a person paused it; null where it runs.
json::value result_of(Stage stage, const std::optional<Error>& error) {
  if (!error && stage != Stage::kPaused) return nullptr;
  json::object result;
  result["isCanceled"] = !error;
  result["errors"] = error ? json::array({error_object(*error)}) : json::array();
  result["detail"] = nullptr;
  return result;
}

json::object relay_object(const SourceRunner::Status& status) {
  json::object relay;
  relay["masterBinlog"] = upstream_end(status);
  relay["masterBinlogGtid"] = status.upstream_gtids;
  relay["relaySubDir"] = status.folder;
  relay["relayBinlog"] = position_text(status.upstream.file, status.upstream.offset_bytes);
  relay["relayBinlogGtid"] = status.upstream.gtids;
  relay["relayCatchUpMaster"] = status.caught_up;
  relay["stage"] = stage_name(status.stage);
  const std::optional<Error>& error = status.error ? status.error : status.no_room;
  relay["result"] = result_of(status.stage, error);
  relay["tiderelay"] = relay_more_object(status);
  return relay;
}

std::string task_status_word(const std::string& task, const std::vector<TaskStatus>& subtasks,
                             const std::vector<const SourceRunner::Status*>& sources) {
  const std::string more = ". Please run `query-status " + task + "` to get more details.";
  bool paused = false;
  bool all_same = true;
  for (const TaskStatus& status : subtasks) {
    if (status.stage == Stage::kPaused && status.error) {
      return "Error - Some error occurred in subtask" + more;
    }
    paused = paused || status.stage == Stage::kPaused;
    all_same = all_same && status.stage == subtasks.front().stage;
  }
  for (std::size_t i = 0; i < subtasks.size(); ++i) {
    const bool syncs = subtasks[i].unit == Unit::kSync && subtasks[i].stage == Stage::kRunning;
    if (!syncs || sources[i] == nullptr) continue;
    const Stage relay = sources[i]->stage;
    if (relay != Stage::kPaused && relay != Stage::kStopped) continue;
    return std::string("Error - Relay status is ") +
           (sources[i]->error ? "Error" : stage_name(relay)) + more;
  }
  if (paused) return "Paused";
  const Stage stage = subtasks.front().stage;
  const bool at_rest =
      stage == Stage::kNew || stage == Stage::kFinished || stage == Stage::kStopped;
  return all_same && at_rest ? stage_name(stage) : "Running";
}

}  // namespace

std::string position_text(const std::string& file, std::uint64_t offset) {
  return file.empty() ? "" : fmt::format("({}, {})", file, offset);
}

json::value in_snake_case(const json::value& value) {
  if (value.is_array()) {
    json::array items;
    for (const json::value& item : value.get_array()) items.push_back(in_snake_case(item));
    return items;
  }
  if (!value.is_object()) return value;
  json::object object;
  for (const auto& member : value.get_object()) {
    std::string name;
    bool before_low = false;
    for (const char c : std::string_view(member.key())) {
      const bool high = c >= 'A' && c <= 'Z';
      if (high && before_low) name += '_';
      name += high ? static_cast<char>(c + 32) : c;
      before_low = !high;
    }
    object[name] = in_snake_case(member.value());
  }
  return object;
}

json::object subtask_object(const SubtaskView& subtask, const SourceRunner::Status* source) {
  const TaskStatus& status = subtask.status;
  json::object object;
  object["name"] = subtask.task;
  object["stage"] = stage_name(status.stage);
  object["unit"] = unit_name(status.unit);
  object["result"] = result_of(status.stage, status.error);
  object["unresolvedDDLLockID"] = "";
  switch (status.unit) {
    case Unit::kCheck:
      object["check"] = nullptr;
      break;
    case Unit::kDump:
      object["dump"] = dump_object(status);
      break;
    case Unit::kLoad:
      object["load"] = load_object(status);
      break;
    case Unit::kSync:
      object["sync"] = sync_object(status, source);
      break;
  }
  object["validation"] = nullptr;
  object["tiderelay"] = more_object(status);
  return object;
}

std::string json_text(const json::value& value) {
  std::string out;
  print(out, value, 0);
  out += '\n';
  return out;
}

std::string with_way_out(const Error& error) {
  return error.way_out().empty() ? error.text() : error.text() + "; " + error.way_out();
}

json::object refusal(const Error& error) { return plain_answer(false, with_way_out(error)); }

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

void add_empty_fields(const CtlCall& call, json::object& answer) {
  const auto add = [&answer](const char* key, json::value value) {
    if (!answer.contains(key)) answer[key] = std::move(value);
  };
  switch (call.command) {
    case CtlCommand::kConfig:
      if (answer.at("result") == false) add("cfg", "");
      return;
    case CtlCommand::kQueryError:
      return add("workers", json::array());
    case CtlCommand::kQueryStatus:
      if (!answer.contains("tasks")) add("sources", json::array());
      return;
    case CtlCommand::kStartTask:
      add("sources", json::array());
      return add("checkResult", nullptr);
    case CtlCommand::kBinlog:
    case CtlCommand::kBinlogSchema:
    case CtlCommand::kOperateSource:
    case CtlCommand::kPauseRelay:
    case CtlCommand::kPauseTask:
    case CtlCommand::kPurgeRelay:
    case CtlCommand::kResumeRelay:
    case CtlCommand::kResumeTask:
    case CtlCommand::kResyncTable:
    case CtlCommand::kStopTask:
    case CtlCommand::kUpdateTask:
      return add("sources", json::array());
    case CtlCommand::kValidation:
      if (call.action == "start" || call.action == "stop") add("sources", json::array());
      if (call.action == "show-error") add("error", json::array());
      if (call.action != "status") return;
      add("validators", json::array());
      return add("tableStatuses", json::array());
    case CtlCommand::kNoEffect:
      if (call.name.ends_with("-relay")) add("sources", json::array());
      return;
    case CtlCommand::kCheckTask:
    case CtlCommand::kListMember:
    case CtlCommand::kRefused:
    case CtlCommand::kShardLocks:
      return;
  }
}

json::object short_status(const std::vector<SourceView>& runners,
                          const std::vector<SubtaskView>& subtasks) {
  std::map<std::string, std::vector<const SubtaskView*>> by_task;
  for (const SubtaskView& subtask : subtasks) by_task[subtask.task].push_back(&subtask);
  json::array tasks;
  for (const auto& [name, views] : by_task) {
    std::vector<TaskStatus> statuses;
    std::vector<const SourceRunner::Status*> relays;
    json::array sources;
    for (const SubtaskView* view : views) {
      statuses.push_back(view->status);
      const auto runner = std::ranges::find(runners, view->source_id, &SourceView::source_id);
      relays.push_back(runner == runners.end() ? nullptr : &runner->status);
      sources.push_back(json::string(view->source_id));
    }
    json::object task;
    task["taskName"] = name;
    task["taskStatus"] = task_status_word(name, statuses, relays);
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
    entry["msg"] = subtask_status.empty() ? "no sub task started" : "";
    entry["sourceStatus"] = std::move(source_status);
    entry["subTaskStatus"] = std::move(subtask_status);
    list.push_back(std::move(entry));
  }
  json::object answer = plain_answer(true, "");
  answer["sources"] = std::move(list);
  return answer;
}

json::object follower_object(const relay::Follower& one) {
  json::object object;
  object["serverId"] = one.server_id;
  object["uuid"] = one.uuid;
  object["address"] = one.peer;
  object["user"] = one.user;
  object["program"] = one.program;
  object["state"] = !one.connected ? "away" : one.dumping ? "following" : "connected";
  object["registered"] = one.registered;
  object["position"] = one.connected ? position_text(one.file, one.sent.offset_bytes)
                                     : fmt::format("file number {}", one.sent.file);
  if (!one.connected) {
    object["seen"] =
        std::chrono::duration_cast<std::chrono::seconds>(one.seen.time_since_epoch()).count();
  }
  object["semiSync"] = one.semi_sync;
  object["sentBytes"] = one.sent_bytes;
  object["lagBytes"] = one.lag_bytes;
  object["lagTransactions"] = nullptr;
  if (one.lag_transactions) object["lagTransactions"] = *one.lag_transactions;
  object["lagSeconds"] = one.lag_seconds;
  return object;
}

json::object relay_more_object(const SourceRunner::Status& status) {
  json::object object;
  object["state"] = relay::state_name(status.upstream.state);
  object["alarm"] = status.upstream.alarm;
  object["semiSync"] = status.upstream.semi_sync;
  object["acknowledgements"] = status.upstream.acknowledgements;
  json::array followers;
  for (const relay::Follower& one : status.followers) followers.push_back(follower_object(one));
  object["followers"] = std::move(followers);
  return object;
}

json::object error_object(const Error& error) {
  const ErrorCode& code = code_of(error);
  json::object object;
  object["ErrCode"] = code.number;
  object["ErrClass"] = code.error_class;
  object["ErrScope"] = scope_of(error);
  object["ErrLevel"] = code.level;
  object["Message"] = error.text();
  object["RawCause"] = error.server_code() == 0
                           ? std::string()
                           : fmt::format("Error {}: {}", error.server_code(), error.text());
  object["Workaround"] = error.way_out().empty() ? std::string(code.way_out) : error.way_out();
  return object;
}

}  // namespace tiderelay::control
