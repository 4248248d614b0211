#include "tests/sim/sim_target.h"

#include <charconv>
#include <utility>

#include "base/check.h"

namespace tiderelay::tests::sim {
namespace {

using applier::Shape;

SimRow sim_row(std::span<const Cell> cells, std::vector<bool>* sets) {
  SimRow row;
  for (const Cell& cell : cells) {
    row.emplace_back();
    if (cell.state == Cell::State::kValue) {
      std::int64_t number = 0;
      std::memcpy(&number, cell.data, sizeof number);
      row.back() = number;
    }
    if (sets != nullptr) sets->push_back(cell.present());
  }
  return row;
}

SimOp sim_op(const applier::BatchSql& body, const applier::Statement& statement) {
  SimOp op;
  op.shape = statement.shape;
  for (std::size_t i = 0; i < sim_tables().size(); ++i) {
    if (sim_tables()[i].name == statement.binding->target().name.table) op.table = i;
  }
  for (std::uint32_t i = 0; i < statement.row_count; ++i) {
    const applier::NetChange& change = body.net.changes[body.rows[statement.first_row + i]];
    SimOp::Pair pair;
    const bool by_key_after = change.before.empty();
    pair.before = sim_row(by_key_after ? change.after : change.before, nullptr);
    if (!change.after.empty()) pair.after = sim_row(change.after, &pair.sets);
    op.rows.push_back(std::move(pair));
  }
  return op;
}

std::int64_t number_at(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string_view between(std::string_view text, std::string_view from, std::string_view to) {
  const std::size_t start = text.find(from);
  CHECK(start != std::string_view::npos, from);
  text.remove_prefix(start + from.size());
  const std::size_t end = text.find(to);
  return text.substr(0, end);
}

Error server_error(std::uint16_t code, const char* text) { return Error(code, "HY000", text); }

}  // namespace

SimPacket sim_packet(const std::string& sql, const applier::BatchSql* body, std::size_t index,
                     const Broken& broken) {
  SimPacket packet;
  std::string_view rest = sql;
  for (std::size_t answer = 0; !rest.empty(); ++answer) {
    const std::size_t end = rest.find(';');
    SimStatement statement;
    statement.text = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (body != nullptr && index < body->packets.size()) {
      const auto& answers = body->packets[index].statement_of_answer;
      if (answer < answers.size() && answers[answer] != applier::BodyPacket::kNoStatement) {
        statement.op = sim_op(*body, body->statements[answers[answer]]);
      }
    }
    packet.push_back(std::move(statement));
  }
  if (broken.inserts_first) {
    std::ranges::stable_partition(packet, [](const SimStatement& statement) {
      return statement.op && statement.op->shape == Shape::kInsert;
    });
  }
  return packet;
}

SimTarget::SimTarget(std::uint64_t seed, bool optimistic, Broken broken)
    : random_(seed), optimistic_(optimistic), broken_(broken) {
  data_.tables.resize(sim_tables().size());
}

SimTarget::SessionId SimTarget::connect() {
  sessions_[next_session_] = std::make_unique<Session>();
  return next_session_++;
}

SimTarget::SessionId SimTarget::id_of(const Session& session) const {
  for (const auto& [id, one] : sessions_) {
    if (one.get() == &session) return id;
  }
  return 0;
}

void SimTarget::send(SessionId id, std::vector<SimPacket> packets) {
  Session& session = *sessions_.at(id);
  session.outcomes.assign(1, {});
  session.expected = packets.size();
  for (SimPacket& packet : packets) session.packets.push_back(std::move(packet));
}

std::optional<std::vector<relay::QueryOutcome>> SimTarget::answers(SessionId id) {
  Session& session = *sessions_.at(id);
  if (!session.packets.empty()) return std::nullopt;
  session.outcomes.resize(session.expected);
  return std::move(session.outcomes);
}

void SimTarget::cut(SessionId id, bool server_notices) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  found->second->open = false;
  if (!server_notices && !found->second->packets.empty()) return;
  rollback(*found->second);
  sessions_.erase(found);
}

bool SimTarget::run_one() {
  std::vector<SessionId> busy;
  for (const auto& [id, session] : sessions_) {
    if (!session->packets.empty()) busy.push_back(id);
  }
  if (busy.empty()) return false;
  const SessionId id = busy[random_() % busy.size()];
  Session& session = *sessions_.at(id);
  SimPacket& packet = session.packets.front();
  const Answer answer = execute(session, packet[session.at]);
  if (answer.blocked) return true;
  session.waits = 0;
  if (answer.cut) {
    rollback(session);
    session.packets.clear();
    session.closed = true;
  } else if (answer.error) {
    session.outcomes.back().error = answer.error;
    finish_packet(session);
  } else {
    session.outcomes.back().results.push_back(answer.result);
    if (++session.at == packet.size()) finish_packet(session);
  }
  if (!session.open && session.packets.empty()) {
    rollback(session);
    sessions_.erase(id);
  }
  return true;
}

void SimTarget::finish_packet(Session& session) {
  session.packets.pop_front();
  session.at = 0;
  if (!session.packets.empty()) session.outcomes.emplace_back();
}

void SimTarget::run_until_unlocked() {
  const auto locked = [this] {
    const auto found = locks_.lower_bound("cp:");
    return found != locks_.end() && found->first.starts_with("cp:");
  };
  for (int tries = 0; locked(); ++tries) {
    if (tries < 1000 && run_one()) continue;
    for (auto& [id, session] : sessions_) rollback(*session);
  }
}

SimTarget::Answer SimTarget::execute(Session& session, const SimStatement& statement) {
  const bool goes_wrong = static_cast<int>(random_() % 1000) < trouble_per_mille_;
  if (!statement.op) return execute_text(session, statement.text);
  Answer answer;
  if (goes_wrong && random_() % 2 == 0) {
    rollback(session);
    answer.error = server_error(1213, "deadlock");
    return answer;
  }
  if (goes_wrong) {
    answer.error = server_error(9003, "TiKV server is busy");
    return answer;
  }
  return execute_op(session, *statement.op);
}

SimTarget::Answer SimTarget::execute_text(Session& session, std::string_view text) {
  Answer answer;
  if (text == "ROLLBACK") {
    rollback(session);
  } else if (text == "BEGIN" || text == "BEGIN PESSIMISTIC") {
    if (session.in_transaction) {  // it commits what is open
      const Answer committed = commit(session);
      if (committed.blocked || committed.error) return committed;
    }
    begin(session, optimistic_ && text == "BEGIN");
  } else if (text == "COMMIT") {
    return commit(session);
  } else if (text.starts_with("SET @")) {
    const std::string name(between(text, "SET ", "="));
    const std::string_view value = text.substr(text.find('=') + 1);
    session.variables[name] = value == "ROW_COUNT()" ? session.row_count : number_at(value);
  } else if (text.starts_with("SELECT @@")) {
    answer.result.columns.resize(6);
    answer.result.rows = {
        {"STRICT_TRANS_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,NO_BACKSLASH_ESCAPES",
         "+00:00", "0", "0", "67108864", "utf8mb4"}};
  } else if (text.starts_with("SELECT worker")) {
    answer.result.columns.resize(4);
    answer.result.columns.front().name = "worker";
    const auto worker = static_cast<std::uint32_t>(number_at(between(text, "worker=", " ")));
    const SimWorkerRow& row = data_.workers.at(worker);
    answer.result.rows = {
        {std::to_string(worker), std::to_string(row.epoch), std::to_string(row.seq), row.applied}};
  } else if (text.starts_with("UPDATE `dm_meta`.tiderelay_checkpoint")) {
    return fence(session, text);
  }
  return answer;
}

SimTarget::Answer SimTarget::fence(Session& session, std::string_view text) {
  Answer answer;
  const auto worker = static_cast<std::uint32_t>(number_at(between(text, " AND worker=", " ")));
  if (!touch(session, "cp:" + std::to_string(worker))) {
    answer.blocked = true;
    return answer;
  }
  SimWorkerRow row = base(session).workers.at(worker);
  const auto value_of = [&](std::string_view name) -> std::optional<std::int64_t> {
    if (name == "seq") return row.seq;
    if (name == "epoch") return row.epoch;
    const auto found = session.variables.find(name);
    if (found == session.variables.end()) return std::nullopt;
    return found->second;
  };
  bool holds = true;
  std::string_view conditions = between(text, "IF(", ",");
  while (!conditions.empty()) {
    const std::size_t end = conditions.find(" AND ");
    const std::string_view one = conditions.substr(0, end);
    conditions = end == std::string_view::npos ? std::string_view() : conditions.substr(end + 5);
    const std::size_t equals = one.find('=');
    if (broken_.counts && one.starts_with("@n")) continue;
    holds = holds && value_of(one.substr(0, equals)) == number_at(one.substr(equals + 1));
  }
  if (!holds && !broken_.fence) {
    answer.error = server_error(1048, "Column 'seq' cannot be null");
    return answer;
  }
  ++row.seq;
  row.applied = between(text, "applied='", "'");
  session.worker_writes[worker] = row;
  answer.result.affected_rows = 1;
  return answer;
}

void SimTarget::begin(Session& session, bool optimistic) {
  session.in_transaction = true;
  session.optimistic = optimistic;
  session.version = version_;
  if (optimistic) session.snapshot = data_;
  if (optimistic && broken_.early_begin && session.early_snapshot) {
    session.snapshot = session.early_snapshot;
    session.version = session.early_version;
  }
}

void SimTarget::rollback(Session& session) {
  const SessionId id = id_of(session);
  std::erase_if(locks_, [id](const auto& lock) { return lock.second == id; });
  session.in_transaction = false;
  session.snapshot.reset();
  session.writes.clear();
  session.worker_writes.clear();
  session.touched.clear();
  session.duplicate = false;
}

SimTarget::Answer SimTarget::commit(Session& session) {
  Answer answer;
  const SessionId id = id_of(session);
  for (const std::string& key : session.touched) {
    const auto lock = locks_.find(key);
    if (lock != locks_.end() && lock->second != id) {
      answer.blocked = ++session.waits < 20;
      if (answer.blocked) return answer;
      rollback(session);
      answer.error = server_error(9007, "write conflict");
      return answer;
    }
  }
  const bool lost = static_cast<int>(random_() % 1000) < 5 * trouble_per_mille_;
  const bool before = random_() % 2 == 0;
  if (lost && before) {
    answer.cut = true;
    return answer;
  }
  if (session.optimistic) {
    const bool conflict = std::ranges::any_of(session.touched, [&](const std::string& key) {
      const auto found = changed_.find(key);
      return found != changed_.end() && found->second > session.version;
    });
    if (conflict || session.duplicate) {
      const bool duplicate = session.duplicate && !conflict;
      rollback(session);
      answer.error =
          duplicate ? server_error(1062, "Duplicate entry") : server_error(9007, "write conflict");
      return answer;
    }
  }
  for (const auto& [at, row] : session.writes) {
    if (row) {
      data_.tables[at.first][at.second] = *row;
    } else {
      data_.tables[at.first].erase(at.second);
    }
  }
  for (const auto& [worker, row] : session.worker_writes) data_.workers[worker] = row;
  ++version_;
  ++commits_;
  for (const std::string& key : session.touched) changed_[key] = version_;
  rollback(session);
  session.early_snapshot = data_;
  session.early_version = version_;
  if (lost && random_() % 2 == 0) {
    answer.error = server_error(9002, "TiKV server timeout");
  } else {
    answer.cut = lost;
  }
  return answer;
}

std::int64_t SimTarget::take_over(std::uint32_t workers) {
  run_until_unlocked();
  if (!broken_.epoch || data_.epoch == 0) ++data_.epoch;
  for (std::uint32_t i = 0; i < workers; ++i) data_.workers.try_emplace(i);
  ++version_;
  for (auto& [worker, row] : data_.workers) {
    row.epoch = data_.epoch;
    changed_["cp:" + std::to_string(worker)] = version_;
  }
  return data_.epoch;
}

bool SimTarget::save_low(std::int64_t epoch, std::size_t low) {
  if (epoch != data_.epoch) return false;
  data_.low = std::max(data_.low, low);
  return true;
}

SimState SimTarget::state() const {
  SimState state(data_.tables.size());
  for (std::size_t i = 0; i < data_.tables.size(); ++i) {
    for (const auto& [id, row] : data_.tables[i]) state[i].insert(row);
  }
  return state;
}

applier::AppliedSet SimTarget::applied() const {
  applier::AppliedSet all;
  for (const auto& [worker, row] : data_.workers) {
    all.merge(applier::AppliedSet::parse(row.applied).value());
  }
  return all;
}

}  // namespace tiderelay::tests::sim
