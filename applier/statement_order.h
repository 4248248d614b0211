// applier/statement_order.h: what an operator has ordered for one statement of the source's log:
// skip it, run others in its place, or others before it. Kept in tiderelay_statement_order of the
// meta schema; an order is done in the transaction that moves the position behind its statement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "applier/checkpoint.h"

namespace tiderelay::applier {

struct StatementOrder {
  enum class Action : std::uint8_t { kSkip, kReplace, kInject };
  std::string position;  // "mysql-bin.000003:4711": in the statement's transaction
  Action action = Action::kSkip;
  std::vector<std::string> sql;  // of kReplace and kInject: for the target, in order
  std::string by;                // who ordered it
  std::string made;              // when, as the target says
  bool done = false;
};
[[nodiscard]] const char* action_text(StatementOrder::Action action);
[[nodiscard]] std::optional<StatementOrder::Action> action_of(std::string_view text);

// "mysql-bin|000001.000003:4711", "uuid.000001/mysql-bin.000003:4711", "(mysql-bin.000003, 4711)"
// and the plain form, as the plain form. kConfig for anything else.
[[nodiscard]] Result<std::string> plain_position(const std::string& text);
// Within [begin, end) of one file.
[[nodiscard]] bool position_in(const std::string& position, const std::string& begin,
                               const std::string& end);
// At the semicolons outside of quotes and comments; nothing empty.
[[nodiscard]] std::vector<std::string> split_statements(std::string_view text);

[[nodiscard]] std::string order_table_sql(const std::string& meta_schema);
[[nodiscard]] std::string store_order_sql(const CheckpointScope& scope,
                                          const StatementOrder& order);
[[nodiscard]] std::string revert_order_sql(const CheckpointScope& scope,
                                           const std::string& position);
[[nodiscard]] std::string read_orders_sql(const CheckpointScope& scope);  // by age
[[nodiscard]] Result<std::vector<StatementOrder>> read_orders(const relay::StatementResult& rows);
// Only inside source_transaction_sql().
[[nodiscard]] std::string order_done_sql(const CheckpointScope& scope, const std::string& position);

}  // namespace tiderelay::applier
