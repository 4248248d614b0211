// The simulated target's rows: what the statements of each shape do to them.
#include "tests/sim/sim_target.h"

namespace tiderelay::tests::sim {

using applier::Shape;

namespace {

std::string key_name(std::size_t table, const char* kind, const SimRow& row,
                     const std::vector<std::size_t>& columns) {
  std::string name = std::to_string(table) + kind;
  for (const std::size_t at : columns) {
    name += ":" + (row[at] ? std::to_string(*row[at]) : std::string("null"));
  }
  return name;
}

Error duplicate_entry() { return Error(1062, "23000", "Duplicate entry"); }

}  // namespace

const SimData& SimTarget::base(const Session& session) const {
  return session.snapshot ? *session.snapshot : data_;
}

std::map<std::uint64_t, SimRow> SimTarget::rows(const Session& session, std::size_t table) const {
  std::map<std::uint64_t, SimRow> all = base(session).tables[table];
  for (const auto& [at, row] : session.writes) {
    if (at.first != table) continue;
    if (row) {
      all[at.second] = *row;
    } else {
      all.erase(at.second);
    }
  }
  return all;
}

SimTarget::RowIds SimTarget::same_key(const Session& session, std::size_t table,
                                      const SimRow& row) const {
  const std::vector<std::size_t>& primary = sim_tables()[table].primary;
  RowIds ids;
  for (const auto& [id, other] : rows(session, table)) {
    const SimRow& there = other;
    const bool same =
        primary.empty()
            ? there == row
            : std::ranges::all_of(primary, [&](std::size_t at) { return there[at] == row[at]; });
    if (same) ids.push_back(id);
  }
  return ids;
}

SimTarget::RowIds SimTarget::collisions(const Session& session, std::size_t table,
                                        const SimRow& row) const {
  const SimTable& definition = sim_tables()[table];
  if (definition.primary.empty()) return {};
  RowIds ids = same_key(session, table, row);  // the primary key first
  if (!definition.unique || !row[*definition.unique]) return ids;
  for (const auto& [id, other] : rows(session, table)) {
    const bool same = other[*definition.unique] == row[*definition.unique];
    if (same && std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
  }
  return ids;
}

bool SimTarget::touch(Session& session, const std::string& key) {
  if (!session.optimistic) {
    const SessionId id = id_of(session);
    const auto lock = locks_.try_emplace(key, id).first;
    if (lock->second != id) return false;
  }
  session.touched.insert(key);
  return true;
}

bool SimTarget::touch_row(Session& session, std::size_t table, std::uint64_t id,
                          const SimRow& row) {
  const SimTable& definition = sim_tables()[table];
  if (definition.primary.empty()) {
    return touch(session, std::to_string(table) + "r:" + std::to_string(id));
  }
  if (!touch(session, key_name(table, "p", row, definition.primary))) return false;
  if (!definition.unique || !row[*definition.unique]) return true;
  return touch(session, key_name(table, "u", row, {*definition.unique}));
}

bool SimTarget::write(Session& session, std::size_t table, std::uint64_t id,
                      std::optional<SimRow> row) {
  const std::map<std::uint64_t, SimRow> before = rows(session, table);
  const auto old = before.find(id);
  if (old != before.end() && !touch_row(session, table, id, old->second)) return false;
  if (row && !touch_row(session, table, id, *row)) return false;
  session.writes[{table, id}] = std::move(row);
  return true;
}

SimTarget::Answer SimTarget::insert_row(Session& session, std::size_t table, const SimRow& row) {
  Answer answer;
  const std::uint64_t id = next_row_++;
  if (!touch_row(session, table, id, row)) {
    answer.blocked = true;
    return answer;
  }
  for (const std::uint64_t other : collisions(session, table, row)) {
    const bool own = session.writes.contains({table, other});
    if (!session.optimistic || own) {
      answer.error = duplicate_entry();
      return answer;
    }
    session.duplicate = true;  // found out by COMMIT
  }
  answer.blocked = !write(session, table, id, row);
  answer.result.affected_rows = 1;
  return answer;
}

SimTarget::Answer SimTarget::change_row(Session& session, std::size_t table, std::uint64_t id,
                                        const SimRow& row) {
  Answer answer;
  for (const std::uint64_t other : collisions(session, table, row)) {
    if (other != id) answer.error = duplicate_entry();
  }
  if (!answer.error) answer.blocked = !write(session, table, id, row);
  return answer;
}

SimTarget::Answer SimTarget::execute_op(Session& session, const SimOp& op) {
  if (!session.in_transaction) begin(session, optimistic_);  // autocommit=0
  const auto writes = session.writes;
  const bool duplicate = session.duplicate;
  Answer answer = run_op(session, op);
  if (answer.blocked || answer.error) {
    session.writes = writes;
    session.duplicate = duplicate;
  }
  if (answer.blocked && ++session.waits > 8) {
    answer.blocked = false;
    answer.error = Error(1205, "HY000", "Lock wait timeout");
  }
  session.row_count = static_cast<std::int64_t>(answer.result.affected_rows);
  return answer;
}

SimTarget::Answer SimTarget::run_op(Session& session, const SimOp& op) {
  Answer total;
  for (const SimOp::Pair& pair : op.rows) {
    Answer one;
    std::uint64_t count = 0;
    const RowIds there = same_key(session, op.table, pair.before);
    switch (op.shape) {
      case Shape::kInsert:
      case Shape::kReplayRewrite:
        one = insert_row(session, op.table, pair.after);
        count = 1;
        break;
      case Shape::kDelete:
      case Shape::kReplayDelete:
      case Shape::kKeylessDelete:
        if (there.empty()) break;
        one.blocked = !write(session, op.table, there.front(), std::nullopt);
        count = 1;
        break;
      case Shape::kKeylessDeletes:
        for (const std::uint64_t id : there) {
          one.blocked = one.blocked || !write(session, op.table, id, std::nullopt);
          ++count;
        }
        break;
      case Shape::kPointUpdate:
      case Shape::kKeylessUpdate: {
        if (there.empty()) break;
        SimRow row = rows(session, op.table).at(there.front());
        for (std::size_t i = 0; i < row.size(); ++i) {
          if (pair.sets[i]) row[i] = pair.after[i];
        }
        one = change_row(session, op.table, there.front(), row);
        count = 1;
        break;
      }
      case Shape::kUpsertUpdate:
      case Shape::kReplayUpsert: {
        const RowIds met = collisions(session, op.table, pair.after);
        count = 1;
        if (met.empty()) {
          one = insert_row(session, op.table, pair.after);
        } else if (rows(session, op.table).at(met.front()) != pair.after) {
          one = change_row(session, op.table, met.front(), pair.after);
          count = 2;
        }
        break;
      }
      case Shape::kReplayReplace:
        for (const std::uint64_t id : collisions(session, op.table, pair.after)) {
          one.blocked = one.blocked || !write(session, op.table, id, std::nullopt);
          ++count;
        }
        if (!one.blocked) one = insert_row(session, op.table, pair.after);
        ++count;
        break;
    }
    if (one.blocked || one.error) return one;
    total.result.affected_rows += count;
  }
  return total;
}

}  // namespace tiderelay::tests::sim
