// `tiderelay binlog` over what real servers wrote.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "control/command_line.h"

namespace tiderelay::control {
namespace {

const std::string kData = BINLOG_DATA;
const std::string kFile = kData + "/changes97.binlog";
const std::string kUuid = "369b7e28-e591-11f1-913f-02fc00000001";

struct Ran {
  int exit_code = 0;
  std::string out;
  std::string err;
};

Ran binlog(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "binlog");
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  const int exit_code = run_command_line(arguments, {in, out, err});
  return {exit_code, out.str(), err.str()};
}

std::size_t count(const std::string& text, const std::string& words) {
  std::size_t found = 0;
  for (std::size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) {
    ++found;
  }
  return found;
}

class Folder {
 public:
  // Tests run side by side.
  Folder()
      : path_(std::filesystem::path(::testing::TempDir()) /
              ("binlog_command_test-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return (path_ / name).string();
  }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Binlog, ShowsAFile) {
  const Ran ran = binlog({kFile});
  EXPECT_EQ(ran.exit_code, kExitDone) << ran.err;
  EXPECT_TRUE(ran.err.empty());
  EXPECT_TRUE(ran.out.starts_with("# file changes97.binlog\n# at 4\n"));
  EXPECT_EQ(count(ran.out, "\n# at "), 221U);
}

TEST(Binlog, PositionsCutTheFile) {
  const Ran ran = binlog({"--start-position", "643", "--stop-position", "1052", kFile});
  EXPECT_EQ(ran.exit_code, kExitDone) << ran.err;
  EXPECT_NE(ran.out.find("\n# at 4\n"), std::string::npos) << "FORMAT_DESCRIPTION";
  EXPECT_EQ(ran.out.find("\n# at 425\n"), std::string::npos);
  EXPECT_NE(ran.out.find("\n# at 643\n"), std::string::npos);
  EXPECT_NE(ran.out.find("\n# at 1021\n"), std::string::npos);
  EXPECT_EQ(ran.out.find("\n# at 1052\n"), std::string::npos);
}

TEST(Binlog, GtidsAreTheFirstAndTheLastTransactionShown) {
  std::string upper = kUuid;
  upper[3] = 'B';
  const Ran ran = binlog({"--start-gtid", upper + ":3", "--stop-gtid", kUuid + ":4", kFile});
  EXPECT_EQ(ran.exit_code, kExitDone) << ran.err;
  EXPECT_EQ(count(ran.out, "GTID_NEXT="), 2U);
  EXPECT_NE(ran.out.find(kUuid + ":3'"), std::string::npos);
  EXPECT_NE(ran.out.find(kUuid + ":4'"), std::string::npos);
  const Ran none = binlog({"--start-gtid", kUuid + ":4711", kFile});
  EXPECT_EQ(none.exit_code, kExitUsage);
  EXPECT_NE(none.err.find("no transaction of these files has this GTID"), std::string::npos);
  EXPECT_EQ(binlog({"--start-gtid", kUuid + ":1-5", kFile}).exit_code, kExitUsage);
}

TEST(Binlog, TimesCutTheFile) {
  const Ran later = binlog({"--start-datetime", "2037-01-01", kFile});
  EXPECT_EQ(later.exit_code, kExitDone) << later.err;
  EXPECT_EQ(count(later.out, "\n# at "), 0U);
  const Ran earlier = binlog({"--stop-datetime", "2001-01-01 12:00:00", kFile});
  EXPECT_EQ(count(earlier.out, "\tQuery\t"), 0U);
  EXPECT_EQ(binlog({"--start-datetime", "yesterday", kFile}).exit_code, kExitUsage);
}

TEST(Binlog, CountsByTypeAndTable) {
  const Ran text = binlog({"--stats", kFile});
  EXPECT_EQ(text.exit_code, kExitDone) << text.err;
  EXPECT_NE(text.out.find("transactions  46\n"), std::string::npos) << text.out;
  const Ran json = binlog({"--stats", "--format", "json", "--table", "types.no_key", kFile});
  EXPECT_NE(json.out.find(R"("tables":{"types.no_key":{"inserts":3,"updates":1,"deletes":1,)"),
            std::string::npos)
      << json.out;
}

TEST(Binlog, AFolderIsItsFilesByNumberAndGeneration) {
  const Folder folder;
  const std::string bytes = bytes_of(kData + "/changes97_next.binlog");
  (void)folder.write("b.000002/mysql-bin.000001", bytes);
  (void)folder.write("a.000001/mysql-bin.999999", bytes);
  (void)folder.write("a.000001/mysql-bin.1000000", bytes);
  (void)folder.write("a.000001/mysql-bin.index", "not a binlog");
  (void)folder.write("server-uuid.index", "not a binlog");
  const Ran ran = binlog({folder.path()});
  EXPECT_EQ(ran.exit_code, kExitDone) << ran.err;
  const std::size_t first = ran.out.find("# file mysql-bin.999999\n");
  const std::size_t second = ran.out.find("# file mysql-bin.1000000\n");
  const std::size_t third = ran.out.find("# file mysql-bin.000001\n");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_NE(third, std::string::npos);
}

TEST(Binlog, WhatIsNoWholeBinlogIsNamed) {
  const Folder folder;
  const std::string bytes = bytes_of(kFile);
  struct Row {
    const char* fact;
    std::string bytes;
    const char* error;
    int exit_code;
  };
  std::string changed = bytes;
  changed[700] = static_cast<char>(changed[700] ^ 1);
  const Row rows[] = {
      {"a torn tail", bytes.substr(0, 1000), "at 867: the file ends inside an event", kExitFailed},
      {"a changed byte", changed, "at 643: ", kExitFailed},
      {"another file", "#!/bin/sh\n", "not a binlog file", kExitFailed},
      {"nothing", "", "the file ends inside an event", kExitFailed},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    const Ran ran = binlog({folder.write("x.000001", row.bytes)});
    EXPECT_EQ(ran.exit_code, row.exit_code);
    EXPECT_NE(ran.err.find(row.error), std::string::npos) << ran.err;
  }
  const Ran missing = binlog({folder.path() + "/nothing"});
  EXPECT_EQ(missing.exit_code, kExitUsage);
  EXPECT_NE(missing.err.find("no binlog files in "), std::string::npos);
  EXPECT_EQ(binlog({}).exit_code, kExitUsage);
}

}  // namespace
}  // namespace tiderelay::control
