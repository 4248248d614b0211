// relay/relay_log.h: a source's relay log on disk, as its pump appends to it and others find it.
//
// open() brings the folder into order after any crash. From then on LogEnd says how far readers may
// go; files(), pins and purge are in catalog(), appending is in writer(). What is on disk is what
// the upstream's own files hold, byte by byte: docs/relay-log-format.md.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "relay/log_catalog.h"
#include "relay/log_end.h"
#include "relay/log_writer.h"
#include "relay/storage.h"
#include "relay/upstream_record.h"

namespace tiderelay::relay {

struct RelayLogOptions {
  std::string folder;  // <data-dir>/sources/<source-id>
  LogWriterOptions writer;
};

// Where the last generation goes on, and from where the upstream is asked again so that the last
// whole transaction can be compared.
struct ResumePoint {
  Generation generation;
  std::string file;               // empty: the generation has no file yet
  std::uint64_t begin_bytes = 4;  // of the last whole transaction; 4: of the file
  std::uint64_t end_bytes = 4;
  GtidState gtids;  // all that was received, or lies before the first file
};

class RelayLog {
 public:
  // kCorrupt: a file is damaged where it was good once; the text says where and what to do.
  [[nodiscard]] static Result<std::unique_ptr<RelayLog>> open(Storage& storage,
                                                              RelayLogOptions options);

  // From any thread.
  [[nodiscard]] LogEnd& end() { return end_; }
  // What enough followers have acknowledged: set by the relay server.
  [[nodiscard]] LogEnd& acknowledged() { return acknowledged_; }
  [[nodiscard]] LogCatalog& catalog() { return *catalog_; }
  [[nodiscard]] UpstreamRecord& upstream() { return upstream_; }
  [[nodiscard]] Storage& storage() { return storage_; }
  [[nodiscard]] std::string relay_folder() const { return catalog_->relay_folder(); }
  // What open() found and changed, for the log: cut tails, indexes built again.
  [[nodiscard]] const std::vector<std::string>& findings() const { return findings_; }

  // From the thread of the pump.
  [[nodiscard]] LogWriter& writer() { return *writer_; }
  [[nodiscard]] std::optional<ResumePoint> resume_point() const;  // nothing: an empty log
  // Files started from now on belong to a new generation. REQUIRES: writer().settled().
  [[nodiscard]] Result<void> start_generation(const std::string& uuid, const GenerationNote& note);
  [[nodiscard]] Result<void> start_file(const std::string& name);
  // Forgets a file that was begun and got no event: there is nothing in it to compare, and what was
  // received before it would stay unchecked. REQUIRES: writer().settled(), nothing unfinished.
  [[nodiscard]] Result<void> drop_empty_file();

 private:
  RelayLog(Storage& storage, std::unique_ptr<LogCatalog> catalog, const RelayLogOptions& options);
  [[nodiscard]] Result<void> recover();
  // Gives the GTIDs before the file's end.
  [[nodiscard]] Result<GtidState> recover_sealed(const LogFile& file, const GtidState& gtids_before,
                                                 bool ends_generation);
  [[nodiscard]] Result<void> drop_headless_files();
  [[nodiscard]] Result<bool> drop_if_headless(const LogFile& last, bool newest);
  [[nodiscard]] Result<void> remove_file(const LogFile& file);

  Storage& storage_;
  const RelayLogOptions options_;
  std::unique_ptr<LogCatalog> catalog_;
  UpstreamRecord upstream_;
  LogEnd end_;
  LogEnd acknowledged_;
  std::unique_ptr<LogWriter> writer_;
  std::vector<std::string> findings_;
};

}  // namespace tiderelay::relay
