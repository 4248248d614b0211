// tests/applier/table_maker.h: tables, rows and transactions in a line each.
#pragma once

#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "applier/change.h"
#include "applier/table_binding.h"

namespace tiderelay::tests {

using applier::Column;
using applier::Key;
using applier::KeyKind;
using applier::SqlType;
using applier::TableBinding;
using applier::TableSchema;
using protocol::Cell;
using protocol::RowKind;

struct Null {};
struct Absent {};
using Value = std::variant<std::int64_t, std::string, Null, Absent>;
using Row = std::vector<Value>;

// INT or BIGINT NOT NULL; nullable() and text() make others.
inline Column integer(std::string name) {
  Column column;
  column.name = std::move(name);
  column.type = SqlType::kBigInt;
  column.type_text = "bigint";
  column.not_null = true;
  return column;
}
inline Column nullable(Column column) {
  column.not_null = false;
  return column;
}
inline Column text(std::string name, std::string collation = "utf8mb4_bin") {
  Column column;
  column.name = std::move(name);
  column.type = SqlType::kVarchar;
  column.type_text = "varchar(50)";
  column.length = 50;
  column.not_null = true;
  column.charset = "utf8mb4";
  column.collation = std::move(collation);
  return column;
}
inline Key key(KeyKind kind, std::vector<std::string> columns) {
  Key made;
  made.kind = kind;
  made.name = kind == KeyKind::kPrimary ? "PRIMARY" : columns.front();
  for (std::string& column : columns) {
    made.parts.emplace_back();
    made.parts.back().column = std::move(column);
  }
  return made;
}
inline Key primary(std::vector<std::string> columns) {
  return key(KeyKind::kPrimary, std::move(columns));
}
inline Key unique(std::vector<std::string> columns) {
  return key(KeyKind::kUnique, std::move(columns));
}
inline TableSchema table(std::string name, std::vector<Column> columns, std::vector<Key> keys) {
  TableSchema made;
  made.name = {"s", std::move(name)};
  made.columns = std::move(columns);
  made.keys = std::move(keys);
  return made;
}

inline std::vector<protocol::WireColumn> wire_of(const TableSchema& schema) {
  std::vector<protocol::WireColumn> wire;
  for (const Column& column : schema.columns) {
    wire.emplace_back();
    wire.back().nullable = !column.not_null;
    wire.back().type = column.type == SqlType::kBigInt ? protocol::ColumnType::kLongLong
                                                       : protocol::ColumnType::kVarchar;
    wire.back().metadata = column.type == SqlType::kBigInt ? 0 : 200;
  }
  return wire;
}

inline std::shared_ptr<const TableBinding> bind(const TableSchema& source,
                                                const TableSchema& target,
                                                applier::BindingOptions options = {}) {
  return TableBinding::make(wire_of(source), source, target, std::move(options)).value();
}
inline std::shared_ptr<const TableBinding> bind(const TableSchema& both) {
  return bind(both, both);
}

// Holds what cells point to.
class Images {
 public:
  std::span<const Cell> image(const Row& row) {
    std::vector<Cell>& cells = cells_.emplace_back();
    for (const Value& value : row) cells.push_back(cell(value));
    return cells;
  }

 private:
  Cell cell(const Value& value) {
    if (std::holds_alternative<Absent>(value)) return Cell{nullptr, 0, Cell::State::kAbsent};
    if (std::holds_alternative<Null>(value)) return Cell{nullptr, 0, Cell::State::kNull};
    std::string& bytes = bytes_.emplace_back();
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      bytes.assign(reinterpret_cast<const char*>(number), sizeof *number);
    } else {
      bytes = std::get<std::string>(value);
    }
    return Cell{as_bytes(bytes).data(), static_cast<std::uint32_t>(bytes.size()),
                Cell::State::kValue};
  }

  std::deque<std::string> bytes_;
  std::deque<std::vector<Cell>> cells_;
};

// transaction(7).insert(t, {1, 2}).update(t, {1, 2}, {1, 3}).done()
class TransactionMaker {
 public:
  explicit TransactionMaker(std::uint64_t number) : images_(std::make_shared<Images>()) {
    made_.id = {"source", number, number + 1};
    made_.begin = {1, 1, number * 100};
    made_.end = {1, 1, number * 100 + 100};
    made_.keeps.push_back(images_);
  }

  TransactionMaker& insert(const std::shared_ptr<const TableBinding>& binding, const Row& after) {
    return add(RowKind::kInsert, binding, nullptr, &after);
  }
  TransactionMaker& update(const std::shared_ptr<const TableBinding>& binding, const Row& before,
                           const Row& after) {
    return add(RowKind::kUpdate, binding, &before, &after);
  }
  TransactionMaker& remove(const std::shared_ptr<const TableBinding>& binding, const Row& before) {
    return add(RowKind::kDelete, binding, &before, nullptr);
  }
  TransactionMaker& replay(bool replays = true) {  // for the changes that follow
    mode_ = replays ? applier::ApplyMode::kReplay : applier::ApplyMode::kStrict;
    return *this;
  }
  TransactionMaker& part(std::uint32_t first_ordinal, bool last) {
    made_.first_ordinal = first_ordinal;
    made_.last_part = last;
    return *this;
  }
  applier::Transaction done() {
    made_.bytes = made_.changes.size() * 100;
    return std::move(made_);
  }

 private:
  TransactionMaker& add(RowKind kind, const std::shared_ptr<const TableBinding>& binding,
                        const Row* before, const Row* after) {
    applier::RowChange change;
    change.kind = kind;
    change.mode = mode_;
    change.binding = binding.get();
    change.ordinal = made_.first_ordinal + static_cast<std::uint32_t>(made_.changes.size());
    if (before != nullptr) change.before = images_->image(*before);
    if (after != nullptr) change.after = images_->image(*after);
    made_.changes.push_back(change);
    made_.bindings.push_back(binding);
    return *this;
  }

  applier::Transaction made_;
  std::shared_ptr<Images> images_;
  applier::ApplyMode mode_ = applier::ApplyMode::kStrict;
};

inline TransactionMaker transaction(std::uint64_t number) { return TransactionMaker(number); }

}  // namespace tiderelay::tests
