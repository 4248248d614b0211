// control/operations.h: what operators did to a task's rows and statements, as the target's meta
// schema records it: written in the same transaction as the deed.
#pragma once

#include <string>

namespace tiderelay::control {

struct Operation {
  std::string task, source;
  std::string by;        // "anna@db-1"
  std::string what;      // "binlog skip"
  std::string position;  // of the source's log
  std::string detail;
};

// CREATE TABLE IF NOT EXISTS tiderelay_operation.
[[nodiscard]] std::string operation_table_sql(const std::string& meta_schema);
[[nodiscard]] std::string insert_operation_sql(const std::string& meta_schema,
                                               const Operation& operation);
// "anna@db-1": of this process.
[[nodiscard]] std::string this_operator();

}  // namespace tiderelay::control
