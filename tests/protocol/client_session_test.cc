// A script plays the server: what it sends, and what it must get, packet by packet.
#include "protocol/client_session.h"

#include <gtest/gtest.h>

#include <random>

#include "protocol/auth.h"
#include "protocol/packet_writer.h"
#include "protocol/response.h"
#include "tests/seeds.h"

namespace tiderelay::protocol {
namespace {

using Kind = ClientSession::Kind;
constexpr std::uint32_t kOffered = 0xffffffff & ~kSsl;
const std::string kNonce = "abcdefghijklmnopqrst";
const std::string kOtherNonce = "ABCDEFGHIJKLMNOPQRST";

std::string greeting(std::string_view plugin, std::uint32_t capabilities) {
  Greeting packet;
  packet.server_version = "8.0.31";
  packet.connection_id = 9;
  packet.nonce = kNonce;
  packet.capabilities = capabilities;
  packet.auth_plugin = plugin;
  return encode(packet);
}

std::string switch_to(std::string_view plugin) {
  AuthSwitch request;
  request.plugin = plugin;
  request.nonce = kOtherNonce;
  return encode(request);
}

std::string ok() { return encode_ok(OkPacket()); }

struct Turn {
  bool from_server = false;
  std::string payload;  // of the client's handshake response: the auth answer
};
Turn server(std::string payload) { return {true, std::move(payload)}; }
Turn client(std::string payload) { return {false, std::move(payload)}; }

SessionOptions options(std::string password = "secret") {
  SessionOptions session;
  session.user = "someone";
  session.password = std::move(password);
  return session;
}

struct Outcome {
  bool done = false;
  bool tls = false;
  std::optional<Error> error;
  HandshakeResponse response;
};

// Plays the script with the server's bytes cut where `random` wants it.
Outcome play(const SessionOptions& session_options, const std::vector<Turn>& script,
             std::mt19937_64& random) {
  Outcome outcome;
  ClientSession session(session_options);
  std::uint8_t sequence = 0;
  std::size_t turn = 0;
  std::string pending;
  for (int steps = 0; steps < 10'000; ++steps) {
    const auto step = session.next();
    if (!step) {
      outcome.error = step.error();
      EXPECT_TRUE(session.next().has_error()) << "an error is final";
      return outcome;
    }
    if (step->kind == Kind::kDone) {
      outcome.done = turn == script.size() && pending.empty();
      return outcome;
    }
    if (step->kind == Kind::kStartTls) outcome.tls = true;
    if (step->kind == Kind::kSend) {
      PacketReader reader;
      reader.expect_sequence(sequence);
      reader.feed(as_bytes(step->bytes));
      const ByteView packet = *reader.next_packet().value();
      sequence = reader.sequence();
      if (is_ssl_request(packet)) continue;
      if (outcome.response.user.empty()) {
        outcome.response = decode_handshake_response(packet).value();
        EXPECT_EQ(outcome.response.auth_answer, script.at(turn++).payload);
      } else {
        EXPECT_EQ(as_text(packet), script.at(turn++).payload);
      }
    }
    if (step->kind == Kind::kNeedBytes) {
      while (pending.empty() && turn < script.size() && script[turn].from_server) {
        append_packet(pending, sequence, script[turn++].payload);
      }
      if (pending.empty()) return outcome;  // the client waits and the script has no more
      const std::size_t count = 1 + random() % pending.size();
      session.feed(as_bytes(std::string_view(pending).substr(0, count)));
      pending.erase(0, count);
    }
  }
  return outcome;
}

Outcome play(const SessionOptions& session_options, const std::vector<Turn>& script) {
  Outcome first;
  for (const std::uint64_t seed : tests::seeds()) {
    SCOPED_TRACE(tests::replay(seed));
    std::mt19937_64 random(seed);
    Outcome outcome = play(session_options, script, random);
    if (seed == tests::seeds().front()) first = outcome;
    EXPECT_EQ(outcome.done, first.done);
    EXPECT_EQ(outcome.error.has_value(), first.error.has_value());
  }
  return first;
}

TEST(ClientSession, LogsInByEachWayOfAuthentication) {
  const std::string native = native_answer("secret", kNonce);
  const std::string sha2 = caching_sha2_answer("secret", kNonce);
  const std::string clear = std::string("secret") + '\0';
  const std::uint32_t with_tls = kOffered | kSsl;
  struct Row {
    const char* fact;
    std::vector<Turn> script;
  };
  const Row rows[] = {
      {"native", {server(greeting(kNativePassword, kOffered)), client(native), server(ok())}},
      {"caching_sha2, known to the server",
       {server(greeting(kCachingSha2, kOffered)), client(sha2), server("\x01\x03"), server(ok())}},
      {"caching_sha2, full over TLS",
       {server(greeting(kCachingSha2, with_tls)), client(sha2), server("\x01\x04"), client(clear),
        server(ok())}},
      {"sha256 over TLS",
       {server(greeting(kSha256Password, with_tls)), client(clear), server(ok())}},
      {"a switch to native",
       {server(greeting(kCachingSha2, kOffered)), client(sha2), server(switch_to(kNativePassword)),
        client(native_answer("secret", kOtherNonce)), server(ok())}},
      {"a switch to caching_sha2 with the full exchange over TLS",
       {server(greeting(kNativePassword, with_tls)), client(native),
        server(switch_to(kCachingSha2)), client(caching_sha2_answer("secret", kOtherNonce)),
        server("\x01\x04"), client(clear), server(ok())}},
      {"a switch to ed25519",
       {server(greeting(kNativePassword, kOffered)), client(native), server(switch_to(kEd25519)),
        client(ed25519_answer("secret", kOtherNonce)), server(ok())}},
      {"the password itself, over TLS",
       {server(greeting(kNativePassword, with_tls)), client(native),
        server(switch_to(kClearPassword)), client(clear), server(ok())}},
      {"an unknown default plugin is answered with native, and the server switches",
       {server(greeting("auth_gssapi_client", kOffered)), client(native),
        server(switch_to(kNativePassword)), client(native_answer("secret", kOtherNonce)),
        server(ok())}},
      {"a server without plugins",
       {server(greeting("", kProtocol41 | kSecureConnection)), client(native), server(ok())}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    const Outcome outcome = play(options(), row.script);
    EXPECT_TRUE(outcome.done) << (outcome.error ? outcome.error->text() : "the client waits");
  }
}

TEST(ClientSession, AsksForTheKeyWhereThePasswordWouldTravelInTheClear) {
  const std::string sha2 = caching_sha2_answer("secret", kNonce);
  const Outcome caching =
      play(options(), {server(greeting(kCachingSha2, kOffered)), client(sha2), server("\x01\x04"),
                       client("\x02"), server("\x01no key")});
  ASSERT_TRUE(caching.error.has_value());
  EXPECT_NE(caching.error->text().find("public key"), std::string::npos);
  const Outcome sha256 = play(options(), {server(greeting(kSha256Password, kOffered)),
                                          client("\x01"), server("\x01no key")});
  ASSERT_TRUE(sha256.error.has_value());
  EXPECT_NE(sha256.error->text().find("public key"), std::string::npos);
}

TEST(ClientSession, SendsAPasswordOverAUnixSocketAsItIs) {
  SessionOptions session = options();
  session.private_channel = true;
  session.tls = SessionOptions::Tls::kNever;
  const Outcome outcome =
      play(session, {server(greeting(kCachingSha2, kOffered | kSsl)),
                     client(caching_sha2_answer("secret", kNonce)), server("\x01\x04"),
                     client(std::string("secret") + '\0'), server(ok())});
  EXPECT_TRUE(outcome.done);
  EXPECT_FALSE(outcome.tls);
}

TEST(ClientSession, AsksOnlyForWhatTheServerOffers) {
  SessionOptions session = options();
  session.schema = "shop";
  session.capabilities = kFoundRows | kMultiStatements | kLocalFiles | kCompress;
  session.attributes.emplace_back("program_name", "tiderelay");
  const std::uint32_t tidb = kProtocol41 | kSecureConnection | kPluginAuth | kConnectWithDb |
                             kMultiStatements | kMultiResults | kDeprecateEof | kConnectAttrs;
  const Outcome outcome = play(session, {server(greeting(kNativePassword, tidb)),
                                         client(native_answer("secret", kNonce)), server(ok())});
  ASSERT_TRUE(outcome.done);
  const std::uint32_t asked = outcome.response.capabilities;
  EXPECT_EQ(asked & (kSessionTrack | kQueryAttributes | kOptionalMetadata | kZstd), 0U);
  EXPECT_EQ(asked & (kLocalFiles | kCompress | kPluginAuthLenenc | kSsl), 0U) << "not offered";
  EXPECT_NE(asked & kFoundRows, 0U) << "servers obey it without offering it";
  EXPECT_NE(asked & kMultiStatements, 0U);
  EXPECT_EQ(outcome.response.schema, "shop");
  EXPECT_EQ(outcome.response.attributes.size(), 1U);
}

TEST(ClientSession, RefusesWhatWouldBeUnsafeOrCannotBe) {
  const std::string native = native_answer("secret", kNonce);
  SessionOptions must_tls = options();
  must_tls.tls = SessionOptions::Tls::kAlways;
  struct Row {
    const char* fact;
    SessionOptions session;
    std::vector<Turn> script;
    Errc code;
  };
  const Row rows[] = {
      {"no TLS where it is demanded",
       must_tls,
       {server(greeting(kNativePassword, kOffered))},
       Errc::kAuth},
      {"the password in the clear",
       options(),
       {server(greeting(kNativePassword, kOffered)), client(native),
        server(switch_to(kClearPassword))},
       Errc::kAuth},
      {"a wrong password",
       options(),
       {server(greeting(kNativePassword, kOffered)), client(native),
        server(encode_error(1045, "28000", "Access denied for user 'someone'"))},
       Errc::kAuth},
      {"too many connections",
       options(),
       {server(encode_error(1040, "", "Too many connections"))},
       Errc::kServer},
      {"a plugin that nobody knows",
       options(),
       {server(greeting(kNativePassword, kOffered)), client(native), server(switch_to("parsec"))},
       Errc::kUnsupported},
      {"a second switch",
       options(),
       {server(greeting(kNativePassword, kOffered)), client(native),
        server(switch_to(kNativePassword)), client(native_answer("secret", kOtherNonce)),
        server(switch_to(kNativePassword))},
       Errc::kCorrupt},
      {"more than was asked for",
       options(),
       {server(greeting(kNativePassword, kOffered)), client(native), server(ok()), server(ok())},
       Errc::kCorrupt},
      {"a second factor",
       options(),
       {server(greeting(kNativePassword, kOffered)), client(native), server("\x02plugin")},
       Errc::kUnsupported},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    ClientSession session(row.session);
    std::uint8_t sequence = 0;
    std::optional<Error> error;
    std::string pending;
    for (const Turn& turn : row.script) {
      if (turn.from_server) append_packet(pending, sequence, turn.payload);
      if (!turn.from_server) ++sequence;
    }
    // All of the server's packets at once: what the client sends in between does not matter here.
    session.feed(as_bytes(pending));
    for (int i = 0; i < 20 && !error; ++i) {
      const auto step = session.next();
      if (!step) error = step.error();
    }
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->code(), row.code) << error->text();
    EXPECT_EQ(error->text().find("secret"), std::string::npos);
  }
}

TEST(ClientSession, DoesNotTakePlainBytesForWhatCameInsideTls) {
  ClientSession session(options());
  std::string bytes;
  std::uint8_t sequence = 0;
  append_packet(bytes, sequence, greeting(kNativePassword, kOffered | kSsl));
  session.feed(as_bytes(bytes + "injected"));
  EXPECT_EQ(session.next().error().code(), Errc::kCorrupt);
}

TEST(ClientSession, EndsWithAPeerThatTalksForEver) {
  ClientSession session(options());
  std::string bytes;
  std::uint8_t sequence = 0;
  append_packet(bytes, sequence, greeting(kCachingSha2, kOffered));
  ++sequence;
  for (int i = 0; i < 100; ++i) append_packet(bytes, sequence, "\x01\x03");
  session.feed(as_bytes(bytes));
  std::optional<Error> error;
  for (int i = 0; i < 200 && !error; ++i) {
    const auto step = session.next();
    if (!step) error = step.error();
  }
  EXPECT_TRUE(error.has_value());
}

TEST(ClientSession, RefusesALargePacketByItsLengthAlone) {
  ClientSession session(options());
  session.feed(as_bytes(std::string("\xff\xff\x7f\0", 4)));
  EXPECT_EQ(session.next().error().code(), Errc::kLimit);
}

}  // namespace
}  // namespace tiderelay::protocol
