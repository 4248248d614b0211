// relay/start_plan.h: decides from where a server's log is received, given what the relay log has
// and what the server says.
//
// A plain function, called again with one more fact when it asks for it (kFindByGtids). Receiving
// is always by file and offset: GTIDs only choose the file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "relay/log_catalog.h"
#include "relay/relay_log.h"
#include "relay/upstream_facts.h"

namespace tiderelay::relay {

// Where an empty relay log begins.
struct StartPoint {
  enum class Kind : std::uint8_t {
    kNow,     // the file that the upstream writes at the moment, from its start
    kOldest,  // the oldest file it has
    kFile,    // `file`
    kGtids,   // the newest file before which nothing lies that is not in `gtids`
  };
  Kind kind = Kind::kNow;
  std::string file;
  GtidState gtids;
};

struct StartFacts {
  std::optional<ResumePoint> resume;  // nothing: the relay log is empty
  bool file_is_complete = false;      // the log's last file ends with a ROTATE or STOP event
  StartPoint start;
  UpstreamFacts upstream;
  std::vector<UpstreamFile> files;  // SHOW BINARY LOGS, oldest first
  GtidState missing;                // received, but not executed by the upstream
  // The answer to kFindByGtids. found_file stays empty when no file is old enough.
  bool searched = false;
  std::string found_file;
};

struct StartPlan {
  enum class Kind : std::uint8_t {
    kResume,         // in the last file, comparing from begin_bytes to end_bytes
    kNextFile,       // the last file was received whole: `file` follows it
    kNewGeneration,  // `file` from its start, in a new generation that `note` explains
    kFindByGtids,    // first find the newest file whose GTIDs before it are all in `gtids`
  };
  Kind kind = Kind::kResume;
  std::string file;
  std::uint64_t begin_bytes = 4;
  std::uint64_t end_bytes = 4;
  GenerationNote note;
  GtidState gtids;
};

// Errors: kPurged, kDiverged, kConfig with the way out.
[[nodiscard]] Result<StartPlan> plan_start(const StartFacts& facts);
// The same after the overlap was compared and differs: a new generation on the same server.
[[nodiscard]] Result<StartPlan> plan_after_difference(const StartFacts& facts,
                                                      const Error& difference);

}  // namespace tiderelay::relay
