#include "applier/table_binding.h"

#include "applier/conflict_mark.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/applier/table_maker.h"

namespace tiderelay::applier {
namespace {

using namespace tests;

TEST(TableBinding, SaysWhatDoesNotFitAndTheWayOut) {
  const TableSchema source = table("t", {integer("id"), integer("v")}, {primary({"id"})});
  TableSchema longer = source;
  longer.columns.push_back(integer("added"));
  TableSchema with_default = longer;
  with_default.columns.back().default_sql = "0";
  TableSchema shorter = source;
  shorter.columns.pop_back();
  std::vector<protocol::WireColumn> short_wire = wire_of(shorter);
  std::vector<protocol::WireColumn> other_wire = wire_of(source);
  other_wire[1].type = protocol::ColumnType::kVarchar;

  struct Case {
    const char* fact;
    std::vector<protocol::WireColumn> wire;
    TableSchema target;
    const char* says;  // null: it fits
  };
  const Case cases[] = {
      {"equal tables fit", wire_of(source), source, nullptr},
      {"a column of the source is missing", wire_of(source), shorter, "no column 'v'"},
      {"a column of the target fills itself", wire_of(source), with_default, nullptr},
      {"a column of the target cannot", wire_of(source), longer, "column 'added'"},
      {"the log has another number of columns", short_wire, source, "have 1 columns"},
      {"the log has another type", other_wire, source, "column 'v'"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.fact);
    const auto binding = TableBinding::make(one.wire, source, one.target, {});
    ASSERT_EQ(binding.has_value(), one.says == nullptr);
    if (one.says == nullptr) continue;
    EXPECT_NE(binding.error().text().find(one.says), std::string::npos) << binding.error().text();
    EXPECT_FALSE(binding.error().way_out().empty());
  }
}

TEST(TableBinding, FindsRowsOnlyByAKeyThatBothSidesHave) {
  const std::vector<Column> columns = {integer("a"), integer("b"), nullable(integer("c")),
                                       text("d")};
  Key prefix = unique({"d"});
  prefix.parts[0].prefix_length = 10;
  struct Case {
    const char* fact;
    std::vector<Key> source;
    std::vector<Key> target;
    std::vector<std::uint32_t> match;
    bool sole = false;
  };
  const Case cases[] = {
      {"the primary key of both", {primary({"a"})}, {primary({"a"})}, {0}, true},
      {"the order of its columns does not matter",
       {primary({"a", "b"})},
       {primary({"b", "a"})},
       {0, 1},
       true},
      {"a unique key serves as well", {unique({"b"})}, {primary({"b"})}, {1}, true},
      {"the primary key is preferred",
       {primary({"a"}), unique({"b"})},
       {unique({"b"}), primary({"a"})},
       {0},
       false},
      {"a key of the target alone does not", {primary({"a"})}, {primary({"b"})}, {}, false},
      {"a nullable one does not", {unique({"c"})}, {unique({"c"})}, {}, false},
      {"a prefix does not", {prefix}, {prefix}, {}, false},
      {"no key at all", {}, {}, {}, false},
      {"a second unique key of the target forbids upserts",
       {primary({"a"})},
       {primary({"a"}), unique({"c"})},
       {0},
       false},
      {"one of the source does not", {primary({"a"}), unique({"c"})}, {primary({"a"})}, {0}, true},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.fact);
    const auto binding = bind(table("t", columns, one.source), table("t", columns, one.target));
    EXPECT_EQ(std::vector<std::uint32_t>(binding->match_columns().begin(),
                                         binding->match_columns().end()),
              one.match);
    EXPECT_EQ(binding->sole_unique_key(), one.sole);
  }
}

// Conflict hashes of one inserted row.
std::vector<std::uint64_t> hashes(const std::shared_ptr<const TableBinding>& binding,
                                  const Row& row) {
  Images images;
  std::string scratch;
  std::vector<std::uint64_t> out;
  EXPECT_TRUE(binding->append_hashes({}, images.image(row), false, scratch, out));
  std::erase(out, 0U);
  std::ranges::sort(out);
  return out;
}

bool conflict(const std::shared_ptr<const TableBinding>& binding, const Row& a, const Row& b) {
  const auto left = hashes(binding, a);
  const auto right = hashes(binding, b);
  return std::ranges::any_of(left, [&](std::uint64_t mark) {
    const auto has = [&](std::uint64_t wanted) { return std::ranges::count(right, wanted) > 0; };
    switch (kind_of_mark(mark)) {
      case MarkKind::kValue:
        return has(mark);
      case MarkKind::kShared:
        return has(with_kind(mark, MarkKind::kExclusive));
      case MarkKind::kExclusive:
        return has(mark) || has(with_kind(mark, MarkKind::kShared));
    }
    return true;
  });
}

TEST(TableBinding, ConflictsAreNeverFinerThanTheKeysOfEitherSide) {
  const Column id = integer("id");
  Key prefix = unique({"s"});
  prefix.parts[0].prefix_length = 2;
  Key expression = unique({""});
  expression.parts[0].expression = "lower(s)";
  Column bytes = text("s");
  bytes.type = SqlType::kVarbinary;
  bytes.charset.clear();
  bytes.collation.clear();

  const TableSchema bin = table("t", {id, text("s")}, {primary({"id"}), unique({"s"})});
  const TableSchema no_pad =
      table("t", {id, text("s", "utf8mb4_0900_bin")}, {primary({"id"}), unique({"s"})});
  const TableSchema cut = table("t", {id, text("s")}, {primary({"id"}), prefix});
  const TableSchema computed = table("t", {id, text("s")}, {primary({"id"}), expression});
  const TableSchema raw = table("t", {id, bytes}, {primary({"id"}), unique({"s"})});
  const TableSchema plain = table("t", {id, text("s")}, {primary({"id"})});
  const TableSchema ci =
      table("t", {id, text("s", "utf8mb4_0900_ai_ci")}, {primary({"id"}), unique({"s"})});
  const TableSchema hungarian =
      table("t", {id, text("s", "utf8mb4_hungarian_ci")}, {primary({"id"}), unique({"s"})});
  struct Case {
    const char* fact;
    std::shared_ptr<const TableBinding> binding;
    const char* a;
    const char* b;
    bool conflict;
  };
  const Case cases[] = {
      {"different text", bind(bin), "a", "b", false},
      {"trailing spaces do not count under PAD SPACE", bind(bin), "a", "a  ", true},
      {"they do under NO PAD", bind(no_pad), "a", "a  ", false},
      {"the target's rule counts, too", bind(no_pad, bin), "a", "a  ", true},
      {"a key of the source alone counts", bind(bin, plain), "a", "a", true},
      {"a key of the target alone counts", bind(plain, bin), "a", "a", true},
      {"a prefix is cut by characters", bind(cut), "\xC3\xA9\xC3\xA9x", "\xC3\xA9\xC3\xA9y", true},
      {"and not before", bind(cut), "\xC3\xA9x", "\xC3\xA9y", false},
      {"an expression makes the table one key", bind(computed), "a", "b", true},
      {"trailing zeros of binary data may be padding", bind(raw), "a", "a", true},
      {"case does not count under ci", bind(ci), "Ann", "aNN", true},
      {"nor do spaces behind", bind(ci), "ann", "Ann ", true},
      {"ASCII text that differs otherwise does not meet", bind(ci), "ann", "bob", false},
      {"nor do ideographs", bind(ci), "\xE4\xB8\xAD", "\xE5\x9B\xBD", false},
      {"an accent may be anything", bind(ci), "\xC3\xA1", "a", true},
      {"also what nobody would think", bind(ci), "\xC3\x9F", "ss", true},
      {"two such values meet", bind(ci), "\xC3\xA1", "\xC3\xB6", true},
      {"controls are ignored by some", bind(ci), "a\x01", "a", true},
      {"a collation with contractions is not known", bind(hungarian), "ccs", "cscs", true},
      {"the target's collation counts, too", bind(bin, ci), "a", "A", true},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.fact);
    EXPECT_EQ(conflict(one.binding, {1, one.a}, {2, one.b}), one.conflict);
  }
}

TEST(TableBinding, TablesThatShareATargetConflictThere) {
  const TableSchema target = table("merged", {integer("id")}, {primary({"id"})});
  const auto a = bind(table("shard_a", {integer("id")}, {primary({"id"})}), target);
  const auto b = bind(table("shard_b", {integer("id")}, {primary({"id"})}), target);
  EXPECT_EQ(hashes(a, {1}), hashes(b, {1}));
  EXPECT_NE(hashes(a, {1}), hashes(b, {2}));
}

TEST(TableBinding, ParentAndChildOfACascadingForeignKeyConflict) {
  TableSchema child = table("child", {integer("id"), integer("parent_id")}, {primary({"id"})});
  child.foreign_keys.emplace_back();
  child.foreign_keys[0].columns = {"parent_id"};
  child.foreign_keys[0].parent = {"", "parent"};
  child.foreign_keys[0].parent_columns = {"id"};
  const TableSchema parent = table("parent", {integer("id")}, {primary({"id"})});
  BindingOptions referenced;
  referenced.referenced = {{"id"}};
  const auto meets = [&] {
    const auto p = hashes(bind(parent, parent, referenced), {5});
    const auto c = hashes(bind(child), {1, 5});
    std::vector<std::uint64_t> common;
    std::ranges::set_intersection(p, c, std::back_inserter(common));
    return !common.empty();
  };
  EXPECT_FALSE(meets()) << "nothing cascades";
  child.foreign_keys[0].on_delete = "CASCADE";
  EXPECT_TRUE(meets());
}

TEST(TableBinding, AnImageMayLackWhatDidNotChangeButNoUniqueValue) {
  const auto one = bind(table("t", {integer("id"), integer("v")}, {primary({"id"})}));
  const auto two = bind(
      table("t", {integer("id"), integer("u"), integer("v")}, {primary({"id"}), unique({"u"})}));
  const auto none = bind(table("t", {integer("a"), integer("b")}, {}));
  struct Case {
    const char* fact;
    std::shared_ptr<const TableBinding> binding;
    Row before;
    Row after;
    bool whole;
    bool fits;
  };
  const Case cases[] = {
      {"the key before and what changed after", one, {1, Absent()}, {Absent(), 5}, false, true},
      {"but not while the table is being copied", one, {1, Absent()}, {Absent(), 5}, true, false},
      {"not without the key", one, {Absent(), 3}, {Absent(), 5}, false, false},
      {"not without the other unique value", two, {1, Absent(), 2}, {Absent(), 4, 2}, false, false},
      {"not where all values find the row", none, {1, Absent()}, {1, 2}, false, false},
      {"there the image after may lack some", none, {1, 2}, {Absent(), 3}, false, true},
  };
  for (const Case& one_case : cases) {
    SCOPED_TRACE(one_case.fact);
    Images images;
    std::string scratch;
    std::vector<std::uint64_t> out;
    const auto hashed = one_case.binding->append_hashes(
        images.image(one_case.before), images.image(one_case.after), one_case.whole, scratch, out);
    ASSERT_EQ(hashed.has_value(), one_case.fits);
    if (!hashed) {
      EXPECT_EQ(hashed.error().code(), Errc::kData);
      EXPECT_NE(hashed.error().way_out().find("binlog_row_image"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace tiderelay::applier
