// tests/protocol/server_session_test.cc: the server's login against our own client's, byte by byte
// and whole, and what is refused.
#include "protocol/server_session.h"

#include <gtest/gtest.h>

#include "protocol/auth.h"
#include "protocol/capabilities.h"
#include "protocol/client_session.h"
#include "protocol/packet_writer.h"

namespace tiderelay::protocol {
namespace {

constexpr std::string_view kNonce = "abcdefghijklmnopqrst";
constexpr std::string_view kSecond = "ABCDEFGHIJKLMNOPQRST";

class Book final : public AccountBook {
 public:
  std::optional<Account> find(const std::string& user) const override {
    if (user != "repl" && user != "safe" && user != "open") return std::nullopt;
    Account account;
    const std::string password = user == "open" ? "" : "secret";
    account.native_stored = native_stored(password);
    account.sha2_stored = caching_sha2_stored(stored_wrong ? "other" : password);
    account.empty_password = password.empty();
    account.require_tls = user == "safe";
    return account;
  }
  bool stored_wrong = false;
};

const RsaKey& key() {
  static const RsaKey kKey = RsaKey::generate();
  return kKey;
}

ServerSessionOptions server_options(std::string_view plugin) {
  ServerSessionOptions options;
  options.server_version = "8.0.31";
  options.nonce = kNonce;
  options.switch_nonce = kSecond;
  options.auth_plugin = plugin;
  options.peer = "10.0.0.9";
  options.key = &key();
  return options;
}

struct Outcome {
  bool server_done = false;
  std::string refusal;
  std::optional<Error> client_error;
};

// Runs both until one ends; TLS is a word that both believe.
Outcome log_in(ServerSessionOptions options, SessionOptions client_options, bool byte_by_byte) {
  Book book;
  ServerSession server(std::move(options), book);
  ClientSession client(std::move(client_options));
  Outcome outcome;
  const auto give = [byte_by_byte](auto& to, const std::string& bytes, auto on_piece) {
    for (std::size_t at = 0; at < bytes.size(); at += byte_by_byte ? 1 : bytes.size()) {
      to.feed(as_bytes(std::string_view(bytes).substr(at, byte_by_byte ? 1 : bytes.size())));
      on_piece();
    }
  };
  std::string to_client;
  std::string to_server;
  for (int turn = 0; turn < 40; ++turn) {
    for (;;) {
      auto step = server.next();
      if (!step || step->kind == ServerSession::Kind::kNeedBytes) break;
      to_client += step->bytes;
      outcome.server_done = outcome.server_done || step->kind == ServerSession::Kind::kDone;
      outcome.refusal = server.refusal();
    }
    give(client, std::exchange(to_client, ""), [&] {});
    for (;;) {
      auto step = client.next();
      if (!step) outcome.client_error = step.error();
      if (!step || step->kind == ClientSession::Kind::kDone) return outcome;
      if (step->kind == ClientSession::Kind::kNeedBytes) break;
      to_server += step->bytes;
      if (step->kind == ClientSession::Kind::kStartTls) break;
    }
    give(server, std::exchange(to_server, ""), [&] {});
  }
  return outcome;
}

SessionOptions client_options(const std::string& user, const std::string& password) {
  SessionOptions options;
  options.user = user;
  options.password = password;
  options.tls = SessionOptions::Tls::kNever;
  return options;
}

TEST(ServerSession, LetsInWhoKnowsThePassword) {
  for (const std::string_view plugin : {kNativePassword, kCachingSha2}) {
    for (const bool byte_by_byte : {false, true}) {
      SCOPED_TRACE(std::string(plugin) + (byte_by_byte ? ", byte by byte" : ""));
      EXPECT_TRUE(log_in(server_options(plugin), client_options("repl", "secret"), byte_by_byte)
                      .server_done);
      EXPECT_TRUE(
          log_in(server_options(plugin), client_options("open", ""), byte_by_byte).server_done);
    }
  }
}

TEST(ServerSession, RefusesOthersInTheSameWords) {
  struct Row {
    const char* fact;
    const char* user;
    const char* password;
  };
  const Row rows[] = {
      {"a wrong password", "repl", "wrong"},
      {"no password", "repl", ""},
      {"an unknown user", "nobody", "secret"},
      {"a password where there is none", "open", "secret"},
  };
  for (const Row& row : rows) {
    for (const std::string_view plugin : {kNativePassword, kCachingSha2}) {
      SCOPED_TRACE(std::string(row.fact) + ", " + std::string(plugin));
      const Outcome outcome =
          log_in(server_options(plugin), client_options(row.user, row.password), false);
      EXPECT_FALSE(outcome.server_done);
      ASSERT_TRUE(outcome.client_error);
      EXPECT_EQ(outcome.client_error->server_code(), 1045) << outcome.client_error->text();
      EXPECT_TRUE(outcome.refusal.starts_with("Access denied for user '" + std::string(row.user)))
          << outcome.refusal;
    }
  }
}

TEST(ServerSession, DemandsTlsWhereTheAccountDoes) {
  const Outcome plain =
      log_in(server_options(kCachingSha2), client_options("safe", "secret"), false);
  ASSERT_TRUE(plain.client_error);
  EXPECT_EQ(plain.client_error->server_code(), 3159);
  ServerSessionOptions options = server_options(kCachingSha2);
  options.tls = true;
  SessionOptions client = client_options("safe", "secret");
  client.tls = SessionOptions::Tls::kAlways;
  EXPECT_TRUE(log_in(std::move(options), client, false).server_done);
}

// A hand-made client whose first answer fits nothing: the password itself decides then.
class HandMade {
 public:
  explicit HandMade(bool private_channel) {
    ServerSessionOptions options = server_options(kCachingSha2);
    options.private_channel = private_channel;
    server.emplace(std::move(options), book);
    EXPECT_EQ(server->next()->kind, ServerSession::Kind::kSend);
    HandshakeResponse response;
    response.capabilities = kProtocol41 | kSecureConnection | kPluginAuth | kPluginAuthLenenc;
    response.user = "repl";
    response.auth_plugin = kCachingSha2;
    response.auth_answer = std::string(32, 'x');
    send(encode(response));
  }
  void send(std::string_view payload) {
    std::string framed;
    append_packet(framed, sequence, payload);
    ++sequence;  // the answer's
    server->feed(as_bytes(framed));
  }
  Book book;
  std::optional<ServerSession> server;
  std::uint8_t sequence = 1;
};

TEST(ServerSession, TakesThePasswordItselfOverAPrivateChannel) {
  HandMade right(true);
  EXPECT_EQ(right.server->next()->bytes.substr(4), "\x01\x04");
  right.send(std::string_view("secret\0", 7));
  EXPECT_EQ(right.server->next()->kind, ServerSession::Kind::kDone);
  HandMade wrong(true);
  (void)wrong.server->next();
  wrong.send(std::string_view("secre\0", 6));
  EXPECT_EQ(wrong.server->next()->kind, ServerSession::Kind::kRefused);
}

TEST(ServerSession, TakesThePasswordUnderItsRsaKeyInTheClear) {
  for (const bool right : {true, false}) {
    HandMade client(false);
    (void)client.server->next();
    client.send("\x02");
    const auto sent = client.server->next();
    ASSERT_TRUE(sent);
    ASSERT_EQ(sent->kind, ServerSession::Kind::kSend);
    const std::string pem = sent->bytes.substr(5);
    client.send(rsa_answer(right ? "secret" : "secres", kNonce, pem).value());
    EXPECT_EQ(client.server->next()->kind,
              right ? ServerSession::Kind::kDone : ServerSession::Kind::kRefused);
  }
}

TEST(ServerSession, EndsForWhoDoesNotSpeakTheProtocol) {
  Book book;
  ServerSession endless(server_options(kNativePassword), book);
  (void)endless.next();
  endless.feed(as_bytes(std::string_view("\xff\xff\xff\x01", 4)));  // 16 MiB are announced
  endless.feed(as_bytes(std::string(100'000, 'x')));
  EXPECT_TRUE(endless.next().has_error());
  ServerSession http(server_options(kNativePassword), book);
  (void)http.next();
  http.feed(as_bytes("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_TRUE(http.next().has_error());
  ServerSession early(server_options(kNativePassword), book);
  (void)early.next();
  HandshakeResponse response;
  response.capabilities = 0;
  std::string framed;
  std::uint8_t sequence = 1;
  append_packet(framed, sequence, encode(response));
  early.feed(as_bytes(framed));
  EXPECT_EQ(early.next()->kind, ServerSession::Kind::kRefused);
}

TEST(ServerSession, TakesNothingBetweenTheSslRequestAndTls) {
  Book book;
  ServerSessionOptions options = server_options(kNativePassword);
  options.tls = true;
  ServerSession server(std::move(options), book);
  (void)server.next();
  HandshakeResponse response;
  response.capabilities = kProtocol41 | kSecureConnection | kSsl;
  std::string framed;
  std::uint8_t sequence = 1;
  append_packet(framed, sequence, encode_ssl_request(response));
  server.feed(as_bytes(framed + "injected"));
  EXPECT_TRUE(server.next().has_error());
}

}  // namespace
}  // namespace tiderelay::protocol
