// applier/statements.cc: sorts net changes into statements and writes them.
#include "applier/statements.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "applier/keyless_rows.h"
#include "applier/sql_text.h"
#include "applier/value_literal.h"

namespace tiderelay::applier {
namespace {

using protocol::Cell;
using Image = std::span<const Cell>;

// Above this many bytes of unchanged values in a row, sending only the changed ones is cheaper.
constexpr std::size_t kUnchangedBytesMax = 2048;

bool changes(const Cell& before, const Cell& after) {
  return after.present() && !after.same_bytes(before);
}

// An upsert sends the whole row: it must be known, and worth it.
bool upsert_serves(const NetChange& change) {
  if (!change.binding->upsert_serves()) return false;
  std::size_t unchanged_bytes = 0;
  bool any = false;
  for (const std::uint32_t at : change.binding->written()) {
    if (!change.after[at].present()) return false;
    if (changes(change.before[at], change.after[at])) {
      any = true;
    } else {
      unchanged_bytes += change.after[at].size_bytes;
    }
  }
  return any && unchanged_bytes <= kUnchangedBytesMax;
}

// Which shape serves which change.
Shape shape_for(const NetChange& change) {
  const TableBinding& binding = *change.binding;
  switch (change.op) {
    case RowOp::kKeylessInsert:
    case RowOp::kInsert:
      return Shape::kInsert;
    case RowOp::kKeylessUpdate:
      return Shape::kKeylessUpdate;
    case RowOp::kKeylessDelete:
      return Shape::kKeylessDelete;
    case RowOp::kDelete:
      return Shape::kDelete;
    case RowOp::kReplayDelete:
      return Shape::kReplayDelete;
    case RowOp::kUpdate:
      return upsert_serves(change) ? Shape::kUpsertUpdate : Shape::kPointUpdate;
    case RowOp::kReplayWrite:
      if (binding.upsert_serves()) return Shape::kReplayUpsert;
      return binding.shared_target() && !binding.sole_unique_key() ? Shape::kReplayRewrite
                                                                   : Shape::kReplayReplace;
  }
  return Shape::kInsert;
}

// Affected rows that prove `rows` rows of a shape; nullopt: the server refuses what is wrong, or
// nothing can be wrong. Measured, see the header.
std::optional<std::uint64_t> expected_count(Shape shape, std::uint64_t rows) {
  switch (shape) {
    case Shape::kDelete:
    case Shape::kPointUpdate:
    case Shape::kKeylessDelete:
    case Shape::kKeylessDeletes:
    case Shape::kKeylessUpdate:
      return rows;
    case Shape::kUpsertUpdate:
      return 2 * rows;
    default:
      return std::nullopt;
  }
}

bool takes_many_rows(Shape shape) {
  return shape != Shape::kPointUpdate && shape != Shape::kKeylessDelete &&
         shape != Shape::kKeylessUpdate;
}

class Writer {
 public:
  Writer(BatchSql& out, const StatementOptions& options) : out_(out), options_(options) {
    out_.packets.emplace_back();
  }

  // One shape and one binding for all rows. REQUIRES: not empty.
  Result<void> write(Shape shape, std::span<const std::uint32_t> rows) {
    const NetChange* const first = &out_.net.changes[rows.front()];
    std::size_t from = 0;
    while (from < rows.size()) {
      std::size_t at_most = takes_many_rows(shape) ? options_.rows_max : 1;
      if (shape == Shape::kKeylessDeletes) {
        at_most = options_.keyless_rows_max;
        candidates_ =
            candidate_column(out_.net, rows.subspan(from, std::min(at_most, rows.size() - from)));
      }
      text_.clear();
      list_.clear();
      std::size_t count = 0;
      for (; count < at_most && from + count < rows.size(); ++count) {
        if (count > 0 && text_.size() >= options_.bytes_max) break;
        const NetChange& change = out_.net.changes[rows[from + count]];
        const Result<void> written = row(shape, change, count == 0);
        if (!written)
          return written.error().in(
              change.binding->describe_row(change.before.empty() ? change.after : change.before));
      }
      tail(shape, *first->binding);
      if (options_.statement_bytes_max != 0 && text_.size() > options_.statement_bytes_max) {
        const NetChange& row = out_.net.changes[rows[from]];
        return too_large(row, text_.size());
      }
      finish(shape, *first->binding, rows.subspan(from, count));
      from += count;
    }
    return {};
  }

 private:
  // The target would close the connection, for ever.
  Error too_large(const NetChange& change, std::size_t bytes) const {
    const auto& image = change.before.empty() ? change.after : change.before;
    return Error(Errc::kData, fmt::format("{} needs a statement of {} bytes, the target takes {}",
                                          change.binding->describe_row(image), bytes,
                                          options_.statement_bytes_max))
        .with_way_out(
            "raise max_allowed_packet at the target (and on TiDB txn-entry-size-limit), "
            "then resume-task");
  }

  Result<void> literal(const TableBinding& binding, std::uint32_t at, const Cell& cell) {
    const Result<void> written = append_literal(text_, binding, at, cell);
    if (!written) return named(written.error(), binding, at);
    return {};
  }

  static Error named(const Error& error, const TableBinding& binding, std::uint32_t at) {
    return error.in("column '" + binding.columns()[at].name + "'").as(Errc::kData);
  }

  Result<void> row(Shape shape, const NetChange& change, bool first) {
    switch (shape) {
      case Shape::kInsert:
      case Shape::kUpsertUpdate:
      case Shape::kReplayUpsert:
      case Shape::kReplayReplace:
      case Shape::kReplayRewrite:
        return values_row(shape, change, first);
      case Shape::kDelete:
      case Shape::kReplayDelete:
        return delete_row(change, first);
      case Shape::kPointUpdate:
      case Shape::kKeylessUpdate:
        text_ += "UPDATE " + change.binding->quoted_target() + " SET ";
        if (const Result<void> set = assignments(change); !set) return set.error();
        text_ += " WHERE ";
        return shape == Shape::kPointUpdate ? key_condition(change) : full_condition(change);
      case Shape::kKeylessDelete:
        text_ += "DELETE FROM " + change.binding->quoted_target() + " WHERE ";
        return full_condition(change);
      case Shape::kKeylessDeletes:
        return one_of_many(change, first);
    }
    return {};
  }

  // The list narrows the rows down by one cheap column, so that the long condition is for few.
  Result<void> one_of_many(const NetChange& change, bool first) {
    text_ += first ? "(" : " OR (";
    if (const Result<void> whole = every_column(change); !whole) return whole.error();
    text_.push_back(')');
    if (!candidates_) return {};
    list_ += first ? "" : ",";
    return append_literal(list_, *change.binding, *candidates_, change.before[*candidates_]);
  }

  Result<void> values_row(Shape shape, const NetChange& change, bool first) {
    const TableBinding& binding = *change.binding;
    if (first) {
      text_ += shape == Shape::kReplayReplace ? "REPLACE INTO " : "INSERT INTO ";
      text_ += binding.quoted_target();
      text_ += " (";
      bool more = false;
      for (const std::uint32_t at : binding.written()) {
        if (more) text_.push_back(',');
        more = true;
        text_ += binding.columns()[at].quoted;
      }
      text_ += ") VALUES (";
    } else {
      text_ += ",(";
    }
    bool more = false;
    for (const std::uint32_t at : binding.written()) {
      if (more) text_.push_back(',');
      more = true;
      const Cell& cell = change.after[at];
      if (!cell.present()) {
        if (const Result<void> filled = default_value(binding, at); !filled) return filled.error();
      } else if (const Result<void> written = literal(binding, at, cell); !written) {
        return written.error();
      }
    }
    text_.push_back(')');
    return {};
  }

  // A MINIMAL image leaves out columns that took their default.
  Result<void> default_value(const TableBinding& binding, std::uint32_t at) {
    const Column& column = binding.columns()[at].source;
    const bool computed = column.default_sql && column.default_sql->find('(') != std::string::npos;
    if (column.default_sql && !computed) {
      text_ += *column.default_sql;
      return {};
    }
    if (!column.default_sql && !column.not_null) {
      text_ += "NULL";
      return {};
    }
    return Error(Errc::kData, fmt::format("the row image lacks column '{}'", column.name))
        .with_way_out(
            "run SET GLOBAL binlog_row_image = 'FULL' at the source, then copy the table "
            "again");
  }

  bool row_constructor_is_fast(const TableBinding& binding) const {
    const TargetInfo& server = binding.server();
    return server.kind == TargetKind::kTidb ||
           (server.kind == TargetKind::kMysql && server.version >= 50700);
  }

  Result<void> delete_row(const NetChange& change, bool first) {
    const TableBinding& binding = *change.binding;
    const auto keys = binding.match_columns();
    if (first) text_ += "DELETE FROM " + binding.quoted_target() + " WHERE ";
    if (keys.size() > 1 && !row_constructor_is_fast(binding)) {
      text_ += first ? "(" : " OR (";
      if (const Result<void> condition = key_condition(change); !condition)
        return condition.error();
      text_.push_back(')');
      return {};
    }
    if (first) {
      if (keys.size() > 1) text_.push_back('(');
      for (std::size_t i = 0; i < keys.size(); ++i) {
        if (i > 0) text_.push_back(',');
        text_ += binding.columns()[keys[i]].quoted;
      }
      text_ += keys.size() > 1 ? ") IN (" : " IN (";
    } else {
      text_.push_back(',');
    }
    if (keys.size() > 1) text_.push_back('(');
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (i > 0) text_.push_back(',');
      const Result<void> written = literal(binding, keys[i], key_image(change)[keys[i]]);
      if (!written) return written.error();
    }
    if (keys.size() > 1) text_.push_back(')');
    return {};
  }

  // The image that holds the key of the row as it is on the target.
  static Image key_image(const NetChange& change) {
    return change.before.empty() ? change.after : change.before;
  }

  Result<void> key_condition(const NetChange& change) {
    const TableBinding& binding = *change.binding;
    bool more = false;
    for (const std::uint32_t at : binding.match_columns()) {
      if (more) text_ += " AND ";
      more = true;
      text_ += binding.columns()[at].quoted;
      text_.push_back('=');
      const Result<void> written = literal(binding, at, key_image(change)[at]);
      if (!written) return written.error();
    }
    return {};
  }

  Result<void> full_condition(const NetChange& change) {
    const Result<void> written = every_column(change);
    text_ += " LIMIT 1";
    return written;
  }

  Result<void> every_column(const NetChange& change) {
    const TableBinding& binding = *change.binding;
    bool more = false;
    for (const std::uint32_t at : binding.written()) {
      if (!binding.key_columns()[at].logged) continue;
      if (more) text_ += " AND ";
      more = true;
      const Result<void> written = append_exact_match(text_, binding, at, change.before[at]);
      if (!written) return named(written.error(), binding, at);
    }
    return {};
  }

  // Nothing changes: the first column is set to itself, so that the row's presence is still
  // counted.
  Result<void> assignments(const NetChange& change) {
    const TableBinding& binding = *change.binding;
    bool more = false;
    for (const std::uint32_t at : binding.written()) {
      if (!changes(change.before[at], change.after[at])) continue;
      if (more) text_.push_back(',');
      more = true;
      text_ += binding.columns()[at].quoted;
      text_.push_back('=');
      const Result<void> written = literal(binding, at, change.after[at]);
      if (!written) return written.error();
    }
    if (more) return {};
    const std::string& name = binding.columns()[binding.written().front()].quoted;
    text_ += name + "=" + name;
    return {};
  }

  // What follows the last row.
  void tail(Shape shape, const TableBinding& binding) {
    if (shape == Shape::kKeylessDeletes) {
      std::string head = "DELETE FROM " + binding.quoted_target() + " WHERE ";
      if (candidates_) head += binding.columns()[*candidates_].quoted + " IN (" + list_ + ") AND ";
      text_ = head + "(" + text_ + ")";
      return;
    }
    if (shape == Shape::kDelete || shape == Shape::kReplayDelete) {
      if (binding.match_columns().size() == 1 || row_constructor_is_fast(binding)) {
        text_.push_back(')');
      }
      return;
    }
    if (shape != Shape::kUpsertUpdate && shape != Shape::kReplayUpsert) return;
    text_ += " ON DUPLICATE KEY UPDATE ";
    bool more = false;
    for (const std::uint32_t at : binding.written()) {
      // A replayed row may meet its key in another spelling; numbers have only one.
      const bool key =
          std::ranges::find(binding.match_columns(), at) != binding.match_columns().end();
      const bool spelled =
          shape == Shape::kReplayUpsert && binding.columns()[at].source.type >= SqlType::kDate;
      if (key && !spelled) continue;
      append_assignment(binding, at, more);
      more = true;
    }
    if (!more) append_assignment(binding, binding.match_columns().front(), false);
  }

  void append_assignment(const TableBinding& binding, std::uint32_t at, bool more) {
    const std::string& name = binding.columns()[at].quoted;
    if (more) text_.push_back(',');
    text_ += name;
    text_ += "=VALUES(";
    text_ += name;
    text_.push_back(')');
  }

  void finish(Shape shape, const TableBinding& binding, std::span<const std::uint32_t> rows) {
    const auto number = static_cast<std::uint32_t>(out_.statements.size());
    Statement statement;
    statement.shape = shape;
    statement.binding = &binding;
    statement.first_row = static_cast<std::uint32_t>(out_.rows.size());
    statement.row_count = static_cast<std::uint32_t>(rows.size());
    statement.expected = expected_count(shape, rows.size());
    out_.rows.insert(out_.rows.end(), rows.begin(), rows.end());
    if (!out_.packets.back().sql.empty() &&
        out_.packets.back().sql.size() + text_.size() > options_.packet_bytes_max) {
      out_.packets.emplace_back();
    }
    BodyPacket& packet = out_.packets.back();
    if (packet.sql.empty()) {
      packet.sql.swap(text_);
    } else {
      packet.sql.push_back(';');
      packet.sql += text_;
    }
    packet.statement_of_answer.push_back(number);
    if (statement.expected && !out_.single) {
      fmt::format_to(std::back_inserter(packet.sql), ";SET @n{}=ROW_COUNT()", number);
      packet.statement_of_answer.push_back(BodyPacket::kNoStatement);
    }
    out_.statements.push_back(statement);
  }

  BatchSql& out_;
  const StatementOptions& options_;
  std::string text_;
  std::optional<std::uint32_t> candidates_;  // kKeylessDeletes: the column of list_
  std::string list_;
};

// Rows that share a statement: in order of execution, then by table, then by shape.
struct Group {
  RowOp op = RowOp::kInsert;
  Shape shape = Shape::kInsert;
  const TableBinding* binding = nullptr;
  std::vector<std::uint32_t> rows;
};

class Grouper {
 public:
  void add(RowOp op, Shape shape, const TableBinding* binding, std::uint32_t row) {
    if (last_ < groups_.size() && groups_[last_].op == op && groups_[last_].shape == shape &&
        groups_[last_].binding == binding) {
      groups_[last_].rows.push_back(row);
      return;
    }
    for (last_ = 0; last_ < groups_.size(); ++last_) {
      const Group& group = groups_[last_];
      if (group.op == op && group.shape == shape && group.binding == binding) break;
    }
    if (last_ == groups_.size()) groups_.push_back(Group{op, shape, binding, {}});
    groups_[last_].rows.push_back(row);
  }

  std::vector<Group> in_order() && {
    std::ranges::stable_sort(groups_, {}, &Group::op);
    return std::move(groups_);
  }

 private:
  std::vector<Group> groups_;
  std::size_t last_ = 0;
};

bool is_keyless(RowOp op) { return op <= RowOp::kKeylessDelete; }

Result<void> write_keyless_deletes(const BatchSql& sql, Writer& writer,
                                   std::span<const std::uint32_t> run) {
  const KeylessDeletes deletes = keyless_deletes(sql.net, run);
  if (!deletes.together.empty()) {
    const Result<void> written = writer.write(Shape::kKeylessDeletes, deletes.together);
    if (!written) return written;
  }
  if (deletes.alone.empty()) return {};
  return writer.write(Shape::kKeylessDelete, deletes.alone);
}

// Keyless rows of one target table keep their order, for they may hold unique values that nullable
// keys guard; only inserts that follow each other share a statement.
Result<void> write_keyless(BatchSql& sql, Writer& writer) {
  std::map<std::string_view, std::vector<std::uint32_t>> by_table;
  for (std::uint32_t i = 0; i < sql.net.changes.size(); ++i) {
    const NetChange& change = sql.net.changes[i];
    if (is_keyless(change.op)) by_table[change.binding->quoted_target()].push_back(i);
  }
  for (const auto& [table, rows] : by_table) {
    for (std::size_t from = 0; from < rows.size();) {
      const NetChange& first = sql.net.changes[rows[from]];
      const auto goes_along = [&](std::uint32_t row) {
        return sql.net.changes[row].op == first.op && sql.net.changes[row].binding == first.binding;
      };
      std::size_t to = from + 1;
      while (to < rows.size() && goes_along(rows[to])) ++to;
      const std::span<const std::uint32_t> run(rows.data() + from, to - from);
      const Result<void> written = first.op == RowOp::kKeylessDelete
                                       ? write_keyless_deletes(sql, writer, run)
                                       : writer.write(shape_for(first), run);
      if (!written) return written.error();
      from = to;
    }
  }
  return {};
}

Result<void> write_keyed(BatchSql& sql, Writer& writer) {
  Grouper grouper;
  for (std::uint32_t i = 0; i < sql.net.changes.size(); ++i) {
    const NetChange& change = sql.net.changes[i];
    if (is_keyless(change.op)) continue;
    const Shape shape = shape_for(change);
    if (shape == Shape::kReplayRewrite) {
      grouper.add(RowOp::kReplayDelete, Shape::kReplayDelete, change.binding, i);
    }
    grouper.add(change.op, shape, change.binding, i);
  }
  for (const Group& group : std::move(grouper).in_order()) {
    const bool alone = group.shape == Shape::kUpsertUpdate && group.rows.size() == 1;
    const Shape shape = alone ? Shape::kPointUpdate : group.shape;
    const Result<void> written = writer.write(shape, group.rows);
    if (!written) return written.error();
  }
  return {};
}

const char* verb(Shape shape) {
  switch (shape) {
    case Shape::kInsert:
      return "INSERT into";
    case Shape::kDelete:
    case Shape::kReplayDelete:
    case Shape::kKeylessDelete:
    case Shape::kKeylessDeletes:
      return "DELETE from";
    default:
      return "UPDATE of";
  }
}

}  // namespace

std::string BatchSql::count_condition() const {
  std::string condition;
  for (std::size_t i = 0; i < statements.size(); ++i) {
    if (!statements[i].expected) continue;
    if (!condition.empty()) condition += " AND ";
    fmt::format_to(std::back_inserter(condition), "@n{}={}", i, *statements[i].expected);
  }
  return condition;
}

std::string BatchSql::describe(const Batch& batch, std::uint32_t statement) const {
  const Statement& one = statements[statement];
  const NetChange& change = net.changes[rows[one.first_row]];
  const Transaction& transaction = batch.transactions[change.transaction];
  std::string text = verb(one.shape);
  text += " ";
  text += one.binding->describe_row(change.before.empty() ? change.after : change.before);
  if (one.row_count > 1)
    fmt::format_to(std::back_inserter(text), " and {} more", one.row_count - 1);
  AppliedSet id;
  id.add(transaction.id);
  fmt::format_to(std::back_inserter(text), ", row {} of transaction {}", change.ordinal, id.text());
  return text;
}

Result<BatchSql> batch_sql(const Batch& batch, const StatementOptions& options) {
  std::optional<NetEffect> net = net_effect(batch);
  if (!net) return single_sql(batch, options);
  BatchSql sql;
  sql.net = std::move(*net);
  Writer writer(sql, options);
  if (const Result<void> written = write_keyless(sql, writer); !written) return written.error();
  if (const Result<void> written = write_keyed(sql, writer); !written) return written.error();
  return sql;
}

Result<BatchSql> single_sql(const Batch& batch, const StatementOptions& options) {
  BatchSql sql;
  sql.net = each_change(batch);
  sql.single = true;
  Writer writer(sql, options);
  for (std::uint32_t i = 0; i < sql.net.changes.size(); ++i) {
    Shape shape = shape_for(sql.net.changes[i]);
    if (shape == Shape::kUpsertUpdate) shape = Shape::kPointUpdate;
    if (shape == Shape::kReplayRewrite) {
      const Result<void> removed = writer.write(Shape::kReplayDelete, std::span(&i, 1));
      if (!removed) return removed.error();
    }
    if (const Result<void> written = writer.write(shape, std::span(&i, 1)); !written) {
      return written.error();
    }
  }
  return sql;
}

}  // namespace tiderelay::applier
