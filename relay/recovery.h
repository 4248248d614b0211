// relay/recovery.h: how much of a log file a restart keeps, and its index built again.
//
// The file is read from the last place that its index vouches for (from its start without an index)
// and every event's length and checksum is checked. What follows the last whole transaction is a
// torn or unfinished tail: it was never acked, served or applied, is cut and fetched again.
// Memory: one block and what LogTracker needs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "relay/log_index.h"
#include "relay/log_tracker.h"
#include "relay/storage.h"

namespace tiderelay::relay {

// Reads events of `file` from tracker.end_bytes() on until its end or the first bad one. Errors are
// those of reading; what is wrong with the bytes is in `bad`.
struct ScanOutcome {
  bool good = true;
  Error bad;  // kTruncated: the file ends inside an event
};
[[nodiscard]] Result<ScanOutcome> scan_events(const StoredFile& file, std::uint64_t size_bytes,
                                              LogTracker& tracker);

// The format of a log file from its first event.
[[nodiscard]] Result<protocol::FormatDescription> read_format(const StoredFile& file);

struct FilePaths {
  std::string log_folder;
  std::string index_folder;
  std::string name;
  [[nodiscard]] std::string log_path() const { return log_folder + "/" + name; }
  [[nodiscard]] std::string index_name() const;
  [[nodiscard]] std::string index_path() const { return index_folder + "/" + index_name(); }
};

struct RecoveredFile {
  std::shared_ptr<StoredFile> file;
  std::uint64_t size_bytes = 0;  // as it was found
  std::unique_ptr<IndexWriter> index;
  bool index_has_head = false;
  std::optional<Error> tail;  // why the bytes from tracker.boundary() on are not kept
};

// `tracker` ends at the last whole transaction; nothing on disk has been changed but the index.
// gtids_before: those of the file before, for servers that list none.
[[nodiscard]] Result<RecoveredFile> recover_file(Storage& storage, const FilePaths& paths,
                                                 const GtidState& gtids_before,
                                                 LogTracker& tracker);

}  // namespace tiderelay::relay
