// tests/fuzz/session_fuzz.cc: a client's bytes behind its login: commands, statements, and the dump
// that they begin, over a relay log of three small files whose last transaction has not ended. The
// first byte says which kind of server the log comes from and how the bytes arrive.
//
// Oracle: each step ends; refusals are what a client can be told; a dump ends within the log, and
// nothing beyond its end is sent.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "relay/dump_stream.h"
#include "relay/event_listing.h"
#include "relay/replica_session.h"
#include "tests/relay/log_maker.h"
#include "tests/sim/sim_disk.h"

namespace {

using namespace tiderelay;
using relay::DumpStream;
using relay::ReplicaSession;

class NobodyElse final : public relay::FollowerBoard {
 public:
  std::vector<relay::Follower> followers() const override { return {}; }
  bool kill(std::uint32_t, const std::string&) override { return false; }
};

struct Log {
  explicit Log(const char* version) {
    tests::LogMaker maker;
    for (int file = 0; file < 3; ++file) {
      maker.begin_file();
      for (int i = 0; i < 3; ++i) maker.transaction(30);
    }
    maker.begin_transaction();
    relay::RelayLogOptions options;
    options.folder = "/data/s1";
    log = relay::RelayLog::open(disk, options).value();
    log->start_generation(std::string(tests::kMakerUuid), {}).value();
    for (const auto& file : maker.files()) {
      log->start_file(file.name).value();
      std::size_t from = 4;
      for (const std::size_t end : file.ends) {
        log->writer().append(as_bytes(file.bytes).subspan(from, end - from), true, true).value();
        from = end;
      }
      auto job = log->writer().take_sync().value();
      job->run().value();
      log->writer().finish_sync(*job);
    }
    log->upstream()
        .set({{"version", version},
              {"server_id", "7"},
              {"server_uuid", std::string(tests::kMakerUuid)},
              {"gtid_mode", "ON"},
              {"binlog_checksum", "CRC32"}})
        .value();
  }
  tests::SimDisk disk;
  std::unique_ptr<relay::RelayLog> log;
};

void dump(Log& from, const relay::FollowRequest& request, protocol::Dialect dialect) {
  const auto start = relay::plan_dump(from.disk, *from.log, request, std::nullopt);
  if (!start) {
    CHECK(start.error().code() == Errc::kServer, "a follower can be told");
    return;
  }
  DumpStream stream(request, *start, dialect, 7);
  const auto end = from.log->end().get().position;
  const auto files = from.log->catalog().files();
  std::size_t at = start->file.begin.file - 1;
  std::string content;
  std::string block;
  std::size_t sent_bytes = 0;
  for (int steps = 0; steps < 1000; ++steps) {
    content = from.disk.content(from.log->catalog().paths(files[at]).log_path());
    const bool ended = at + 1 < files.size();
    const std::uint64_t limit = ended ? content.size() : end.offset_bytes;
    const auto step = stream.next(limit, ended);
    CHECK(stream.offset_bytes() <= limit, "nothing beyond the log's end");
    if (!step || step->kind == DumpStream::Kind::kWait) return;
    if (step->kind == DumpStream::Kind::kSend) sent_bytes += step->bytes.size();
    CHECK(sent_bytes < 64 * 1024, "no more than there is");
    if (step->kind == DumpStream::Kind::kNextFile) stream.begin_file(files[++at].name);
    if (step->kind != DumpStream::Kind::kNeedBytes) continue;
    block = content.substr(stream.offset_bytes(), limit - stream.offset_bytes());
    stream.feed(as_bytes(block));
  }
  CHECK(false, "a dump ends");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Log mysql("8.0.31");
  static Log maria("10.11.6-MariaDB");
  if (size == 0) return 0;
  const bool is_maria = (data[0] & 1) != 0;
  Log& from = is_maria ? maria : mysql;
  ByteView bytes(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  const std::size_t piece = 1 + (data[0] >> 2);
  NobodyElse board;
  relay::SqlSession who;
  who.semi_sync_offered = (data[0] & 2) != 0;
  ReplicaSession session(*from.log, board, who, 0, 0);
  for (;;) {
    const auto step = session.next(std::chrono::system_clock::time_point());
    if (!step || step->kind == ReplicaSession::Kind::kClose) return 0;
    if (step->kind == ReplicaSession::Kind::kList) {
      (void)session.listed(relay::list_events(from.disk, *from.log, session.statement()));
    }
    if (step->kind == ReplicaSession::Kind::kDump) {
      dump(from, session.request(),
           is_maria ? protocol::Dialect::kMariadb : protocol::Dialect::kMysql);
      return 0;
    }
    if (step->kind != ReplicaSession::Kind::kNeedBytes) continue;
    if (bytes.empty()) return 0;
    session.feed(bytes.first(std::min(piece, bytes.size())));
    bytes = bytes.subspan(std::min(piece, bytes.size()));
  }
}
