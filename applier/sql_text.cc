// applier/sql_text.cc: quoting.
#include "applier/sql_text.h"

#include "protocol/sql_text.h"

namespace tiderelay::applier {

std::string quoted_name(std::string_view name) {
  std::string out;
  protocol::append_identifier(out, name);
  return out;
}

std::string quoted_table(const TableName& name) {
  return quoted_name(name.schema) + "." + quoted_name(name.table);
}

std::string quoted_text(std::string_view text) {
  std::string out;
  protocol::append_quoted(out, text, true);
  return out;
}

}  // namespace tiderelay::applier
