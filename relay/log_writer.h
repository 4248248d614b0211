// relay/log_writer.h: appends to the last file of a relay log.
//
// append() buffers and checks, flush() gives to the kernel, a SyncJob makes it survive a power cut
// and then moves LogEnd: three steps, so that one sync covers what arrived while the last one ran.
// One thread calls everything but SyncJob::run(), which may run on another; one job at a time.
//
//   kBegin of an event <= tracker.boundary() <= tracker.end_bytes() <= written + buffered bytes
//   LogEnd = boundary of the last job that has run
//
// Memory: one block.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "relay/log_catalog.h"
#include "relay/log_end.h"
#include "relay/log_tracker.h"
#include "relay/recovery.h"
#include "relay/storage.h"

namespace tiderelay::relay {

// What has to happen before LogEnd may move to `end`. An error of run() is final for the process.
class SyncJob {
 public:
  [[nodiscard]] Result<void> run();
  [[nodiscard]] const LogPosition& end() const { return end_; }

 private:
  friend class LogWriter;
  std::shared_ptr<StoredFile> file_;
  std::shared_ptr<IndexWriter> index_;
  std::string index_records_;
  std::shared_ptr<IndexWriter> sealed_index_;  // of the file before, which has ended
  std::string sealed_records_;
  LogPosition end_;
  std::shared_ptr<const GtidState> gtids_;  // before end_
  std::uint64_t transactions_ = 0;          // before end_
  LogEnd* log_end_ = nullptr;
};

struct LogWriterOptions {
  std::uint64_t mark_interval_bytes = 1U << 20;
  std::size_t block_bytes = 1U << 20;
};

class LogWriter {
 public:
  LogWriter(Storage& storage, LogCatalog& catalog, LogEnd& end, LogWriterOptions options);

  // Goes on in `file`, whatever a crash left of it; drops what is behind its last whole
  // transaction. gtids_before: as for recover_file(). The text of `tail` says what was cut and why.
  [[nodiscard]] Result<void> open_file(const LogFile& file, const GtidState& gtids_before);
  // The same for the file that is open, after a write failed because the disk was full.
  // REQUIRES: no job is running.
  [[nodiscard]] Result<void> reopen();
  [[nodiscard]] const std::optional<Error>& tail() const { return tail_; }
  void close_file();  // without another word; REQUIRES: settled()

  // Seals the open file, if there is one, and begins the next. REQUIRES: settled().
  [[nodiscard]] Result<void> start_file(const Generation& generation, const std::string& name);
  // Everything on disk and no job running.
  [[nodiscard]] bool settled() const;
  // The file ends here at the upstream, too: what is open now will never be whole.
  void abandon_open() { tracker_.abandon_open(); }

  // The next bytes of the open file, as LogTracker::add() takes them.
  [[nodiscard]] Result<void> append(ByteView piece, bool first, bool last);
  // Forgets what is behind the last whole transaction, also on disk.
  [[nodiscard]] Result<void> cut_unfinished();
  [[nodiscard]] Result<void> flush();

  // Flushes and gives the job that is due, if any. REQUIRES: the one before has finished.
  [[nodiscard]] Result<std::optional<SyncJob>> take_sync();
  void finish_sync(const SyncJob& job);
  [[nodiscard]] bool sync_due() const { return !sync_running_ && !settled(); }
  [[nodiscard]] bool sync_running() const { return sync_running_; }

  [[nodiscard]] bool has_file() const { return file_ != nullptr; }
  [[nodiscard]] const LogFile& file() const { return info_; }
  [[nodiscard]] const LogTracker& tracker() const { return tracker_; }
  [[nodiscard]] Result<std::size_t> read_back(std::uint64_t offset,
                                              std::span<std::byte> into) const {
    return file_->read_at(offset, into);
  }

 private:
  [[nodiscard]] LogPosition boundary() const;
  [[nodiscard]] std::string take_index_records();

  Storage& storage_;
  LogCatalog& catalog_;
  LogEnd& end_;
  const LogWriterOptions options_;
  LogTracker tracker_;
  LogFile info_;
  std::shared_ptr<StoredFile> file_;
  std::shared_ptr<IndexWriter> index_;
  bool index_has_head_ = false;
  GtidState gtids_before_;
  std::optional<Error> tail_;

  std::uint64_t written_bytes_ = 0;
  std::vector<std::byte> block_;
  bool sync_running_ = false;
  std::uint64_t synced_bytes_ = 0;  // boundary of the last finished job
  std::shared_ptr<IndexWriter> sealed_index_;
  std::string sealed_records_;
};

}  // namespace tiderelay::relay
