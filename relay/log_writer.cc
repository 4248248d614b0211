// relay/log_writer.cc: buffer, write, sync, in this order.
#include "relay/log_writer.h"

#include <algorithm>

#include "base/check.h"
#include "relay/log_files.h"

namespace tiderelay::relay {

Result<void> SyncJob::run() {
  if (sealed_index_) {
    if (const auto done = sealed_index_->append(sealed_records_); !done) return done.error();
    if (const auto done = sealed_index_->sync(); !done) return done.error();
  }
  if (const auto done = file_->sync(); !done) return done.error();
  if (const auto done = index_->append(index_records_); !done) return done.error();
  log_end_->advance(end_, gtids_, transactions_);
  return {};
}

LogWriter::LogWriter(Storage& storage, LogCatalog& catalog, LogEnd& end, LogWriterOptions options)
    : storage_(storage),
      catalog_(catalog),
      end_(end),
      options_(options),
      tracker_(options.mark_interval_bytes) {
  block_.reserve(options_.block_bytes);
}

LogPosition LogWriter::boundary() const {
  return {info_.begin.generation, info_.begin.file, tracker_.boundary()};
}

bool LogWriter::settled() const {
  return !sync_running_ && (file_ == nullptr || synced_bytes_ == tracker_.boundary());
}

Result<void> LogWriter::open_file(const LogFile& file, const GtidState& gtids_before) {
  const FilePaths paths = catalog_.paths(file);
  const auto plain = unpack_log_file(storage_, paths.log_folder, paths.name);
  if (!plain) return plain.error();
  auto recovered = recover_file(storage_, paths, gtids_before, tracker_);
  if (!recovered) return recovered.error().in(paths.log_path());
  catalog_.note_unpacked(file.begin);
  info_ = file;
  info_.packed = false;
  gtids_before_ = gtids_before;
  file_ = std::move(recovered->file);
  index_ = std::move(recovered->index);
  index_has_head_ = recovered->index_has_head;
  tail_ = std::move(recovered->tail);
  tracker_.drop_open();
  block_.clear();
  written_bytes_ = tracker_.boundary();
  synced_bytes_ = kFirstEventOffset;
  if (const auto cut = file_->truncate(written_bytes_); !cut) return cut.error();
  if (tracker_.head()) catalog_.set_gtids_before(info_.begin, tracker_.head()->gtids_before);
  catalog_.grow(boundary());
  return {};
}

void LogWriter::close_file() {
  CHECK(settled(), "a sync may still speak of the file");
  file_.reset();
  index_.reset();
  sealed_index_.reset();
  sealed_records_.clear();
  block_.clear();
}

Result<void> LogWriter::reopen() {
  CHECK(!sync_running_, "a sync may still note what is dropped here");
  return open_file(LogFile(info_), GtidState(gtids_before_));
}

Result<void> LogWriter::start_file(const Generation& generation, const std::string& name) {
  CHECK(settled(), "the file before is not on disk yet");
  const auto number = parse_numbered_name(name);
  if (!number) return Error(Errc::kUnsupported, "\"" + name + "\" is no binlog file's name");
  LogFile next;
  next.begin = {generation.number, number->number, kFirstEventOffset};
  next.folder = generation.folder();
  next.name = name;
  next.modified = std::chrono::system_clock::now();
  const FilePaths paths = catalog_.paths(next);
  auto file = storage_.open(paths.log_path(), Storage::Open::kCreate);
  if (!file) return file.error();
  if (const auto cut = (*file)->truncate(0); !cut) return cut.error();
  const auto magic = (*file)->write_at(0, as_bytes(protocol::kBinlogMagic));
  if (!magic) return magic.error();
  if (const auto done = storage_.sync_folder(paths.log_folder); !done) return done.error();
  auto index = IndexWriter::open(storage_, paths.index_folder, paths.index_name(), 0);
  if (!index) return index.error();
  if (file_ != nullptr) {
    sealed_records_ = take_index_records();
    append_index_mark(sealed_records_, tracker_.final_mark());
    sealed_index_ = index_;
  }
  gtids_before_ = tracker_.gtids();
  tracker_.begin_file();
  file_ = std::move(*file);
  index_ = std::move(*index);
  index_has_head_ = false;
  info_ = next;
  catalog_.add_file(next);
  written_bytes_ = kFirstEventOffset;
  synced_bytes_ = kFirstEventOffset;  // an end without an event behind it is no news
  block_.clear();
  return {};
}

Result<void> LogWriter::append(ByteView piece, bool first, bool last) {
  if (const auto checked = tracker_.add(piece, first, last); !checked) {
    return checked.error().in(info_.name);
  }
  while (!piece.empty()) {
    const std::size_t room_bytes = options_.block_bytes - block_.size();
    const ByteView part = piece.first(std::min(piece.size(), room_bytes));
    block_.insert(block_.end(), part.begin(), part.end());
    piece = piece.subspan(part.size());
    if (block_.size() < options_.block_bytes) continue;
    if (const auto flushed = flush(); !flushed) return flushed.error();
  }
  return {};
}

Result<void> LogWriter::flush() {
  if (block_.empty()) return {};
  if (const auto written = file_->write_at(written_bytes_, block_); !written) {
    return written.error();
  }
  written_bytes_ += block_.size();
  block_.clear();
  return {};
}

Result<void> LogWriter::cut_unfinished() {
  if (file_ == nullptr) return {};
  tracker_.drop_open();
  const std::uint64_t keep_bytes = tracker_.boundary();
  if (keep_bytes >= written_bytes_) {
    block_.resize(static_cast<std::size_t>(keep_bytes - written_bytes_));
    return {};
  }
  block_.clear();
  written_bytes_ = keep_bytes;
  return file_->truncate(keep_bytes);
}

std::string LogWriter::take_index_records() {
  std::string records;
  if (!tracker_.head()) return records;
  if (!index_has_head_) {
    IndexHead head = *tracker_.head();
    head.file_name = info_.name;
    catalog_.set_gtids_before(info_.begin, head.gtids_before);
    records = encode_index_head(head);
    index_has_head_ = true;
  }
  for (const IndexMark& mark : tracker_.take_marks()) append_index_mark(records, mark);
  return records;
}

Result<std::optional<SyncJob>> LogWriter::take_sync() {
  CHECK(!sync_running_, "one sync at a time");
  if (settled()) return std::optional<SyncJob>();
  if (const auto flushed = flush(); !flushed) return flushed.error();
  SyncJob job;
  job.file_ = file_;
  job.index_ = index_;
  job.index_records_ = take_index_records();
  job.sealed_index_ = std::move(sealed_index_);
  job.sealed_records_ = std::move(sealed_records_);
  sealed_index_.reset();
  sealed_records_.clear();
  job.end_ = boundary();
  job.gtids_ = std::make_shared<const GtidState>(tracker_.gtids());
  job.transactions_ = tracker_.transactions();
  job.log_end_ = &end_;
  sync_running_ = true;
  return std::optional<SyncJob>(std::move(job));
}

void LogWriter::finish_sync(const SyncJob& job) {
  sync_running_ = false;
  if (job.end_.generation != info_.begin.generation || job.end_.file != info_.begin.file) return;
  synced_bytes_ = job.end_.offset_bytes;
  catalog_.grow(job.end_);
}

}  // namespace tiderelay::relay
