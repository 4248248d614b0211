#include "dumper/row_encoder.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>

#include "tests/dumper/schemas.h"

namespace tiderelay::dumper {
namespace {

using Values = std::vector<std::optional<std::string>>;

std::vector<PlannedColumn> columns(const std::vector<ValueForm>& forms) {
  std::vector<PlannedColumn> made;
  for (const ValueForm form : forms) {
    made.emplace_back();
    made.back().name = "c" + std::to_string(made.size());
    made.back().form = form;
  }
  return made;
}

std::string packet(const Values& values) {
  std::string bytes;
  ByteWriter writer(bytes);
  for (const auto& value : values) {
    if (value) {
      writer.lenenc_text(*value);
    } else {
      writer.u8(0xfb);
    }
  }
  return bytes;
}

// What a server reads out of the file, by the rules of LOAD DATA with our terminators.
std::vector<Values> read_file(const std::string& file) {
  std::vector<Values> rows;
  Values row;
  std::string value;
  bool null = false;
  for (std::size_t i = 0; i < file.size(); ++i) {
    const char c = file[i];
    if (c == '\\') {
      const char next = file.at(++i);
      null = next == 'N' && value.empty() && (file[i + 1] == '\t' || file[i + 1] == '\n');
      if (null) continue;
      value += next == 't'   ? '\t'
               : next == 'n' ? '\n'
               : next == 'r' ? '\r'
               : next == '0' ? '\0'
                             : next;
    } else if (c == '\t' || c == '\n') {
      row.push_back(null ? std::nullopt : std::optional(value));
      value.clear();
      null = false;
      if (c == '\n') rows.push_back(std::exchange(row, Values()));
    } else {
      value += c;
    }
  }
  EXPECT_TRUE(value.empty() && row.empty()) << "the file ends with a complete row";
  return rows;
}

std::string encoded(const std::vector<PlannedColumn>& planned, const std::vector<Values>& rows,
                    std::size_t block_bytes) {
  LoadEncoder encoder(planned);
  Block block(block_bytes);
  std::string file;
  for (const Values& row : rows) {
    const std::string bytes = packet(row);
    encoder.start(as_bytes(bytes));
    for (;;) {
      const Result<bool> complete = encoder.encode(block);
      EXPECT_TRUE(complete.has_value()) << complete.error().text();
      if (!complete || *complete) break;
      EXPECT_FALSE(block.empty()) << "a full block holds something";
      file += as_text(block.view());
      block.clear();
    }
  }
  return file += as_text(block.view());
}

TEST(LoadEncoder, WritesWhatLoadDataReadsBackAsTheSameValues) {
  struct Row {
    const char* fact;
    std::optional<std::string> value;
    const char* written;
  };
  const Row rows[] = {
      {"NULL is \\N", std::nullopt, "\\N"},
      {"the text N is not NULL", "N", "N"},
      {"the text \\N is not NULL", "\\N", "\\\\N"},
      {"the word NULL is a word", "NULL", "NULL"},
      {"an empty text is an empty field", "", ""},
      {"terminators are escaped", "a\tb\nc", "a\\tb\\nc"},
      {"carriage returns and NULs are escaped", std::string("\r\0x", 3), "\\r\\0x"},
      {"quotes mean nothing", "\"'", "\"'"},
      {"utf-8 passes", "h\xc3\xa9\xf0\x9f\x98\x80", "h\xc3\xa9\xf0\x9f\x98\x80"},
      {"bytes that are no utf-8 pass", "\xff\xc3", "\xff\xc3"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    const std::string file = encoded(columns({ValueForm::kBytes}), {{row.value}}, 100);
    EXPECT_EQ(file, std::string(row.written) + "\n");
    EXPECT_EQ(read_file(file), std::vector<Values>{{row.value}});
  }
}

TEST(LoadEncoder, GivesTheSameFileHoweverSmallTheBlocksAre) {
  std::mt19937_64 random(1);
  const auto planned = columns({ValueForm::kPlain, ValueForm::kText, ValueForm::kBytes});
  const std::string alphabet("\\\t\n\r\0Nab\xc3\xa9\xff", 11);
  for (int round = 0; round < 200; ++round) {
    std::vector<Values> rows;
    for (std::size_t r = 0; r < 1 + random() % 5; ++r) {
      Values row{std::to_string(random() % 100'000)};
      for (int c = 0; c < 2; ++c) {
        std::string value;
        for (std::size_t n = random() % 300; n > 0; --n) value += alphabet[random() % 11];
        row.push_back(random() % 5 == 0 ? std::nullopt : std::optional(value));
      }
      rows.push_back(row);
    }
    const std::string whole = encoded(planned, rows, 1 << 20);
    EXPECT_EQ(read_file(whole), rows) << "round " << round;
    EXPECT_EQ(encoded(planned, rows, 3 + random() % 60), whole) << "round " << round;
  }
}

TEST(LoadEncoder, RefusesARowThatDoesNotHoldItsColumns) {
  const auto planned = columns({ValueForm::kText, ValueForm::kText});
  for (const Values& row : {Values{"a"}, Values{"a", "b", "c"}}) {
    const std::string bytes = packet(row);
    LoadEncoder encoder(planned);
    Block block(100);
    encoder.start(as_bytes(bytes));
    EXPECT_TRUE(encoder.encode(block).has_error()) << row.size() << " columns";
  }
}

TEST(LoadEncoder, WritesVectorsAsTextThatHoldsEveryBit) {
  const std::string bytes("\0\0\x80\x3f\xcd\xcc\xcc\x3d", 8);  // 1, 0.1f
  EXPECT_EQ(encoded(columns({ValueForm::kVectorText}), {{bytes}}, 100), "[1,0.1]\n");
}

TEST(AppendTuple, WritesLiteralsByTheirForm) {
  const auto planned =
      columns({ValueForm::kPlain, ValueForm::kText, ValueForm::kBytes, ValueForm::kText});
  std::string sql;
  const std::string bytes = packet({"5", "it's \\ \n", std::string("\0\xff", 2), std::nullopt});
  ASSERT_TRUE(append_tuple(sql, planned, as_bytes(bytes)).has_value());
  EXPECT_EQ(sql, "('5','it''s \\ \n',x'00ff',NULL)");
  EXPECT_TRUE(append_tuple(sql, columns({ValueForm::kPlain}), as_bytes(bytes)).has_error());
}

TEST(DescribeRow, NamesTheKeyAndCutsLongValues) {
  auto planned = columns({ValueForm::kText, ValueForm::kPlain});
  KeyColumn key;
  key.column = 1;
  const std::string bytes = packet({std::string(200, 'x'), "17"});
  EXPECT_EQ(describe_row(planned, as_bytes(bytes), {key}), "`c2` = '17'");
  EXPECT_LT(describe_row(planned, as_bytes(bytes), {}).size(), 120U);
}

}  // namespace
}  // namespace tiderelay::dumper
