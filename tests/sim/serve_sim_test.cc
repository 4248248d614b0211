// tests/sim/serve_sim_test.cc: a source, a relay behind it, a relay behind that one, followers of
// both and a task, in an order drawn from the seed.
//
//   source -> near -> far        followers by position and by GTID at near and at far, one of them
//                                slow; a task (a log reader with a pin) at near
//
// Fault model: any connection is cut anywhere; near and far are killed or lose power between any
// two calls (tests/sim/sim_disk.h); files are compressed and purged whenever somebody thinks of it.
// Oracles: what a relay has is the source's bytes, and its log's end never moves back; what a
// follower has is the source's bytes, each transaction once; nothing is sent beyond the sender's
// end; nobody finds purged what he still needs. And in the end everybody has everything.
#include <gtest/gtest.h>

#include "relay/log_files.h"
#include "tests/seeds.h"
#include "tests/sim/sim_relay.h"

namespace tiderelay::tests {
namespace {

using relay::LogPosition;
using relay::UpstreamStream;

// What the source has written, by file and by transaction.
struct SimHistory {
  LogMaker maker;
  std::vector<std::string> transactions;  // number - 1
};

class Receiver {
 public:
  Receiver(SimRelay& from, std::uint32_t server_id, bool slow)
      : from_(from), server_id_(server_id), slow_(slow) {}
  virtual ~Receiver() = default;
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  [[nodiscard]] bool slow() const { return slow_; }
  void cut() { dump_.reset(); }
  void send() {
    if (dump_ && !dump_->send()) cut();
  }
  void receive(std::size_t at_most_bytes) {
    if (!dump_) return connect();
    const auto take = [this](const UpstreamStream::Step& step) { return taken(step); };
    if (!dump_->receive(at_most_bytes, take)) cut();
  }
  [[nodiscard]] const std::string& refused() const { return refused_; }
  [[nodiscard]] virtual bool complete() const { return true; }
  // As the relay server notes it: the beginning of the file that it will ask for.
  void note_place() const {
    relay::FollowerPlace place;
    place.from = {1, needed_file(), 4};
    from_.log->catalog().note_follower(server_id_, place);
  }

 protected:
  virtual relay::FollowRequest request() = 0;
  virtual bool taken(const UpstreamStream::Step& step) = 0;
  [[nodiscard]] virtual std::uint64_t needed_file() const = 0;
  virtual void begin() {}

  SimRelay& from_;
  const std::uint32_t server_id_;

 private:
  std::string refused_;

  void connect() {
    if (from_.end().generation == 0) return;
    const relay::FollowRequest asked = request();
    const auto start = relay::plan_dump(from_.disk, *from_.log, asked, std::nullopt);
    ASSERT_TRUE(start || start.error().server_code() != 1236) << start.error().text();
    refused_ = start ? "" : start.error().text();
    if (!start) return;
    begin();
    dump_.emplace(from_, asked, *start);
  }
  const bool slow_;
  std::optional<SimDump> dump_;
};

class RelayReceiver final : public Receiver {
 public:
  RelayReceiver(SimRelay& from, SimRelay& into, std::uint32_t server_id)
      : Receiver(from, server_id, false), into_(into) {}

 private:
  relay::FollowRequest request() override {
    into_.settle();
    EXPECT_TRUE(into_.log->writer().cut_unfinished());
    EXPECT_TRUE(into_.log->drop_empty_file());
    into_.name_source();
    if (!into_.log->catalog().last_generation()) {
      EXPECT_TRUE(into_.log->start_generation(std::string(kMakerUuid), {}));
    }
    point_ = *into_.log->resume_point();
    relay::FollowRequest asked = sim_request(server_id_);
    asked.file = point_.file.empty() ? LogMaker::name(1) : point_.file;
    asked.position = point_.begin_bytes;
    return asked;
  }
  void begin() override {
    life_ = into_.life;
    pending_ = point_.file.empty() ? LogMaker::name(1) : "";
    overlap_ = point_.file.empty() ? relay::OverlapCheck()
                                   : relay::OverlapCheck(point_.begin_bytes, point_.end_bytes);
  }
  bool taken(const UpstreamStream::Step& step) override {
    if (life_ != into_.life) return false;  // it was restarted: this connection is its old one
    if (step.kind == UpstreamStream::Kind::kFile) {
      EXPECT_TRUE(overlap_.upstream_ends());
      pending_ = step.file;
    }
    if (step.kind != UpstreamStream::Kind::kBytes) return true;
    if (!pending_.empty()) {
      into_.settle();
      const auto begun = into_.log->start_file(std::exchange(pending_, ""));
      EXPECT_TRUE(begun) << begun.error().text();
    }
    const auto stored = overlap_.done()
                            ? into_.log->writer().append(step.bytes, step.first, step.last)
                            : overlap_.compare(into_.log->writer(), step.bytes, step.first);
    EXPECT_TRUE(stored) << stored.error().text();
    return stored.has_value();
  }
  [[nodiscard]] std::uint64_t needed_file() const override {
    return std::max<std::uint64_t>(into_.end().file, 1);
  }

  SimRelay& into_;
  unsigned life_ = 0;
  relay::ResumePoint point_;
  std::string pending_;
  relay::OverlapCheck overlap_;
};

// Keeps files, as mysqlbinlog --raw does.
class FileFollower final : public Receiver {
 public:
  FileFollower(SimRelay& from, const SimHistory& history, std::uint32_t server_id, bool slow)
      : Receiver(from, server_id, slow), history_(history) {}

  void judge() const {
    const auto& files = history_.maker.files();
    ASSERT_LE(files_.size(), files.size());
    for (std::size_t i = 0; i < files_.size(); ++i) {
      const bool last = i + 1 == files_.size();
      ASSERT_EQ(files_[i], files[i].bytes.substr(0, last ? files_[i].size() : std::string::npos))
          << "file " << i + 1;
    }
  }
  [[nodiscard]] bool complete() const override {
    const auto& files = history_.maker.files();
    return files_.size() == files.size() && files_.back().size() == files.back().settled.back();
  }

 private:
  relay::FollowRequest request() override {
    if (files_.empty()) files_.emplace_back(protocol::kBinlogMagic);
    files_.back().resize(whole_bytes_);
    relay::FollowRequest asked = sim_request(server_id_);
    asked.file = LogMaker::name(files_.size());
    asked.position = whole_bytes_;
    return asked;
  }
  bool taken(const UpstreamStream::Step& step) override {
    if (step.kind == UpstreamStream::Kind::kFile) files_.emplace_back(protocol::kBinlogMagic);
    if (step.kind == UpstreamStream::Kind::kBytes) files_.back() += as_text(step.bytes);
    const bool part = step.kind == UpstreamStream::Kind::kBytes && !step.last;
    if (!part) whole_bytes_ = files_.back().size();
    return true;
  }
  [[nodiscard]] std::uint64_t needed_file() const override {
    return std::max<std::size_t>(files_.size(), 1);
  }

  const SimHistory& history_;
  std::vector<std::string> files_;
  std::size_t whole_bytes_ = 4;
};

// Keeps transactions, as a replica does; what is cut is asked for again.
class GtidFollower final : public Receiver {
 public:
  GtidFollower(SimRelay& from, const SimHistory& history, std::uint32_t server_id, bool slow)
      : Receiver(from, server_id, slow), history_(history) {}

  [[nodiscard]] bool complete() const override { return count_ == history_.transactions.size(); }

 private:
  relay::FollowRequest request() override {
    open_.clear();
    inside_ = false;
    relay::FollowRequest asked = sim_request(server_id_);
    asked.excluded = executed_;
    return asked;
  }
  bool taken(const UpstreamStream::Step& step) override {
    if (step.kind == UpstreamStream::Kind::kFile) ++file_;
    if (step.kind != UpstreamStream::Kind::kBytes) return true;
    if (step.first) type_ = protocol::load_event_header(step.bytes).type;
    if (step.first && type_ == event_type::kGtid) inside_ = true;
    if (inside_) open_ += as_text(step.bytes);
    if (!step.last || type_ != event_type::kXid) return true;
    const bool known = count_ < history_.transactions.size();
    EXPECT_TRUE(known && open_ == history_.transactions[count_])
        << "transaction " << count_ + 1 << " is missing, doubled or another one";
    ++count_;
    executed_.add({{protocol::Uuid::parse(kMakerUuid).value(), ""}, count_});
    open_.clear();
    inside_ = false;
    return known;
  }
  // The file that the next transaction lies in, or one before it.
  [[nodiscard]] std::uint64_t needed_file() const override {
    std::uint64_t file = 1;
    for (const relay::LogFile& one : from_.log->catalog().files()) {
      relay::GtidState have;
      have.add(executed_);
      if (one.gtids_before && have.contains(*one.gtids_before)) file = one.begin.file;
    }
    return file;
  }

  const SimHistory& history_;
  protocol::GtidSet executed_;
  std::uint64_t count_ = 0;
  std::uint64_t file_ = 0;
  std::uint8_t type_ = 0;
  bool inside_ = false;
  std::string open_;
};

class ServeSim {
 public:
  explicit ServeSim(std::uint64_t seed)
      : random_(seed), source_(random_()), near_(random_()), far_(random_()) {
    for (bool& fault : allowed_) fault = draw(3) != 0;
    EXPECT_TRUE(source_.log->start_generation(std::string(kMakerUuid), {}));
    source_.name_source();
    next_file();
    into_near_ = add<RelayReceiver>(source_, near_, 1U);
    into_far_ = add<RelayReceiver>(near_, far_, 2U);
    for (SimRelay* relay : {&near_, &far_}) {
      for (const bool slow : {false, true}) {
        const auto server_id = static_cast<std::uint32_t>(3 + receivers_.size());
        file_followers_.push_back(add<FileFollower>(*relay, history_, server_id, slow));
        add<GtidFollower>(*relay, history_, server_id + 100, slow);
      }
    }
  }

  void run() {
    for (int step = 0; step < 6000 && !::testing::Test::HasFailure(); ++step) {
      step_once();
      if (step % 50 == 0) judge();
    }
    ending_ = true;
    for (int step = 0; step < 200'000 && !complete() && !::testing::Test::HasFailure(); ++step) {
      calm_step();
    }
    EXPECT_TRUE(complete()) << "no progress\n" << state();
    judge();
  }

 private:
  enum Fault { kCut, kKill, kPowerCut, kPurge, kPack, kFaults };

  std::uint64_t draw(std::uint64_t below) { return random_() % below; }

  template <class Kind, class... With>
  Kind* add(SimRelay& from, With&&... with) {
    auto made = std::make_unique<Kind>(from, std::forward<With>(with)...);
    Kind* const there = made.get();
    receivers_.push_back(std::move(made));
    return there;
  }

  void step_once() {
    const std::uint64_t what = draw(40);
    if (what == 0) return grow();
    if (what == 1) return task_step();
    if (what == 2) {
      if (const auto fault = static_cast<Fault>(draw(kFaults)); allowed_[fault]) strike(fault);
      return;
    }
    calm_step();
  }

  void calm_step() {
    SimRelay& relay = draw(2) == 0 ? near_ : far_;
    switch (draw(6)) {
      case 0:
        return relay.begin_sync();
      case 1:
        return relay.end_sync();
      default:
        break;
    }
    Receiver& receiver = *receivers_[draw(receivers_.size())];
    if (receiver.slow() && !ending_ && draw(8) != 0) return;
    for (std::uint64_t i = draw(4); i > 0; --i) receiver.send();
    receiver.receive(1 + draw(3000));
    if (draw(8) == 0) task_step();
  }

  void next_file() {
    history_.maker.begin_file();
    const auto& files = history_.maker.files();
    if (files.size() > 1) pour(files.size() - 2);
    source_.settle();
    ASSERT_TRUE(source_.log->start_file(files.back().name));
    poured_ = 4;
    pour(files.size() - 1);
  }
  void pour(std::size_t file) {
    const std::string& bytes = history_.maker.files()[file].bytes;
    ASSERT_TRUE(append_events(*source_.log, bytes, poured_));
    poured_ = bytes.size();
    source_.settle();
  }
  void grow() {
    if (draw(6) == 0) return next_file();
    const std::size_t before = history_.maker.last().bytes.size();
    history_.maker.transaction(1 + draw(draw(5) == 0 ? 20'000 : 300));
    history_.transactions.push_back(history_.maker.last().bytes.substr(before));
    pour(history_.maker.files().size() - 1);
  }

  void strike(Fault fault) {
    SimRelay& relay = draw(2) == 0 ? near_ : far_;
    switch (fault) {
      case kCut:
        return receivers_[draw(receivers_.size())]->cut();
      case kKill:
      case kPowerCut:
        if (draw(3) != 0) return;
        (&relay == &near_ ? into_near_ : into_far_)->cut();
        if (&relay == &near_) task_.reset();
        return relay.restart(fault == kPowerCut);
      case kPurge:
        return purge(relay);
      case kPack:
        return relay.pack();
      case kFaults:
        return;
    }
  }

  void purge(SimRelay& relay) {
    if (relay.end().generation == 0) return;
    for (const auto& receiver : receivers_) receiver->note_place();
    relay::RetainOptions retain;
    retain.max_bytes = 1;
    retain.follower_bytes = 1U << 30;
    const auto purged = relay.log->catalog().purge(retain, std::chrono::system_clock::now());
    ASSERT_TRUE(purged) << purged.error().text();
    ASSERT_TRUE(purged->lost.empty()) << purged->lost.front();
  }

  // Reads an event of near's log and sometimes notes how far it is; after a restart it goes on
  // there.
  void task_step() {
    const LogPosition end = near_.end();
    if (end.generation == 0) return;
    if (!task_) {
      task_.emplace(near_.disk, near_.log->relay_folder(), task_from_);
      if (!near_.log->catalog().pins().contains("task")) {
        ASSERT_TRUE(near_.log->catalog().pin("task", task_from_));
      }
    }
    for (std::uint64_t i = draw(12); i > 0; --i) {
      const auto event = task_->next(end);
      ASSERT_TRUE(event) << "the task lost its place: " << event.error().text();
      if (!*event) break;
      const std::string& bytes = history_.maker.files()[(*event)->begin.file - 1].bytes;
      ASSERT_EQ(as_text((*event)->bytes),
                bytes.substr((*event)->begin.offset_bytes, (*event)->bytes.size()));
      ASSERT_LE((*event)->end, end);
    }
    if (draw(4) != 0) return;
    task_from_ = task_->position();
    ASSERT_TRUE(near_.log->catalog().pin("task", task_from_));
  }

  void judge() {
    judge_relay(near_, near_end_);
    judge_relay(far_, far_end_);
    for (const FileFollower* follower : file_followers_) follower->judge();
  }

  void judge_relay(SimRelay& relay, LogPosition& before) {
    const LogPosition end = relay.end();
    ASSERT_GE(end, before) << "what was synced is gone";
    before = end;
    for (const relay::LogFile& file : relay.log->catalog().files()) {
      if (file.begin.file > end.file) continue;
      const auto stored =
          relay::open_log_file(relay.disk, relay.log->catalog().paths(file).log_path());
      ASSERT_TRUE(stored) << stored.error().text();
      const std::string& bytes = history_.maker.files()[file.begin.file - 1].bytes;
      const std::size_t size = file.begin.file == end.file ? end.offset_bytes : bytes.size();
      std::string there(size, '\0');
      const auto count = (*stored)->read_at(0, std::as_writable_bytes(std::span(there)));
      ASSERT_TRUE(count) << count.error().text();
      ASSERT_EQ(there.substr(0, *count), bytes.substr(0, size)) << file.name;
    }
  }

  [[nodiscard]] bool complete() const {
    return std::ranges::all_of(receivers_, [](const auto& one) { return one->complete(); });
  }
  [[nodiscard]] std::string state() const {
    std::string text = "near ends at " + near_.log->catalog().text(near_.end()) + ", far at " +
                       far_.log->catalog().text(far_.end()) + "\n";
    for (const auto& one : receivers_) {
      text +=
          std::string(one->complete() ? "complete " : "lacks something ") + one->refused() + "\n";
    }
    return text;
  }

  std::mt19937_64 random_;
  bool allowed_[kFaults] = {};
  bool ending_ = false;  // nothing breaks any more, nobody is slow
  SimHistory history_;
  std::size_t poured_ = 4;
  SimRelay source_, near_, far_;
  LogPosition near_end_, far_end_;
  std::optional<relay::LogReader> task_;
  LogPosition task_from_{1, 1, 4};
  std::vector<std::unique_ptr<Receiver>> receivers_;
  RelayReceiver* into_near_ = nullptr;
  RelayReceiver* into_far_ = nullptr;
  std::vector<FileFollower*> file_followers_;
};

TEST(ServeSim, EveryFollowerGetsTheSourcesBytesOnce) {
  std::vector<std::uint64_t> all = seeds();
  if (all.size() > 20) all.resize(all.size() / 5);  // each costs as much as five of the log's
  for (const std::uint64_t seed : all) {
    SCOPED_TRACE(replay(seed));
    ServeSim(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace tiderelay::tests
