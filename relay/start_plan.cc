// relay/start_plan.cc: the cases, one after the other.
#include "relay/start_plan.h"

#include <algorithm>

namespace tiderelay::relay {
namespace {

constexpr const char* kPurgedWayOut =
    "restore the missing files on the upstream, or start this source again from a full copy; keep "
    "logs longer there (binlog_expire_logs_seconds, expire_logs_days; Aurora and RDS: CALL "
    "mysql.rds_set_configuration('binlog retention hours', 168))";

const UpstreamFile* find_file(const StartFacts& facts, const std::string& name) {
  const auto found = std::find_if(facts.files.begin(), facts.files.end(),
                                  [&name](const UpstreamFile& file) { return file.name == name; });
  return found == facts.files.end() ? nullptr : &*found;
}

std::string listed(const StartFacts& facts) {
  return "it has " + facts.files.front().name + " to " + facts.files.back().name;
}

StartPlan new_generation(std::string file, GenerationNote::Why why, std::string text) {
  StartPlan plan;
  plan.kind = StartPlan::Kind::kNewGeneration;
  plan.file = std::move(file);
  plan.note.why = why;
  plan.note.text = std::move(text);
  return plan;
}

StartPlan find_by_gtids(const GtidState& gtids) {
  StartPlan plan;
  plan.kind = StartPlan::Kind::kFindByGtids;
  plan.gtids = gtids;
  return plan;
}

Result<StartPlan> plan_empty(const StartFacts& facts) {
  const std::string text = "the first start of this source, on server " +
                           facts.upstream.server_uuid + " (" + facts.upstream.version + ")";
  const auto why = GenerationNote::Why::kStart;
  switch (facts.start.kind) {
    case StartPoint::Kind::kNow:
      return new_generation(facts.files.back().name, why, text);
    case StartPoint::Kind::kOldest:
      return new_generation(facts.files.front().name, why, text);
    case StartPoint::Kind::kFile:
      if (find_file(facts, facts.start.file) != nullptr) {
        return new_generation(facts.start.file, why, text);
      }
      return Error(Errc::kPurged, "the upstream does not have the file " + facts.start.file +
                                      " to start from: " + listed(facts))
          .with_way_out("start from a file that SHOW BINARY LOGS lists, or from a full copy");
    case StartPoint::Kind::kGtids:
      break;
  }
  if (!facts.searched) return find_by_gtids(facts.start.gtids);
  if (!facts.found_file.empty()) return new_generation(facts.found_file, why, text);
  return Error(Errc::kPurged, "the upstream no longer has the log behind the GTIDs \"" +
                                  facts.start.gtids.text() + "\": " + listed(facts))
      .with_way_out(kPurgedWayOut);
}

// Another server. GTIDs find the place; what it does not have is shown.
Result<StartPlan> plan_switch(const StartFacts& facts) {
  const ResumePoint& resume = *facts.resume;
  const std::string servers = "the upstream was server " + resume.generation.uuid +
                              " and is now server " + facts.upstream.server_uuid;
  if (!facts.upstream.has_gtids() || resume.gtids.empty()) {
    return Error(Errc::kDiverged, servers +
                                      "; without GTIDs (gtid_mode = ON before the switch, on "
                                      "both) the place in its log cannot be found")
        .with_way_out(
            "point the source back at the old server, or remove its relay log and start from a "
            "file and position of the new one that you know to be the same place");
  }
  if (!facts.searched) return find_by_gtids(resume.gtids);
  if (facts.found_file.empty()) {
    return Error(Errc::kPurged,
                 servers + ", which no longer has the log that follows what was received: " +
                     listed(facts))
        .with_way_out(kPurgedWayOut);
  }
  if (facts.missing.empty()) {
    return new_generation(facts.found_file, GenerationNote::Why::kSwitched,
                          servers + "; its log goes on from the same GTIDs");
  }
  return new_generation(facts.found_file, GenerationNote::Why::kDiverged,
                        servers +
                            ", which does not have these transactions that were received "
                            "before: " +
                            facts.missing.text());
}

// The same server, but our last file is not on it.
Result<StartPlan> plan_lost_file(const StartFacts& facts) {
  const ResumePoint& resume = *facts.resume;
  const auto ours = parse_numbered_name(resume.file);
  const auto oldest = parse_numbered_name(facts.files.front().name);
  if (ours && oldest && ours->stem == oldest->stem && oldest->number > ours->number) {
    if (facts.file_is_complete && oldest->number == ours->number + 1) {
      StartPlan plan;
      plan.kind = StartPlan::Kind::kNextFile;
      plan.file = facts.files.front().name;
      return plan;
    }
    return Error(Errc::kPurged, "the upstream removed " + resume.file +
                                    " before all of it was received: " + listed(facts))
        .with_way_out(kPurgedWayOut);
  }
  const std::string text = "server " + resume.generation.uuid + " no longer has " + resume.file +
                           ", which was received before: " + listed(facts) +
                           " (RESET MASTER, a restored copy, or another log_bin name)";
  if (facts.upstream.has_gtids() && !resume.gtids.empty() && facts.missing.empty()) {
    if (!facts.searched) return find_by_gtids(resume.gtids);
    if (!facts.found_file.empty()) {
      return new_generation(facts.found_file, GenerationNote::Why::kSwitched,
                            text + "; its log goes on from the same GTIDs");
    }
  }
  return new_generation(facts.files.front().name, GenerationNote::Why::kDiverged, text);
}

}  // namespace

Result<StartPlan> plan_start(const StartFacts& facts) {
  if (!facts.resume) return plan_empty(facts);
  const ResumePoint& resume = *facts.resume;
  const bool same_server = resume.generation.uuid == facts.upstream.server_uuid;
  if (resume.file.empty() && same_server) {
    // A crash between the generation and its first file: the same decision again.
    if (resume.gtids.empty()) return plan_empty(facts);
    if (!facts.searched) return find_by_gtids(resume.gtids);
    return new_generation(facts.found_file.empty() ? facts.files.front().name : facts.found_file,
                          resume.generation.note.why, resume.generation.note.text);
  }
  if (!same_server) return plan_switch(facts);
  const UpstreamFile* file = find_file(facts, resume.file);
  if (file == nullptr) return plan_lost_file(facts);
  if (file->size_bytes < resume.end_bytes) {
    return plan_after_difference(
        facts, Error(Errc::kDiverged, "the upstream's " + file->name + " has " +
                                          std::to_string(file->size_bytes) +
                                          " bytes, but was received up to " +
                                          std::to_string(resume.end_bytes) + " before"));
  }
  StartPlan plan;
  plan.file = resume.file;
  plan.begin_bytes = resume.begin_bytes;
  plan.end_bytes = resume.end_bytes;
  return plan;
}

Result<StartPlan> plan_after_difference(const StartFacts& facts, const Error& difference) {
  const std::string file = find_file(facts, facts.resume->file) != nullptr
                               ? facts.resume->file
                               : facts.files.front().name;
  return new_generation(
      file, GenerationNote::Why::kDiverged,
      "server " + facts.upstream.server_uuid +
          " now has another history than what was received: " + difference.text());
}

}  // namespace tiderelay::relay
