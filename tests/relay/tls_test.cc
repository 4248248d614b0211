// TLS of a Connection: what is verified, and what happens where the two do not agree.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>

#include "protocol/capabilities.h"
#include "protocol/response.h"
#include "relay/connection.h"
#include "tests/relay/run_loop.h"
#include "tests/relay/scripted_peer.h"

namespace tiderelay::relay {
namespace {

using Mode = TlsOptions::Mode;
using tests::PeerSocket;
using tests::ScriptedPeer;
using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

constexpr std::uint32_t kOffered = 0xffffffff & ~protocol::kCompress;

void serve_tls(PeerSocket& client, SSL_CTX* context) {
  protocol::Greeting greeting;
  greeting.server_version = "8.0.99";
  greeting.nonce = tests::kPeerNonce;
  greeting.capabilities = kOffered;
  greeting.auth_plugin = "caching_sha2_password";
  client.send(protocol::encode(greeting));
  if (!protocol::is_ssl_request(as_bytes(client.read())) || !client.start_tls(context)) return;
  client.read();
  client.send(std::string("\x01\x04"));  // the password itself is wanted: it may travel inside TLS
  if (client.read() != std::string("secret") + '\0') return;
  client.send(protocol::encode_ok(protocol::OkPacket()));
  client.read();
  client.send(protocol::encode_ok(protocol::OkPacket()));
  client.read_to_end();
}

Result<void> connect(const TlsOptions& tls, std::uint16_t port, const std::string& host) {
  boost::asio::io_context loop;
  ConnectOptions options;
  options.host = host;
  options.port = port;
  options.user = "someone";
  options.password = "secret";
  options.tls = tls;
  Connection connection(loop.get_executor(), options);
  const auto connected = tests::run(loop, connection.connect());
  if (!connected) return connected;
  const auto answered = tests::run(loop, connection.execute("SELECT 1"));
  if (!answered) return answered.error();
  return {};
}

TEST(Tls, VerifiesWhatItIsToldToVerify) {
  const auto certificates = tests::make_certificates("db-1", "DNS:localhost,DNS:db-1.example");
  const auto others = tests::make_certificates("db-1", "DNS:localhost");
  const auto by_address = tests::make_certificates("db-1", "IP:127.0.0.1");
  struct Row {
    const char* fact;
    const tests::Certificates* of_server;
    Mode mode;
    std::string ca_pem;
    std::vector<std::string> allowed_names;
    const char* host;
    const char* refusal;  // nothing: it connects
  };
  const std::string& ca = certificates.ca_pem;
  const Row rows[] = {
      {"required: encrypted, nothing verified",
       &certificates,
       Mode::kRequired,
       "",
       {},
       "127.0.0.1",
       nullptr},
      {"preferred: the same", &certificates, Mode::kPreferred, "", {}, "127.0.0.1", nullptr},
      {"the CA alone", &certificates, Mode::kVerifyCa, ca, {}, "127.0.0.1", nullptr},
      {"another CA", &others, Mode::kVerifyCa, ca, {}, "localhost", "certificate"},
      {"no CA of the system signed it",
       &certificates,
       Mode::kVerifyCa,
       "",
       {},
       "localhost",
       "certificate"},
      {"the host's name", &certificates, Mode::kVerifyIdentity, ca, {}, "localhost", nullptr},
      {"an address is no name of it",
       &certificates,
       Mode::kVerifyIdentity,
       ca,
       {},
       "127.0.0.1",
       "mismatch"},
      {"the host's address",
       &by_address,
       Mode::kVerifyIdentity,
       by_address.ca_pem,
       {},
       "127.0.0.1",
       nullptr},
      {"an allowed common name",
       &certificates,
       Mode::kVerifyCa,
       ca,
       {"x", "db-1"},
       "127.0.0.1",
       nullptr},
      {"an allowed DNS name",
       &certificates,
       Mode::kVerifyCa,
       ca,
       {"db-1.example"},
       "127.0.0.1",
       nullptr},
      {"a name that is not allowed",
       &certificates,
       Mode::kVerifyCa,
       ca,
       {"db-2"},
       "127.0.0.1",
       "allowed are db-2"},
      {"allowed names are worth nothing without a CA, so it is verified",
       &others,
       Mode::kRequired,
       ca,
       {"db-1"},
       "127.0.0.1",
       "certificate"},
      {"a CA that is none",
       &certificates,
       Mode::kVerifyCa,
       "nonsense",
       {},
       "127.0.0.1",
       "CA certificate is not usable"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    const Context context(tests::make_server_context(*row.of_server), &SSL_CTX_free);
    ScriptedPeer peer([&](PeerSocket& client) { serve_tls(client, context.get()); });
    TlsOptions tls;
    tls.mode = row.mode;
    tls.ca_pem = row.ca_pem;
    tls.allowed_names = row.allowed_names;
    const Result<void> connected = connect(tls, peer.port(), row.host);
    ASSERT_EQ(connected.has_value(), row.refusal == nullptr)
        << (connected ? "it connected" : connected.error().text());
    if (connected) continue;
    EXPECT_NE(connected.error().text().find(row.refusal), std::string::npos)
        << connected.error().text();
    EXPECT_NE(connected.error().code(), Errc::kConnection) << "another attempt does not help";
  }
}

TEST(Tls, ShowsItsOwnCertificateWhereTheServerDemandsOne) {
  const auto of_server = tests::make_certificates("server", "DNS:localhost");
  const auto of_client = tests::make_certificates("client", "DNS:client");
  for (const bool shown : {true, false}) {
    SCOPED_TRACE(shown);
    const Context context(tests::make_server_context(of_server), &SSL_CTX_free);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    tests::trust(context.get(), of_client.ca_pem);
    ScriptedPeer peer([&](PeerSocket& client) { serve_tls(client, context.get()); });
    TlsOptions tls;
    tls.mode = Mode::kRequired;
    if (shown) {
      tls.certificate_pem = of_client.certificate_pem;
      tls.key_pem = of_client.key_pem;
    }
    EXPECT_EQ(connect(tls, peer.port(), "127.0.0.1").has_value(), shown);
  }
}

TEST(Tls, GoesOnWithoutWherePreferredAndNotPossible) {
  int clients = 0;
  ScriptedPeer peer(
      [&](PeerSocket& client) {
        if (clients++ > 0) {
          client.log_in(kOffered);
          client.read();
          client.send(protocol::encode_ok(protocol::OkPacket()));
          client.read_to_end();
          return;
        }
        protocol::Greeting greeting;
        greeting.nonce = tests::kPeerNonce;
        greeting.capabilities = kOffered;
        client.send(protocol::encode(greeting));
        client.read();
        client.send_bytes("this is no TLS at all");
        client.read_to_end();
      },
      2);
  TlsOptions tls;
  EXPECT_TRUE(connect(tls, peer.port(), "127.0.0.1").has_value());
  EXPECT_EQ(clients, 2);
}

TEST(Tls, NeverGoesOnWithoutWhereDemanded) {
  for (const Mode mode : {Mode::kRequired, Mode::kVerifyCa, Mode::kVerifyIdentity}) {
    ScriptedPeer peer([](PeerSocket& client) {
      client.log_in(kOffered & ~protocol::kSsl);
      client.read_to_end();
    });
    TlsOptions tls;
    tls.mode = mode;
    const Result<void> connected = connect(tls, peer.port(), "127.0.0.1");
    ASSERT_TRUE(connected.has_error());
    EXPECT_EQ(connected.error().code(), Errc::kAuth);
    EXPECT_NE(connected.error().text().find("does not offer TLS"), std::string::npos);
  }
}

}  // namespace
}  // namespace tiderelay::relay
