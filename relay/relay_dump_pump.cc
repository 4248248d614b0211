// relay/relay_dump_pump.cc: one follower's dump: file blocks into DumpStream, its bytes out.
#include <algorithm>
#include <charconv>

#include "relay/dump_files.h"
#include "relay/relay_server_impl.h"
#include "relay/semi_sync_count.h"

namespace tiderelay::relay {
namespace {

constexpr std::size_t kBlockBytes = 64 * 1024;
constexpr std::size_t kKeptBytes = 16 * 1024;  // of buffers, while a follower waits
constexpr std::size_t kWatchBytes = 512;
constexpr std::size_t kAckMaxBytes = 600;  // 9 bytes and a file's name

constexpr const char* kReplaced =
    "A slave with the same server_uuid/server_id as this slave has connected to the master";

std::uint32_t server_id_of(const ServerVariables& variables) {
  std::uint32_t id = 0;
  const auto found = variables.find("server_id");
  if (found == variables.end()) return id;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), id);
  return id;
}

// The part of a file that is in memory.
class FileBlocks {
 public:
  FileBlocks(asio::any_io_executor loop, WorkerPool& workers)
      : loop_(std::move(loop)), workers_(workers) {}

  // From `offset` on, `wanted` bytes at least.
  Awaitable<ByteView> read(std::shared_ptr<StoredFile> file, std::uint64_t offset,
                           std::size_t wanted, std::uint64_t limit) {
    const auto most =
        static_cast<std::size_t>(std::min<std::uint64_t>(kBlockBytes, limit - offset));
    const std::size_t size = std::max(most, wanted);
    if (block_.size() < size) block_.resize(size);
    const auto into = std::span(block_).first(size);
    const auto cached = file->read_cached(offset, into);
    if (cached && *cached && **cached >= wanted) co_return ByteView(block_).first(**cached);
    const auto count = std::make_shared<Result<std::size_t>>(std::size_t{0});
    std::function<void()> work = [count, file, offset, into] {
      *count = file->read_at(offset, into);
    };
    const Result<void> done = co_await workers_.run(loop_, std::move(work));
    if (!done) co_return done.error();
    if (!*count) co_return fatal_dump_error(count->error().text());
    if (**count < wanted) co_return fatal_dump_error("binlog truncated in the middle of event");
    co_return ByteView(block_).first(**count);
  }
  void release_memory() {
    if (block_.size() > kKeptBytes) std::vector<std::byte>().swap(block_);
  }

 private:
  const asio::any_io_executor loop_;
  WorkerPool& workers_;
  std::vector<std::byte> block_;
};

void note_begun(RelayClient& client, const LogFile& file) {
  BegunFile begun;
  begun.begin = file.begin;
  begun.sent_bytes = client.facts.sent_bytes;
  begun.at = std::chrono::steady_clock::now();
  if (client.keeps_place) client.begun.push_back(begun);
}

}  // namespace

Awaitable<void> RelayServer::Impl::write(ClientPointer client, std::string_view bytes) {
  client->writing = true;
  const Result<void> sent = co_await client->transport->write(as_bytes(bytes), ByteView());
  client->writing = false;
  co_return sent;
}

// As kill_zombie_dump_threads(): by uuid, or by server id for those that have none.
void RelayServer::Impl::end_older_dump(const RelayClient& newer) {
  for (const auto& [id, client] : clients) {
    if (id == newer.id || client->source != newer.source || !client->facts.dumping) continue;
    const bool same = newer.facts.uuid.empty()
                          ? client->facts.uuid.empty() && newer.facts.server_id != 0 &&
                                client->facts.server_id == newer.facts.server_id
                          : client->facts.uuid == newer.facts.uuid;
    if (!same) continue;
    say("relay server: the dump of " + client->facts.peer + " ends: " + newer.facts.peer +
        " came with the same server_uuid or server_id");
    client->ended = fatal_dump_error(kReplaced);
    if (client->writing) cut(*client);
    client->woken.notify();
  }
}

Awaitable<void> RelayServer::Impl::dump(ClientPointer client, FollowRequest request) {
  {
    const std::lock_guard lock(mutex);
    client->facts.server_id = request.server_id;
    client->facts.uuid = request.replica_uuid;
    client->facts.semi_sync = request.semi_sync;
  }
  end_older_dump(*client);
  const std::shared_ptr<ServedSource> source = client->source;
  const auto start = std::make_shared<Result<DumpStart>>(DumpStart());
  const auto upstream = source->upstream ? source->upstream() : std::nullopt;
  std::function<void()> work = [start, source, request, upstream] {
    *start = plan_dump(*source->storage, *source->log, request, upstream);
  };
  const Result<void> planned = co_await workers.run(loop.executor(), std::move(work));
  if (!planned) co_return planned.error();
  Result<void> ended = Result<void>();
  if (*start) {
    {
      const std::lock_guard lock(mutex);
      client->facts.sent = (*start)->file.begin;
    }
    spawn(loop.executor(), "relay client", watch(client));
    client->transport->wait_at_most(options.write_time);
    ended = co_await stream(client, std::move(request), **start);
    co_return ended;
  }
  const auto variables = source->log->upstream().get();
  DumpStream nothing(std::move(request), DumpStart(), protocol::Dialect::kMysql, 0);
  const std::string told = nothing.end_with(start->error());
  ended = co_await write(client, told);
  co_return ended ? start->error().as(Errc::kStopped) : ended.error();
}

void RelayServer::Impl::note_progress(RelayClient& client, const DumpStream& dump,
                                      LogPosition begin, std::size_t sent_bytes) {
  const std::lock_guard lock(mutex);
  client.facts.dumping = true;
  client.facts.file = dump.file_name();
  client.facts.sent = begin;
  client.facts.sent.offset_bytes = dump.offset_bytes();
  if (dump.asked_offset_bytes() != 0) {
    client.asked = begin;
    client.asked.offset_bytes = dump.asked_offset_bytes();
  }
  client.facts.sent_bytes += sent_bytes;
  client.facts.sent_events = dump.events();
  client.facts.last_event_seconds = dump.timestamp_seconds();
}

Awaitable<void> RelayServer::Impl::stream(ClientPointer client, FollowRequest request,
                                          DumpStart start) {
  using Kind = DumpStream::Kind;
  const ServedSource& source = *client->source;
  const auto variables = source.log->upstream().get();
  FileBlocks blocks(loop.executor(), workers);
  DumpFiles files(*source.storage, *source.log);
  DumpStream dump(request, start, dialect_of(*variables), server_id_of(*variables));
  Result<void> opened = files.open(start.file);
  if (!opened) co_return opened.error();
  const bool waits = !request.non_blocking() && request.server_id != 0;
  if (waits) begin_place(*client, start.file);
  const auto period = std::chrono::duration_cast<std::chrono::milliseconds>(request.heartbeat);
  auto last_sent = std::chrono::steady_clock::now();
  std::optional<Error> failed;
  while (!failed && !client->lost && !client->ended) {
    const Result<DumpFiles::Extent> extent = files.extent();
    if (!extent) co_return extent.error();
    const Result<DumpStream::Step> step = dump.next(extent->bytes, extent->ended);
    if (!step) {
      failed = step.error();
      continue;
    }
    std::string_view bytes = step->bytes;  // of kSend
    std::string made;
    if (step->kind == Kind::kNeedBytes) {
      const Result<ByteView> block = co_await blocks.read(files.file(), dump.offset_bytes(),
                                                          dump.wanted_bytes(), extent->bytes);
      if (block) dump.feed(*block);
      if (!block) failed = block.error();
      continue;
    }
    if (step->kind == Kind::kNextFile) {
      opened = files.open_next(request, dump);
      if (!opened) failed = opened.error();
      if (opened) note_begun(*client, files.info());
      continue;
    }
    if (step->kind == Kind::kWait && !waits) {
      made = dump.end_of_log();
      const Result<void> last = co_await write(client, made);
      co_return last;
    }
    if (step->kind == Kind::kWait) {
      if (request.semi_sync) note_rest(*client, dump, files.info().begin);
      dump.release_memory();
      blocks.release_memory();
      if (period.count() == 0) {
        co_await client->woken.wait();
        continue;
      }
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          last_sent + period - std::chrono::steady_clock::now());
      const bool woken =
          co_await client->woken.wait_for(std::max(left, std::chrono::milliseconds(1)));
      if (woken) continue;
      made = dump.heartbeat();
      bytes = made;
    }
    const Result<void> sent = co_await write(client, bytes);
    if (!sent) co_return sent.error();
    last_sent = std::chrono::steady_clock::now();
    note_progress(*client, dump, files.info().begin, bytes.size());
  }
  if (client->lost) co_return Error(Errc::kConnection, "the follower has gone");
  const Error reason = client->ended ? *client->ended : *failed;
  const std::string told = dump.end_with(reason);
  const Result<void> sent = co_await write(client, told);
  co_return sent ? reason.as(Errc::kStopped) : sent.error();
}

// What a follower says during a dump is COM_QUIT or, when it is semi-sync, acknowledgements.
asio::awaitable<void> RelayServer::Impl::watch(ClientPointer client) {
  std::vector<std::byte> buffer(kWatchBytes);
  protocol::PacketLimits limits;
  limits.buffer_bytes = 4096;
  limits.whole_bytes = kAckMaxBytes;
  limits.max_packet_bytes = kAckMaxBytes;
  protocol::PacketReader reader(limits);
  reader.check_sequence(false);
  for (;;) {
    const Result<std::size_t> got = co_await client->transport->read_whenever(buffer);
    if (!got || !client->facts.semi_sync) break;
    reader.feed(ByteView(buffer).first(*got));
    if (!take_acks(*client, reader)) break;
  }
  cut(*client);
}

// false: this is no acknowledgement.
bool RelayServer::Impl::take_acks(RelayClient& client, protocol::PacketReader& reader) {
  for (;;) {
    const auto packet = reader.next_packet();
    if (!packet) return false;
    if (!*packet) return true;
    ByteReader fields(**packet);
    const bool ack = fields.u8() == protocol::kSemiSyncMagic;
    const std::uint64_t offset_bytes = fields.u64();
    const std::string file(as_text(fields.rest()));
    const auto name = parse_numbered_name(file);
    if (!ack || !fields.ok() || !name) return false;
    LogPosition place;
    place.generation = client.facts.sent.generation;  // a dump stays in one
    place.file = name->number;
    place.offset_bytes = offset_bytes;
    note_ack(client, place);
  }
}

// The dump has come to rest. What lies between the last place that was asked for and here the
// follower had before.
void RelayServer::Impl::note_rest(RelayClient& client, const DumpStream& dump,
                                  const LogPosition& begin) {
  LogPosition here = begin;
  here.offset_bytes = dump.offset_bytes();
  if (!dump.all_asked()) return;
  client.has = here;
  const bool answered = client.asked.generation == 0 || client.facts.acknowledged >= client.asked;
  if (answered) note_ack(client, client.has);
}

void RelayServer::Impl::note_ack(RelayClient& client, const LogPosition& place) {
  SemiSyncCount count;
  {
    const std::lock_guard lock(mutex);
    LogPosition& acknowledged = client.facts.acknowledged;
    const LogPosition end = client.source->log->end().get().position;
    acknowledged = std::max(acknowledged, std::min(place, end));
    const bool all = client.asked.generation != 0 && acknowledged >= client.asked;
    if (all) acknowledged = std::max(acknowledged, client.has);
    for (const auto& [id, other] : clients) {
      const Follower& one = other->facts;
      if (other->source == client.source) count.add(one.uuid, one.server_id, one.acknowledged);
    }
  }
  const auto reached = count.of(std::max(options.semi_sync_followers, 1U));
  if (reached) client.source->log->acknowledged().advance(*reached, nullptr, 0);
}

}  // namespace tiderelay::relay
