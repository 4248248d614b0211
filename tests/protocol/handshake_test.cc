#include "protocol/handshake.h"

#include <gtest/gtest.h>

#include "protocol/capabilities.h"
#include "protocol/response.h"
#include "tests/protocol/hex.h"

namespace tiderelay::protocol {
namespace {

using tests::from_hex;

const std::string kGreeting57 = from_hex(
    "0a352e372e32392d6c6f670014000000156d556c532d3b4000ffff2d0200ffc11500000000000000000000160c6329"
    "680b3e3a080a1b02006d7973716c5f6e61746976655f70617373776f726400");
const std::string kGreeting80 = from_hex(
    "0a382e302e333100210000000f0456684f762d0300ffffff0200ffdf15000000000000000000001748570c671d1a75"
    "18556f480063616368696e675f736861325f70617373776f726400");

TEST(Greeting, IsReadAsServersSendIt) {
  const auto from57 = decode_greeting(as_bytes(kGreeting57));
  ASSERT_TRUE(from57.has_value()) << from57.error().text();
  EXPECT_EQ(from57->server_version, "5.7.29-log");
  EXPECT_EQ(from57->connection_id, 20U);
  EXPECT_EQ(from57->nonce, from_hex("156d556c532d3b40160c6329680b3e3a080a1b02"));
  EXPECT_EQ(from57->capabilities, 0xc1ffffffU);
  EXPECT_EQ(from57->auth_plugin, "mysql_native_password");
  EXPECT_EQ(encode(*from57), kGreeting57);

  const auto from80 = decode_greeting(as_bytes(kGreeting80));
  ASSERT_TRUE(from80.has_value()) << from80.error().text();
  EXPECT_EQ(from80->server_version, "8.0.31");
  EXPECT_EQ(from80->nonce.size(), kNonceBytes);
  EXPECT_EQ(from80->auth_plugin, "caching_sha2_password");
  EXPECT_EQ(encode(*from80), kGreeting80);
}

TEST(Greeting, FailsCleanlyAtEachProperPrefix) {
  // From the nonce on, old servers end where they have nothing more to say.
  const std::size_t optional_from = 10 + 1 + 1 + 4 + 8 + 1 + 2;
  for (std::size_t size = 0; size < kGreeting57.size(); ++size) {
    const auto greeting = decode_greeting(as_bytes(std::string_view(kGreeting57).substr(0, size)));
    EXPECT_TRUE(greeting.has_error() || size >= optional_from) << size;
  }
}

TEST(Greeting, IsTheErrorOfAServerThatRefuses) {
  struct Row {
    const char* fact;
    std::string packet;
    std::uint16_t code;
    const char* sqlstate;
    const char* text;
  };
  const Row rows[] = {
      {"with a state", encode_error(1040, "08004", "Too many connections"), 1040, "08004",
       "Too many connections"},
      {"without one, as before the handshake", encode_error(1130, "", "Host 'x' is not allowed"),
       1130, "", "Host 'x' is not allowed"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.fact);
    const auto greeting = decode_greeting(as_bytes(row.packet));
    ASSERT_TRUE(greeting.has_error());
    EXPECT_EQ(greeting.error().code(), Errc::kServer);
    EXPECT_EQ(greeting.error().server_code(), row.code);
    EXPECT_EQ(greeting.error().sqlstate(), row.sqlstate);
    EXPECT_EQ(greeting.error().text(), row.text);
  }
}

TEST(Greeting, OfAnotherProtocolIsNamedAsSuch) {
  const auto greeting = decode_greeting(as_bytes("SSH-2.0-OpenSSH_9.2p1\r\n"));
  ASSERT_TRUE(greeting.has_error());
  EXPECT_EQ(greeting.error().code(), Errc::kUnsupported);
}

TEST(Greeting, CarriesMariadbsOwnCapabilities) {
  Greeting greeting;
  greeting.server_version = "5.5.5-10.11.6-MariaDB";
  greeting.nonce = std::string(kNonceBytes, 'n');
  greeting.capabilities = kProtocol41 | kSecureConnection | kPluginAuth;
  greeting.mariadb_capabilities = 0x1d;
  greeting.auth_plugin = "mysql_native_password";
  const auto decoded = decode_greeting(as_bytes(encode(greeting)));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->mariadb_capabilities, 0x1dU);
}

HandshakeResponse response_with(std::uint32_t capabilities) {
  HandshakeResponse response;
  response.capabilities = kProtocol41 | kSecureConnection | kLongPassword | capabilities;
  response.collation = kCollationUtf8mb4GeneralCi;
  response.user = "someone";
  response.auth_answer = std::string("\0\1binary\xff", 9);
  if ((capabilities & kConnectWithDb) != 0) response.schema = "shop";
  if ((capabilities & kPluginAuth) != 0) response.auth_plugin = "mysql_native_password";
  if ((capabilities & kConnectAttrs) != 0) {
    response.attributes.emplace_back("program_name", "tiderelay");
    response.attributes.emplace_back("empty", "");
  }
  if ((capabilities & kZstd) != 0) response.zstd_level = 3;
  return response;
}

TEST(HandshakeResponse, ComesBackAsItWasSentUnderAllCapabilities) {
  const std::uint32_t optional[] = {kConnectWithDb, kPluginAuth, kConnectAttrs, kPluginAuthLenenc,
                                    kZstd};
  for (unsigned set = 0; set < 32; ++set) {
    std::uint32_t capabilities = 0;
    for (unsigned bit = 0; bit < 5; ++bit) {
      if ((set >> bit & 1U) != 0) capabilities |= optional[bit];
    }
    SCOPED_TRACE(capabilities);
    const HandshakeResponse sent = response_with(capabilities);
    const std::string packet = encode(sent);
    const auto got = decode_handshake_response(as_bytes(packet));
    ASSERT_TRUE(got.has_value()) << got.error().text();
    EXPECT_EQ(got->user, sent.user);
    EXPECT_EQ(got->auth_answer, sent.auth_answer);
    EXPECT_EQ(got->schema, sent.schema);
    EXPECT_EQ(got->auth_plugin, sent.auth_plugin);
    EXPECT_EQ(got->attributes, sent.attributes);
    EXPECT_EQ(got->zstd_level, sent.zstd_level);
    EXPECT_EQ(encode(*got), packet);
  }
}

TEST(HandshakeResponse, FailsCleanlyAtEachPrefixOfWhatMustBeThere) {
  const std::string packet = encode(response_with(kPluginAuthLenenc));
  for (std::size_t size = 0; size < packet.size(); ++size) {
    const auto got = decode_handshake_response(as_bytes(std::string_view(packet).substr(0, size)));
    EXPECT_TRUE(got.has_error()) << size;
  }
}

TEST(HandshakeResponse, TakesAttributesThatWereAnnouncedAndLeftOut) {
  HandshakeResponse sent = response_with(kPluginAuth);
  sent.capabilities |= kConnectAttrs;
  std::string packet = encode(sent);
  packet.pop_back();  // the size of the empty block
  EXPECT_TRUE(decode_handshake_response(as_bytes(packet)).has_value());
}

TEST(SslRequest, IsTheFixedPartOfTheResponse) {
  HandshakeResponse response = response_with(kPluginAuth);
  response.capabilities |= kSsl;
  const std::string request = encode_ssl_request(response);
  EXPECT_EQ(request.size(), kSslRequestBytes);
  EXPECT_EQ(request, encode(response).substr(0, kSslRequestBytes));
  EXPECT_TRUE(is_ssl_request(as_bytes(request)));
  EXPECT_FALSE(is_ssl_request(as_bytes(encode(response))));
}

TEST(AuthSwitch, ComesBackAsItWasSent) {
  AuthSwitch request;
  request.plugin = "caching_sha2_password";
  for (const std::string& nonce :
       {std::string(kNonceBytes, '\x7f'), std::string(31, '\x7f') + '\0', std::string()}) {
    request.nonce = nonce;
    const auto got = decode_auth_switch(as_bytes(encode(request)));
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->plugin, request.plugin);
    EXPECT_EQ(got->nonce, request.nonce) << "a nonce of 32 bytes may end with 0";
  }
  EXPECT_EQ(decode_auth_switch(as_bytes("\xfe")).error().code(), Errc::kUnsupported);
  EXPECT_TRUE(decode_auth_switch(as_bytes("\xfeplugin")).has_error());
}

}  // namespace
}  // namespace tiderelay::protocol
