// applier/collation_map.h: which collation of the target stands for one of the source.
//
// TiDB has thirteen collations, MySQL before 8.0 no 0900 ones, MariaDB others again. What a mapping
// does to unique keys is said with it: `merges`, values that the source keeps apart become equal
// (loading may answer 1062); `splits`, values that are equal on the source become different (the
// target is weaker, no row is refused).
// Source: SHOW COLLATION of TiDB 8.5.3; equality classes counted over single characters.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "applier/target_info.h"

namespace tiderelay::applier {

// The server that tables and statements are translated for, and the operator's choices for it.
struct Target : TargetInfo {
  enum class UniqueColumns : std::uint8_t {
    kNearest,  // unique columns, too, get the nearest collation; count duplicates before loading
    kBinary,   // unique columns get _bin where the nearest would merge values: always loads
  };
  enum class PrimaryKey : std::uint8_t { kServerDefault, kClustered, kNonclustered };

  bool new_collations = true;  // TiDB: mysql.tidb.new_collation_enabled
  UniqueColumns unique_columns = UniqueColumns::kNearest;
  PrimaryKey primary_key = PrimaryKey::kServerDefault;  // TiDB only
  std::uint32_t max_key_bytes = 3072;                   // TiDB: max-index-length
  std::map<std::string, std::string> collations;        // the operator's choices; they win
};

struct MappedCollation {
  std::string charset;  // as the target spells them
  std::string collation;
  bool merges = false;
  bool splits = false;
  [[nodiscard]] bool exact() const { return !merges && !splits; }
};

// `collation`: canonical (charset_rules.h). `unique`: the column is part of a unique key.
[[nodiscard]] MappedCollation map_collation(const std::string& collation, bool unique,
                                            const Target& target);

}  // namespace tiderelay::applier
