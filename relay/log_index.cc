// relay/log_index.cc: index records, both ways.
#include "relay/log_index.h"

#include "protocol/event.h"

namespace tiderelay::relay {
namespace {

constexpr std::string_view kMagic = "tiderelay index 1\n";
constexpr std::size_t kRecordHeaderBytes = 9;
constexpr std::uint64_t kMaxIndexBytes = 1U << 30;

enum class Kind : std::uint8_t { kHead = 1, kMark = 2, kSeal = 3 };

void append_record(std::string& out, Kind kind, std::string_view payload) {
  std::string covered;
  ByteWriter(covered).u8(static_cast<std::uint8_t>(kind)).u32(payload.size()).text(payload);
  ByteWriter(out).u32(protocol::crc32(0, as_bytes(covered))).text(covered);
}

std::optional<IndexHead> decode_head(ByteView payload) {
  ByteReader reader(payload);
  IndexHead head;
  head.timestamp_seconds = reader.u32();
  head.file_name = std::string(reader.lenenc_text());
  auto gtids = GtidState::parse(reader.lenenc_text());
  if (!reader.ok() || reader.left() != 0 || !gtids) return std::nullopt;
  head.gtids_before = std::move(*gtids);
  return head;
}

std::optional<IndexMark> decode_mark(ByteView payload, bool sealed) {
  ByteReader reader(payload);
  IndexMark mark;
  mark.end_bytes = reader.u64();
  mark.begin_bytes = reader.u64();
  mark.timestamp_seconds = reader.u32();
  auto gtids = GtidState::parse(reader.lenenc_text());
  if (!reader.ok() || reader.left() != 0 || !gtids) return std::nullopt;
  mark.gtids = std::move(*gtids);
  mark.sealed = sealed;
  return mark;
}

// False: the record does not fit behind those before it, so it and all that follows is ignored.
bool take_record(IndexContent& content, Kind kind, ByteView payload) {
  if (kind == Kind::kHead) {
    if (content.head) return false;
    content.head = decode_head(payload);
    return content.head.has_value();
  }
  if (kind != Kind::kMark && kind != Kind::kSeal) return false;
  if (!content.head || content.sealed()) return false;
  auto mark = decode_mark(payload, kind == Kind::kSeal);
  const std::uint64_t before_bytes = content.marks.empty() ? 0 : content.marks.back().end_bytes;
  if (!mark || mark->end_bytes < before_bytes || mark->begin_bytes > mark->end_bytes) return false;
  content.marks.push_back(std::move(*mark));
  return true;
}

}  // namespace

void IndexContent::drop_seal() {
  if (!sealed()) return;
  marks.pop_back();
  valid_bytes = unsealed_bytes;
}

GtidState IndexContent::gtids() const {
  GtidState gtids = head->gtids_before;
  for (const IndexMark& mark : marks) gtids.add(mark.gtids);
  return gtids;
}

IndexContent decode_index(ByteView bytes) {
  IndexContent content;
  ByteReader reader(bytes);
  if (reader.text(kMagic.size()) != kMagic) return content;
  for (;;) {
    ByteReader record(reader.rest());
    const std::uint32_t crc = record.u32();
    const ByteView covered = record.rest();
    const auto kind = static_cast<Kind>(record.u8());
    const ByteView payload = record.take(record.u32());
    if (!record.ok()) return content;
    const std::size_t covered_bytes = kRecordHeaderBytes - 4 + payload.size();
    if (protocol::crc32(0, covered.first(covered_bytes)) != crc) return content;
    if (!take_record(content, kind, payload)) return content;
    reader.skip(4 + covered_bytes);
    content.valid_bytes = reader.offset();
    if (!content.sealed()) content.unsealed_bytes = content.valid_bytes;
  }
}

Result<IndexContent> read_index(Storage& storage, const std::string& path) {
  const auto there = storage.exists(path);
  if (!there) return there.error();
  if (!*there) return IndexContent();
  const auto bytes = read_small_file(storage, path, kMaxIndexBytes);
  if (!bytes) return bytes.error();
  return decode_index(as_bytes(*bytes));
}

std::string encode_index_head(const IndexHead& head) {
  std::string payload;
  ByteWriter(payload)
      .u32(head.timestamp_seconds)
      .lenenc_text(head.file_name)
      .lenenc_text(head.gtids_before.text());
  std::string out(kMagic);
  append_record(out, Kind::kHead, payload);
  return out;
}

void append_index_mark(std::string& out, const IndexMark& mark) {
  std::string payload;
  ByteWriter(payload)
      .u64(mark.end_bytes)
      .u64(mark.begin_bytes)
      .u32(mark.timestamp_seconds)
      .lenenc_text(mark.gtids.text());
  append_record(out, mark.sealed ? Kind::kSeal : Kind::kMark, payload);
}

Result<std::unique_ptr<IndexWriter>> IndexWriter::open(Storage& storage, const std::string& folder,
                                                       const std::string& name,
                                                       std::uint64_t valid_bytes) {
  if (const auto made = storage.make_folder(folder); !made) return made.error();
  auto file = storage.open(folder + "/" + name, Storage::Open::kCreate);
  if (!file) return file.error();
  if (const auto cut = (*file)->truncate(valid_bytes); !cut) return cut.error();
  return std::unique_ptr<IndexWriter>(new IndexWriter(std::move(*file), valid_bytes));
}

Result<void> IndexWriter::append(std::string_view records) {
  pending_ += records;
  if (pending_.empty()) return {};
  const auto written = file_->write_at(size_bytes_, as_bytes(pending_));
  if (!written && is_disk_full(written.error())) return {};
  if (!written) return written.error();
  size_bytes_ += pending_.size();
  pending_.clear();
  return {};
}

Result<void> IndexWriter::sync() { return file_->sync(); }

}  // namespace tiderelay::relay
