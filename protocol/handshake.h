// protocol/handshake.h: the packets of the connection phase, both directions. Decoders copy what
// they keep; encoders give payloads without frames.
//
// Source: MySQL 8.0.40, sql/auth/sql_authentication.cc (send_server_handshake_packet,
// parse_client_handshake_packet), sql-common/client.cc; MariaDB 10.11, sql/sql_acl.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace tiderelay::protocol {

inline constexpr std::size_t kNonceBytes = 20;

// bytes                    field
// 1                        protocol version 10
// n + NUL                  server version
// 4                        connection id
// 8, 1                     nonce, first part; 0
// 2                        capabilities, low half
// 1, 2                     collation, status
// 2                        capabilities, high half
// 1                        nonce length with its NUL, 0 without PLUGIN_AUTH
// 10                       zeros; MariaDB: the last 4 are its own capabilities if LONG_PASSWORD is
// off max(13, nonce length-8)  nonce, second part, NUL n + NUL                  auth plugin, with
// PLUGIN_AUTH
struct Greeting {
  std::string server_version;
  std::uint32_t connection_id = 0;
  std::string nonce;  // kNonceBytes; none of them 0 or '$'
  std::uint32_t capabilities = 0;
  std::uint32_t mariadb_capabilities = 0;
  std::uint8_t collation = 0;
  std::uint16_t status_flags = 0;
  std::string auth_plugin;
};
[[nodiscard]] std::string encode(const Greeting& greeting);
// An ERR in the greeting's place (1040, 1129, 1130 ...) is the error.
[[nodiscard]] Result<Greeting> decode_greeting(ByteView packet);

// bytes    field
// 4        capabilities
// 4        largest packet the client takes
// 1        collation
// 23       zeros; MariaDB: the last 4 are its own capabilities if LONG_PASSWORD is off
//          an SSL request ends here
// n + NUL  user
// n        auth answer: lenenc with PLUGIN_AUTH_LENENC, else 1 byte length, else NUL-terminated
// n + NUL  schema, with CONNECT_WITH_DB
// n + NUL  auth plugin, with PLUGIN_AUTH
// n        attributes, with CONNECT_ATTRS: lenenc size, then lenenc names and values
// 1        zstd level, with ZSTD
struct HandshakeResponse {
  std::uint32_t capabilities = 0;
  std::uint32_t mariadb_capabilities = 0;
  std::uint32_t max_packet_bytes = 1U << 30;
  std::uint8_t collation = 0;
  std::string user;
  std::string auth_answer;
  std::string schema;
  std::string auth_plugin;
  std::vector<std::pair<std::string, std::string>> attributes;
  std::uint8_t zstd_level = 0;
};
[[nodiscard]] std::string encode(const HandshakeResponse& response);
[[nodiscard]] Result<HandshakeResponse> decode_handshake_response(ByteView packet);

// What a client sends before TLS begins; the response itself follows inside TLS.
inline constexpr std::size_t kSslRequestBytes = 32;
[[nodiscard]] std::string encode_ssl_request(const HandshakeResponse& response);
[[nodiscard]] bool is_ssl_request(ByteView packet);

// 0xfe, plugin NUL, nonce; a nonce of 20 bytes has a NUL behind it, those of other plugins
// (MariaDB's client_ed25519: 32) have none. 0xfe alone asks for the password hash of MySQL 4.0.
struct AuthSwitch {
  std::string plugin;
  std::string nonce;
};
[[nodiscard]] std::string encode(const AuthSwitch& request);
[[nodiscard]] Result<AuthSwitch> decode_auth_switch(ByteView packet);

}  // namespace tiderelay::protocol
