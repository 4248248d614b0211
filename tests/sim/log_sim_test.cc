// tests/sim/log_sim_test.cc: a relay log that receives while its disk, its process and its
// connection break, in an order drawn from the seed.
//
// Fault model: the connection breaks anywhere in an event; the process is killed or the machine
// loses power between any two calls (tests/sim/sim_disk.h says what a power cut leaves); the disk
// fills up and is emptied again; an index file disappears. The upstream goes on writing meanwhile.
// Oracles, after every step: what is on disk up to LogEnd are the upstream's bytes; LogEnd never
// moves back, not by a crash either; a reader gets exactly the upstream's events up to LogEnd; the
// GTIDs known are those of the transactions before LogEnd. And in the end everything has been
// received.
#include <gtest/gtest.h>

#include <random>

#include "relay/overlap_check.h"
#include "tests/relay/log_rig.h"
#include "tests/seeds.h"

namespace tiderelay::tests {
namespace {

using relay::LogPosition;

constexpr std::uint64_t kFree = std::numeric_limits<std::uint64_t>::max();

class LogSim {
 public:
  explicit LogSim(std::uint64_t seed) : random_(seed), disk_(random_()) {
    histories_.push_back(std::make_unique<LogMaker>());
    upstream().begin_file();
    // Swarm testing: each run leaves some faults out entirely.
    for (bool& fault : allowed_) fault = draw(3) != 0;
    mark_interval_bytes_ = 64ULL << draw(8);
    reopen();
  }

  void run() {
    for (int step = 0; step < 600 && !::testing::Test::HasFailure(); ++step) {
      step_once();
      judge(step);
    }
    disk_.space_bytes = kFree;
    for (int step = 0; step < 20'000 && !complete() && !::testing::Test::HasFailure(); ++step) {
      if (!job_) receive();
      sync_step();
    }
    EXPECT_TRUE(complete()) << "no progress";
    judge(-1);
  }

 private:
  enum Fault { kDisconnect, kKill, kPowerCut, kDiskFull, kLoseIndex, kNewHistory, kFaults };

  LogMaker& upstream() { return *histories_.back(); }
  [[nodiscard]] const LogMaker& upstream() const { return *histories_.back(); }
  std::uint64_t draw(std::uint64_t below) { return random_() % below; }

  void step_once() {
    switch (draw(12)) {
      case 0:
      case 1:
        grow();
        break;
      case 2:
      case 3:
      case 4:
      case 5:
      case 6:
        receive();
        break;
      case 7:
      case 8:
      case 9:
        sync_step();
        break;
      default:
        if (const auto fault = static_cast<Fault>(draw(kFaults)); allowed_[fault]) strike(fault);
    }
  }

  void grow() {
    if (draw(12) == 0 && !open_) upstream().begin_file();
    if (open_) {
      upstream().end_transaction();
    } else if (draw(6) == 0) {
      upstream().begin_transaction();
    } else {
      upstream().transaction(1 + draw(700));
      return;
    }
    open_ = !open_;
  }

  void strike(Fault fault) {
    if (draw(4) != 0) return;
    switch (fault) {
      case kDisconnect:
        disconnect();
        break;
      case kKill:
        disk_.kill();
        reopen();
        break;
      case kPowerCut:
        disk_.crash();
        reopen();
        break;
      case kDiskFull:
        disk_.space_bytes = disk_.space_bytes == kFree ? disk_.used() + draw(2000) : kFree;
        break;
      case kLoseIndex:
        if (!job_) {
          for (std::uint32_t generation = 1; generation <= histories_.size(); ++generation) {
            for (std::size_t file = 1; file <= 9; ++file) {
              if (draw(2) == 0) disk_.forget(index_path(file, generation));
            }
          }
          disk_.kill();
          reopen();
        }
        break;
      case kNewHistory:
        if (draw(20) == 0) new_history();
        break;
      case kFaults:
        break;
    }
  }

  // As many files, other transactions; the relay log finds out when it compares.
  void new_history() {
    const bool received = log_->end().get().position.generation == histories_.size();
    if (job_ || !received || histories_.size() == 4) return;
    disconnect();
    const std::size_t files = upstream().files().size();
    histories_.push_back(std::make_unique<LogMaker>(static_cast<std::uint8_t>(histories_.size())));
    for (std::size_t file = 0; file < files; ++file) {
      upstream().begin_file();
      for (int i = 0; i < 3; ++i) upstream().transaction(1 + draw(700), 'n');
    }
    open_ = false;
  }

  void reopen() {
    job_.reset();
    log_ = nullptr;
    const std::uint64_t space_bytes = std::exchange(disk_.space_bytes, kFree);
    log_ = open_log(disk_, mark_interval_bytes_);
    disk_.space_bytes = space_bytes;
    ASSERT_NE(log_, nullptr);
    connected_ = false;
  }

  void disconnect() {
    if (job_) return;
    ASSERT_TRUE(log_->writer().cut_unfinished());
    connected_ = false;
  }

  // As the pump: from before the last whole transaction, compared first.
  void connect() {
    if (!log_->writer().settled()) return;
    ASSERT_TRUE(log_->writer().cut_unfinished());
    ASSERT_TRUE(log_->drop_empty_file());
    if (!log_->catalog().last_generation()) {
      const auto opened = log_->start_generation(std::string(kMakerUuid), {});
      if (!opened) {
        full(opened.error());
        return;
      }
    }
    const auto point = log_->resume_point();
    file_ = point->file.empty() ? 0 : relay::parse_numbered_name(point->file)->number - 1;
    at_ = point->begin_bytes;
    in_file_ = !point->file.empty();
    if (in_file_) {
      // In another history no event need begin there: then all of the file is compared.
      const auto& ends = upstream().files()[file_].ends;
      if (std::find(ends.begin(), ends.end(), at_) == ends.end()) at_ = 4;
    }
    overlap_ = relay::OverlapCheck(at_, in_file_ ? point->end_bytes : 0);
    in_event_ = false;
    connected_ = true;
  }

  void receive() {
    if (!connected_) {
      connect();
      return;
    }
    if (!in_file_ || at_ == upstream().files()[file_].bytes.size()) {
      next_file();
      return;
    }
    const std::string& bytes = upstream().files()[file_].bytes;
    if (!in_event_) {
      event_begin_ = at_;
      event_end_ = at_ + protocol::load_event_header(as_bytes(bytes).subspan(at_)).event_size_bytes;
    }
    std::size_t piece = event_end_ - at_;
    if (piece > protocol::kEventHeaderBytes && draw(3) == 0) {
      piece = protocol::kEventHeaderBytes + draw(piece - protocol::kEventHeaderBytes);
    }
    const ByteView view = as_bytes(bytes).subspan(at_, piece);
    const bool starts = at_ == event_begin_;
    const bool ends = at_ + piece == event_end_;
    const auto stored = overlap_.done() ? log_->writer().append(view, starts, ends)
                                        : overlap_.compare(log_->writer(), view, starts);
    if (!stored && stored.error().code() == Errc::kDiverged) {
      next_generation();
      return;
    }
    if (!stored) {
      full(stored.error());
      return;
    }
    at_ += piece;
    in_event_ = !ends;
  }

  void next_generation() {
    ASSERT_LT(log_->catalog().last_generation()->number, histories_.size()) << "nothing differs";
    if (!log_->writer().settled()) return;
    ends_.push_back(log_->end().get().position);
    const relay::GenerationNote note{relay::GenerationNote::Why::kDiverged, "another history"};
    const auto opened = log_->start_generation(std::string(kMakerUuid), note);
    if (!opened) {
      ends_.pop_back();
      full(opened.error());
    }
    connected_ = false;
  }

  void next_file() {
    const std::size_t next = in_file_ ? file_ + 1 : file_;
    if (next >= upstream().files().size() || !log_->writer().settled()) return;
    if (!overlap_.upstream_ends()) {
      next_generation();
      return;
    }
    const auto begun = log_->start_file(upstream().files()[next].name);
    if (!begun) {
      full(begun.error());
      return;
    }
    file_ = next;
    at_ = 4;
    in_file_ = true;
    in_event_ = false;
    overlap_ = relay::OverlapCheck();
  }

  void full(const Error& error) {
    ASSERT_EQ(error.code(), Errc::kLimit) << error.text();
    connected_ = false;
    in_event_ = false;
    if (job_) {
      ASSERT_TRUE(job_->run());
      log_->writer().finish_sync(*job_);
      job_.reset();
    }
    if (!log_->writer().has_file()) return;
    ASSERT_TRUE(log_->writer().reopen());
  }

  // Begun in one step, run and finished in others: much happens in between.
  void sync_step() {
    if (job_ && draw(2) == 0) {
      ASSERT_TRUE(job_->run());
      log_->writer().finish_sync(*job_);
      job_.reset();
      return;
    }
    if (job_ || !log_->writer().sync_due()) return;
    auto job = log_->writer().take_sync();
    if (!job) {
      full(job.error());
      return;
    }
    job_ = std::move(*job);
  }

  [[nodiscard]] bool complete() const {
    const LogPosition whole{static_cast<std::uint32_t>(histories_.size()),
                            upstream().files().size(), upstream().last().settled.back()};
    return log_->end().get().position == whole;
  }

  // The upstream's bytes up to `end`; what is on disk must be the same.
  std::string expected_bytes(const LogPosition& end, int step) {
    std::string expected;
    for (std::uint32_t generation = 1; generation <= end.generation; ++generation) {
      const auto& files = histories_[generation - 1]->files();
      const LogPosition last = generation < end.generation ? ends_[generation - 1] : end;
      for (std::size_t file = 1; file <= last.file; ++file) {
        const std::string& bytes = files[file - 1].bytes;
        const std::size_t size = file == last.file ? last.offset_bytes : bytes.size();
        const std::string there = disk_.content(log_path(file, generation));
        EXPECT_EQ(there.substr(0, size), bytes.substr(0, size))
            << "file " << file << " differs, step " << step;
        const bool ended = generation < end.generation || file < last.file;
        if (ended) {
          EXPECT_EQ(there.size(), size) << "file " << file << " is too long, step " << step;
        }
        expected += bytes.substr(4, size - 4);
      }
    }
    return expected;
  }

  void judge(int step) {
    const LogPosition end = log_->end().get().position;
    ASSERT_GE(end, acked_) << "what was acked is gone, step " << step;
    if (end.generation == 0) return;
    const std::string expected = expected_bytes(end, step);
    if (::testing::Test::HasFailure() || (end == acked_ && step >= 0)) return;
    acked_ = end;
    const auto read = read_all(disk_, *log_, {1, 1, 4});
    ASSERT_FALSE(read.error) << read.error->text();
    ASSERT_EQ(read.bytes, expected) << "the reader got something else, step " << step;
    if (log_->writer().settled() && !job_ && log_->writer().tracker().head()) {
      const auto known = log_->resume_point()->gtids.mysql();
      const LogMaker& history = *histories_[end.generation - 1];
      ASSERT_EQ(known.text(), history.executed_before(end.file, end.offset_bytes).text());
    }
  }

  std::mt19937_64 random_;
  SimDisk disk_;
  std::vector<std::unique_ptr<LogMaker>>
      histories_;                  // by generation; the last may not be known yet
  std::vector<LogPosition> ends_;  // of the generations that have ended
  bool allowed_[kFaults] = {};
  std::uint64_t mark_interval_bytes_ = 0;
  bool open_ = false;  // the upstream is inside a transaction
  std::unique_ptr<relay::RelayLog> log_;
  std::optional<relay::SyncJob> job_;
  LogPosition acked_;

  bool connected_ = false;
  bool in_file_ = false;
  std::size_t file_ = 0;
  std::size_t at_ = 4;
  bool in_event_ = false;
  std::size_t event_begin_ = 0;
  std::size_t event_end_ = 0;
  relay::OverlapCheck overlap_;
};

TEST(LogSim, HoldsTheUpstreamsBytesWhateverBreaks) {
  std::vector<std::uint64_t> all = seeds();
  all.push_back(0xd90c5f0700000011);  // an end was published in front of a file's first event
  all.push_back(0xe50176460000004d);  // a cut before a new generation did not survive
  all.push_back(0x8298776a00000194);  // a file without an event hid another history
  all.push_back(0xbbfb9a60001848a);   // a file left empty by a full disk, a new generation behind
  for (const std::uint64_t seed : all) {
    SCOPED_TRACE(replay(seed));
    LogSim(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace tiderelay::tests
