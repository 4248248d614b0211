// applier/table_filter.h: which upstream tables a task takes: DM's block/allow list.
//
// Two levels, and a table must pass both. Schema: do_schemas, if there are any, must match, and
// then ignore_schemas is not looked at; else a match in ignore_schemas rejects. Table: a match in
// do_tables accepts; else a match in ignore_tables rejects; else it is in only if do_tables is
// empty. Each entry of a table list is a pair: both of its patterns must match. System schemas are
// never in.
//
// Differences from DM, on purpose: pairs are evaluated as pairs (DM mixes the table names of all
// entries whose schema is a regex: dm_takes()), and statements on a schema pass only if a table of
// that schema could (DM lets DROP DATABASE of any schema through beside do-tables).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "applier/name_pattern.h"
#include "applier/table_schema.h"
#include "base/error.h"

namespace tiderelay::applier {

// mysql, information_schema, performance_schema, sys, metrics_schema, inspection_schema,
// dm_heartbeat, in any case.
[[nodiscard]] bool is_system_schema(std::string_view schema);

struct TablePatternOptions {
  std::string schema;
  std::string table;
};

struct TableFilterOptions {  // all patterns: wildcards, or "~" and a regex (name_pattern.h)
  std::vector<std::string> do_schemas;
  std::vector<std::string> ignore_schemas;
  std::vector<TablePatternOptions> do_tables;
  std::vector<TablePatternOptions> ignore_tables;
};

class TableFilter {
 public:
  TableFilter() = default;  // everything but system schemas
  [[nodiscard]] static Result<TableFilter> make(const TableFilterOptions& options,
                                                bool case_sensitive);

  [[nodiscard]] bool takes(const TableName& upstream) const;
  [[nodiscard]] bool takes_schema(std::string_view upstream) const;  // its CREATE/ALTER/DROP
  [[nodiscard]] bool dm_takes(const TableName& upstream) const;      // what DM would have answered

 private:
  struct Pair {
    NamePattern schema;
    NamePattern table;
  };
  [[nodiscard]] bool passes_schema_level(std::string_view schema) const;
  [[nodiscard]] static Result<std::vector<Pair>> pairs(const std::vector<TablePatternOptions>& from,
                                                       bool case_sensitive);
  [[nodiscard]] static bool any(const std::vector<Pair>& pairs, const TableName& name);
  [[nodiscard]] static bool dm_any(const std::vector<Pair>& pairs, const TableName& name);

  std::vector<NamePattern> do_schemas_;
  std::vector<NamePattern> ignore_schemas_;
  std::vector<Pair> do_tables_;
  std::vector<Pair> ignore_tables_;
};

}  // namespace tiderelay::applier
