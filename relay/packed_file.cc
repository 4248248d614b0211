// relay/packed_file.cc: LZ4 frames in and out of blocks.
#include "relay/packed_file.h"

#include <lz4frame.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "base/check.h"
#include "protocol/event.h"

namespace tiderelay::relay {
namespace {

constexpr std::uint32_t kFrameMagic = 0x184d2204;
constexpr std::uint32_t kTableMagic = 0x184d2a5e;  // one of the sixteen of skippable frames
constexpr std::uint32_t kVersion = 1;
constexpr std::string_view kEndMark = "tide.lz4";
constexpr std::size_t kHeadBytes = 8;
constexpr std::size_t kFactsBytes = 24;
constexpr std::size_t kEndBytes = 16;  // crc, length, mark
constexpr std::uint64_t kTableMaxBytes = 64U << 20;

LZ4F_preferences_t preferences(std::size_t block_bytes) {
  LZ4F_preferences_t chosen{};
  chosen.frameInfo.blockSizeID = LZ4F_max256KB;
  chosen.frameInfo.blockMode = LZ4F_blockIndependent;
  chosen.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  chosen.frameInfo.contentSize = block_bytes;
  return chosen;
}

// What a frame holds, `into` whole.
Result<void> unpack_block(LZ4F_dctx* context, ByteView frame, std::span<std::byte> into) {
  LZ4F_resetDecompressionContext(context);
  std::size_t filled = 0;
  std::size_t taken = 0;
  std::size_t left = 1;
  while (left != 0) {
    std::size_t out_bytes = into.size() - filled;
    std::size_t in_bytes = frame.size() - taken;
    left = LZ4F_decompress(context, into.data() + filled, &out_bytes, frame.data() + taken,
                           &in_bytes, nullptr);
    if (LZ4F_isError(left) != 0) return Error(Errc::kCorrupt, LZ4F_getErrorName(left));
    if (out_bytes == 0 && in_bytes == 0) break;
    filled += out_bytes;
    taken += in_bytes;
  }
  if (left != 0 || filled != into.size() || taken != frame.size()) {
    return Error(Errc::kCorrupt, "the frame has another length");
  }
  return {};
}

LZ4F_dctx* make_context() {
  LZ4F_dctx* context = nullptr;
  CHECK(LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) == 0, "lz4");
  return context;
}

struct ContextFree {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};
using Context = std::unique_ptr<LZ4F_dctx, ContextFree>;

Error no_table(const std::string& why) {
  return Error(Errc::kCorrupt, "not a compressed log file: " + why);
}

Result<PackedTable> decode_table(ByteView bytes, std::uint64_t frames_bytes) {
  const ByteView covered = bytes.subspan(kHeadBytes, bytes.size() - kHeadBytes - kEndBytes);
  ByteReader head(bytes);
  const bool framed = head.u32() == kTableMagic && head.u32() == bytes.size() - kHeadBytes;
  ByteReader end(bytes.last(kEndBytes));
  if (!framed || end.u32() != protocol::crc32(0, covered)) return no_table("its table is damaged");
  ByteReader facts(covered);
  if (facts.u32() != kVersion || facts.u32() != kPackedBlockBytes) {
    return Error(Errc::kUnsupported, "compressed by another version of tiderelay");
  }
  PackedTable table;
  table.file_bytes = facts.u64();
  table.modified = std::chrono::system_clock::from_time_t(static_cast<std::time_t>(facts.u64()));
  std::uint64_t total = 0;
  while (facts.left() > 0) {
    table.frames.push_back(facts.u32());
    total += table.frames.back();
  }
  const std::uint64_t blocks = (table.file_bytes + kPackedBlockBytes - 1) / kPackedBlockBytes;
  if (!facts.ok() || blocks != table.frames.size() || total != frames_bytes) {
    return no_table("its table does not fit");
  }
  return table;
}

}  // namespace

std::string encode_packed_table(const PackedTable& table) {
  std::string covered;
  ByteWriter(covered)
      .u32(kVersion)
      .u32(kPackedBlockBytes)
      .u64(table.file_bytes)
      .u64(static_cast<std::uint64_t>(std::chrono::system_clock::to_time_t(table.modified)));
  for (const std::uint32_t frame_bytes : table.frames) ByteWriter(covered).u32(frame_bytes);
  const std::size_t length = covered.size() + kEndBytes;
  std::string out;
  ByteWriter(out)
      .u32(kTableMagic)
      .u32(length)
      .text(covered)
      .u32(protocol::crc32(0, as_bytes(covered)))
      .u32(length)
      .text(kEndMark);
  return out;
}

Result<PackedTable> read_packed_table(const StoredFile& file) {
  const auto size_bytes = file.size();
  if (!size_bytes) return size_bytes.error();
  if (*size_bytes < kHeadBytes + kFactsBytes + kEndBytes) return no_table("it is too short");
  std::vector<std::byte> bytes(kEndBytes);
  const auto end = file.read_at(*size_bytes - kEndBytes, bytes);
  if (!end) return end.error();
  ByteReader reader(ByteView(bytes).first(*end));
  reader.skip(4);
  const std::uint64_t length = std::uint64_t{reader.u32()} + kHeadBytes;
  if (reader.text(kEndMark.size()) != kEndMark) return no_table("it has no table at its end");
  const bool fits = length >= kHeadBytes + kFactsBytes + kEndBytes && length <= *size_bytes &&
                    length <= kTableMaxBytes;
  if (!fits) return no_table("its table has an impossible length");
  bytes.resize(static_cast<std::size_t>(length));
  const auto whole = file.read_at(*size_bytes - length, bytes);
  if (!whole) return whole.error();
  if (*whole != length) return no_table("it became shorter");
  return decode_table(bytes, *size_bytes - length);
}

Result<bool> looks_packed(const StoredFile& file) {
  std::vector<std::byte> bytes(4);
  const auto count = file.read_at(0, bytes);
  if (!count) return count.error();
  return *count == bytes.size() && ByteReader(bytes).u32() == kFrameMagic;
}

Result<void> pack_block(ByteView block, std::string& out) {
  CHECK(!block.empty() && block.size() <= kPackedBlockBytes, "a block has its size");
  const LZ4F_preferences_t how = preferences(block.size());
  const std::size_t before = out.size();
  out.resize(before + LZ4F_compressFrameBound(block.size(), &how));
  const std::size_t count = LZ4F_compressFrame(out.data() + before, out.size() - before,
                                               block.data(), block.size(), &how);
  if (LZ4F_isError(count) != 0) return Error(Errc::kStorage, LZ4F_getErrorName(count));
  out.resize(before + count);
  const Context context(make_context());
  std::vector<std::byte> back(block.size());
  const auto unpacked = unpack_block(context.get(), as_bytes(out).subspan(before), back);
  if (!unpacked) return unpacked.error();
  if (!std::ranges::equal(back, block)) {
    return Error(Errc::kStorage, "a compressed block reads back as something else");
  }
  return {};
}

struct PackedFile::Cache {
  std::mutex mutex;  // guards all that follows
  Context context{make_context()};
  std::optional<std::size_t> block;
  std::vector<std::byte> bytes;
  std::vector<std::byte> frame;
};

PackedFile::PackedFile(std::shared_ptr<StoredFile> file, std::string path, PackedTable table)
    : file_(std::move(file)),
      path_(std::move(path)),
      table_(std::move(table)),
      cache_(std::make_unique<Cache>()) {
  std::uint64_t begin = 0;
  for (const std::uint32_t frame_bytes : table_.frames) {
    begins_.push_back(begin);
    begin += frame_bytes;
  }
}

PackedFile::~PackedFile() = default;

Result<std::shared_ptr<StoredFile>> PackedFile::open(std::shared_ptr<StoredFile> file,
                                                     const std::string& path) {
  auto table = read_packed_table(*file);
  if (!table) return table.error().in(path);
  return std::shared_ptr<StoredFile>(
      std::make_shared<PackedFile>(std::move(file), path, std::move(*table)));
}

Result<void> PackedFile::write_at(std::uint64_t, ByteView) {
  return Error(Errc::kStorage, path_ + ": a compressed log file is never changed");
}

Result<void> PackedFile::truncate(std::uint64_t) {
  return Error(Errc::kStorage, path_ + ": a compressed log file is never changed");
}

// REQUIRES: the cache is locked.
Result<void> PackedFile::load(std::size_t block) const {
  Cache& cache = *cache_;
  if (cache.block == block) return {};
  cache.block.reset();
  const std::uint64_t begin = std::uint64_t{block} * kPackedBlockBytes;
  cache.frame.resize(table_.frames[block]);
  const auto count = file_->read_at(begins_[block], cache.frame);
  if (!count) return count.error();
  cache.bytes.resize(static_cast<std::size_t>(
      std::min<std::uint64_t>(kPackedBlockBytes, table_.file_bytes - begin)));
  const auto unpacked =
      unpack_block(cache.context.get(), ByteView(cache.frame).first(*count), cache.bytes);
  if (!unpacked) {
    return unpacked.error().in(path_ + ": block " + std::to_string(block) + " (from " +
                               std::to_string(begin) + " of the log file, " +
                               std::to_string(begins_[block]) + " of this one) is damaged");
  }
  cache.block = block;
  return {};
}

Result<std::size_t> PackedFile::read_at(std::uint64_t offset, std::span<std::byte> into) const {
  const std::lock_guard lock(cache_->mutex);
  std::size_t filled = 0;
  while (filled < into.size() && offset + filled < table_.file_bytes) {
    const std::uint64_t at = offset + filled;
    const auto block = static_cast<std::size_t>(at / kPackedBlockBytes);
    if (const auto loaded = load(block); !loaded) return loaded.error();
    const auto inside = static_cast<std::size_t>(at % kPackedBlockBytes);
    const std::size_t count = std::min(into.size() - filled, cache_->bytes.size() - inside);
    std::memcpy(into.data() + filled, cache_->bytes.data() + inside, count);
    filled += count;
  }
  return filled;
}

// What lies in the block that was read last, if that is all.
Result<std::optional<std::size_t>> PackedFile::read_cached(std::uint64_t offset,
                                                           std::span<std::byte> into) const {
  const std::lock_guard lock(cache_->mutex);
  const std::uint64_t end = std::min<std::uint64_t>(offset + into.size(), table_.file_bytes);
  if (offset >= end) return std::optional<std::size_t>(0);
  const auto block = static_cast<std::size_t>(offset / kPackedBlockBytes);
  if (cache_->block != block || (end - 1) / kPackedBlockBytes != block) {
    return std::optional<std::size_t>();
  }
  const auto count = static_cast<std::size_t>(end - offset);
  std::memcpy(into.data(), cache_->bytes.data() + offset % kPackedBlockBytes, count);
  return std::optional<std::size_t>(count);
}

}  // namespace tiderelay::relay
