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
  for (int i = 0; i < 5; ++i) maker.transaction(100);
  maker.begin_file();
  for (int i = 0; i < 3; ++i) maker.transaction(300);
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
  for (std::size_t cut = 0; cut < file.bytes.size(); ++cut) {
    SCOPED_TRACE(cut);
    SimDisk disk;
    receive_all(*open_log(disk, 1U << 20), maker);
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

}  // namespace
}  // namespace tiderelay::tests
