#include "control/error_code.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

namespace tiderelay::control {
namespace {

TEST(ErrorCode, EachKindHasOneNumberOfItsOwnAndADocumentedLine) {
  std::ifstream stream(std::string(DOCS_FOLDER) + "/errors.md");
  const std::string text((std::istreambuf_iterator<char>(stream)), {});
  std::set<unsigned> numbers;
  for (const ErrorCode& code : error_codes()) {
    EXPECT_TRUE(numbers.insert(code.number).second) << code.number;
    const std::string line = "| " + std::to_string(code.number) + " | " + code.error_class + " | " +
                             code.meaning + " | " + code.way_out + " |";
    EXPECT_NE(text.find(line), std::string::npos) << line;
    EXPECT_EQ(&code_of(Error(code.kind, "")), &code);
  }
}

TEST(ErrorCode, ThePlaceIsReadFromTheText) {
  EXPECT_STREQ(scope_of(Error(Errc::kConnection, "source s1: refused")), "upstream");
  EXPECT_STREQ(scope_of(Error(Errc::kConnection, "target: refused")), "downstream");
  EXPECT_STREQ(scope_of(Error(1062, "23000", "Duplicate entry")), "downstream");
  EXPECT_STREQ(scope_of(Error(Errc::kConfig, "task.yaml:1: x")), "internal");
}

}  // namespace
}  // namespace tiderelay::control
