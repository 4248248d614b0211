// relay/binlog_file.cc: blocks in, events out.
#include "relay/binlog_file.h"

#include <algorithm>

#include "relay/log_files.h"
#include "relay/log_names.h"

namespace tiderelay::relay {
namespace {

constexpr std::size_t kBlockBytes = 1U << 20;

Error at_offset(const Error& error, std::uint64_t offset) {
  return error.in("at " + std::to_string(offset));
}

}  // namespace

Result<BinlogFile> BinlogFile::open(Storage& storage, const std::string& path) {
  auto file = open_log_file(storage, path);
  if (!file) return file.error();
  const auto size_bytes = (*file)->size();
  if (!size_bytes) return size_bytes.error();
  BinlogFile opened(std::move(*file), *size_bytes);
  opened.at_ = 0;
  const auto magic = opened.bytes_at(0, protocol::kBinlogMagic.size());
  if (!magic) return magic.error();
  if (as_text(*magic) != protocol::kBinlogMagic) return Error(Errc::kCorrupt, "not a binlog file");
  opened.at_ = kFirstEventOffset;
  return opened;
}

Result<std::optional<BinlogEvent>> BinlogFile::next() {
  if (at_ == size_bytes_) return std::optional<BinlogEvent>();
  auto event = event_at();
  if (!event) return at_offset(event.error(), at_);
  at_ = event->end_offset;
  return std::optional<BinlogEvent>(*event);
}

Result<ByteView> BinlogFile::bytes_at(std::uint64_t offset, std::size_t count) {
  if (offset > size_bytes_ || size_bytes_ - offset < count) {
    return Error(Errc::kTruncated, "the file ends inside an event");
  }
  if (offset < block_begin_ || offset + count > block_begin_ + block_bytes_) {
    block_.resize(std::max(count, kBlockBytes));
    const auto read = file_->read_at(offset, block_);
    if (!read) return read.error();
    block_begin_ = offset;
    block_bytes_ = *read;
    if (block_bytes_ < count) return Error(Errc::kTruncated, "the file ends inside an event");
  }
  return ByteView(block_).subspan(static_cast<std::size_t>(offset - block_begin_), count);
}

Result<BinlogEvent> BinlogFile::event_at() {
  const auto head = bytes_at(at_, protocol::kEventHeaderBytes);
  if (!head) return head.error();
  const protocol::EventHeader header = protocol::load_event_header(*head);
  if (header.event_size_bytes < protocol::kEventHeaderBytes ||
      header.event_size_bytes > protocol::kMaxEventBytes) {
    return Error(Errc::kCorrupt,
                 "no event has a length of " + std::to_string(header.event_size_bytes) + " bytes");
  }
  const auto bytes = bytes_at(at_, header.event_size_bytes);
  if (!bytes) return bytes.error();
  BinlogEvent event;
  event.begin_offset = at_;
  event.end_offset = at_ + header.event_size_bytes;
  if (header.type == protocol::event_type::kFormatDescription) {
    auto format = protocol::decode_format_description(*bytes);
    if (!format) return format.error();
    format_ = std::move(*format);
    has_format_ = true;
    const std::size_t crc_bytes = format_.has_checksum_field ? protocol::kEventCrcBytes : 0;
    event.event.header = header;
    event.event.body = bytes->subspan(protocol::kEventHeaderBytes);
    event.event.body = event.event.body.first(event.event.body.size() - crc_bytes);
    return event;
  }
  if (!has_format_) {
    return Error(Errc::kCorrupt, "the file does not begin with FORMAT_DESCRIPTION");
  }
  const auto view = protocol::open_event(*bytes, format_.checksum);
  if (!view) return view.error();
  event.event = *view;
  if (format_.crc_bytes() != 0) {
    event.crc = static_cast<std::uint32_t>(load_le<4>(bytes->data() + bytes->size() - 4));
  }
  return event;
}

Result<std::vector<std::string>> binlog_files(Storage& storage, const std::string& path) {
  const auto entries = storage.list(path);
  if (!entries || entries->empty()) {
    const auto there = has_log_file(storage, path);
    if (!there) return there.error();
    const auto folder = storage.exists(path);
    if (!*there || (entries && folder && *folder))
      return Error(Errc::kConfig, "no binlog files in " + path);
    return std::vector<std::string>{path};
  }
  std::vector<FolderEntry> found;
  for (const FolderEntry& entry : *entries) {
    if (entry.is_folder ? !parse_numbered_name(entry.name) : log_file_name(entry).empty()) continue;
    found.push_back(entry);
    if (!entry.is_folder) found.back().name = log_file_name(entry);
  }
  std::ranges::sort(
      found, {}, [](const FolderEntry& entry) { return parse_numbered_name(entry.name)->number; });
  const auto same = [](const FolderEntry& a, const FolderEntry& b) { return a.name == b.name; };
  found.erase(std::unique(found.begin(), found.end(), same), found.end());  // in both forms
  std::vector<std::string> files;
  for (const FolderEntry& entry : found) {
    const std::string inside = path + "/" + entry.name;
    if (!entry.is_folder) {
      files.push_back(inside);
      continue;
    }
    const auto deeper = binlog_files(storage, inside);
    if (deeper) files.insert(files.end(), deeper->begin(), deeper->end());
  }
  if (files.empty()) return Error(Errc::kConfig, "no binlog files in " + path);
  return files;
}

}  // namespace tiderelay::relay
