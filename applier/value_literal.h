// applier/value_literal.h: a cell as it is written into a statement.
#pragma once

#include <string>

#include "applier/table_binding.h"

namespace tiderelay::applier {

// `index` is the column's in the wire image. Appends NULL for NULL. An error: the bytes are no
// value of the column's type.
Result<void> append_literal(std::string& out, const TableBinding& binding, std::uint32_t index,
                            const protocol::Cell& cell);

// A condition that holds for exactly this value, NULL included and byte by byte: "`a` <=> 5". For
// rows without a key.
Result<void> append_exact_match(std::string& out, const TableBinding& binding, std::uint32_t index,
                                const protocol::Cell& cell);

}  // namespace tiderelay::applier
