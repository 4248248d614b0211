// tests/fuzz/handshake_fuzz.cc: any bytes as each message of the connection phase and as each
// command: an error, or a value that encodes and decodes to itself. Then as a server's whole side
// of a login.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "protocol/client_session.h"
#include "protocol/command.h"
#include "protocol/handshake.h"

namespace {

using namespace tiderelay;            // NOLINT(google-build-using-namespace): a program of its own
using namespace tiderelay::protocol;  // NOLINT(google-build-using-namespace)

template <class Message>
void check(ByteView bytes, Result<Message> (*decode)(ByteView)) {
  const Result<Message> first = decode(bytes);
  if (!first) return;
  const std::string encoded = encode(*first);
  const Result<Message> second = decode(as_bytes(encoded));
  CHECK(second.has_value(), "what we encode we decode");
  CHECK(encode(*second) == encoded, "and it is the same");
}

void log_in(ByteView bytes, bool private_channel) {
  SessionOptions options;
  options.user = "someone";
  options.password = "secret";
  options.private_channel = private_channel;
  ClientSession session(options);
  bool fed = false;
  for (int steps = 0;; ++steps) {
    CHECK(steps < 100, "a login ends");
    const auto step = session.next();
    if (!step || step->kind == ClientSession::Kind::kDone) return;
    if (step->kind == ClientSession::Kind::kNeedBytes) {
      if (fed) return;
      session.feed(bytes);
      fed = true;
    }
    CHECK(step->kind != ClientSession::Kind::kSend || !step->bytes.empty(),
          "a step does something");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(reinterpret_cast<const std::byte*>(data), size);
  check<Greeting>(bytes, decode_greeting);
  check<HandshakeResponse>(bytes, decode_handshake_response);
  check<AuthSwitch>(bytes, decode_auth_switch);
  check<RegisterReplica>(bytes, decode_register_replica);
  check<BinlogDump>(bytes, decode_binlog_dump);
  check<BinlogDumpGtid>(bytes, decode_binlog_dump_gtid);
  log_in(bytes, false);
  log_in(bytes, true);
  return 0;
}
