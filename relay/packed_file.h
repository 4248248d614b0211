// relay/packed_file.h: a finished log file, compressed so that any part of it can be read alone.
//
// The file is a sequence of ordinary LZ4 frames, one for each block of 256 KiB, and a skippable
// frame with the table of them: `lz4 -dc FILE` gives the log file. Reading costs memory for one
// block and its frame. Numbers are little-endian.
//
// frame*                             each block's: independent, with content size and checksum
// offset  bytes  field               of the skippable frame behind them
//      0      4  0x184d2a5e
//      4      4  length of what follows
//      8      4  version, 1
//     12      4  block length; the last block may be shorter
//     16      8  length of the log file
//     24      8  when the log file was last written, Unix seconds
//     32    4*n  length of each frame
//      .      4  CRC-32 of what lies between offset 8 and here
//      .      4  length of the skippable frame
//      .      8  "tide.lz4"
// Source: lz4/doc/lz4_Frame_format.md (frames, skippable frames).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "relay/storage.h"

namespace tiderelay::relay {

inline constexpr std::uint32_t kPackedBlockBytes = 256 * 1024;

struct PackedTable {
  std::uint64_t file_bytes = 0;
  std::chrono::system_clock::time_point modified;
  std::vector<std::uint32_t> frames;  // the length of each
};
[[nodiscard]] std::string encode_packed_table(const PackedTable& table);
// kCorrupt: this is no packed file, or its table is damaged.
[[nodiscard]] Result<PackedTable> read_packed_table(const StoredFile& file);
// Whether it begins as one: log files do not.
[[nodiscard]] Result<bool> looks_packed(const StoredFile& file);

// Appends the block as a frame, having read it back. REQUIRES: at most kPackedBlockBytes.
[[nodiscard]] Result<void> pack_block(ByteView block, std::string& out);

// The log file that a packed file holds. What is damaged is kCorrupt with the block's number and
// place; other blocks can still be read. Never written.
class PackedFile final : public StoredFile {
 public:
  [[nodiscard]] static Result<std::shared_ptr<StoredFile>> open(std::shared_ptr<StoredFile> file,
                                                                const std::string& path);

  Result<void> write_at(std::uint64_t offset, ByteView bytes) override;
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override;
  Result<std::optional<std::size_t>> read_cached(std::uint64_t offset,
                                                 std::span<std::byte> into) const override;
  Result<void> sync() override { return {}; }
  Result<void> truncate(std::uint64_t size_bytes) override;
  Result<std::uint64_t> size() const override { return table_.file_bytes; }

  struct Cache;  // of the block that was read last
  PackedFile(std::shared_ptr<StoredFile> file, std::string path, PackedTable table);
  ~PackedFile() override;

 private:
  [[nodiscard]] Result<void> load(std::size_t block) const;

  const std::shared_ptr<StoredFile> file_;
  const std::string path_;
  const PackedTable table_;
  std::vector<std::uint64_t> begins_;  // of the frames
  const std::unique_ptr<Cache> cache_;
};

}  // namespace tiderelay::relay
