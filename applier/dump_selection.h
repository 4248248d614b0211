// applier/dump_selection.h: the tables that a mydumper or dumpling command line selects, out of
// `mydumpers.*.extra-args`. The full phase copies what both the block/allow list and this take.
//
// -B names schemas, -T tables (bare names belong to the schemas of -B), -f is a table filter
// ("db*.t?", "/regex/", "!" negates, the last match decides), -x a regex on "schema.table". What is
// given must match; nothing given takes everything.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "applier/name_pattern.h"
#include "applier/table_schema.h"
#include "base/error.h"

namespace tiderelay::applier {

struct DumpSelectionOptions {
  std::vector<std::string> schemas;  // literal names
  std::vector<TableName> tables;     // literal; schema empty: in any of `schemas`
  std::vector<std::string> filters;  // table-filter rules, in order
  std::string regex;                 // on "schema.table", any case

  [[nodiscard]] bool empty() const {
    return schemas.empty() && tables.empty() && filters.empty() && regex.empty();
  }
};

class DumpSelection {
 public:
  DumpSelection() = default;  // everything
  [[nodiscard]] static Result<DumpSelection> make(const DumpSelectionOptions& options,
                                                  bool case_sensitive);
  [[nodiscard]] bool takes(const TableName& upstream) const;

 private:
  struct FilterRule {
    bool takes = true;  // false: began with "!"
    std::shared_ptr<const re2::RE2> schema;
    std::shared_ptr<const re2::RE2> table;
  };
  [[nodiscard]] static Result<FilterRule> compile(std::string_view rule, bool case_sensitive);
  [[nodiscard]] std::string folded(std::string_view name) const;

  bool case_sensitive_ = false;
  std::vector<std::string> schemas_;
  std::vector<TableName> tables_;
  std::vector<FilterRule> filters_;
  std::shared_ptr<const re2::RE2> regex_;
};

}  // namespace tiderelay::applier
