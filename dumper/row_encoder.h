// dumper/row_encoder.h: turns row packets as they lie on the wire (lenenc values, 0xfb NULL) into
// the file of a LOAD DATA, or into the tuples of an INSERT.
//
// LOAD DATA: fields end with \t, rows with \n, NULL is \N, and behind a backslash stand \ itself,
// \t, \n, \r and \0. Rows may be larger than the block: the encoder stops anywhere in a value and
// goes on in the next block.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "dumper/table_plan.h"

namespace tiderelay::dumper {

// A piece of memory that is filled and sent again and again.
class Block {
 public:
  explicit Block(std::size_t size_bytes) : bytes_(size_bytes, '\0') {}
  [[nodiscard]] std::size_t room() const { return bytes_.size() - used_; }
  [[nodiscard]] bool empty() const { return used_ == 0; }
  [[nodiscard]] ByteView view() const { return as_bytes(std::string_view(bytes_.data(), used_)); }
  [[nodiscard]] char* end() { return bytes_.data() + used_; }
  void added(std::size_t count) { used_ += count; }
  void clear() { used_ = 0; }

 private:
  std::string bytes_;
  std::size_t used_ = 0;
};

class LoadEncoder {
 public:
  explicit LoadEncoder(const std::vector<PlannedColumn>& columns);

  void start(ByteView row);  // the bytes must live until encode() says true
  // True: the row is complete. False: the block is full.
  [[nodiscard]] Result<bool> encode(Block& block);

 private:
  [[nodiscard]] bool next_value();  // false: the row's bytes do not hold it
  [[nodiscard]] bool put_value(Block& block);

  std::vector<ValueForm> forms_;
  ByteReader row_{ByteView()};
  std::size_t column_ = 0;
  bool in_value_ = false;  // the value's rest is value_
  std::string_view value_;
  bool null_ = false;
  std::string converted_;  // of a vector
};

// Appends "(1,'x',NULL)", with `part` as one more value unless it is empty.
[[nodiscard]] Result<void> append_tuple(std::string& out, const std::vector<PlannedColumn>& columns,
                                        ByteView row, const std::string& part = "");
// The value of one column as a literal, for a condition or a message; NULL: "NULL".
[[nodiscard]] Result<std::string> literal_of(const std::vector<PlannedColumn>& columns,
                                             ByteView row, std::size_t column);
// "`id` = 5, `name` = 'x'", cut to a length that a person reads.
[[nodiscard]] std::string describe_row(const std::vector<PlannedColumn>& columns, ByteView row,
                                       const std::vector<KeyColumn>& key);

}  // namespace tiderelay::dumper
