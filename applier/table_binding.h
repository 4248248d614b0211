// applier/table_binding.h: how the row images of one source table become changes of one target
// table: which column goes where and in which form, which key finds a row, which values conflict.
//
// Made once per (TABLE_MAP layout, source schema, target schema), shared by all changes, immutable.
// A table that does not fit its target is an error that names the column and the way out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "applier/conflict_key.h"
#include "applier/table_schema.h"
#include "applier/target_info.h"
#include "base/error.h"
#include "protocol/row_image.h"

namespace tiderelay::applier {

struct BindingOptions {
  TargetInfo target;
  // Other sources, or other tables of this one, write the same target table: no row of it may be
  // displaced by a unique value.
  bool shared_target = false;
  // MariaDB does not log VIRTUAL columns.
  bool virtual_columns_logged = true;
  // Columns of this table that cascading foreign keys of other tables refer to.
  std::vector<std::vector<std::string>> referenced;
};

// How a value is written into a statement for the target.
enum class Literal : std::uint8_t {
  kPlain,   // as its type is written (protocol/value_text.h)
  kQuoted,  // as quoted text: labels where the target's members differ, numbers for a text column
};

struct BoundColumn {
  std::string name;    // the source's
  std::string quoted;  // the target's, as written in statements: `a`
  Column source;
  std::optional<Column> target;
  bool written = false;  // has a target column, and that is not generated
  bool unique = false;   // part of a unique key of the target: an upsert must not change it
  bool indexed = false;  // first part of any key of the target
  Literal literal = Literal::kPlain;
};

class TableBinding {
 public:
  // `wire`: the columns of TABLE_MAP; as many as `source` has, hidden ones excluded.
  static Result<std::shared_ptr<const TableBinding>> make(
      std::span<const protocol::WireColumn> wire, TableSchema source, TableSchema target,
      BindingOptions options);

  [[nodiscard]] const TableSchema& source() const { return source_; }
  [[nodiscard]] const TableSchema& target() const { return target_; }
  [[nodiscard]] const std::string& quoted_target() const { return quoted_target_; }
  [[nodiscard]] const TargetInfo& server() const { return options_.target; }

  [[nodiscard]] std::span<const BoundColumn> columns() const { return columns_; }
  [[nodiscard]] std::span<const KeyColumn> key_columns() const { return key_columns_; }
  [[nodiscard]] std::span<const std::uint32_t> written() const { return written_; }

  // The columns whose values find a row; empty: the table is keyless, rows are found by all of
  // their values.
  [[nodiscard]] bool keyless() const { return match_columns_.empty(); }
  [[nodiscard]] std::span<const std::uint32_t> match_columns() const { return match_columns_; }

  // Columns of any unique key of the target: where one changes, a unique value moves.
  [[nodiscard]] std::span<const std::uint32_t> unique_columns() const { return unique_columns_; }

  // INSERT ... ON DUPLICATE KEY UPDATE can only meet the row that it means: the key that finds rows
  // is the target's only unique key.
  [[nodiscard]] bool sole_unique_key() const { return sole_unique_key_; }
  // TiDB's VALUES(column) of a BIT of 57 bits or more has its bytes turned round (measured, 8.5.3).
  [[nodiscard]] bool upsert_serves() const { return sole_unique_key_ && !wide_bits_; }
  [[nodiscard]] bool shared_target() const { return options_.shared_target; }

  // Conflict marks of a change, appended to `out`: first the row before (0 for an insert), then the
  // row after (0 for a delete), then all others without order. Errors: kData with the way out.
  Result<void> append_hashes(std::span<const protocol::Cell> before,
                             std::span<const protocol::Cell> after, bool whole_images,
                             std::string& scratch, std::vector<std::uint64_t>& out) const;

  // Whether two images are of one row of the target.
  [[nodiscard]] bool same_row(std::span<const protocol::Cell> left,
                              std::span<const protocol::Cell> right) const;

  // A unique key of the target has values that no image shows (an expression, a generated column of
  // its own): any update may move them.
  [[nodiscard]] bool unique_values_hidden() const { return unique_values_hidden_; }

  // Changes of both bindings can be put together cell by cell.
  [[nodiscard]] bool same_layout(const TableBinding& other) const;

  // "`a`.`b` (1, 'x')": for messages.
  [[nodiscard]] std::string describe_row(std::span<const protocol::Cell> image) const;

 private:
  TableBinding() = default;
  Result<void> bind_columns(std::span<const protocol::WireColumn> wire);
  Result<void> check_target_columns() const;
  const Key* choose_match_key();

  TableSchema source_;
  TableSchema target_;
  BindingOptions options_;
  std::string quoted_target_;
  std::vector<BoundColumn> columns_;  // one per wire column
  std::vector<std::unique_ptr<protocol::CharsetConverter>> converters_;
  std::vector<KeyColumn> key_columns_;  // one per wire column; points into the two above
  std::vector<std::uint32_t> written_;
  std::vector<std::uint32_t> match_columns_;
  std::vector<std::uint32_t> unique_columns_;
  bool sole_unique_key_ = false;
  bool unique_values_hidden_ = false;
  bool wide_bits_ = false;
  std::vector<ConflictKey> keys_;  // [0]: the row
};

}  // namespace tiderelay::applier
