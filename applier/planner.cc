// applier/planner.cc: conflicts, placement, dependencies and the low-water mark.
#include "applier/planner.h"

#include <algorithm>
#include <utility>

#include "applier/conflict_mark.h"
#include "applier/table_binding.h"
#include "base/check.h"

namespace tiderelay::applier {

Planner::Planner(PlannerOptions options, LowWater start)
    : options_(options), low_water_(std::move(start)) {
  if (!options_.keep_low_set) low_water_.set = AppliedSet();
}

bool Planner::full() const {
  return live_.size() >= options_.batches_max || bytes_ >= options_.bytes_max ||
         log_.size() >= options_.transactions_max;
}

Planner::Live* Planner::find(std::uint64_t batch_id) const {
  const auto below = [](const std::unique_ptr<Live>& live, std::uint64_t id) {
    return live->batch->id < id;
  };
  const auto found = std::lower_bound(live_.begin(), live_.end(), batch_id, below);
  return found != live_.end() && (*found)->batch->id == batch_id ? found->get() : nullptr;
}

Result<void> Planner::hash(const Transaction& transaction) {
  hashes_.clear();
  row_hashes_.clear();
  for (const RowChange& change : transaction.changes) {
    const std::size_t at = hashes_.size();
    const Result<void> hashed = change.binding->append_hashes(
        change.before, change.after, change.mode == ApplyMode::kReplay, scratch_, hashes_);
    if (!hashed) return hashed.error();
    row_hashes_.push_back(hashes_[at]);
    row_hashes_.push_back(hashes_[at + 1]);
    if (hashes_[at] == hashes_[at + 1]) hashes_[at + 1] = 0;
  }
  std::erase(hashes_, 0U);  // no row before, no row after, or the same
  return {};
}

std::vector<Planner::Live*> Planner::conflicting() const {
  std::vector<Live*> conflicts;
  std::uint64_t last = 0;
  const auto take = [&](std::uint64_t batch_id) {
    if (batch_id == 0 || batch_id == last) return;
    last = batch_id;
    Live* const live = find(batch_id);
    if (live != nullptr && std::ranges::find(conflicts, live) == conflicts.end()) {
      conflicts.push_back(live);
    }
  };
  for (const std::uint64_t mark : hashes_) {
    const MarkKind kind = kind_of_mark(mark);
    take(table_.find(kind == MarkKind::kShared ? with_kind(mark, MarkKind::kExclusive) : mark));
    if (kind != MarkKind::kExclusive) continue;
    const auto group = shared_.find(with_kind(mark, MarkKind::kShared));
    if (group == shared_.end()) continue;
    for (const std::uint64_t batch_id : group->second) take(batch_id);
  }
  return conflicts;
}

// Batches that an exclusive mark has waited for are waited for with it.
void Planner::record_marks(std::uint64_t batch_id) {
  table_.reserve(hashes_.size(), [this](std::uint64_t id) { return find(id) != nullptr; });
  for (const std::uint64_t mark : hashes_) {
    if (kind_of_mark(mark) != MarkKind::kShared) {
      table_.record(mark, batch_id);
      if (kind_of_mark(mark) == MarkKind::kExclusive) {
        shared_.erase(with_kind(mark, MarkKind::kShared));
      }
      continue;
    }
    std::vector<std::uint64_t>& batches = shared_[mark];
    if (!batches.empty() && batches.back() == batch_id) continue;
    std::erase_if(batches, [&](std::uint64_t id) { return id == batch_id || find(id) == nullptr; });
    batches.push_back(batch_id);
  }
}

bool Planner::has_room(const Live& live, const Transaction& transaction) const {
  return live.batch->rows + transaction.changes.size() <= options_.batch_rows_max &&
         live.batch->bytes + transaction.bytes <= options_.batch_bytes_max;
}

Planner::Live& Planner::open_batch() {
  live_.push_back(std::make_unique<Live>());
  live_.back()->batch = std::make_shared<Batch>();
  live_.back()->batch->id = next_batch_id_++;
  return *live_.back();
}

void Planner::seal_and_wait(Live& live, const std::vector<Live*>& others) {
  for (Live* const other : others) {
    if (other == &live) continue;
    if (other->state == State::kOpen) other->state = State::kSealed;
    const std::uint64_t id = other->batch->id;
    if (std::ranges::find(live.waits_for, id) == live.waits_for.end()) live.waits_for.push_back(id);
  }
}

Planner::Live* Planner::fullest_open(bool waiting) const {
  Live* best = nullptr;
  for (const std::unique_ptr<Live>& live : live_) {
    if (live->state != State::kOpen || live->waits_for.empty() == waiting) continue;
    if (best == nullptr || live->batch->rows > best->batch->rows) best = live.get();
  }
  return best;
}

Planner::Live& Planner::place_alone(const std::vector<Live*>& conflicts) {
  Live& live = open_batch();
  seal_and_wait(live, conflicts);
  if (Live* const before = find(last_part_batch_)) seal_and_wait(live, {before});
  return live;
}

Planner::Live& Planner::place(const Transaction& transaction) {
  const std::vector<Live*> conflicts = conflicting();
  if (!conflicts.empty()) ++conflicts_;
  if (!transaction.whole()) return place_alone(conflicts);

  // Of the open ones in conflict the emptiest stays open.
  Live* target = nullptr;
  for (Live* const live : conflicts) {
    if (live->state != State::kOpen) continue;
    if (target == nullptr || live->batch->rows < target->batch->rows) target = live;
  }
  if (target == nullptr) target = fullest_open(!conflicts.empty());
  if (target != nullptr && !has_room(*target, transaction)) {
    target->state = State::kSealed;
    target = nullptr;
  }
  if (target == nullptr) target = &open_batch();
  seal_and_wait(*target, conflicts);
  return *target;
}

Result<void> Planner::add(Transaction transaction) {
  CHECK(!full(), "the planner is full");
  if (transaction.changes.empty()) {
    if (transaction.last_part) last_part_batch_ = 0;
    const bool held = !transaction.prepares_xa.empty();
    if (held) prepared_[transaction.prepares_xa] = first_log_entry_ + log_.size();
    log_.push_back(LogEntry{transaction.id, transaction.end, !held, transaction.last_part, {}});
    release(take_prepared(transaction.ends_xa));
    advance_low_water();
    return {};
  }
  const Result<void> hashed = hash(transaction);
  if (!hashed) return hashed.error();

  Live& live = place(transaction);
  Batch& batch = *live.batch;
  record_marks(batch.id);
  live.log_entries.push_back(first_log_entry_ + log_.size());
  log_.push_back(LogEntry{transaction.id, transaction.end, false, transaction.last_part,
                          take_prepared(transaction.ends_xa)});
  batch.row_hashes.insert(batch.row_hashes.end(), row_hashes_.begin(), row_hashes_.end());
  batch.rows += transaction.changes.size();
  batch.bytes += transaction.bytes;
  rows_ += transaction.changes.size();
  bytes_ += transaction.bytes;
  const bool alone = !transaction.whole();
  last_part_batch_ = transaction.last_part ? 0 : batch.id;
  batch.transactions.push_back(std::move(transaction));
  if (alone || batch.rows >= options_.batch_rows_max || batch.bytes >= options_.batch_bytes_max) {
    live.state = State::kSealed;
  }
  return {};
}

// Under load a batch that is not full fills instead; with nothing on its way it must go.
bool Planner::partial_may_go(bool drained) const {
  if (full()) return sent_ == 0;
  const auto open = std::ranges::count_if(
      live_, [](const std::unique_ptr<Live>& live) { return live->state == State::kOpen; });
  return drained && live_.size() - static_cast<std::size_t>(open) < options_.busy_for_partial;
}

std::shared_ptr<const Batch> Planner::take(bool drained) {
  Live* chosen = nullptr;
  for (const std::unique_ptr<Live>& live : live_) {
    if (live->state == State::kSealed && live->waits_for.empty()) {
      chosen = live.get();
      break;
    }
  }
  if (chosen == nullptr && partial_may_go(drained)) chosen = fullest_open(false);
  if (chosen == nullptr) return nullptr;
  const std::size_t sent = sent_bytes_ + chosen->batch->bytes;
  if (sent_bytes_ > 0 && sent > options_.sent_bytes_max) return nullptr;
  sent_bytes_ = sent;
  ++sent_;
  chosen->state = State::kSent;
  return chosen->batch;
}

void Planner::done(std::uint64_t batch_id) {
  Live* const live = find(batch_id);
  CHECK(live != nullptr && live->state == State::kSent, "a batch is done once, after it was sent");
  rows_ -= live->batch->rows;
  bytes_ -= live->batch->bytes;
  sent_bytes_ -= live->batch->bytes;
  --sent_;
  for (const std::uint64_t entry : live->log_entries) {
    LogEntry& logged = log_[static_cast<std::size_t>(entry - first_log_entry_)];
    logged.done = true;
    release(logged.ends);
  }
  std::erase_if(live_, [&](const std::unique_ptr<Live>& one) { return one.get() == live; });
  for (const std::unique_ptr<Live>& other : live_) std::erase(other->waits_for, batch_id);
  advance_low_water();
}

// The mark rests at the end of whole transactions only: a restart reads from there.
// The entry of the transaction that prepared `xid`; nothing: none is known.
std::optional<std::uint64_t> Planner::take_prepared(const std::string& xid) {
  const auto found = prepared_.find(xid);
  if (xid.empty() || found == prepared_.end()) return std::nullopt;
  const std::uint64_t entry = found->second;
  prepared_.erase(found);
  return entry;
}

void Planner::release(std::optional<std::uint64_t> entry) {
  if (entry) log_[static_cast<std::size_t>(*entry - first_log_entry_)].done = true;
}

void Planner::advance_low_water() {
  while (!log_.empty() && log_.front().done) {
    const LogEntry& entry = log_.front();
    if (entry.boundary) {
      low_water_.position = entry.end;
      passed_.add(entry.id);
      if (options_.keep_low_set) low_water_.set.add(entry.id);
    }
    log_.pop_front();
    ++first_log_entry_;
  }
}

AppliedSet Planner::take_passed() { return std::exchange(passed_, AppliedSet()); }

}  // namespace tiderelay::applier
