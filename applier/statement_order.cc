// applier/statement_order.cc: see statement_order.h.
#include "applier/statement_order.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "applier/sql_text.h"

namespace tiderelay::applier {

namespace {

constexpr std::string_view kActions[] = {"skip", "replace", "inject"};

std::string table(const CheckpointScope& scope) {
  return quoted_name(scope.meta_schema) + ".tiderelay_statement_order";
}

std::string where(const CheckpointScope& scope) {
  return " WHERE task=" + quoted_text(scope.task) + " AND source=" + quoted_text(scope.source);
}

struct Place {
  std::string file;
  std::uint64_t offset = 0;
};

std::optional<Place> place_of(std::string_view text) {
  const std::size_t slash = text.rfind('/');
  if (slash != std::string_view::npos) text.remove_prefix(slash + 1);
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  Place place;
  place.file = text.substr(0, colon);
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + colon + 1, end, place.offset);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  const std::size_t dot = place.file.rfind('.');
  const bool numbered = dot != std::string::npos && dot + 1 < place.file.size() &&
                        std::all_of(place.file.begin() + static_cast<std::ptrdiff_t>(dot) + 1,
                                    place.file.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!numbered) return std::nullopt;
  return place;
}

// Where the quote, name or comment that begins at `at` ends.
std::size_t end_of_quoted(std::string_view text, std::size_t at) {
  const char quote = text[at];
  if (quote == '\'' || quote == '"' || quote == '`') {
    for (std::size_t i = at + 1; i < text.size(); ++i) {
      if (text[i] == '\\' && quote != '`') {
        ++i;
      } else if (text[i] == quote) {
        return i + 1;  // a doubled one begins the next
      }
    }
    return text.size();
  }
  if (text.substr(at, 2) == "/*") {
    const std::size_t end = text.find("*/", at + 2);
    return end == std::string_view::npos ? text.size() : end + 2;
  }
  const bool line = quote == '#' || text.substr(at, 3) == "-- ";
  return line ? std::min(text.find('\n', at), text.size()) : at + 1;
}

}  // namespace

const char* action_text(StatementOrder::Action action) {
  return kActions[static_cast<std::size_t>(action)].data();
}

std::optional<StatementOrder::Action> action_of(std::string_view text) {
  const auto* const found = std::ranges::find(kActions, text);
  if (found == std::end(kActions)) return std::nullopt;
  return static_cast<StatementOrder::Action>(found - std::begin(kActions));
}

Result<std::string> plain_position(const std::string& text) {
  std::string plain = text;
  if (plain.starts_with('(') && plain.ends_with(')')) {
    plain = plain.substr(1, plain.size() - 2);
    const std::size_t comma = plain.find(", ");
    if (comma != std::string::npos) plain.replace(comma, 2, ":");
  }
  const std::size_t bar = plain.find('|');
  const std::size_t dot = plain.find('.', bar == std::string::npos ? 0 : bar);
  if (bar != std::string::npos && dot != std::string::npos) plain.erase(bar, dot - bar);
  const std::optional<Place> place = place_of(plain);
  if (place) return fmt::format("{}:{}", place->file, place->offset);
  return Error(Errc::kConfig, "\"" + text + "\" is no position of a binlog")
      .with_way_out("write it as mysql-bin.000003:4711");
}

bool position_in(const std::string& position, const std::string& begin, const std::string& end) {
  const std::optional<Place> at = place_of(position);
  const std::optional<Place> from = place_of(begin);
  const std::optional<Place> to = place_of(end);
  return at && from && to && at->file == from->file && at->offset >= from->offset &&
         at->offset < to->offset;
}

std::vector<std::string> split_statements(std::string_view text) {
  std::vector<std::string> statements;
  std::string one;
  const auto take = [&] {
    const std::size_t begin = one.find_first_not_of(" \t\r\n");
    const std::size_t end = one.find_last_not_of(" \t\r\n");
    if (begin != std::string::npos) statements.push_back(one.substr(begin, end - begin + 1));
    one.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ';') {
      take();
      ++at;
      continue;
    }
    const std::size_t end = end_of_quoted(text, at);
    one += text.substr(at, end - at);
    at = end;
  }
  take();
  return statements;
}

std::string order_table_sql(const std::string& meta_schema) {
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {}.tiderelay_statement_order (task VARCHAR(190) NOT NULL,"
      "source VARCHAR(190) NOT NULL,position VARCHAR(190) NOT NULL,action VARCHAR(16) NOT NULL,"
      "statements LONGTEXT NOT NULL,operator VARCHAR(190) NOT NULL,state VARCHAR(16) NOT NULL,"
      "made TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),PRIMARY KEY(task,source,position)) "
      "DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
      quoted_name(meta_schema));
}

std::string store_order_sql(const CheckpointScope& scope, const StatementOrder& order) {
  std::string statements;
  for (const std::string& sql : order.sql) statements += sql + ";\n";
  return fmt::format(
      "REPLACE INTO {} (task,source,position,action,statements,operator,state) VALUES "
      "({},{},{},{},{},{},'waiting')",
      table(scope), quoted_text(scope.task), quoted_text(scope.source), quoted_text(order.position),
      quoted_text(action_text(order.action)), quoted_text(statements), quoted_text(order.by));
}

std::string revert_order_sql(const CheckpointScope& scope, const std::string& position) {
  return "DELETE FROM " + table(scope) + where(scope) +
         " AND state='waiting' AND position=" + quoted_text(position);
}

std::string read_orders_sql(const CheckpointScope& scope) {
  return "SELECT position,action,statements,operator,state,made FROM " + table(scope) +
         where(scope) + " ORDER BY made,position";
}

Result<std::vector<StatementOrder>> read_orders(const relay::StatementResult& rows) {
  std::vector<StatementOrder> orders;
  for (const auto& row : rows.rows) {
    const auto action = row.size() == 6 ? action_of(row[1].value_or("")) : std::nullopt;
    if (!action) {
      return Error(Errc::kCorrupt, "tiderelay_statement_order in the target cannot be read");
    }
    StatementOrder order;
    order.position = row[0].value_or("");
    order.action = *action;
    order.sql = split_statements(row[2].value_or(""));
    order.by = row[3].value_or("");
    order.done = row[4].value_or("") == "done";
    order.made = row[5].value_or("");
    orders.push_back(std::move(order));
  }
  return orders;
}

std::string order_done_sql(const CheckpointScope& scope, const std::string& position) {
  return "UPDATE " + table(scope) + " SET state='done'" + where(scope) +
         " AND position=" + quoted_text(position);
}

}  // namespace tiderelay::applier
