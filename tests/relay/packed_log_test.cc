// tests/relay/packed_log_test.cc: log files that are compressed once they have ended: the same
// bytes for everybody who reads, and nothing lost whatever step a crash falls into.
#include <gtest/gtest.h>

#include <random>

#include "relay/binlog_file.h"
#include "relay/log_files.h"
#include "relay/log_packer.h"
#include "tests/relay/log_rig.h"

namespace tiderelay::tests {
namespace {

using relay::kPackedBlockBytes;
using relay::LogPacker;

LogMaker some_files(int files, std::size_t rows_bytes = 100'000) {
  LogMaker maker;
  for (int file = 0; file < files; ++file) {
    maker.begin_file();
    for (std::size_t i = 0; i < 5; ++i) maker.transaction(rows_bytes + i);
  }
  return maker;
}

std::string packed_path(std::size_t file) { return log_path(file) + ".lz4"; }
const std::string kPacking = std::string(kLogFolder) + "/index/packing";

void pack_all(SimDisk& disk, relay::RelayLog& log) {
  LogPacker packer(disk, log.catalog(), 0);
  for (;;) {
    const auto step = packer.step();
    ASSERT_TRUE(step) << step.error().text();
    if (step->read_bytes == 0) return;
  }
}

std::string whole(SimDisk& disk, const std::string& path) {
  const auto file = relay::open_log_file(disk, path);
  if (!file) return file.error().text();
  std::string bytes((*file)->size().value(), '\0');
  const auto count = (*file)->read_at(0, std::as_writable_bytes(std::span(bytes)));
  return count ? bytes.substr(0, *count) : count.error().text();
}

std::string pack(const std::string& bytes) {
  std::string packed;
  relay::PackedTable table;
  table.file_bytes = bytes.size();
  for (std::size_t at = 0; at < bytes.size(); at += kPackedBlockBytes) {
    const std::size_t before = packed.size();
    EXPECT_TRUE(relay::pack_block(as_bytes(bytes).subspan(at).first(
                                      std::min<std::size_t>(kPackedBlockBytes, bytes.size() - at)),
                                  packed));
    table.frames.push_back(static_cast<std::uint32_t>(packed.size() - before));
  }
  return packed + relay::encode_packed_table(table);
}

TEST(PackedFile, GivesAnyPartOfTheFile) {
  std::mt19937_64 random(7);
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{kPackedBlockBytes} - 1, std::size_t{kPackedBlockBytes},
        std::size_t{kPackedBlockBytes} + 1, std::size_t{3} * kPackedBlockBytes + 77}) {
    SCOPED_TRACE(size);
    std::string bytes(size, ' ');
    for (char& byte : bytes) byte = static_cast<char>(random() % 7);
    SimDisk disk;
    disk.set_content("/f/binlog.000001.lz4", pack(bytes));
    const auto file = relay::open_log_file(disk, "/f/binlog.000001");
    ASSERT_TRUE(file) << file.error().text();
    EXPECT_EQ((*file)->size().value(), size);
    for (int i = 0; i < 200; ++i) {
      const std::size_t at = random() % (size + 2);
      std::string into(1 + random() % (2 * kPackedBlockBytes), '\0');
      const auto view = std::as_writable_bytes(std::span(into));
      const auto cached = (*file)->read_cached(at, view);
      ASSERT_TRUE(cached);
      const std::string expected = at < size ? bytes.substr(at, into.size()) : "";
      if (*cached) {
        EXPECT_EQ(into.substr(0, **cached), expected);
      }
      const auto count = (*file)->read_at(at, view);
      ASSERT_TRUE(count) << count.error().text();
      ASSERT_EQ(into.substr(0, *count), expected);
    }
  }
}

TEST(PackedFile, NamesTheBlockThatIsDamagedAndGivesTheOthers) {
  std::mt19937_64 random(8);
  std::string bytes(3 * kPackedBlockBytes, ' ');
  for (char& byte : bytes) byte = static_cast<char>(random());
  std::string packed = pack(bytes);
  packed[packed.size() / 2] ^= 1;  // in the second of three blocks, which do not shrink
  SimDisk disk;
  disk.set_content("/f/binlog.000001.lz4", packed);
  const auto file = relay::open_log_file(disk, "/f/binlog.000001").value();
  std::vector<std::byte> block(100);
  EXPECT_TRUE(file->read_at(kPackedBlockBytes - 100, block));
  const auto damaged = file->read_at(kPackedBlockBytes - 99, block);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code(), Errc::kCorrupt);
  EXPECT_NE(damaged.error().text().find("/f/binlog.000001.lz4: block 1 (from 262144 of the log"),
            std::string::npos)
      << damaged.error().text();
  EXPECT_TRUE(file->read_at(2 * kPackedBlockBytes, block));
}

TEST(PackedFile, RefusesEveryTableThatIsNotWhole) {
  const std::string packed = pack(std::string(kPackedBlockBytes + 5, 'x'));
  for (std::size_t size = 0; size < packed.size(); ++size) {
    SimDisk disk;
    disk.set_content("/f/x.lz4", packed.substr(0, size));
    const auto file = disk.open("/f/x.lz4", relay::Storage::Open::kRead).value();
    ASSERT_FALSE(relay::read_packed_table(*file)) << size;
  }
  const std::size_t table_bytes = 8 + 24 + 2 * 4 + 16;
  for (std::size_t at = packed.size() - table_bytes; at < packed.size(); ++at) {
    std::string damaged = packed;
    damaged[at] ^= 4;
    SimDisk disk;
    disk.set_content("/f/x.lz4", damaged);
    const auto file = disk.open("/f/x.lz4", relay::Storage::Open::kRead).value();
    ASSERT_FALSE(relay::read_packed_table(*file)) << at;
  }
}

TEST(PackedLog, ReadsAsItDidBefore) {
  const LogMaker maker = some_files(5);
  SimDisk disk;
  auto log = open_log(disk);
  receive_all(*log, maker);
  const std::string before = read_all(disk, *log, {1, 1, 4}).bytes;
  const std::uint64_t plain_bytes = log->catalog().total_bytes();
  pack_all(disk, *log);
  for (std::size_t file = 1; file <= 5; ++file) {
    SCOPED_TRACE(file);
    EXPECT_EQ(disk.exists(packed_path(file)).value(), file <= 3) << "the last two stay as they are";
    EXPECT_EQ(disk.exists(log_path(file)).value(), file > 3);
    EXPECT_EQ(whole(disk, log_path(file)), maker.files()[file - 1].bytes);
    EXPECT_EQ(log->catalog().files()[file - 1].size_bytes, maker.files()[file - 1].bytes.size());
  }
  EXPECT_LT(log->catalog().total_bytes(), plain_bytes) << "what counts is what lies on disk";
  EXPECT_EQ(read_all(disk, *log, {1, 1, 4}).bytes, before);
  EXPECT_FALSE(disk.exists(kPacking).value());
  const auto again = open_log(disk);
  EXPECT_TRUE(again->findings().empty());
  EXPECT_EQ(read_all(disk, *again, {1, 1, 4}).bytes, before);
  EXPECT_EQ(again->catalog().total_bytes(), log->catalog().total_bytes());
  for (std::size_t file = 0; file < 5; ++file) {
    EXPECT_EQ(again->catalog().files()[file].size_bytes, maker.files()[file].bytes.size());
  }
}

TEST(PackedLog, IsIndexedPurgedAndListedAsAnyOther) {
  const LogMaker maker = some_files(5);
  SimDisk disk;
  auto log = open_log(disk);
  receive_all(*log, maker);
  const std::string index = disk.content(index_path(2));
  pack_all(disk, *log);
  disk.forget(index_path(2));
  log = open_log(disk);
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(disk.content(index_path(2)), index) << "a lost index is built again";
  const std::string folder = log_path(1).substr(0, log_path(1).rfind('/'));
  const auto listed = relay::binlog_files(disk, folder);
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 5U);
  for (const std::string& path : {listed->front(), packed_path(1), log_path(1)}) {
    EXPECT_EQ(relay::binlog_files(disk, path).value().size(), 1U);
    auto file = relay::BinlogFile::open(disk, path);
    ASSERT_TRUE(file) << file.error().text();
    std::size_t events = 0;
    for (auto event = file->next(); event && *event; event = file->next()) ++events;
    EXPECT_EQ(events, maker.files()[0].ends.size());
  }
  const auto purged = log->catalog().purge_before({1, 3, 4});
  ASSERT_TRUE(purged) << purged.error().text();
  EXPECT_EQ(purged->removed.size(), 2U);
  EXPECT_FALSE(disk.exists(packed_path(1)).value());
  EXPECT_TRUE(disk.exists(packed_path(3)).value());
}

TEST(PackedLog, LeavesAFileThatWasPurgedMeanwhile) {
  const LogMaker maker = some_files(4);
  SimDisk disk;
  const auto log = open_log(disk);
  receive_all(*log, maker);
  LogPacker packer(disk, log->catalog(), 0);
  const auto bigger = maker.files()[0].bytes.size();
  ASSERT_LT(bigger, 8U * kPackedBlockBytes) << "one step makes a file";
  auto copy = disk.open(kPacking, relay::Storage::Open::kCreate);
  ASSERT_TRUE(copy);
  const relay::LogFile file = log->catalog().files()[0];
  ASSERT_TRUE(log->catalog().purge_before({1, 2, 4}));
  EXPECT_TRUE(log->catalog().replace_with_packed(file, kPacking, 1));
  EXPECT_FALSE(disk.exists(packed_path(1)).value());
  EXPECT_FALSE(disk.exists(kPacking).value());
}

TEST(PackedLog, IsWrittenToAgainWhenWhatFollowedWasRemoved) {
  const LogMaker maker = some_files(4);
  SimDisk disk;
  auto log = open_log(disk);
  receive_all(*log, maker);
  pack_all(disk, *log);
  for (const std::size_t file : {3U, 4U}) {
    disk.forget(log_path(file));
    disk.forget(index_path(file));
  }
  log = open_log(disk);
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(disk.content(log_path(2)), maker.files()[1].bytes);
  EXPECT_FALSE(disk.exists(packed_path(2)).value());
  EXPECT_EQ(log->end().get().position, (relay::LogPosition{1, 2, maker.files()[1].bytes.size()}));
}

TEST(PackedLog, AFullDiskOrADamagedFileStopsNobody) {
  const LogMaker maker = some_files(4);
  SimDisk disk;
  const auto log = open_log(disk);
  receive_all(*log, maker);
  LogPacker packer(disk, log->catalog(), 0);
  disk.space_bytes = disk.used() + maker.files()[0].bytes.size() / 4 * 5;
  LogPacker careful(disk, log->catalog(), disk.space_bytes);
  EXPECT_EQ(careful.step()->read_bytes, 0U) << "less than is to be kept free";
  disk.fail_syncs_in = 0;
  const auto failed = packer.step();
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().text().find("compressing"), std::string::npos);
  EXPECT_FALSE(disk.exists(kPacking).value());
  disk.fail_syncs_in = -1;
  EXPECT_NE(packer.step()->done.find(LogMaker::name(2)), std::string::npos) << "the next one";
  EXPECT_EQ(whole(disk, log_path(1)), maker.files()[0].bytes);
}

// A disk that the process or the machine leaves after a number of operations that change it.
class BreakingDisk final : public relay::Storage {
 public:
  explicit BreakingDisk(SimDisk& disk) : disk_(disk) {}
  int operations_left = 0;

  Result<std::shared_ptr<relay::StoredFile>> open(const std::string& path, Open how) override {
    if (how == Open::kCreate && gone()) return Error(Errc::kStorage, "gone");
    auto file = disk_.open(path, how);
    if (!file) return file;
    return std::shared_ptr<relay::StoredFile>(std::make_shared<File>(*this, std::move(*file)));
  }
  Result<std::vector<relay::FolderEntry>> list(const std::string& folder) const override {
    return disk_.list(folder);
  }
  Result<bool> exists(const std::string& path) const override { return disk_.exists(path); }
  Result<void> make_folder(const std::string& path) override { return disk_.make_folder(path); }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (gone()) return Error(Errc::kStorage, "gone");
    return disk_.rename(from, to);
  }
  Result<void> remove(const std::string& path) override {
    if (gone()) return Error(Errc::kStorage, "gone");
    return disk_.remove(path);
  }
  Result<void> sync_folder(const std::string& folder) override {
    if (gone()) return Error(Errc::kStorage, "gone");
    return disk_.sync_folder(folder);
  }
  Result<relay::FreeSpace> free_space(const std::string& folder) const override {
    return disk_.free_space(folder);
  }

 private:
  bool gone() { return operations_left-- <= 0; }
  class File final : public relay::StoredFile {
   public:
    File(BreakingDisk& disk, std::shared_ptr<StoredFile> file)
        : disk_(disk), file_(std::move(file)) {}
    Result<void> write_at(std::uint64_t offset, ByteView bytes) override {
      if (disk_.gone()) return Error(Errc::kStorage, "gone");
      return file_->write_at(offset, bytes);
    }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
      return file_->read_at(offset, into);
    }
    Result<void> sync() override {
      if (disk_.gone()) return Error(Errc::kStorage, "gone");
      return file_->sync();
    }
    Result<void> truncate(std::uint64_t size_bytes) override {
      if (disk_.gone()) return Error(Errc::kStorage, "gone");
      return file_->truncate(size_bytes);
    }
    Result<std::uint64_t> size() const override { return file_->size(); }

   private:
    BreakingDisk& disk_;
    const std::shared_ptr<StoredFile> file_;
  };
  SimDisk& disk_;
};

TEST(PackedLog, IsWholeWhateverStepACrashFallsInto) {
  const LogMaker maker = some_files(4, 500);
  bool ended = false;
  for (int operations = 0; !ended; ++operations) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      SCOPED_TRACE(std::to_string(operations) + " operations, seed " + std::to_string(seed));
      SimDisk disk(seed);
      auto log = open_log(disk);
      receive_all(*log, maker);
      disk.kill();
      BreakingDisk breaking(disk);
      auto catalog = relay::LogCatalog::open(breaking, kLogFolder);
      ASSERT_TRUE(catalog) << catalog.error().text();
      breaking.operations_left = operations;
      LogPacker packer(breaking, **catalog, 0);
      for (auto step = packer.step();; step = packer.step()) {
        ended = step && step->read_bytes == 0;
        if (!step || ended) break;
      }
      if (seed % 3 == 0) {
        disk.kill();
      } else {
        disk.crash();
      }
      log = open_log(disk);
      ASSERT_NE(log, nullptr);
      for (std::size_t file = 1; file <= 4; ++file) {
        ASSERT_EQ(whole(disk, log_path(file)), maker.files()[file - 1].bytes) << file;
        ASSERT_NE(disk.exists(log_path(file)).value(), disk.exists(packed_path(file)).value());
      }
      EXPECT_FALSE(disk.exists(kPacking).value());
    }
    ASSERT_LT(operations, 200);
  }
}

}  // namespace
}  // namespace tiderelay::tests
