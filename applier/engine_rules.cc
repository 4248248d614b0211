#include "applier/engine_rules.h"

#include "applier/ddl_lexer.h"

namespace tiderelay::applier {

bool is_transactional(const TableSchema& schema) {
  for (const auto& [option, value] : schema.options) {
    if (!same_word(option, "ENGINE")) continue;
    return !same_word(value, "MyISAM") && !same_word(value, "Aria") &&
           !same_word(value, "MEMORY") && !same_word(value, "CSV") && !same_word(value, "ARCHIVE");
  }
  return true;
}

Error not_transactional(const TableSchema& target) {
  const std::string name = target.name.schema + "." + target.name.table;
  return Error(Errc::kDiverged, "the engine of target table " + name +
                                    " has no transactions: rows and position could not be "
                                    "committed together")
      .with_way_out("ALTER TABLE " + name + " ENGINE=InnoDB at the target");
}

}  // namespace tiderelay::applier
