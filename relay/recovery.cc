// relay/recovery.cc: reads what a crash left.
#include "relay/recovery.h"

#include <algorithm>
#include <vector>

#include "relay/log_files.h"
#include "relay/log_names.h"

namespace tiderelay::relay {

using protocol::kEventHeaderBytes;

namespace {

constexpr std::size_t kBlockBytes = 1U << 20;

// A window of a file that is moved forward; view() gives up to kBlockBytes from any offset.
class BlockWindow {
 public:
  BlockWindow(const StoredFile& file, std::uint64_t size_bytes)
      : file_(file),
        size_bytes_(size_bytes),
        block_(static_cast<std::size_t>(std::min<std::uint64_t>(size_bytes, kBlockBytes))) {}

  // The bytes at `offset`: all up to the end of the file or at least `at_least_bytes`.
  Result<ByteView> view(std::uint64_t offset, std::size_t at_least_bytes) {
    const bool held = offset >= begin_ && offset + at_least_bytes <= begin_ + filled_;
    if (!held) {
      const std::uint64_t left = size_bytes_ - std::min(size_bytes_, offset);
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, block_.size()));
      const auto count = file_.read_at(offset, std::span(block_).first(wanted));
      if (!count) return count.error();
      begin_ = offset;
      filled_ = *count;
    }
    return ByteView(block_).first(filled_).subspan(static_cast<std::size_t>(offset - begin_));
  }

 private:
  const StoredFile& file_;
  const std::uint64_t size_bytes_;
  std::vector<std::byte> block_;
  std::uint64_t begin_ = 0;
  std::size_t filled_ = 0;
};

Result<ScanOutcome> scan_event(BlockWindow& window, std::uint64_t size_bytes, LogTracker& tracker) {
  const std::uint64_t begin_bytes = tracker.end_bytes();
  const std::uint64_t left_bytes = size_bytes - begin_bytes;
  const ScanOutcome torn{false, Error(Errc::kTruncated, "the file ends inside an event")};
  if (left_bytes < kEventHeaderBytes) return torn;
  const auto head = window.view(begin_bytes, kEventHeaderBytes);
  if (!head) return head.error();
  const std::uint32_t event_bytes = protocol::load_event_header(*head).event_size_bytes;
  if (event_bytes < kEventHeaderBytes || event_bytes > protocol::kMaxEventBytes) {
    return ScanOutcome{false, Error(Errc::kCorrupt, "no event can have a length of " +
                                                        std::to_string(event_bytes) + " bytes")};
  }
  if (event_bytes > left_bytes) return torn;
  std::uint64_t done_bytes = 0;
  while (done_bytes < event_bytes) {
    const std::uint64_t event_left = event_bytes - done_bytes;
    const auto at_least = static_cast<std::size_t>(std::min<std::uint64_t>(event_left, 64 * 1024));
    const auto view = window.view(begin_bytes + done_bytes, at_least);
    if (!view) return view.error();
    if (view->empty()) return torn;
    const ByteView piece = view->first(std::min<std::uint64_t>(view->size(), event_left));
    const bool last = done_bytes + piece.size() == event_bytes;
    if (const auto added = tracker.add(piece, done_bytes == 0, last); !added) {
      return ScanOutcome{false, added.error()};
    }
    done_bytes += piece.size();
  }
  return ScanOutcome();
}

bool fits(const IndexContent& content, const std::string& name, std::uint64_t size_bytes) {
  return content.head && content.head->file_name == name &&
         (content.marks.empty() || content.marks.back().end_bytes <= size_bytes);
}

}  // namespace

std::string FilePaths::index_name() const { return name + std::string(kIndexSuffix); }

Result<ScanOutcome> scan_events(const StoredFile& file, std::uint64_t size_bytes,
                                LogTracker& tracker) {
  BlockWindow window(file, size_bytes);
  while (tracker.end_bytes() < size_bytes) {
    auto outcome = scan_event(window, size_bytes, tracker);
    if (!outcome) return outcome.error();
    if (outcome->good) continue;
    outcome->bad = outcome->bad.in("at offset " + std::to_string(tracker.end_bytes()));
    return outcome;
  }
  return ScanOutcome();
}

Result<protocol::FormatDescription> read_format(const StoredFile& file) {
  constexpr std::uint32_t kMaxFormatBytes = 64 * 1024;
  std::vector<std::byte> bytes(kEventHeaderBytes);
  const auto head = file.read_at(kFirstEventOffset, bytes);
  if (!head) return head.error();
  if (*head < bytes.size()) return Error(Errc::kTruncated, "the file has no first event");
  const std::uint32_t event_bytes = protocol::load_event_header(bytes).event_size_bytes;
  if (event_bytes < kEventHeaderBytes || event_bytes > kMaxFormatBytes) {
    return Error(Errc::kCorrupt, "the file does not begin with a FORMAT_DESCRIPTION event");
  }
  bytes.resize(event_bytes);
  const auto all = file.read_at(kFirstEventOffset, bytes);
  if (!all) return all.error();
  if (*all < event_bytes) return Error(Errc::kTruncated, "the file ends inside its first event");
  return protocol::decode_format_description(bytes);
}

Result<RecoveredFile> recover_file(Storage& storage, const FilePaths& paths,
                                   const GtidState& gtids_before, LogTracker& tracker) {
  RecoveredFile recovered;
  const auto plain = storage.exists(paths.log_path());
  if (!plain) return plain.error();
  auto file = *plain ? storage.open(paths.log_path(), Storage::Open::kWrite)
                     : open_log_file(storage, paths.log_path());
  if (!file) return file.error();
  recovered.file = std::move(*file);
  const auto size_bytes = recovered.file->size();
  if (!size_bytes) return size_bytes.error();
  recovered.size_bytes = *size_bytes;
  auto content = read_index(storage, paths.index_path());
  if (!content) return content.error();
  if (!fits(*content, paths.name, recovered.size_bytes)) *content = IndexContent();
  content->drop_seal();

  tracker.begin_file();
  tracker.set_gtids(gtids_before);
  const auto format = read_format(*recovered.file);
  if (content->head && !content->marks.empty()) {
    if (!format) return format.error().in(paths.log_path());
    tracker.resume(*format, *content->head, content->marks.back(), content->gtids());
  }
  const auto outcome = scan_events(*recovered.file, recovered.size_bytes, tracker);
  if (!outcome) return outcome.error();
  if (!outcome->good) recovered.tail = outcome->bad;
  if (outcome->good && tracker.boundary() < recovered.size_bytes) {
    recovered.tail = Error(Errc::kTruncated, "the file ends inside a transaction");
  }
  recovered.index_has_head = content->head.has_value();
  auto index =
      IndexWriter::open(storage, paths.index_folder, paths.index_name(), content->valid_bytes);
  if (!index) return index.error();
  recovered.index = std::move(*index);
  return recovered;
}

}  // namespace tiderelay::relay
