#include "base/bytes.h"

#include <gtest/gtest.h>

#include <limits>

namespace tiderelay {
namespace {

TEST(ByteReader, GivesBackWhatTheWriterWroteAtEveryWidthOfALengthEncodedInteger) {
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{0xfa}, std::uint64_t{0xfb}, std::uint64_t{0xffff},
        std::uint64_t{0x10000}, std::uint64_t{0xffffff}, std::uint64_t{0x1000000},
        std::numeric_limits<std::uint64_t>::max()}) {
    std::string bytes;
    ByteWriter(bytes).lenenc(value);
    ByteReader reader(as_bytes(bytes));
    EXPECT_EQ(reader.lenenc(), value);
    EXPECT_TRUE(reader.ok());
    EXPECT_EQ(reader.left(), 0U);
  }
}

TEST(ByteReader, StaysFailedOnceItWasAskedForMoreThanThereIs) {
  ByteReader reader(as_bytes("abc"));
  EXPECT_EQ(reader.u32(), 0U);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.u8(), 0U) << "nothing is given after a failure";
  EXPECT_TRUE(reader.take(1).empty());
}

TEST(ByteReader, TakesNoLengthThatWouldWrapAround) {
  ByteReader reader(as_bytes("abc"));
  reader.skip(1);
  EXPECT_TRUE(reader.take(std::numeric_limits<std::uint64_t>::max()).empty());
  EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, EndsAtTextWithoutItsNul) {
  ByteReader reader(as_bytes(std::string_view("a\0bc", 4)));
  EXPECT_EQ(reader.nul_text(), "a");
  EXPECT_EQ(reader.nul_text(), "");
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace tiderelay
