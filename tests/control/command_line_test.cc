#include "control/command_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tiderelay::control {
namespace {

const std::string kHex(64, '7');

struct Ran {
  int exit_code = 0;
  std::string out;
  std::string err;
};

Ran run(const std::vector<std::string>& arguments, const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  const int exit_code = run_command_line(arguments, {in, out, err});
  return {exit_code, out.str(), err.str()};
}

class KeyFile {
 public:
  explicit KeyFile(const std::string& text)
      : path_(std::filesystem::path(::testing::TempDir()) /
              (std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()) +
               ".key")) {
    std::ofstream(path_) << text;
  }
  ~KeyFile() { std::filesystem::remove(path_); }
  KeyFile(const KeyFile&) = delete;
  KeyFile& operator=(const KeyFile&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

TEST(CommandLine, HelpFitsOneScreenAndNamesEveryCommand) {
  const Ran help = run({"--help"});
  EXPECT_EQ(help.exit_code, kExitDone);
  EXPECT_TRUE(help.err.empty());
  EXPECT_LE(std::ranges::count(help.out, '\n'), 40);
  for (const char* command : {"encrypt", "decrypt", "options", "version"}) {
    EXPECT_NE(help.out.find(command), std::string::npos) << command;
    const Ran of_command = run({command, "--help"});
    EXPECT_EQ(of_command.exit_code, kExitDone);
    EXPECT_NE(of_command.out.find("Example:"), std::string::npos) << command;
  }
}

TEST(CommandLine, WrongUsageIsExitCodeTwoAndSaysWhatWouldBeRight) {
  EXPECT_EQ(run({}).exit_code, kExitUsage);
  EXPECT_NE(run({}).err.find("encrypt"), std::string::npos) << "without a command: the help";
  const Ran typo = run({"encrpyt", "x"});
  EXPECT_EQ(typo.exit_code, kExitUsage);
  EXPECT_EQ(typo.err,
            "tiderelay: unknown command \"encrpyt\"; did you mean encrypt?\n"
            "See: tiderelay --help\n");
  EXPECT_TRUE(typo.out.empty());
  const Ran option = run({"version", "--nope"});
  EXPECT_EQ(option.exit_code, kExitUsage);
  EXPECT_NE(option.err.find("tiderelay version: "), std::string::npos);
  EXPECT_NE(option.err.find("--nope"), std::string::npos);
}

TEST(Encrypt, NeedsAKeyOfTheOperator) {
  const Ran ran = run({"encrypt", "123456"});
  EXPECT_EQ(ran.exit_code, kExitUsage);
  EXPECT_TRUE(ran.out.empty());
  EXPECT_NE(ran.err.find("protects nothing"), std::string::npos);
  EXPECT_NE(ran.err.find("way out: openssl rand -hex 32"), std::string::npos);
  EXPECT_NE(ran.err.find("password-file"), std::string::npos);
}

TEST(Encrypt, WritesWhatDecryptReads) {
  const KeyFile key(kHex + "\n");
  const Ran encrypted = run({"encrypt", "--secret-key-path", key.path()}, "pass word\r\n");
  ASSERT_EQ(encrypted.exit_code, kExitDone) << encrypted.err;
  const std::string cipher_text = encrypted.out.substr(0, encrypted.out.size() - 1);
  const Ran decrypted = run({"decrypt", cipher_text, "--secret-key-path", key.path()});
  EXPECT_EQ(decrypted.exit_code, kExitDone);
  EXPECT_EQ(decrypted.out, "pass word\n");
  EXPECT_TRUE(decrypted.err.empty());
  EXPECT_EQ(run({"decrypt", cipher_text}).exit_code, kExitFailed) << "without the key";
}

TEST(Encrypt, RefusesAKeyFileThatIsNone) {
  const KeyFile key("not a key");
  const Ran ran = run({"encrypt", "x", "--secret-key-path", key.path()});
  EXPECT_EQ(ran.exit_code, kExitUsage);
  EXPECT_NE(ran.err.find("64 hex digits"), std::string::npos);
  EXPECT_EQ(run({"encrypt", "x", "--secret-key-path", "/nowhere/key"}).exit_code, kExitUsage);
  const KeyFile good(kHex);
  EXPECT_EQ(run({"encrypt", "--secret-key-path", good.path()}, "").exit_code, kExitUsage);
}

TEST(Decrypt, OpensDmsCipherTextAndSaysThatAnybodyCan) {
  const Ran ran = run({"decrypt", "VjX8cEeTX+qcvZ3bPaO4h0C80pe/1aU="});
  EXPECT_EQ(ran.exit_code, kExitDone);
  EXPECT_EQ(ran.out, "123456\n");
  EXPECT_NE(ran.err.find("anybody"), std::string::npos);
  EXPECT_EQ(run({"decrypt", "123456"}).exit_code, kExitFailed);
}

TEST(Options, AreListedAndSearched) {
  const Ran all = run({"options"});
  EXPECT_EQ(all.exit_code, kExitDone);
  EXPECT_NE(all.out.find("  source-id  <text>  [required]"), std::string::npos);
  const Ran some = run({"options", "black-white"});
  EXPECT_NE(some.out.find("(also: black-white-list)"), std::string::npos);
  EXPECT_EQ(some.out.find("source-id"), std::string::npos);
  EXPECT_EQ(run({"options", "nope"}).exit_code, kExitUsage);
}

TEST(Options, AreThoseOfTheReferencePage) {
  std::ifstream file(DOCS_FOLDER "/options.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(run({"options", "--markdown"}).out, page)
      << "make it again: tiderelay options --markdown > docs/options.md";
}

TEST(Version, NamesProgramAndLibraries) {
  const Ran ran = run({"version"});
  EXPECT_EQ(ran.exit_code, kExitDone);
  EXPECT_EQ(ran.out.rfind("tiderelay 0.1.0 (", 0), 0U) << ran.out;
  EXPECT_EQ(ran.out.rfind(run({"--version"}).out.substr(0, 20), 0), 0U);
  for (const char* library : {"Boost      1", "OpenSSL    3", "yaml-cpp   0"}) {
    EXPECT_NE(ran.out.find(library), std::string::npos) << ran.out;
  }
}

}  // namespace
}  // namespace tiderelay::control
