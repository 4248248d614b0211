// tests/sim/sim_relay.h: relays and followers that read from each other as over a network, made of
// the machines of the relay server and of the receiver, on disks that forget.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "protocol/packet_reader.h"
#include "relay/dump_files.h"
#include "relay/log_packer.h"
#include "relay/overlap_check.h"
#include "relay/upstream_stream.h"
#include "tests/relay/log_rig.h"

namespace tiderelay::tests {

// A process with a relay log: it receives, syncs, serves, compresses and purges.
struct SimRelay {
  explicit SimRelay(std::uint64_t seed) : disk(seed) { log = open_log(disk); }

  void name_source() {
    const auto named = log->upstream().set({{"version", "8.0.31"},
                                            {"server_id", "7"},
                                            {"server_uuid", std::string(kMakerUuid)},
                                            {"gtid_mode", "ON"},
                                            {"binlog_checksum", "CRC32"}});
    ASSERT_TRUE(named) << named.error().text();
  }
  // Everything that talked to it is cut.
  void restart(bool power_cut) {
    ++life;
    job.reset();
    packer.reset();
    log = nullptr;
    power_cut ? disk.crash() : disk.kill();
    log = open_log(disk);
    ASSERT_NE(log, nullptr);
  }
  void begin_sync() {
    if (job || !log->writer().sync_due()) return;
    auto due = log->writer().take_sync();
    ASSERT_TRUE(due) << due.error().text();
    job = std::move(*due);
  }
  void end_sync() {
    if (!job) return;
    ASSERT_TRUE(job->run());
    log->writer().finish_sync(*job);
    job.reset();
  }
  void settle() {
    while (!log->writer().settled()) {
      begin_sync();
      end_sync();
    }
  }
  void pack() {
    if (!packer) packer.emplace(disk, log->catalog(), 0);
    const auto step = packer->step();
    ASSERT_TRUE(step) << step.error().text();
  }
  [[nodiscard]] relay::LogPosition end() const { return log->end().get().position; }

  SimDisk disk;
  std::unique_ptr<relay::RelayLog> log;
  std::optional<relay::SyncJob> job;
  std::optional<relay::LogPacker> packer;
  unsigned life = 0;
};

// One dump: the sender's side fills a pipe of limited size, the receiver's side empties it.
class SimDump {
 public:
  static constexpr std::size_t kPipeBytes = 4096;

  SimDump(SimRelay& from, relay::FollowRequest request, const relay::DumpStart& start)
      : from_(from),
        life_(from.life),
        request_(std::move(request)),
        files_(from.disk, *from.log),
        dump_(request_, start, protocol::Dialect::kMysql, 7),
        stream_(start.file.name, start.offset_bytes, protocol::ChecksumAlgorithm::kCrc32) {
    reader_.expect_sequence(1);
    const auto opened = files_.open(start.file);
    EXPECT_TRUE(opened) << opened.error().text();
  }

  // false: the dump has ended.
  bool send() {
    using Kind = relay::DumpStream::Kind;
    if (life_ != from_.life) return false;
    if (pipe_.size() >= kPipeBytes) return true;
    const auto extent = files_.extent();
    EXPECT_TRUE(extent);
    const auto step = dump_.next(extent->bytes, extent->ended);
    const relay::LogPosition end = from_.end();
    relay::LogPosition sent = files_.info().begin;
    sent.offset_bytes = dump_.offset_bytes();
    const bool at_begin = sent.offset_bytes == relay::kFirstEventOffset;
    EXPECT_TRUE(at_begin || sent <= end) << "sent beyond the log's end";
    if (!step) return false;
    if (step->kind == Kind::kSend) pipe_ += step->bytes;
    if (step->kind == Kind::kNeedBytes) {
      block_.resize(std::max<std::size_t>(dump_.wanted_bytes(), 300));
      const auto count = files_.file()->read_at(dump_.offset_bytes(), block_);
      EXPECT_TRUE(count) << count.error().text();
      const std::uint64_t allowed = extent->bytes - dump_.offset_bytes();
      dump_.feed(ByteView(block_).first(std::min<std::size_t>(*count, allowed)));
    }
    if (step->kind == Kind::kNextFile) return files_.open_next(request_, dump_).has_value();
    return true;
  }

  // Up to so many bytes arrive; `take` gets each step of the stream. false: the dump has ended.
  template <class Take>
  bool receive(std::size_t at_most_bytes, Take take) {
    if (life_ != from_.life) return false;
    const std::size_t count = std::min(at_most_bytes, pipe_.size());
    reader_.feed(as_bytes(pipe_).first(count));
    pipe_.erase(0, count);
    for (;;) {
      const auto piece = reader_.next_piece();
      EXPECT_TRUE(piece) << piece.error().text();
      if (!piece || !*piece) return piece.has_value();
      const auto step = stream_.feed(**piece);
      if (!step || !take(*step)) return false;
    }
  }

 private:
  SimRelay& from_;
  const unsigned life_;
  const relay::FollowRequest request_;
  relay::DumpFiles files_;
  relay::DumpStream dump_;
  std::vector<std::byte> block_;
  std::string pipe_;
  protocol::PacketReader reader_;
  relay::UpstreamStream stream_;
};

inline relay::FollowRequest sim_request(std::uint32_t server_id) {
  relay::FollowRequest request;
  request.server_id = server_id;
  request.checksum = protocol::ChecksumAlgorithm::kCrc32;
  return request;
}

}  // namespace tiderelay::tests
