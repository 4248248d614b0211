// control/operations.cc: see operations.h.
#include "control/operations.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>

#include "applier/sql_text.h"

namespace tiderelay::control {

using applier::quoted_name;
using applier::quoted_text;

std::string operation_table_sql(const std::string& meta_schema) {
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {}.tiderelay_operation (id BIGINT NOT NULL AUTO_INCREMENT,"
      "task VARCHAR(190) NOT NULL,source VARCHAR(190) NOT NULL,operator VARCHAR(190) NOT NULL,"
      "operation VARCHAR(190) NOT NULL,position VARCHAR(255) NOT NULL,detail LONGTEXT NOT NULL,"
      "made TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),PRIMARY KEY(id)) "
      "DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
      quoted_name(meta_schema));
}

std::string insert_operation_sql(const std::string& meta_schema, const Operation& operation) {
  return fmt::format(
      "INSERT INTO {}.tiderelay_operation (task,source,operator,operation,position,detail) VALUES "
      "({},{},{},{},{},{})",
      quoted_name(meta_schema), quoted_text(operation.task), quoted_text(operation.source),
      quoted_text(operation.by), quoted_text(operation.what), quoted_text(operation.position),
      quoted_text(operation.detail));
}

std::string this_operator() {
  const passwd* const account = ::getpwuid(::getuid());
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const std::string name = account != nullptr ? account->pw_name : std::to_string(::getuid());
  return name + "@" + host.data();
}

}  // namespace tiderelay::control
