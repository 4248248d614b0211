// applier/partition_text.h: "PARTITION BY ..." as a head and a list of definitions, so that ADD,
// DROP and REORGANIZE PARTITION can be followed without understanding bounds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "applier/ddl_ast.h"
#include "base/error.h"

namespace tiderelay::applier {

struct PartitionText {
  std::string head;         // "PARTITION BY HASH (`id`)", without PARTITIONS n
  std::uint64_t count = 0;  // PARTITIONS n; 0: not written
  std::vector<std::pair<std::string, std::string>> definitions;  // name, "PARTITION p0 VALUES ..."

  [[nodiscard]] std::string sql() const;
};
[[nodiscard]] Result<PartitionText> split_partition_text(std::string_view partition_sql);
// "PARTITION p0 VALUES ..., PARTITION p1 ...", without the outer parentheses.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> split_partition_definitions(
    std::string_view definitions);
// What the table's partition_sql is after the clause.
[[nodiscard]] Result<std::string> alter_partitions(const std::string& partition_sql,
                                                   const AlterClause& clause);

}  // namespace tiderelay::applier
