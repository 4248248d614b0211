// applier/worker.cc: what is sent next, and what an answer means.
#include "applier/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace tiderelay::applier {
namespace {

// Left free in a packet for the checkpoint statement and the marks.
constexpr std::uint64_t kPacketSpareBytes = 1U << 20;

// The first refusal of a batch: where it came from.
struct Refusal {
  std::size_t packet = 0;
  std::size_t answer = 0;
  Error error;
};

std::optional<Refusal> first_refusal(const std::vector<relay::QueryOutcome>& outcomes) {
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].error) return Refusal{i, outcomes[i].results.size(), *outcomes[i].error};
  }
  return std::nullopt;
}

// The statement behind an answer of a body packet, if it is one.
std::uint32_t statement_of(const BatchSql& sql, std::size_t packet, std::size_t answer) {
  if (packet >= sql.packets.size()) return BodyPacket::kNoStatement;
  const auto& answers = sql.packets[packet].statement_of_answer;
  return answer < answers.size() ? answers[answer] : BodyPacket::kNoStatement;
}

}  // namespace

Worker::Worker(WorkerOptions options, WorkerRow row, std::uint64_t seed)
    : options_(std::move(options)), row_(std::move(row)), random_(seed) {
  step_.action = Action::kConnect;
}

void Worker::send(Phase phase, std::vector<std::string> packets) {
  phase_ = phase;
  step_ = Step();
  step_.action = Action::kSend;
  step_.packets = std::move(packets);
}

void Worker::start(std::shared_ptr<const Batch> batch) {
  CHECK(step_.action == Action::kIdle || step_.action == Action::kDone, "one batch at a time");
  batch_ = std::move(batch);
  sql_.reset();
  single_ = false;
  refetched_ = false;
  tries_ = 0;
  tries_few_ = 0;
  notes_.clear();
  if (has_session_) return send_batch();
  look_or_connect();
}

void Worker::rest() {
  CHECK(step_.action == Action::kDone, "only after a batch");
  step_ = Step();
  step_.action = Action::kIdle;
}

void Worker::connected() {
  has_session_ = true;
  send(Phase::kSetup, {session_setup_sql(options_.target, options_.session),
                       read_worker_sql(options_.scope, row_.worker)});
}

void Worker::lost(const Error& error) {
  has_session_ = false;
  reconnect_after_sleep_ = true;
  if (step_.action != Action::kConnect && step_.action != Action::kSend) return;
  if (phase_ == Phase::kAbandon) return pause(pending_error_);
  const bool refused =
      error.code() == Errc::kServer && classify(error, false) == ErrorClass::kConfig;
  if (refused || error.code() == Errc::kAuth || error.code() == Errc::kConfig) {
    return pause(error.way_out().empty() ? error.with_way_out(way_out(error.server_code()))
                                         : error);
  }
  back_off(true);
}

void Worker::slept() {
  CHECK(step_.action == Action::kSleep, "nobody asked to wait");
  if (reconnect_after_sleep_) has_session_ = false;
  look_or_connect();
}

void Worker::refetched() {
  CHECK(step_.action == Action::kRefetch, "nobody asked for it");
  refetched_ = true;
  look_or_connect();
}

void Worker::retry() {
  CHECK(step_.action == Action::kPause, "it is not paused");
  single_ = false;
  refetched_ = false;
  sql_.reset();
  tries_ = 0;
  tries_few_ = 0;
  look_or_connect();
}

void Worker::look_or_connect() {
  if (has_session_) return look();
  phase_ = Phase::kNone;
  step_ = Step();
  step_.action = Action::kConnect;
}

void Worker::look() { send(Phase::kLook, {read_worker_sql(options_.scope, row_.worker)}); }

void Worker::back_off(bool reconnect) {
  const auto longest = options_.backoff_max.count();
  const auto doubled = options_.backoff_first.count() << std::min<std::uint32_t>(tries_, 20);
  const auto most = std::clamp<std::int64_t>(doubled, 1, longest);
  ++tries_;
  ++stats_.retries;
  phase_ = Phase::kNone;
  reconnect_after_sleep_ = reconnect;
  if (reconnect) has_session_ = false;
  step_ = Step();
  step_.action = Action::kSleep;
  const auto half = static_cast<std::uint64_t>(most + 1) / 2;
  step_.sleep = std::chrono::milliseconds(most - static_cast<std::int64_t>(random_() % half));
}

void Worker::pause(Error error) {
  phase_ = Phase::kNone;
  step_ = Step();
  step_.action = Action::kPause;
  step_.error = std::move(error);
}

// No lock is held and no half batch lies open while a person thinks.
void Worker::abandon(Error error) {
  pending_error_ = std::move(error);
  send(Phase::kAbandon, {read_worker_sql(options_.scope, row_.worker)});
}

void Worker::stop(Error error) {
  phase_ = Phase::kNone;
  step_ = Step();
  step_.action = Action::kStop;
  step_.error = std::move(error);
}

AppliedSet Worker::applied_with_batch() const {
  AppliedSet applied = row_.applied;
  for (const Transaction& transaction : batch_->transactions) {
    if (transaction.last_part) {
      applied.add(transaction.id);
    } else {
      applied.add_part(transaction.id, transaction.first_ordinal,
                       transaction.changes.back().ordinal + 1);
    }
  }
  return applied;
}

// The mark proves to the fence that this packet ran: after a BEGIN that failed, the rest of the
// batch would otherwise belong to no transaction or to an older one.
std::string Worker::begin_sql(bool locking) const {
  const bool pessimistic = locking && options_.target.kind == TargetKind::kTidb;
  return fmt::format("ROLLBACK;{};SET @p0={}", pessimistic ? "BEGIN PESSIMISTIC" : "BEGIN",
                     attempt_);
}

void Worker::send_batch() {
  ++attempt_;
  Result<BatchSql> made =
      single_ ? single_sql(*batch_, options_.statements) : batch_sql(*batch_, options_.statements);
  if (!made) return pause(made.error());
  sql_ = std::move(*made);
  if (sql_->single) {
    single_ = true;
    send_singles();
  } else {
    send_compact();
  }
}

void Worker::send_compact() {
  std::vector<std::string> packets = {begin_sql(false)};
  std::string condition = fmt::format("@p0={}", attempt_);
  for (std::size_t i = 0; i < sql_->packets.size(); ++i) {
    std::string packet = std::move(sql_->packets[i].sql);  // a new try writes it anew
    if (!packet.empty()) packet.push_back(';');
    if (i + 1 < sql_->packets.size()) {
      fmt::format_to(std::back_inserter(packet), "SET @p{}={}", i + 1, attempt_);
      fmt::format_to(std::back_inserter(condition), " AND @p{}={}", i + 1, attempt_);
    }
    packets.push_back(std::move(packet));
  }
  const std::string counts = sql_->count_condition();
  if (!counts.empty()) condition += " AND " + counts;
  packets.back() += batch_fence_sql(options_.scope, row_.worker, row_.epoch, row_.seq, condition,
                                    applied_with_batch());
  packets.back() += ";COMMIT";
  send(Phase::kBatch, std::move(packets));
}

void Worker::send_singles() {
  ++stats_.singles;
  std::vector<std::string> packets = {begin_sql(true)};
  for (BodyPacket& packet : sql_->packets) packets.push_back(std::move(packet.sql));
  send(Phase::kSingles, std::move(packets));
}

void Worker::send_singles_commit() {
  std::string packet = batch_fence_sql(options_.scope, row_.worker, row_.epoch, row_.seq,
                                       fmt::format("@p0={}", attempt_), applied_with_batch());
  packet += ";COMMIT";
  send(Phase::kSinglesCommit, {std::move(packet)});
}

void Worker::answered(std::vector<relay::QueryOutcome> outcomes) {
  CHECK(step_.action == Action::kSend && outcomes.size() == step_.packets.size(),
        "one answer to each packet");
  switch (phase_) {
    case Phase::kSetup:
      return judge_setup(outcomes);
    case Phase::kLook:
      return judge_look(outcomes.front());
    case Phase::kBatch:
      return judge_batch(outcomes);
    case Phase::kSingles:
      return judge_singles(outcomes);
    case Phase::kSinglesCommit:
      return judge_singles_commit(outcomes.front());
    case Phase::kAbandon:
      return judge_abandoned(outcomes.front());
    case Phase::kNone:
      break;
  }
  CHECK(false, "nothing was sent");
}

void Worker::judge_setup(const std::vector<relay::QueryOutcome>& outcomes) {
  if (const auto refusal = first_refusal(outcomes)) {
    return act(classify(refusal->error, false), refusal->error);
  }
  const Result<SessionFacts> facts = session_is_ready(outcomes.front());
  if (!facts) return pause(facts.error());
  const std::uint64_t fits = facts->max_allowed_packet_bytes > 2 * kPacketSpareBytes
                                 ? facts->max_allowed_packet_bytes - kPacketSpareBytes
                                 : facts->max_allowed_packet_bytes / 2;
  options_.statements.statement_bytes_max = facts->max_allowed_packet_bytes;
  options_.statements.packet_bytes_max =
      std::min<std::uint64_t>(options_.statements.packet_bytes_max, fits);
  options_.statements.bytes_max =
      std::min(options_.statements.bytes_max, options_.statements.packet_bytes_max);
  judge_look(outcomes.back());
}

void Worker::judge_look(const relay::QueryOutcome& outcome) {
  if (outcome.error) return act(classify(*outcome.error, false), *outcome.error);
  const Result<WorkerRow> row = read_worker(outcome);
  if (!row) return stop(row.error());
  judge_row(*row);
}

// The own row decides whether the batch was committed, whatever became of its connection.
void Worker::judge_row(const WorkerRow& found) {
  if (found.epoch != row_.epoch) {
    return stop(Error(Errc::kFenced,
                      fmt::format("another process has taken over the task (epoch {} after {})",
                                  found.epoch, row_.epoch)));
  }
  if (batch_ != nullptr && found.seq == row_.seq + 1) return committed();
  if (found.seq != row_.seq) {
    return stop(Error(Errc::kDiverged,
                      fmt::format("worker {} is at {} batches in tiderelay_checkpoint, at {} here",
                                  found.worker, found.seq, row_.seq))
                    .with_way_out("stop-task, then start-task reads the checkpoint again; find out "
                                  "who writes into the meta schema"));
  }
  if (batch_ != nullptr) return send_batch();
  step_ = Step();
  step_.action = Action::kIdle;
}

// The rows in the way may be those of an earlier try, whose commit came while this one waited for
// their locks, or those of another process that took the task over meanwhile.
void Worker::judge_abandoned(const relay::QueryOutcome& outcome) {
  const Result<WorkerRow> row = read_worker(outcome);
  const bool unchanged = row && row->epoch == row_.epoch && row->seq == row_.seq;
  if (!row || unchanged) return pause(pending_error_);
  judge_row(*row);
}

void Worker::judge_batch(const std::vector<relay::QueryOutcome>& outcomes) {
  const std::optional<Refusal> refusal = first_refusal(outcomes);
  if (!refusal) {
    // UPDATE and COMMIT are the last two answers. An UPDATE that matched no row committed rows
    // without their position.
    const auto& results = outcomes.back().results;
    const std::size_t count = results.size();
    if (count < 2 || results[count - 2].affected_rows != 1) {
      return stop(Error(Errc::kFenced, "the worker's row in tiderelay_checkpoint is gone")
                      .with_way_out("somebody cleaned the meta schema while the task ran: copy the "
                                    "tables again"));
    }
    return committed();
  }
  const bool in_last = refusal->packet + 1 == outcomes.size();
  const std::size_t body_answers = sql_->packets.back().statement_of_answer.size();
  const bool at_fence = in_last && refusal->answer == body_answers;
  const bool at_commit = in_last && refusal->answer == body_answers + 1;
  std::uint32_t statement = BodyPacket::kNoStatement;
  if (refusal->packet > 0) statement = statement_of(*sql_, refusal->packet - 1, refusal->answer);
  refused(refusal->error, at_fence, at_commit, statement);
}

// Nothing of the batch was committed, or nobody knows.
void Worker::refused(const Error& error, bool at_fence, bool at_commit, std::uint32_t statement) {
  if (at_fence && error.server_code() == 1048) {
    // Another owner, an unknown commit that came through, or a count: the row tells which.
    single_ = true;
    return look();
  }
  const ErrorClass error_class = classify(error, at_commit);
  if (error_class == ErrorClass::kData && !single_) {
    single_ = true;
    return look();
  }
  Error named = error;
  if (statement != BodyPacket::kNoStatement) {
    named = error.in(sql_->describe(*batch_, statement));
  }
  act(error_class, named);
}

void Worker::judge_singles(const std::vector<relay::QueryOutcome>& outcomes) {
  if (const auto refusal = first_refusal(outcomes)) {
    std::uint32_t statement = BodyPacket::kNoStatement;
    if (refusal->packet > 0) statement = statement_of(*sql_, refusal->packet - 1, refusal->answer);
    return refused(refusal->error, false, false, statement);
  }
  std::vector<std::string> missing;
  for (std::size_t p = 0; p < sql_->packets.size(); ++p) {
    const auto& results = outcomes[p + 1].results;
    for (std::size_t a = 0; a < results.size(); ++a) {
      const std::uint32_t statement = statement_of(*sql_, p, a);
      if (statement == BodyPacket::kNoStatement) continue;
      const auto expected = sql_->statements[statement].expected;
      if (!expected || *expected == results[a].affected_rows) continue;
      missing.push_back(fmt::format("{} met {} rows instead of {}",
                                    sql_->describe(*batch_, statement), results[a].affected_rows,
                                    *expected));
    }
  }
  if (!missing.empty() && options_.on_wrong_count == WorkerOptions::WrongCount::kPause) {
    std::string text = missing.front();
    if (missing.size() > 1) text += fmt::format(" (and {} more rows)", missing.size() - 1);
    return abandon(Error(Errc::kData, text)
                       .with_way_out("the target was not equal to the source here: make the row "
                                     "equal, then resume-task; or let the task note such rows and "
                                     "go on"));
  }
  notes_ = std::move(missing);
  send_singles_commit();
}

void Worker::judge_singles_commit(const relay::QueryOutcome& outcome) {
  if (!outcome.error) {
    const bool moved = outcome.results.size() == 2 && outcome.results.front().affected_rows == 1;
    if (moved) return committed();
    return stop(Error(Errc::kFenced, "the worker's row in tiderelay_checkpoint is gone"));
  }
  const bool at_commit = outcome.results.size() == 1;
  if (!at_commit && outcome.error->server_code() == 1048) {
    return act(ErrorClass::kRetryFew, *outcome.error);
  }
  refused(*outcome.error, false, at_commit, BodyPacket::kNoStatement);
}

void Worker::act(ErrorClass error_class, const Error& error) {
  const auto explained = [&error] {
    const bool has_one = !error.way_out().empty();
    return has_one ? error : error.with_way_out(way_out(error.server_code()));
  };
  switch (error_class) {
    case ErrorClass::kRetry:
      return back_off(false);
    case ErrorClass::kReconnect:
    case ErrorClass::kCheck:
      return back_off(true);
    case ErrorClass::kRetryFew:
      if (++tries_few_ >= options_.tries_few) return abandon(explained());
      return back_off(false);
    case ErrorClass::kRefetch:
      if (refetched_ || batch_ == nullptr) return abandon(explained());
      step_ = Step();
      step_.action = Action::kRefetch;
      step_.error = error;
      return;
    case ErrorClass::kData:
      return abandon(explained().as(Errc::kData));
    case ErrorClass::kConfig:
      return abandon(explained());
    case ErrorClass::kFatal:
      return stop(explained());
  }
}

void Worker::committed() {
  row_.applied = applied_with_batch();
  ++row_.seq;
  const std::uint64_t batch_id = batch_->id;
  batch_.reset();
  sql_.reset();
  single_ = false;
  tries_ = 0;
  ++stats_.batches;
  phase_ = Phase::kNone;
  step_ = Step();
  step_.action = Action::kDone;
  step_.batch_id = batch_id;
  step_.notes = std::move(notes_);
  notes_.clear();
}

}  // namespace tiderelay::applier
