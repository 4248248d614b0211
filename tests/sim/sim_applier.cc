#include "tests/sim/sim_applier.h"

namespace tiderelay::tests::sim {
namespace {

using applier::ApplyMode;
using applier::RowChange;
using applier::Transaction;
using applier::Worker;

TableSchema schema_of(const SimTable& definition, bool with_unique_key) {
  std::vector<Column> columns;
  std::vector<std::string> primary_columns;
  for (std::size_t i = 0; i < definition.columns; ++i) {
    columns.push_back(nullable(integer("c" + std::to_string(i))));
    if (std::ranges::find(definition.primary, i) == definition.primary.end()) continue;
    columns.back().not_null = true;
    primary_columns.push_back(columns.back().name);
  }
  std::vector<Key> keys;
  if (!primary_columns.empty()) keys.push_back(primary(primary_columns));
  if (definition.unique && with_unique_key) {
    keys.push_back(unique({columns[*definition.unique].name}));
  }
  return table(definition.name, std::move(columns), std::move(keys));
}

Row image_row(const SimRow& row) {
  Row values;
  for (const SimValue& value : row) {
    if (value) {
      values.emplace_back(*value);
    } else {
      values.emplace_back(Null());
    }
  }
  return values;
}

}  // namespace

SimApplier::SimApplier(SimWorld& world, std::uint64_t seed) : world_(world), random_(seed) {
  for (const SimTable& definition : sim_tables()) {
    const TableSchema schema = schema_of(definition, !world.broken.one_key);
    bindings_.push_back(bind(schema));
  }
  const auto workers = static_cast<std::uint32_t>(1 + random_() % 4);
  epoch_ = world_.target->take_over(workers);
  const SimData& data = world_.target->data();
  applied_ = world_.target->applied();
  if (world_.broken.maximum) {
    const applier::AppliedSet members = applied_;
    for (const auto& [origin, intervals] : members.origins()) {
      applied_.add({origin, 1, intervals.ranges().back().end});
    }
  }
  next_ = data.low;

  applier::PlannerOptions options;
  options.batch_rows_max = 1 + random_() % 12;
  options.batches_max = 2 + random_() % 6;
  options.transactions_max = 5 + random_() % 40;
  planner_ = std::make_unique<applier::Planner>(
      options, applier::LowWater{sim_position(data.low), applier::AppliedSet()});
  split_rows_ = 4 + random_() % 8;

  applier::WorkerOptions worker_options;
  worker_options.scope.task = "t";
  worker_options.scope.source = "s";
  worker_options.target.kind =
      world.optimistic ? applier::TargetKind::kTidb : applier::TargetKind::kMysql;
  worker_options.statements.rows_max = 1 + random_() % 5;
  worker_options.statements.packet_bytes_max = random_() % 2 == 0 ? 300 : 1U << 20;
  worker_options.tries_few = 50;
  for (std::uint32_t i = 0; i < workers; ++i) {
    const SimWorkerRow& stored = data.workers.at(i);
    applier::WorkerRow row;
    row.worker = i;
    row.epoch = epoch_;
    row.seq = stored.seq;
    row.applied = applier::AppliedSet::parse(stored.applied).value();
    Slot slot;
    slot.worker = std::make_unique<Worker>(worker_options, row, random_());
    slots_.push_back(std::move(slot));
  }
}

SimApplier::~SimApplier() {
  for (Slot& slot : slots_) {
    if (slot.session) world_.target->cut(*slot.session, random_() % 4 == 0);
  }
}

void SimApplier::step() {
  if (superseded_) return;
  const auto choice = random_() % 16;
  if (choice < 5) return read();
  if (choice == 5) return save_low_water();
  step_worker(slots_[random_() % slots_.size()]);
}

bool SimApplier::finished() const {
  const std::size_t count = world_.source->history().size();
  return next_ == count && parts_.empty() && planner_->idle() && world_.target->data().low == count;
}

bool SimApplier::left_out(std::size_t number, const SimChange& change) const {
  const SimWindow& window = world_.windows[change.table];
  if (number < window.low) return true;
  if (!world_.broken.chunk_filter || number >= window.high) return false;
  const std::int64_t key = (change.after ? *change.after : *change.before)[0].value_or(0);
  for (const SimWindow::Chunk& chunk : window.chunks) {
    if (key < chunk.end_key) return number < chunk.low;
  }
  return false;
}

std::optional<RowChange> SimApplier::change_of(std::size_t number, std::uint32_t ordinal,
                                               Images& images) {
  const SimChange& change = world_.source->history()[number][ordinal];
  if (left_out(number, change) || applied_.contains_row(sim_id(number), ordinal)) {
    return std::nullopt;
  }
  const applier::TableBinding& binding = *bindings_[change.table];
  RowChange made;
  made.kind = !change.before  ? RowKind::kInsert
              : !change.after ? RowKind::kDelete
                              : RowKind::kUpdate;
  made.mode = number < world_.windows[change.table].high ? ApplyMode::kReplay : ApplyMode::kStrict;
  made.binding = &binding;
  made.ordinal = ordinal;
  Row before = change.before ? image_row(*change.before) : Row();
  Row after = change.after ? image_row(*change.after) : Row();
  // binlog_row_image=MINIMAL: the key before, what changed after.
  const SimTable& definition = sim_tables()[change.table];
  const bool same_key =
      change.before && change.after && std::ranges::all_of(definition.primary, [&](std::size_t at) {
        return (*change.before)[at] == (*change.after)[at];
      });
  const bool minimal = !definition.copied && !definition.unique && !definition.primary.empty();
  if (minimal && same_key && number % 3 == 0) {
    for (std::size_t i = 0; i < definition.columns; ++i) {
      const bool key = std::ranges::find(definition.primary, i) != definition.primary.end();
      if ((*change.before)[i] == (*change.after)[i]) after[i] = Absent();
      if (!key) before[i] = Absent();
    }
  }
  if (change.before) made.before = images.image(before);
  if (change.after) made.after = images.image(after);
  return made;
}

void SimApplier::read() {
  if (planner_->full()) return;
  if (!parts_.empty()) {
    plan(std::move(parts_.front()));
    parts_.pop_front();
    return;
  }
  if (next_ == world_.source->history().size()) return;
  const std::size_t number = next_++;
  const auto images = std::make_shared<Images>();
  const auto count = static_cast<std::uint32_t>(world_.source->history()[number].size());
  Transaction part;
  const auto finish = [&](bool last) {
    part.id = sim_id(number);
    part.begin = sim_position(number);
    part.end = sim_position(number + 1);
    part.last_part = last;
    part.bytes = part.changes.size();
    part.keeps.push_back(images);
    part.bindings = bindings_;
    parts_.push_back(std::move(part));
    part = Transaction();
  };
  if (!applied_.contains(sim_id(number))) {
    for (std::uint32_t ordinal = 0; ordinal < count; ++ordinal) {
      if (part.changes.size() == split_rows_) {
        finish(false);
        part.first_ordinal = ordinal;
      }
      const std::optional<RowChange> change = change_of(number, ordinal, *images);
      if (change) part.changes.push_back(*change);
    }
  }
  finish(true);
}

void SimApplier::plan(Transaction transaction) {
  const auto added = planner_->add(std::move(transaction));
  if (!added) failure_ = "the planner refused: " + added.error().text();
}

void SimApplier::step_worker(Slot& slot) {
  Worker& worker = *slot.worker;
  switch (worker.step().action) {
    case Worker::Action::kConnect:
      if (slot.session) world_.target->cut(*slot.session, random_() % 2 == 0);
      slot.session.reset();
      if (random_() % 10 == 0) return worker.lost(Error(Errc::kConnection, "refused"));
      slot.session = world_.target->connect();
      return worker.connected();
    case Worker::Action::kSend:
      return send(slot);
    case Worker::Action::kSleep:
      return worker.slept();
    case Worker::Action::kRefetch:
      return worker.refetched();
    case Worker::Action::kDone:
      return batch_done(slot);
    case Worker::Action::kIdle:
      if (auto batch = planner_->take(random_() % 3 == 0)) worker.start(std::move(batch));
      return;
    case Worker::Action::kPause:
      failure_ = "paused: " + worker.step().error.text();
      return;
    case Worker::Action::kStop:
      superseded_ = world_.target->data().epoch != epoch_;
      if (!superseded_) failure_ = "stopped: " + worker.step().error.text();
      return;
  }
}

void SimApplier::send(Slot& slot) {
  Worker& worker = *slot.worker;
  if (!slot.sent) {
    const std::vector<std::string>& texts = worker.step().packets;
    const bool batch = texts.front().starts_with("ROLLBACK;BEGIN");
    std::vector<SimPacket> packets;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const bool body = batch && i > 0;
      packets.push_back(sim_packet(texts[i], body ? worker.sql() : nullptr, i - 1, world_.broken));
    }
    const bool torn = random_() % 60 == 0;
    if (torn) packets.resize(random_() % packets.size());
    if (!packets.empty()) world_.target->send(*slot.session, std::move(packets));
    slot.sent = true;
    if (torn) lose(slot);
    return;
  }
  if (world_.target->closed(*slot.session) || random_() % 200 == 0) return lose(slot);
  std::optional<std::vector<relay::QueryOutcome>> outcomes = world_.target->answers(*slot.session);
  if (!outcomes) return;
  slot.sent = false;
  worker.answered(std::move(*outcomes));
}

void SimApplier::lose(Slot& slot) {
  world_.target->cut(*slot.session, random_() % 3 == 0);
  slot.session.reset();
  slot.sent = false;
  slot.worker->lost(Error(Errc::kConnection, "cut"));
}

void SimApplier::batch_done(Slot& slot) {
  planner_->done(slot.worker->step().batch_id);
  if (auto batch = planner_->take(random_() % 3 == 0)) {
    slot.worker->start(std::move(batch));
  } else {
    slot.worker->rest();
  }
}

void SimApplier::save_low_water() {
  passed_.merge(planner_->take_passed());
  if (random_() % 8 == 0) return;  // lost on the way
  if (!world_.target->save_low(epoch_, sim_number(planner_->low_water().position))) {
    superseded_ = true;
    return;
  }
  if (random_() % 8 == 0) return;  // its answer was lost: nothing may be dropped
  for (Slot& slot : slots_) slot.worker->drop(passed_);
  passed_ = applier::AppliedSet();
}

}  // namespace tiderelay::tests::sim
