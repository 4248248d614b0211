#include "base/utf8.h"

#include <gtest/gtest.h>

namespace tiderelay {
namespace {

TEST(Utf8, WellFormedTextsPass) {
  for (const char* const text : {"", "plain", "é", "漢字", "\xf0\x9f\x90\x8b", "\xed\x9f\xbf",
                                 "\xee\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
}

TEST(Utf8, ThePrefixEndsAtTheFirstWrongByte) {
  for (const char* const text :
       {"ab\xff", "ab\xc3", "ab\xc0\xaf", "ab\xe0\x80\xaf", "ab\xed\xa0\x80", "ab\xf4\x90\x80\x80",
        "ab\xf5\x80\x80\x80", "ab\x80", "ab\xe6\xbc", "ab\xf0\x8f\xbf\xbf"}) {
    EXPECT_EQ(utf8_prefix(text), 2U) << text;
  }
}

}  // namespace
}  // namespace tiderelay
