// relay/relay_log.cc: brings a log's folder into order.
#include "relay/relay_log.h"

#include "base/check.h"
#include "relay/log_files.h"

namespace tiderelay::relay {
namespace {

constexpr const char* kRestoreWayOut =
    "put the file back from a copy, or remove it and all later files of its folder so that they "
    "are fetched again while the upstream still has them";

}  // namespace

RelayLog::RelayLog(Storage& storage, std::unique_ptr<LogCatalog> catalog,
                   const RelayLogOptions& options)
    : storage_(storage),
      options_(options),
      catalog_(std::move(catalog)),
      upstream_(storage, options.folder + "/index") {
  writer_ = std::make_unique<LogWriter>(storage_, *catalog_, end_, options_.writer);
}

Result<std::unique_ptr<RelayLog>> RelayLog::open(Storage& storage, RelayLogOptions options) {
  auto catalog = LogCatalog::open(storage, options.folder);
  if (!catalog) return catalog.error();
  std::unique_ptr<RelayLog> log(new RelayLog(storage, std::move(*catalog), options));
  if (const auto recovered = log->recover(); !recovered) return recovered.error();
  return log;
}

// Only the very last file may have a torn tail: a file is begun after the one before it was synced.
Result<void> RelayLog::recover() {
  if (const auto loaded = upstream_.load(); !loaded) return loaded.error();
  if (const auto dropped = drop_headless_files(); !dropped) return dropped.error();
  const std::vector<LogFile> files = catalog_->files();
  if (files.empty()) return {};
  GtidState gtids_before;
  for (std::size_t i = 0; i + 1 < files.size(); ++i) {
    const bool ends_generation = files[i].begin.generation != files[i + 1].begin.generation;
    auto gtids = recover_sealed(files[i], gtids_before, ends_generation);
    if (!gtids) return gtids.error();
    gtids_before = std::move(*gtids);
  }
  const auto opened = writer_->open_file(files.back(), gtids_before);
  if (!opened) return opened.error();
  if (writer_->tail()) {
    findings_.push_back(catalog_->paths(files.back()).log_path() + ": kept up to " +
                        std::to_string(writer_->tracker().boundary()) + " of " +
                        std::to_string(files.back().size_bytes) + " bytes (" +
                        writer_->tail()->text() + "); the rest is fetched again");
  }
  auto job = writer_->take_sync();
  if (!job) return job.error();
  if (!*job) return {};
  if (const auto synced = (*job)->run(); !synced) return synced.error();
  writer_->finish_sync(**job);
  return {};
}

// A file that was made and never written (a crash, a full disk) has no whole first event. Only a
// generation's last file can be one: the next generation may have begun behind it.
Result<void> RelayLog::drop_headless_files() {
  const std::vector<LogFile> files = catalog_->files();
  std::uint32_t judged = 0;  // the generation whose last file with events has been found
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    if (file->begin.generation == judged) continue;
    const bool newest = file->begin.generation == files.back().begin.generation;
    const auto dropped = drop_if_headless(*file, newest);
    if (!dropped) return dropped.error();
    if (!*dropped) judged = file->begin.generation;
  }
  return {};
}

Result<bool> RelayLog::drop_if_headless(const LogFile& last, bool newest) {
  const FilePaths paths = catalog_->paths(last);
  const auto file = open_log_file(storage_, paths.log_path());
  if (!file) return file.error();
  const auto format = read_format(**file);
  if (format) return false;
  if (format.error().code() == Errc::kStorage) return format.error();
  // An index with a head was written when the first events were on disk: they are damaged. What is
  // newest is fetched again.
  const bool torn = format.error().code() == Errc::kTruncated;
  const bool written = last.gtids_before.has_value();
  if (newest ? written && !torn : written || !torn) {
    return format.error().in(paths.log_path()).as(Errc::kCorrupt).with_way_out(kRestoreWayOut);
  }
  if (const auto removed = remove_file(last); !removed) return removed.error();
  findings_.push_back(paths.log_path() + ": removed, it had no whole event (" +
                      format.error().text() + ")");
  return true;
}

Result<void> RelayLog::remove_file(const LogFile& file) {
  const FilePaths paths = catalog_->paths(file);
  if (const auto done = remove_log_file(storage_, paths.log_path()); !done) return done.error();
  catalog_->remove_file(file.begin);
  return storage_.sync_folder(paths.log_folder);
}

Result<void> RelayLog::drop_empty_file() {
  CHECK(writer_->settled(), "a sync may still speak of the file");
  if (!writer_->has_file() || writer_->tracker().end_bytes() != kFirstEventOffset) return {};
  if (const auto removed = remove_file(*catalog_->last_file()); !removed) return removed.error();
  const auto last = catalog_->last_file();
  writer_->close_file();
  if (!last) return {};
  if (const auto opened = writer_->open_file(*last, GtidState()); !opened) return opened.error();
  return {};
}

Result<GtidState> RelayLog::recover_sealed(const LogFile& file, const GtidState& gtids_before,
                                           bool ends_generation) {
  const FilePaths paths = catalog_->paths(file);
  const auto content = read_index(storage_, paths.index_path());
  if (!content) return content.error();
  const bool fits = content->sealed() && content->head->file_name == file.name;
  if (fits && content->marks.back().end_bytes == file.size_bytes) {
    return content->gtids();
  }
  LogTracker tracker(options_.writer.mark_interval_bytes);
  auto recovered = recover_file(storage_, paths, gtids_before, tracker);
  if (!recovered) return recovered.error();
  std::uint64_t size_bytes = file.size_bytes;
  if (ends_generation && tracker.boundary() < size_bytes) {
    // It was cut before the next generation began, but the cut did not survive.
    size_bytes = tracker.boundary();
    if (const auto cut = recovered->file->truncate(size_bytes); !cut) return cut.error();
    if (const auto synced = recovered->file->sync(); !synced) return synced.error();
    catalog_->grow({file.begin.generation, file.begin.file, size_bytes});
    tracker.drop_open();
    recovered->tail.reset();
  }
  // A transaction that has no end in a file that does have one was abandoned by the upstream.
  const auto& tail = recovered->tail;
  if (tail && tail->code() == Errc::kTruncated) tracker.abandon_open();
  if (tracker.end_bytes() != size_bytes) {
    const std::string what = tail ? tail->text() : "the file is too short";
    return Error(Errc::kCorrupt, paths.log_path() + ": " + what).with_way_out(kRestoreWayOut);
  }
  std::string records;
  IndexHead head = tracker.head().value_or(IndexHead{0, "", gtids_before});
  head.file_name = file.name;
  catalog_->set_gtids_before(file.begin, head.gtids_before);
  if (!recovered->index_has_head) records = encode_index_head(head);
  for (const IndexMark& mark : tracker.take_marks()) append_index_mark(records, mark);
  append_index_mark(records, tracker.final_mark());
  if (const auto done = recovered->index->append(records); !done) return done.error();
  if (const auto done = recovered->index->sync(); !done) return done.error();
  findings_.push_back(paths.log_path() + ": its index was built again");
  return tracker.gtids();
}

std::optional<ResumePoint> RelayLog::resume_point() const {
  const auto generation = catalog_->last_generation();
  if (!generation) return std::nullopt;
  ResumePoint point;
  point.generation = *generation;
  if (!writer_->has_file()) return point;
  const LogTracker& tracker = writer_->tracker();
  point.gtids = tracker.gtids();
  if (writer_->file().begin.generation != generation->number) return point;
  point.file = writer_->file().name;
  if (tracker.last_begin() != 0) point.begin_bytes = tracker.last_begin();
  point.end_bytes = tracker.boundary();
  return point;
}

Result<void> RelayLog::start_generation(const std::string& uuid, const GenerationNote& note) {
  CHECK(writer_->settled(), "the generation before is not on disk yet");
  const auto generation = catalog_->add_generation(uuid, note);
  if (!generation) return generation.error();
  return {};
}

Result<void> RelayLog::start_file(const std::string& name) {
  const auto generation = catalog_->last_generation();
  CHECK(generation.has_value(), "a file belongs to a generation");
  return writer_->start_file(*generation, name);
}

}  // namespace tiderelay::relay
