// tests/relay/log_catalog_test.cc: names, positions as text, which file holds what, and what a
// purge may remove.
#include <gtest/gtest.h>

#include "tests/relay/log_rig.h"

namespace tiderelay::tests {
namespace {

using relay::GtidState;
using relay::LogPosition;

// Four files: before them 0, 4, 8, 12 transactions.
LogMaker four_files() {
  LogMaker maker;
  for (int file = 0; file < 4; ++file) {
    maker.begin_file();
    for (int i = 0; i < 4; ++i) maker.transaction(100);
  }
  return maker;
}

GtidState gtids(const std::string& intervals) {
  return GtidState::parse(std::string(kMakerUuid) + ":" + intervals).value();
}

TEST(LogNames, TakeOnlyWhatTheyWouldWrite) {
  struct Row {
    const char* name;
    std::optional<std::uint64_t> number;
  };
  const Row rows[] = {
      {"binlog.000001", 1},
      {"mysql-bin-changelog.999999", 999'999},
      {"binlog.1000000", 1'000'000},
      {"a.b.c.000012", 12},
      {"binlog.0000001", std::nullopt},
      {"binlog.00001", std::nullopt},
      {"binlog.00000x", std::nullopt},
      {".000001", std::nullopt},
      {"server-uuid.index", std::nullopt},
      {"../x.000001", std::nullopt},
      {"binlog.99999999999999999999999", std::nullopt},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const auto name = relay::parse_numbered_name(row.name);
    ASSERT_EQ(name.has_value(), row.number.has_value());
    if (!name) continue;
    EXPECT_EQ(name->number, *row.number);
    EXPECT_EQ(relay::numbered_name(name->stem, name->number), row.name);
  }
}

TEST(LogCatalog, FindsTheNewestFileThatIsNotAfterASet) {
  SimDisk disk;
  const auto log = open_log(disk);
  receive_all(*log, four_files());
  struct Row {
    const char* fact;
    GtidState low;
    std::uint64_t file;
  };
  const Row rows[] = {
      {"nothing applied: the first file", GtidState(), 1},
      {"one less than a file needs", gtids("1-3"), 1},
      {"exactly the GTIDs before a file", gtids("1-4"), 2},
      {"a hole counts as not applied", gtids("1-6:8-15"), 2},
      {"everything: the last file", gtids("1-16"), 4},
      {"more than there is", gtids("1-99"), 4},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    const auto found = log->catalog().first_file_not_after(row.low);
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, (LogPosition{1, row.file, 4}));
  }
  const auto again = open_log(disk);
  EXPECT_EQ(again->catalog().first_file_not_after(gtids("1-9")), (LogPosition{1, 3, 4}));
  ASSERT_TRUE(again->catalog().purge_before({1, 3, 4}));
  EXPECT_FALSE(again->catalog().first_file_not_after(gtids("1-5"))) << "purged";
}

TEST(LogCatalog, GivesPositionsAsTextAndBack) {
  SimDisk disk;
  const auto log = open_log(disk);
  receive_all(*log, four_files());
  const std::string text = std::string(kMakerUuid) + ".000001/binlog.000003:4711";
  EXPECT_EQ(log->catalog().text({1, 3, 4711}), text);
  EXPECT_EQ(log->catalog().parse(text).value(), (LogPosition{1, 3, 4711}));
  EXPECT_EQ(log->catalog().parse("nonsense").error().code(), Errc::kConfig);
  const auto foreign = log->catalog().parse("other-server.000001/binlog.000003:4711");
  EXPECT_EQ(foreign.error().code(), Errc::kDiverged);
  const auto later = log->catalog().parse(std::string(kMakerUuid) + ".000002/binlog.000001:4");
  EXPECT_EQ(later.error().code(), Errc::kDiverged);
}

TEST(LogCatalog, CountsTheBytesBetweenTwoPlaces) {
  SimDisk disk;
  const auto log = open_log(disk);
  const LogMaker maker = four_files();
  receive_all(*log, maker);
  const LogPosition end = log->end().get().position;
  std::uint64_t all = 0;
  for (const auto& file : maker.files()) all += file.bytes.size() - 4;
  EXPECT_EQ(log->catalog().bytes_between({1, 1, 4}, end), all);
  EXPECT_EQ(log->catalog().bytes_between(end, end), 0U);
  EXPECT_EQ(log->catalog().bytes_between({1, 4, end.offset_bytes - 10}, end), 10U);
  EXPECT_EQ(log->catalog().bytes_between({1, 2, maker.files()[1].bytes.size()}, end),
            all - maker.files()[0].bytes.size() - maker.files()[1].bytes.size() + 8);
}

TEST(LogCatalog, PurgesTheOldestAndNeverWhatAReaderNeeds) {
  SimDisk disk;
  auto log = open_log(disk);
  const LogMaker maker = four_files();
  receive_all(*log, maker);
  const auto now = std::chrono::system_clock::now();
  relay::RetainOptions none;
  EXPECT_TRUE(log->catalog().purge(none, now)->removed.empty());
  ASSERT_TRUE(log->catalog().pin("task-1", {1, 2, 500}));
  ASSERT_TRUE(log->catalog().pin("task-2", {1, 4, 4}));
  relay::RetainOptions small;
  small.max_bytes = 1;
  auto outcome = log->catalog().purge(small, now);
  ASSERT_EQ(outcome->removed.size(), 1U);
  EXPECT_EQ(outcome->removed[0], std::string(kMakerUuid) + ".000001/binlog.000001");
  EXPECT_EQ(outcome->held_by, "task-1");

  log = open_log(disk);  // pins survive a restart
  EXPECT_EQ(log->catalog().purge(small, now)->held_by, "task-1");
  ASSERT_TRUE(log->catalog().pin("task-1", {1, 4, 100}));
  outcome = log->catalog().purge(small, now);
  EXPECT_EQ(outcome->removed.size(), 2U);
  EXPECT_TRUE(outcome->held_by.empty()) << "the last file is never due";
  EXPECT_EQ(log->catalog().files().size(), 1U);
  EXPECT_EQ(disk.content(log_path(4)), maker.last().bytes);
  EXPECT_EQ(read_all(disk, *log, {1, 1, 4}).error->code(), Errc::kPurged);
  EXPECT_FALSE(read_all(disk, *log, {0, 0, 0}).error) << "from the oldest there is";
}

TEST(LogCatalog, PurgesByAge) {
  SimDisk disk;
  const auto log = open_log(disk);
  receive_all(*log, four_files());
  relay::RetainOptions day;
  day.max_age = std::chrono::hours(24);
  const auto now = std::chrono::system_clock::now();
  EXPECT_TRUE(log->catalog().purge(day, now)->removed.empty());
  EXPECT_EQ(log->catalog().purge(day, now + std::chrono::hours(25))->removed.size(), 3U);
}

relay::FollowerPlace place_at(relay::LogPosition from, std::chrono::system_clock::time_point seen,
                              bool connected = false) {
  relay::FollowerPlace place;
  place.from = from;
  place.seen = seen;
  place.connected = connected;
  place.about = "10.0.0.3 as repl";
  return place;
}

TEST(LogCatalog, KeepsWhatAFollowerNeedsUpToItsCapAndSaysSoFirst) {
  SimDisk disk;
  auto log = open_log(disk);
  const LogMaker maker = four_files();
  receive_all(*log, maker);
  const auto now = std::chrono::system_clock::now();
  log->catalog().note_follower(4242, place_at({1, 2, 500}, now));
  ASSERT_TRUE(log->catalog().save_followers());
  log = open_log(disk);  // places survive a restart
  relay::RetainOptions small;
  small.max_bytes = 1;
  small.follower_bytes = log->catalog().total_bytes();
  auto outcome = log->catalog().purge(small, now);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->removed.size(), 1U) << "the file before its own";
  EXPECT_TRUE(outcome->held_by.starts_with("follower 4242 (10.0.0.3 as repl)")) << outcome->held_by;
  EXPECT_TRUE(outcome->lost.empty());
  outcome = log->catalog().purge_before({1, 4, 4}, small.follower_bytes);
  EXPECT_TRUE(outcome->removed.empty()) << "an operator's word does not take it either";

  small.follower_bytes = log->catalog().total_bytes() - 2;  // one byte less than is kept
  outcome = log->catalog().purge(small, now);
  EXPECT_EQ(outcome->removed.size(), 2U);
  ASSERT_EQ(outcome->lost.size(), 1U);
  EXPECT_TRUE(outcome->lost[0].find("lacks binlog.000002") != std::string::npos)
      << outcome->lost[0];
  EXPECT_TRUE(log->catalog().follower_places().empty());
}

TEST(LogCatalog, AFollowerThatIsAwayForTooLongKeepsNothing) {
  SimDisk disk;
  const auto log = open_log(disk);
  receive_all(*log, four_files());
  const auto now = std::chrono::system_clock::now();
  log->catalog().note_follower(1, place_at({1, 1, 4}, now));
  log->catalog().note_follower(2, place_at({1, 3, 4}, now, true));
  relay::RetainOptions small;
  small.max_bytes = 1;
  small.follower_bytes = log->catalog().total_bytes();
  small.follower_absence = std::chrono::hours(24);
  EXPECT_TRUE(log->catalog().purge(small, now + std::chrono::hours(24))->removed.empty());
  const auto outcome = log->catalog().purge(small, now + std::chrono::hours(25));
  EXPECT_EQ(outcome->removed.size(), 2U) << "the one that is connected still keeps its files";
  ASSERT_EQ(outcome->lost.size(), 1U);
  EXPECT_TRUE(outcome->lost[0].starts_with("follower 1 ")) << outcome->lost[0];
}

TEST(LogCatalog, AGenerationGoesWithItsLastFile) {
  SimDisk disk;
  auto log = open_log(disk);
  receive_all(*log, four_files());
  ASSERT_TRUE(log->start_generation("other", {}));
  ASSERT_TRUE(log->start_file("binlog.000001"));
  LogMaker maker;
  maker.begin_file();
  ASSERT_TRUE(append_events(*log, maker.last().bytes, 4));
  sync(*log);
  ASSERT_TRUE(log->catalog().purge_before({2, 1, 4}));
  EXPECT_EQ(log->catalog().generations().size(), 1U);
  log = open_log(disk);
  ASSERT_EQ(log->catalog().generations().size(), 1U);
  EXPECT_EQ(log->catalog().generations()[0].folder(), "other.000002");
  ASSERT_TRUE(log->start_generation("third", {}));
  EXPECT_EQ(log->catalog().last_generation()->number, 3U) << "numbers only grow";
  const auto old = log->catalog().parse(std::string(kMakerUuid) + ".000001/binlog.000003:4711");
  EXPECT_EQ(old.value(), (LogPosition{1, 3, 4711})) << "a purged place is still a place";
}

TEST(GtidState, KnowsWhatIsContained) {
  struct Row {
    const char* fact;
    const char* have;
    const char* other;
    bool contains;
  };
  const Row rows[] = {
      {"MariaDB: the same server, later", "0-1-100", "0-1-99", true},
      {"MariaDB: the same server, earlier", "0-1-98", "0-1-99", false},
      {"MariaDB: another server of the domain, later", "0-2-100", "0-1-99", true},
      {"MariaDB: another domain", "1-1-100", "0-1-1", false},
      {"MariaDB: one of two servers is behind", "0-1-100,0-2-50", "0-1-99,0-2-51", false},
      {"nothing is in everything", "0-1-1", "", true},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    const auto have = GtidState::parse(row.have).value();
    EXPECT_EQ(have.contains(GtidState::parse(row.other).value()), row.contains);
    EXPECT_EQ(have.text(), row.have);
    EXPECT_EQ(GtidState::parse(row.other).value().without(have).empty(), row.contains);
  }
}

}  // namespace
}  // namespace tiderelay::tests
