// applier/schema_compare.h: are two definitions the same table, and can one hold the other's rows?
//
// Not compared: display widths, ZEROFILL, AUTO_INCREMENT values, engines and other options, the
// order of keys, the spelling of expressions, utf8 against utf8mb3, how CURRENT_TIMESTAMP is
// written, indexes' directions.
#pragma once

#include <string>
#include <vector>

#include "applier/target_schema.h"

namespace tiderelay::applier {

// SHA-256 in hex of the canonical form; the table's name is no part of it.
[[nodiscard]] std::string fingerprint(const TableSchema& schema);
[[nodiscard]] std::string fingerprint(std::string_view text);  // SHA-256, 64 hex digits
// What differs, a line each, for a person; empty: the same fingerprint.
[[nodiscard]] std::string schema_difference(const TableSchema& a, const TableSchema& b,
                                            const std::string& name_of_a = "one",
                                            const std::string& name_of_b = "the other");

struct Compatibility {
  std::vector<std::string> errors;    // rows of the source cannot be written
  std::vector<std::string> warnings;  // rows may be refused, or more are accepted
  [[nodiscard]] bool compatible() const { return errors.empty(); }
};
// Can the table that is there take the rows of the source? `name`: where the source is routed to.
[[nodiscard]] Result<Compatibility> compare_with_target(const TableSchema& source,
                                                        const TableSchema& there,
                                                        const Target& target,
                                                        const RouteOf& route = {});

}  // namespace tiderelay::applier
