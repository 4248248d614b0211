// tests/relay/log_test.cc: the log as a string of bytes: what is appended comes back, and what a
// crash leaves is brought into order.
#include <gtest/gtest.h>

#include "tests/relay/log_rig.h"

namespace tiderelay::tests {
namespace {

using relay::LogPosition;

LogMaker two_files() {
  LogMaker maker;
  maker.begin_file();
  for (int i = 0; i < 5; ++i) maker.transaction(40);
  maker.begin_file();
  for (int i = 0; i < 3; ++i) maker.transaction(60);
  return maker;
}

TEST(Log, GivesBackTheUpstreamsBytes) {
  SimDisk disk;
  const auto log = open_log(disk);
  const LogMaker maker = two_files();
  receive_all(*log, maker);
  EXPECT_EQ(disk.content(log_path(1)), maker.files()[0].bytes);
  EXPECT_EQ(disk.content(log_path(2)), maker.files()[1].bytes);
  const auto read = read_all(disk, *log, {1, 1, 4});
  EXPECT_FALSE(read.error);
  EXPECT_EQ(read.bytes, maker.files()[0].bytes.substr(4) + maker.files()[1].bytes.substr(4));
  EXPECT_EQ(log->end().get().position, (LogPosition{1, 2, maker.last().bytes.size()}));
}

TEST(Log, TheEndStaysBeforeATransactionThatIsOpen) {
  SimDisk disk;
  const auto log = open_log(disk);
  LogMaker maker = two_files();
  receive_all(*log, maker);
  const LogPosition before = log->end().get().position;
  const std::size_t from = maker.last().bytes.size();
  maker.begin_transaction();
  ASSERT_TRUE(append_events(*log, maker.last().bytes, from));
  sync(*log);
  EXPECT_EQ(log->end().get().position, before);
  EXPECT_EQ(read_all(disk, *log, {1, 2, from}).events, 0U);
}

TEST(Log, IsWholeAgainAfterItsTailWasTornAtAnyByte) {
  const LogMaker maker = two_files();
  const auto& file = maker.last();
  SimDisk whole;
  receive_all(*open_log(whole, 1U << 20), maker);
  for (std::size_t cut = 0; cut < file.bytes.size(); ++cut) {
    SCOPED_TRACE(cut);
    SimDisk disk;
    disk.copy_from(whole);
    disk.set_content(log_path(2), file.bytes.substr(0, cut));
    const auto log = open_log(disk);
    ASSERT_NE(log, nullptr);
    std::size_t kept = 4;
    for (const std::size_t end : file.settled) kept = end <= cut ? end : kept;
    const auto point = log->resume_point();
    if (cut < file.ends[0]) {
      EXPECT_EQ(point->file, LogMaker::name(1)) << "a file without a first event is dropped";
      continue;
    }
    EXPECT_EQ(point->end_bytes, kept);
    EXPECT_EQ(disk.content(log_path(2)), file.bytes.substr(0, kept));
    EXPECT_EQ(log->end().get().position, (LogPosition{1, 2, kept}));
    ASSERT_TRUE(append_events(*log, file.bytes, kept));
    sync(*log);
    EXPECT_EQ(disk.content(log_path(2)), file.bytes);
    EXPECT_EQ(log->resume_point()->gtids.mysql(), maker.executed());
  }
}

TEST(Log, TakesEventsInAnyPieces) {
  const LogMaker maker = two_files();
  const std::string& bytes = maker.files()[0].bytes;
  for (std::size_t piece = protocol::kEventHeaderBytes; piece < 80; piece += 7) {
    SimDisk disk;
    const auto log = open_log(disk);
    ASSERT_TRUE(log->start_generation(std::string(kMakerUuid), {}));
    ASSERT_TRUE(log->start_file(maker.files()[0].name));
    std::size_t at = 4;
    for (const std::size_t end : maker.files()[0].ends) {
      for (bool first = true; at < end; first = false) {
        const std::size_t size = std::min(piece, end - at);
        const auto part = as_bytes(bytes).subspan(at, size);
        ASSERT_TRUE(log->writer().append(part, first, at + size == end));
        at += size;
      }
    }
    sync(*log);
    EXPECT_EQ(disk.content(log_path(1)), bytes);
    EXPECT_EQ(log->end().get().position, (LogPosition{1, 1, bytes.size()}));
  }
}

TEST(Log, GivesAnEventThatIsLargerThanABlock) {
  SimDisk disk;
  const auto log = open_log(disk);
  LogMaker maker;
  maker.begin_file();
  maker.transaction(3U << 20);
  maker.transaction(10);
  receive_all(*log, maker);
  const auto read = read_all(disk, *log, {1, 1, 4});
  EXPECT_FALSE(read.error);
  EXPECT_TRUE(read.bytes == maker.files()[0].bytes.substr(4));
}

TEST(Log, RefusesWhatIsNotTheNextEventOfTheFile) {
  struct Row {
    const char* fact;
    std::size_t offset;  // in the GTID event behind the head of the file
    char value;
    Errc code;
  };
  const Row rows[] = {
      {"a changed byte shows in the checksum", 30, 'x', Errc::kCorrupt},
      {"a wrong end position shows", 13, '\x01', Errc::kCorrupt},
      {"a wrong length shows", 9, '\x01', Errc::kCorrupt},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    const LogMaker maker = two_files();
    std::string bytes = maker.files()[0].bytes.substr(0, maker.files()[0].ends[2]);
    const std::size_t event = maker.files()[0].ends[1];
    const std::size_t size = bytes.size() - event;
    bytes[event + row.offset] = row.value;
    SimDisk disk;
    const auto log = open_log(disk);
    ASSERT_TRUE(log->start_generation(std::string(kMakerUuid), {}));
    ASSERT_TRUE(log->start_file(LogMaker::name(1)));
    ASSERT_TRUE(append_events(*log, std::string_view(bytes).substr(0, event), 4));
    const auto done = log->writer().append(as_bytes(bytes).subspan(event, size), true, true);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), row.code) << done.error().text();
    ASSERT_TRUE(log->writer().cut_unfinished());
    ASSERT_TRUE(append_events(*log, maker.files()[0].bytes, event)) << "and the right one follows";
  }
}

TEST(Log, ADamagedByteInTheMiddleStopsTheReaderThere) {
  const LogMaker maker = two_files();
  SimDisk disk;
  const auto log = open_log(disk);
  receive_all(*log, maker);
  std::string bytes = maker.files()[0].bytes;
  const std::size_t event = maker.files()[0].ends[7];
  bytes[event + 25] ^= 1;
  disk.set_content(log_path(1), bytes);
  const auto read = read_all(disk, *log, {1, 1, 4});
  ASSERT_TRUE(read.error);
  EXPECT_EQ(read.error->code(), Errc::kCorrupt);
  EXPECT_EQ(read.events, 8U) << "what is before it is given";
  EXPECT_NE(read.error->text().find("binlog.000001 at " + std::to_string(event)), std::string::npos)
      << read.error->text();
}

TEST(Log, ASealedFileThatIsDamagedAndHasNoIndexIsNeverCut) {
  const LogMaker maker = two_files();
  SimDisk disk;
  receive_all(*open_log(disk), maker);
  std::string bytes = maker.files()[0].bytes;
  bytes[bytes.size() / 2] ^= 1;
  disk.set_content(log_path(1), bytes);
  disk.forget(index_path(1));
  const auto log = relay::RelayLog::open(disk, {kLogFolder, {}});
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code(), Errc::kCorrupt);
  EXPECT_FALSE(log.error().way_out().empty());
  EXPECT_EQ(disk.content(log_path(1)), bytes);
}

TEST(Log, BuildsItsIndexAgainFromWhateverIsLeftOfIt) {
  const LogMaker maker = two_files();
  SimDisk whole;
  receive_all(*open_log(whole), maker);
  for (const std::size_t file : {1U, 2U}) {
    const std::string index = whole.content(index_path(file));
    for (std::size_t cut = 0; cut <= index.size(); cut += 5) {
      SCOPED_TRACE(cut);
      SimDisk disk;
      disk.copy_from(whole);
      std::string torn = index.substr(0, cut);
      if (cut % 2 == 0) torn += std::string(40, '\x7f');
      disk.set_content(index_path(file), torn);
      const auto log = open_log(disk);
      ASSERT_NE(log, nullptr);
      EXPECT_EQ(log->resume_point()->gtids.mysql(), maker.executed());
      EXPECT_EQ(log->end().get().position, (LogPosition{1, 2, maker.last().bytes.size()}));
      if (file == 1) {
        EXPECT_EQ(disk.content(index_path(1)), index);
      }
    }
  }
}

TEST(Log, ATransactionThatTheUpstreamNeverFinishedStaysInTheFile) {
  LogMaker maker;
  maker.begin_file();
  maker.transaction(50);
  maker.begin_transaction();
  SimDisk disk;
  const auto log = open_log(disk);
  receive_all(*log, maker);
  EXPECT_LT(log->end().get().position.offset_bytes, maker.last().bytes.size());
  log->writer().abandon_open();
  sync(*log);
  EXPECT_EQ(log->end().get().position.offset_bytes, maker.last().bytes.size());
  EXPECT_EQ(log->resume_point()->gtids.mysql().count(), 1U);
}

TEST(Log, TheReaderCrossesIntoANewGenerationAndSaysSo) {
  SimDisk disk;
  const auto log = open_log(disk);
  const LogMaker before = two_files();
  receive_all(*log, before);
  const relay::GenerationNote note{relay::GenerationNote::Why::kDiverged, "the tail was lost"};
  ASSERT_TRUE(log->start_generation(std::string(kMakerUuid), note));
  LogMaker after(9);
  after.begin_file();
  after.transaction(20);
  receive_all(*log, after);
  relay::LogReader reader(disk, log->relay_folder(), {1, 2, before.last().settled.back()});
  const auto event = reader.next(log->end().get().position);
  ASSERT_TRUE(event && *event);
  EXPECT_TRUE((*event)->generation_changed);
  EXPECT_EQ((*event)->begin, (LogPosition{2, 1, 4}));
  EXPECT_FALSE((*reader.next(log->end().get().position))->generation_changed);
  const auto again = open_log(disk);
  EXPECT_EQ(again->catalog().last_generation()->note.text, "the tail was lost");
  EXPECT_EQ(again->catalog().last_generation()->note.why, relay::GenerationNote::Why::kDiverged);
}

TEST(Log, AFileThatAFullDiskLeftEmptyGoesAlsoBehindANewGeneration) {
  SimDisk disk;
  const auto log = open_log(disk);
  receive_all(*log, two_files());
  disk.space_bytes = disk.used();
  ASSERT_FALSE(log->start_file(LogMaker::name(3)));
  disk.space_bytes = std::numeric_limits<std::uint64_t>::max();
  ASSERT_TRUE(log->start_generation(std::string(kMakerUuid), {}));
  receive_all(*log, two_files());
  ASSERT_TRUE(disk.exists(log_path(3)).value());
  const auto again = open_log(disk);
  EXPECT_FALSE(disk.exists(log_path(3)).value());
  EXPECT_EQ(again->catalog().files().size(), 4U);
  EXPECT_EQ(again->findings().size(), 1U);
}

TEST(Log, ADamagedLastFileOfAnOlderGenerationIsNotThrownAway) {
  SimDisk disk;
  {
    const auto log = open_log(disk);
    receive_all(*log, two_files());
    ASSERT_TRUE(log->start_generation(std::string(kMakerUuid), {}));
    receive_all(*log, two_files());
  }
  disk.forget(index_path(2));
  std::string bytes = disk.content(log_path(2));
  std::fill_n(bytes.begin() + 4, 30, '\0');
  disk.set_content(log_path(2), bytes);
  relay::RelayLogOptions options;
  options.folder = kLogFolder;
  const auto opened = relay::RelayLog::open(disk, options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Errc::kCorrupt);
  EXPECT_TRUE(disk.exists(log_path(2)).value());
}

TEST(Log, AFullDiskCostsNothingThatWasWhole) {
  const LogMaker maker = two_files();
  for (std::uint64_t room = 0; room < maker.files()[0].bytes.size() - 4; room += 37) {
    SCOPED_TRACE(room);
    SimDisk disk;
    const auto log = open_log(disk);
    ASSERT_TRUE(log->start_generation(std::string(kMakerUuid), {}));
    ASSERT_TRUE(log->start_file(LogMaker::name(1)));
    disk.space_bytes = disk.used() + room;
    auto done = append_events(*log, maker.files()[0].bytes, 4);
    if (done) done = log->writer().flush();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), Errc::kLimit);
    ASSERT_TRUE(log->writer().reopen());
    disk.space_bytes = std::numeric_limits<std::uint64_t>::max();
    ASSERT_TRUE(append_events(*log, maker.files()[0].bytes, log->writer().tracker().boundary()));
    sync(*log);
    EXPECT_EQ(disk.content(log_path(1)), maker.files()[0].bytes);
  }
}

TEST(Log, AFailedSyncMovesNothing) {
  SimDisk disk;
  const auto log = open_log(disk);
  const LogMaker maker = two_files();
  ASSERT_TRUE(log->start_generation(std::string(kMakerUuid), {}));
  ASSERT_TRUE(log->start_file(LogMaker::name(1)));
  ASSERT_TRUE(append_events(*log, maker.files()[0].bytes, 4));
  disk.fail_syncs_in = 0;
  auto job = log->writer().take_sync();
  ASSERT_TRUE(job && *job);
  const auto done = (*job)->run();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kStorage);
  EXPECT_EQ(log->end().get().position, LogPosition{});
}

}  // namespace
}  // namespace tiderelay::tests
