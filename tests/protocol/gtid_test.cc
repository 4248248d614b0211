#include "protocol/gtid.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "protocol/control_events.h"
#include "protocol/gtid_event.h"
#include "tests/protocol/binlog_maker.h"
#include "tests/seeds.h"

namespace tiderelay::protocol {
namespace {

using tests::from_hex;

constexpr const char* kUuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
constexpr const char* kOther = "ffffffff-0000-0000-0000-000000000001";

GtidSource source(const char* uuid, const char* tag = "") {
  return {Uuid::parse(uuid).value(), tag};
}

TEST(Uuid, IsReadInTheSpellingsThatServersTake) {
  for (const char* text :
       {"3e11fa47-71ca-11e1-9e33-c80aa9429562", "3E11FA47-71CA-11E1-9E33-C80AA9429562",
        "3e11fa4771ca11e19e33c80aa9429562", "{3e11fa47-71ca-11e1-9e33-c80aa9429562}"}) {
    const Result<Uuid> uuid = Uuid::parse(text);
    ASSERT_TRUE(uuid.has_value()) << text;
    EXPECT_EQ(uuid->text(), kUuid);
  }
  for (const char* text : {"", "3e11fa47", "3e11fa47-71ca-11e1-9e33-c80aa942956g",
                           "3e11fa47071ca-11e1-9e33-c80aa9429562"}) {
    EXPECT_FALSE(Uuid::parse(text)) << text;
  }
}

TEST(GtidSet, IsPrintedMergedAndSortedWhateverWasRead) {
  struct Row {
    const char* fact;
    std::string text;
    std::string printed;
  };
  const std::string u = kUuid;
  const std::string o = kOther;
  const Row rows[] = {
      {"nothing", "", ""},
      {"one", u + ":1", u + ":1"},
      {"adjacent intervals merge", u + ":1-3:4-5", u + ":1-5"},
      {"overlapping intervals merge", u + ":5-9:1-6", u + ":1-9"},
      {"a gap stays", u + ":1-3:5", u + ":1-3:5"},
      {"line ends and spaces as the server prints them", u + ":1-3 ,\n " + o + ": 7 - 9",
       u + ":1-3," + o + ":7-9"},
      {"the same uuid twice", u + ":1," + u + ":2", u + ":1-2"},
      {"a tag belongs to the uuid before it", u + ":1-3:blue:1-2", u + ":1-3:blue:1-2"},
      {"only tagged", u + ":BLUE:1:red:4", u + ":blue:1:red:4"},
      {"an interval that ends before it begins is nothing", u + ":9-3", ""},
      {"the last number that can be", u + ":9223372036854775806", u + ":9223372036854775806"},
      {"empty entries", "," + u + ":1,", u + ":1"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    const Result<GtidSet> set = GtidSet::parse(row.text);
    ASSERT_TRUE(set.has_value()) << set.error().text();
    EXPECT_EQ(set->text(), row.printed);
    EXPECT_EQ(GtidSet::parse(set->text()).value(), *set);
  }
  for (const std::string& text :
       {u + ":0", u + ":9223372036854775807", u + ":x-1", u + ":1-", u + ":1;2", std::string("x:1"),
        u + ":tag-with-dash:1", u + ":" + std::string(33, 't') + ":1"}) {
    EXPECT_FALSE(GtidSet::parse(text)) << text;
  }
}

TEST(GtidSet, IsReadAsMysqlbinlogSendsIt) {
  const std::string bytes = from_hex(
      "01000000 00000000 3e11fa47 71ca11e1 9e33c80a a9429562 01000000 00000000 01000000 00000000"
      "18000000 00000000");
  const Result<GtidSet> set = GtidSet::decode(as_bytes(bytes));
  ASSERT_TRUE(set.has_value()) << set.error().text();
  EXPECT_EQ(set->text(), std::string(kUuid) + ":1-23");
  std::string encoded;
  set->encode(encoded);
  EXPECT_EQ(encoded, bytes);
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_FALSE(GtidSet::decode(as_bytes(bytes).first(size))) << size;
  }
  EXPECT_FALSE(GtidSet::decode(as_bytes(bytes + "x"))) << "nothing may follow";
  EXPECT_TRUE(GtidSet::decode({}).value().empty())
      << "some clients send no bytes for the empty set";
}

TEST(GtidSet, KeepsTagsOnTheWireOnlyInTheTaggedFormat) {
  const GtidSet set =
      GtidSet::parse(std::string(kUuid) + ":1-3:blue:1-2:5," + kOther + ":7").value();
  std::string tagged;
  set.encode(tagged);
  EXPECT_EQ(GtidSet::decode(as_bytes(tagged)).value(), set);
  EXPECT_EQ(tagged.substr(0, 8), from_hex("01 030000000000 01"));
  std::string untagged;
  set.encode_untagged(untagged);
  EXPECT_EQ(GtidSet::decode(as_bytes(untagged)).value().text(),
            std::string(kUuid) + ":1-3," + kOther + ":7");
  for (std::size_t size = 1; size < tagged.size(); ++size) {
    EXPECT_FALSE(GtidSet::decode(as_bytes(tagged).first(size))) << size;
  }
}

TEST(GtidSet, RefusesImpossibleIntervalsAndHugeCounts) {
  const std::string head = from_hex("0100000000000000 3e11fa4771ca11e19e33c80aa9429562");
  for (const char* rest :
       {"0100000000000000 0000000000000000 0500000000000000",  // starts at 0
        "0100000000000000 0500000000000000 0500000000000000",  // empty
        "0100000000000000 0500000000000000 ffffffffffffffff",  // ends too late
        "0200000000000000 0500000000000000 0700000000000000 0700000000000000 0900000000000000",
        "ffffffffffffffff 0500000000000000 0700000000000000"}) {
    EXPECT_FALSE(GtidSet::decode(as_bytes(head + from_hex(rest)))) << rest;
  }
  EXPECT_FALSE(GtidSet::decode(as_bytes(from_hex("ffffffffffffff00"))));
  EXPECT_FALSE(GtidSet::decode(as_bytes(from_hex("0000000000000002")))) << "an unknown format";
}

// The model: a plain std::set of numbers.
TEST(GtidSet, AddsAndSubtractsAsPlainSetsDo) {
  for (const std::uint64_t seed : ::tiderelay::tests::seeds()) {
    SCOPED_TRACE(::tiderelay::tests::replay(seed));
    std::mt19937_64 random(seed);
    GtidSet set;
    std::set<std::uint64_t> model;
    const GtidSource from = source(kUuid, random() % 2 == 0 ? "" : "blue");
    for (int step = 0; step < 200; ++step) {
      const std::uint64_t first = 1 + random() % 60;
      const std::uint64_t last = first + random() % 8;
      const bool adding = random() % 3 != 0;
      if (adding) set.add(from, {first, last});
      if (!adding) set.subtract(from, {first, last});
      for (std::uint64_t n = first; n <= last; ++n) {
        if (adding) model.insert(n);
        if (!adding) model.erase(n);
      }
      ASSERT_EQ(set.count(), model.size());
      for (std::uint64_t n = 1; n < 70; ++n) {
        ASSERT_EQ(set.contains(Gtid{from, n}), model.contains(n)) << n << " of " << set.text();
      }
      ASSERT_EQ(GtidSet::parse(set.text()).value(), set);
      std::string wire;
      set.encode(wire);
      ASSERT_EQ(GtidSet::decode(as_bytes(wire)).value(), set);
    }
  }
}

TEST(GtidSet, ComparesSets) {
  const GtidSet big = GtidSet::parse(std::string(kUuid) + ":1-10:20-30," + kOther + ":1-5").value();
  const GtidSet small = GtidSet::parse(std::string(kUuid) + ":2-3:25").value();
  EXPECT_TRUE(big.contains(small));
  EXPECT_FALSE(small.contains(big));
  EXPECT_TRUE(big.contains(GtidSet{}));
  EXPECT_EQ(big.intersection(small), small);
  GtidSet rest = big;
  rest.subtract(small);
  EXPECT_EQ(rest.text(), std::string(kUuid) + ":1:4-10:20-24:26-30," + kOther + ":1-5");
  rest.add(small);
  EXPECT_EQ(rest, big);
  EXPECT_FALSE(GtidSet::parse(std::string(kUuid) + ":1-9")
                   .value()
                   .contains(GtidSet::parse(std::string(kUuid) + ":9-10").value()));
}

TEST(MariaGtidList, KeepsTheLastIdOfEachDomain) {
  MariaGtidList list = MariaGtidList::parse("0-1-100, 2-1-7").value();
  list.advance({0, 3, 101});
  list.advance({1, 1, 1});
  EXPECT_EQ(list.text(), "0-3-101,1-1-1,2-1-7");
  EXPECT_EQ(list.find_domain(2)->sequence, 7U);
  EXPECT_EQ(list.find_domain(9), nullptr);
  EXPECT_TRUE(MariaGtidList::parse("").value().empty());
  for (const char* text : {"1-2", "1-2-x", "-1-2-3", "1-2-3-4"}) {
    EXPECT_FALSE(MariaGtidList::parse(text)) << text;
  }
}

TEST(GtidEvent, Of56HasNoClock) {
  const Result<GtidEvent> event = decode_gtid_event(tests::opened(tests::made_gtid(42)));
  ASSERT_TRUE(event.has_value());
  ASSERT_TRUE(event->gtid.has_value());
  EXPECT_EQ(event->gtid->number, 42U);
  EXPECT_EQ(event->sequence_number, 0);
}

TEST(GtidEvent, RefusesNumbersThatCannotBe) {
  EXPECT_FALSE(decode_gtid_event(tests::opened(tests::made_gtid(0))));
  EXPECT_FALSE(decode_gtid_event(tests::opened(tests::made_gtid(kGtidNumberEnd))));
}

TEST(MariaGtidEvent, IsReadWithPaddingWithGroupCommitAndWithXa) {
  const std::string padded = tests::made_maria_gtid(9, maria_gtid_flag::kTransactional);
  const Result<MariaGtidEvent> plain = decode_maria_gtid_event(tests::opened(padded));
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->gtid.text(), "0-7-9") << "the server id comes from the header";
  std::string body;
  ByteWriter(body).u64(10).u32(3).u8(maria_gtid_flag::kGroupCommitId).u64(77);
  const std::string grouped = tests::made_event(event_type::kMariaGtid, body);
  EXPECT_EQ(decode_maria_gtid_event(tests::opened(grouped)).value().group_commit_id, 77U);
  body.clear();
  ByteWriter(body).u64(10).u32(3).u8(maria_gtid_flag::kPreparedXa).u32(1).u8(2).u8(1).text("abc");
  const std::string prepared = tests::made_event(event_type::kMariaGtid, body);
  const EventView prepared_view = tests::opened(prepared);
  const Result<MariaGtidEvent> xa = decode_maria_gtid_event(prepared_view);
  ASSERT_TRUE(xa.has_value());
  EXPECT_EQ(xa->xa->text(), "X'6162',X'63',1");
}

TEST(MariaGtidListEvent, RefusesMoreEntriesThanItHasBytes) {
  std::string body;
  ByteWriter(body).u32(0x10000001).u32(0).u32(1).u64(5);
  const std::string event = tests::made_event(event_type::kMariaGtidList, body);
  EXPECT_EQ(decode_maria_gtid_list(tests::opened(event)).value().text(), "0-1-5")
      << "the top four bits are flags";
  body[0] = 2;
  const std::string short_event = tests::made_event(event_type::kMariaGtidList, body);
  EXPECT_FALSE(decode_maria_gtid_list(tests::opened(short_event)));
}

}  // namespace
}  // namespace tiderelay::protocol
