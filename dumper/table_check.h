// dumper/table_check.h: statements that tell whether a copied table is as its source: a sum over a
// chunk, sums by bucket for tables without a key, and the rows themselves.
//
// Every row has a check text, MD5 over its values, which source and target compute alike as far as
// they print values alike. Where they do not (JSON, the exponents of a DOUBLE) sums differ though
// the rows are equal: what differs is always decided over the rows. Values are hashed one by one,
// so that no row is too long for the server's max_allowed_packet. Sums are of 60 bits of the check
// text, so rows that occur twice count twice.
#pragma once

#include <cstdint>
#include <string>

#include "applier/target_info.h"
#include "base/bytes.h"
#include "dumper/table_plan.h"
#include "relay/query_outcome.h"

namespace tiderelay::dumper {

enum class CheckSide : std::uint8_t { kSource, kTarget };

// By chunks of the key; false: by buckets, for the table has no key that both sides order and find.
[[nodiscard]] bool has_check_key(const TablePlan& plan, applier::TargetKind target);

// The check text of a row, 32 hex digits.
[[nodiscard]] std::string check_text_sql(const TablePlan& plan, CheckSide side);
// SELECT of one row: count and sum. `where`: a condition, or empty, here and below.
[[nodiscard]] std::string chunk_sum_sql(const TablePlan& plan, CheckSide side,
                                        const std::string& where);
// SELECT of a row per bucket: "0f", count, sum.
[[nodiscard]] std::string bucket_sums_sql(const TablePlan& plan, CheckSide side,
                                          const std::string& where);
[[nodiscard]] std::string in_bucket(const TablePlan& plan, CheckSide side,
                                    const std::string& bucket);
// The copied columns in the plan's order, as select_sql() gives them, on either side; with_text:
// the check text before them.
[[nodiscard]] std::string rows_sql(const TablePlan& plan, CheckSide side, const std::string& where,
                                   bool with_text);
// The row with the key of `row`, a row packet of rows_sql() of either side.
[[nodiscard]] Result<std::string> same_key(const TablePlan& plan, CheckSide side, ByteView row);

struct CheckSum {
  std::uint64_t rows = 0;
  std::uint64_t sum = 0;  // modulo 2^64
  void add(const CheckSum& other);
  friend bool operator==(const CheckSum&, const CheckSum&) = default;
};
// Of two values of an answer.
[[nodiscard]] Result<CheckSum> check_sum(const relay::TextValue& count,
                                         const relay::TextValue& sum);

}  // namespace tiderelay::dumper
