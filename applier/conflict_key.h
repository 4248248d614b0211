// applier/conflict_key.h: turns the unique values of a row image into conflict marks: values that
// are equal on the source or on the target give equal marks, so that two changes whose marks all
// differ may run in different sessions.
//
// A key here may be coarser than the real one (a false conflict, merely slower), never finer (lost
// or doubled rows). So a part whose value cannot be computed (an expression, a column that only the
// target has, a conversion that merges values) is left out, and a key without parts makes all
// changes of its table conflict. NULL never conflicts: such a key is left out for that image.
// Rules:  docs/exactly-once.md, 4.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "applier/cell_value.h"
#include "applier/table_schema.h"
#include "base/error.h"
#include "protocol/row_image.h"

namespace tiderelay::applier {

// How the bytes of a cell become the bytes that are hashed.
enum class KeyForm : std::uint8_t {
  kInteger,    // integers, YEAR, BIT, ENUM and SET as ordinals: the number
  kFloat,      // FLOAT and DOUBLE: as double, -0 as 0
  kText,       // character data: the collation's key of the UTF-8 text, cut to the prefix
  kLabel,      // ENUM and SET whose target is text or has other members: the label, as kText
  kBytes,      // binary data without trailing zeros (BINARY(n) pads with them), cut to the prefix
  kCanonical,  // decimals and dates: the value's text without trailing zeros of a fraction
  kRaw,        // the image's bytes: whole rows of keyless tables
};

struct ConflictPart {
  std::uint32_t column = 0;  // of the wire image
  KeyForm form = KeyForm::kInteger;
  std::uint32_t prefix = 0;     // characters of kText and kLabel, bytes of kBytes; 0: all
  std::string collation;        // kText and kLabel
  bool compares_bytes = false;  // of UTF-8: that collation does
  bool folds = false;           // of UTF-8: collation_fold.h knows some of its equality
  bool pads = true;             // trailing spaces do not count
};

struct ConflictKey {
  std::uint64_t seed = 0;           // names the key: equal definitions on both sides have one seed
  std::vector<ConflictPart> parts;  // empty: every change of the table conflicts
  bool null_conflicts = false;      // whole rows: NULL is a value like others
};

struct KeyContext {
  const TableSchema* source = nullptr;
  const TableSchema* target = nullptr;
  std::span<const KeyColumn> columns;
};

// The keys of a table: index 0 identifies the row (`row_key`, or the whole row where it is null),
// then every other unique key of source and target, then the values of cascading foreign keys.
// `referenced`: columns of this table that cascading foreign keys of other tables refer to.
std::vector<ConflictKey> conflict_keys(const KeyContext& context, const Key* row_key,
                                       std::span<const std::vector<std::string>> referenced);

// All parts of a unique key of the target can be computed from the image, and a value written to
// the target is found there again.
bool key_is_exact(const KeyContext& context, const Key& key);

// Whether an update leaves the key's values as they were, byte by byte. A cell that `after` lacks
// is unchanged.
bool unchanged(const ConflictKey& key, std::span<const protocol::Cell> before,
               std::span<const protocol::Cell> after);

struct KeyMarks {
  std::uint64_t value = 0;  // 0: a NULL keeps it out of every conflict
  std::uint64_t group = 0;  // 0: the key has none
};
// The value of one key in an image. `overlay`: where it has the cell it wins over `image` (an
// after-image that lacks unchanged columns). Errors: kData, the image lacks the column.
Result<KeyMarks> key_marks(const ConflictKey& key, std::span<const KeyColumn> columns,
                           std::span<const protocol::Cell> image,
                           std::span<const protocol::Cell> overlay, std::string& scratch);

}  // namespace tiderelay::applier
