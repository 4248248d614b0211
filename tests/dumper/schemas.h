// tests/dumper/schemas.h: small table definitions.
#pragma once

#include <string>
#include <vector>

#include "applier/table_schema.h"

namespace tiderelay::tests {

inline applier::Column column(const std::string& name, applier::SqlType type, bool not_null = false,
                              const std::string& charset = "") {
  applier::Column made;
  made.name = name;
  made.type = type;
  made.not_null = not_null;
  made.charset = charset;
  made.collation = charset.empty() ? "" : charset + "_bin";
  return made;
}

inline applier::Key key(const std::string& name, const std::vector<std::string>& columns,
                        bool unique = true) {
  applier::Key made;
  made.name = name;
  made.kind = name == "PRIMARY" ? applier::KeyKind::kPrimary
              : unique          ? applier::KeyKind::kUnique
                                : applier::KeyKind::kIndex;
  for (const std::string& each : columns) {
    applier::KeyPart part;
    part.column = each;
    made.parts.push_back(part);
  }
  return made;
}

inline applier::TableSchema table(std::vector<applier::Column> columns,
                                  std::vector<applier::Key> keys) {
  applier::TableSchema made;
  made.name = {"s", "t"};
  made.columns = std::move(columns);
  made.keys = std::move(keys);
  return made;
}

}  // namespace tiderelay::tests
