// relay/log_reader.cc: blocks in, events out.
#include "relay/log_reader.h"

#include <algorithm>

#include "relay/log_files.h"
#include "relay/recovery.h"

namespace tiderelay::relay {
namespace {

constexpr std::size_t kBlockBytes = 1U << 20;

}  // namespace

LogReader::LogReader(Storage& storage, std::string relay_folder, LogPosition start)
    : storage_(storage), relay_folder_(std::move(relay_folder)), at_(start) {
  at_.offset_bytes = std::max(at_.offset_bytes, kFirstEventOffset);
}

std::string LogReader::place_text() const {
  return "relay log " + folder_name_ + "/" + file_name_ + " at " + std::to_string(at_.offset_bytes);
}

Result<std::optional<LogEvent>> LogReader::next(const LogPosition& end) {
  if (failed_) return *failed_;
  auto event = find_next(end);
  if (!event) failed_ = event.error();
  return event;
}

Result<std::optional<LogEvent>> LogReader::find_next(const LogPosition& end) {
  for (;;) {
    if (end <= at_) return std::optional<LogEvent>();
    if (!file_) {
      if (const auto opened = open_start(); !opened) return opened.error();
      continue;
    }
    const bool last_file = end.generation == at_.generation && end.file == at_.file;
    std::uint64_t limit = end.offset_bytes;
    if (!last_file) {
      const auto size_bytes = file_->size();
      if (!size_bytes) return size_bytes.error();
      limit = *size_bytes;
    }
    if (at_.offset_bytes < limit) {
      auto event = event_at(limit);
      if (!event) {
        const Error error = event.error().in(place_text());
        if (error.code() != Errc::kCorrupt) return error;
        const std::string folder = relay_folder_.substr(0, relay_folder_.find_last_of('/'));
        return error.with_way_out("the disk has changed what the source sent: stop, remove " +
                                  folder + ", set relay-binlog-name: " + file_name_ +
                                  " in the source file and start again; the log is then received "
                                  "anew, as long as the source still has it");
      }
      at_ = event->end;
      return std::optional<LogEvent>(std::move(*event));
    }
    if (last_file) return std::optional<LogEvent>();
    if (const auto opened = open_following(); !opened) return opened.error();
  }
}

Result<void> LogReader::open_start() {
  LogPosition behind = at_;
  behind.offset_bytes = 0;
  const auto place = following(behind);
  if (!place) return place.error();
  const bool anywhere = at_.generation == 0;
  const bool found = *place && (anywhere || ((*place)->begin.generation == at_.generation &&
                                             (*place)->begin.file == at_.file));
  if (!found) {
    std::string wanted = "the relay log no longer has file number " + std::to_string(at_.file) +
                         " of generation " + std::to_string(at_.generation);
    if (*place) wanted += "; its oldest is " + (*place)->folder_name + "/" + (*place)->file_name;
    return Error(Errc::kPurged, wanted);
  }
  return open_place(**place, anywhere ? kFirstEventOffset : at_.offset_bytes);
}

Result<void> LogReader::open_following() {
  LogPosition behind = at_;
  behind.file += 1;
  behind.offset_bytes = 0;
  const auto place = following(behind);
  if (!place) return place.error();
  if (!*place) return Error(Errc::kPurged, place_text() + ": the file that follows is not there");
  generation_changed_ = generation_changed_ || (*place)->begin.generation != at_.generation;
  return open_place(**place, kFirstEventOffset);
}

Result<void> LogReader::open_place(const Place& place, std::uint64_t offset) {
  const std::string path = relay_folder_ + "/" + place.folder_name + "/" + place.file_name;
  auto file = open_log_file(storage_, path);
  if (!file) return file.error();
  folder_name_ = place.folder_name;
  file_name_ = place.file_name;
  at_ = place.begin;
  at_.offset_bytes = offset;
  block_.reset();
  fde_.reset();
  if (offset != kFirstEventOffset) {
    auto format = read_format(**file);
    if (!format) return format.error().in(path);
    fde_ = std::make_shared<const protocol::FormatDescription>(std::move(*format));
  }
  file_ = std::move(*file);
  return {};
}

// The first file at or behind a place.
Result<std::optional<LogReader::Place>> LogReader::following(const LogPosition& behind) const {
  const std::string list_path = relay_folder_ + "/" + std::string(kGenerationIndexName);
  const auto list = read_small_file(storage_, list_path);
  if (!list) return list.error();
  std::string_view rest = *list;
  while (!rest.empty()) {
    const std::size_t line_end = rest.find('\n');
    const std::string_view line = rest.substr(0, line_end);
    rest.remove_prefix(line_end == std::string_view::npos ? rest.size() : line_end + 1);
    const auto generation = parse_numbered_name(line);
    if (!generation || generation->number < behind.generation) continue;
    const auto entries = storage_.list(relay_folder_ + "/" + std::string(line));
    if (!entries) return entries.error();
    std::optional<Place> best;
    for (const FolderEntry& entry : *entries) {
      const std::string file_name = log_file_name(entry);
      if (file_name.empty()) continue;
      const LogPosition begin{static_cast<std::uint32_t>(generation->number),
                              parse_numbered_name(file_name)->number, kFirstEventOffset};
      if (begin < behind || (best && best->begin < begin)) continue;
      best = Place{std::string(line), file_name, begin};
    }
    if (best) return best;
  }
  return std::optional<Place>();
}

Result<ByteView> LogReader::bytes_at(std::uint64_t offset, std::size_t at_least_bytes,
                                     std::uint64_t limit) {
  const std::uint64_t end = offset + at_least_bytes;
  if (end > limit) {
    return Error(Errc::kCorrupt, "an event of " + std::to_string(at_least_bytes) +
                                     " bytes goes beyond the end at " + std::to_string(limit));
  }
  if (!block_ || offset < block_begin_ || end > block_begin_ + block_->size_bytes) {
    const auto size_bytes = static_cast<std::size_t>(std::max<std::uint64_t>(
        at_least_bytes, std::min<std::uint64_t>(kBlockBytes, limit - offset)));
    auto block = std::make_shared<Block>();
    block->bytes = std::make_unique_for_overwrite<std::byte[]>(size_bytes);
    const auto count = file_->read_at(offset, std::span(block->bytes.get(), size_bytes));
    if (!count) return count.error();
    if (*count < at_least_bytes) return Error(Errc::kCorrupt, "the file is shorter than it was");
    block->size_bytes = *count;
    block_ = std::move(block);
    block_begin_ = offset;
  }
  return ByteView(block_->bytes.get(), block_->size_bytes)
      .subspan(static_cast<std::size_t>(offset - block_begin_), at_least_bytes);
}

Result<LogEvent> LogReader::event_at(std::uint64_t limit) {
  const auto head = bytes_at(at_.offset_bytes, protocol::kEventHeaderBytes, limit);
  if (!head) return head.error();
  const protocol::EventHeader header = protocol::load_event_header(*head);
  if (header.event_size_bytes < protocol::kEventHeaderBytes ||
      header.event_size_bytes > protocol::kMaxEventBytes) {
    return Error(Errc::kCorrupt,
                 "no event has a length of " + std::to_string(header.event_size_bytes) + " bytes");
  }
  const auto bytes = bytes_at(at_.offset_bytes, header.event_size_bytes, limit);
  if (!bytes) return bytes.error();
  LogEvent event;
  event.begin = at_;
  event.end = at_;
  event.end.offset_bytes += header.event_size_bytes;
  event.header = header;
  event.bytes = *bytes;
  event.keep = block_;
  if (const auto opened = open_body(event); !opened) return opened.error();
  event.fde = fde_;
  event.generation_changed = std::exchange(generation_changed_, false);
  return event;
}

Result<void> LogReader::open_body(LogEvent& event) {
  if (event.header.type == protocol::event_type::kFormatDescription) {
    auto format = protocol::decode_format_description(event.bytes);
    if (!format) return format.error();
    const std::size_t crc_bytes = format->has_checksum_field ? protocol::kEventCrcBytes : 0;
    event.body = event.bytes.subspan(protocol::kEventHeaderBytes);
    event.body = event.body.first(event.body.size() - crc_bytes);
    fde_ = std::make_shared<const protocol::FormatDescription>(std::move(*format));
    return {};
  }
  if (!fde_) return Error(Errc::kCorrupt, "the file does not begin with FORMAT_DESCRIPTION");
  const auto view = protocol::open_event(event.bytes, fde_->checksum);
  if (!view) return view.error();
  event.body = view->body;
  return {};
}

}  // namespace tiderelay::relay
