// bench/follow_bench.cc: followers that take a binlog from a server or a relay and keep nothing:
// one thread for any number of them, so that the sender is what is measured.
//
//   follow_bench HOST PORT USER PASSWORD FILE POSITION FOLLOWERS
//     all of them read from there to the end (a dump that does not wait); prints the bytes of
//     events
//   follow_bench HOST PORT USER PASSWORD FILE POSITION 1 TRANSACTIONS
//     waits for so many transactions; prints for each the clock (CLOCK_MONOTONIC, nanoseconds) when
//     its XID event had arrived; "ready" comes first
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "protocol/client_session.h"
#include "protocol/command.h"
#include "protocol/event.h"
#include "protocol/packet_writer.h"

namespace tiderelay {
namespace {

using protocol::ClientSession;

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::uint32_t kFirstServerId = 900'000;
constexpr std::uint16_t kNonBlocking = 1;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "follow_bench: %s\n", what.c_str());
  std::exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result) fail(result.error().text());
  return std::move(*result);
}

struct Target {
  std::string host, port, user, password, file;
  std::uint32_t position = 4;
};

class FollowerSocket {
 public:
  explicit FollowerSocket(const Target& target) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(target.host.c_str(), target.port.c_str(), &hints, &found) != 0) {
      fail("no such host");
    }
    socket_ = ::socket(found->ai_family, found->ai_socktype, 0);
    if (::connect(socket_, found->ai_addr, found->ai_addrlen) != 0) fail("cannot connect");
    ::freeaddrinfo(found);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    log_in(target);
  }

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) fail("cannot send");
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  void command(const std::string& payload) const {
    std::string framed;
    std::uint8_t sequence = 0;
    protocol::append_packet(framed, sequence, payload);
    send(framed);
  }
  void statement(const std::string& sql) {
    command(protocol::encode_query(sql));
    protocol::PacketReader reader;
    reader.expect_sequence(1);
    for (;;) {
      const auto packet = must(reader.next_packet());
      if (packet) {
        if (ByteReader(*packet).u8() != 0) fail(sql + " is refused");
        return;
      }
      reader.filled(receive(reader.space(), 0).value());
    }
  }
  // Nothing: there is nothing at the moment.
  [[nodiscard]] std::optional<std::size_t> receive(std::span<std::byte> into, int flags) const {
    const ssize_t count = ::recv(socket_, into.data(), into.size(), flags);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
    if (count <= 0) fail("the connection has ended");
    return static_cast<std::size_t>(count);
  }
  [[nodiscard]] int descriptor() const { return socket_; }

 private:
  void log_in(const Target& target) {
    protocol::SessionOptions options;
    options.user = target.user;
    options.password = target.password;
    options.tls = protocol::SessionOptions::Tls::kNever;
    ClientSession session(options);
    std::vector<std::byte> buffer(4096);
    for (;;) {
      const auto step = must(session.next());
      if (step.kind == ClientSession::Kind::kDone) return;
      if (step.kind == ClientSession::Kind::kStartTls) fail("TLS is not spoken here");
      if (step.kind == ClientSession::Kind::kSend) send(step.bytes);
      if (step.kind != ClientSession::Kind::kNeedBytes) continue;
      session.feed(ByteView(buffer).first(receive(buffer, 0).value()));
    }
  }

  int socket_ = -1;
};

class Follower {
 public:
  Follower(const Target& target, std::uint32_t number, bool waits)
      : socket_(target), reader_(limits()) {
    char uuid[40];
    std::snprintf(uuid, sizeof uuid, "0f0f0f0f-0000-0000-0000-%012u", number);
    socket_.statement(
        "SET @master_binlog_checksum = @@global.binlog_checksum,"
        " @source_binlog_checksum = @@global.binlog_checksum");
    socket_.statement(std::string("SET @slave_uuid = '") + uuid + "', @replica_uuid = '" + uuid +
                      "'");
    dump_.file = target.file;
    dump_.position = target.position;
    dump_.server_id = kFirstServerId + number;
    dump_.flags = waits ? 0 : kNonBlocking;
    reader_.expect_sequence(1);
  }
  void begin() const { socket_.command(protocol::encode(dump_)); }

  // Reads once; false: the log has ended.
  bool read() {
    const auto count = socket_.receive(reader_.space(), MSG_DONTWAIT);
    if (!count) return true;
    reader_.filled(*count);
    for (;;) {
      const auto piece = must(reader_.next_piece());
      if (!piece) return true;
      if (!piece->first) {
        bytes_ += piece->bytes.size();
        continue;
      }
      const auto status = ByteReader(piece->bytes).u8();
      if (status == 0xfe) return false;
      if (status != 0) fail("the server says: " + std::string(as_text(piece->bytes.subspan(9))));
      bytes_ += piece->bytes.size() - 1;
      const auto header = protocol::load_event_header(piece->bytes.subspan(1));
      if (header.type == protocol::event_type::kXid) ++transactions_;
    }
  }
  [[nodiscard]] const FollowerSocket& socket() const { return socket_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t transactions() const { return transactions_; }

 private:
  static protocol::PacketLimits limits() {
    protocol::PacketLimits limits;
    limits.buffer_bytes = kReadBytes;
    return limits;
  }

  FollowerSocket socket_;
  protocol::PacketReader reader_;
  protocol::BinlogDump dump_;
  std::uint64_t bytes_ = 0;
  std::uint64_t transactions_ = 0;
};

void read_to_the_end(const Target& target, std::uint32_t count) {
  std::vector<std::unique_ptr<Follower>> followers;
  for (std::uint32_t i = 0; i < count; ++i) {
    followers.push_back(std::make_unique<Follower>(target, i, false));
  }
  std::vector<pollfd> waits;
  for (const auto& follower : followers) {
    follower->begin();
    waits.push_back({follower->socket().descriptor(), POLLIN, 0});
  }
  for (std::size_t left = followers.size(); left > 0;) {
    ::poll(waits.data(), waits.size(), -1);
    for (std::size_t i = 0; i < followers.size(); ++i) {
      if ((waits[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0 || followers[i]->read()) continue;
      waits[i].fd = -1;
      --left;
    }
  }
  std::uint64_t bytes = 0;
  for (const auto& follower : followers) {
    bytes += follower->bytes();
    if (follower->bytes() != followers[0]->bytes()) fail("followers got different amounts");
  }
  std::printf("%llu\n", static_cast<unsigned long long>(bytes));
}

void note_arrivals(const Target& target, std::uint64_t transactions) {
  Follower follower(target, 0, true);
  follower.begin();
  std::vector<std::int64_t> arrivals;
  std::printf("ready\n");
  std::fflush(stdout);
  pollfd wait{follower.socket().descriptor(), POLLIN, 0};
  while (arrivals.size() < transactions) {
    ::poll(&wait, 1, -1);
    if (!follower.read()) fail("the log has ended");
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    arrivals.resize(follower.transactions(), now.tv_sec * 1'000'000'000LL + now.tv_nsec);
  }
  for (const std::int64_t at : arrivals) std::printf("%lld\n", static_cast<long long>(at));
}

}  // namespace
}  // namespace tiderelay

int main(int count, char** words) {
  if (count != 8 && count != 9) {
    tiderelay::fail("HOST PORT USER PASSWORD FILE POSITION FOLLOWERS [TRANSACTIONS]");
  }
  tiderelay::Target target{words[1], words[2], words[3], words[4], words[5], 4};
  target.position = static_cast<std::uint32_t>(std::strtoul(words[6], nullptr, 10));
  if (count == 9) {
    tiderelay::note_arrivals(target, std::strtoull(words[8], nullptr, 10));
  } else {
    tiderelay::read_to_the_end(target,
                               static_cast<std::uint32_t>(std::strtoul(words[7], nullptr, 10)));
  }
  return 0;
}
