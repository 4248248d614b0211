// protocol/handshake.cc: see handshake.h.
#include "protocol/handshake.h"

#include <algorithm>

#include "protocol/capabilities.h"
#include "protocol/response.h"

namespace tiderelay::protocol {
namespace {

constexpr std::uint8_t kProtocolVersion = 10;
constexpr std::size_t kNonceFirstBytes = 8;
constexpr std::size_t kNonceSecondBytes = 13;  // at least, with its NUL
constexpr std::size_t kMariadbCapabilitiesBytes = 4;

Error malformed(const char* what) {
  return Error(Errc::kCorrupt, std::string("malformed ") + what);
}

void put_attributes(ByteWriter& writer,
                    const std::vector<std::pair<std::string, std::string>>& attributes) {
  std::string block;
  ByteWriter block_writer(block);
  for (const auto& attribute : attributes) {
    block_writer.lenenc_text(attribute.first).lenenc_text(attribute.second);
  }
  writer.lenenc_text(block);
}

// Some clients announce attributes and send a block that is shorter or none at all: what is there
// and complete counts.
void take_attributes(ByteReader& reader, HandshakeResponse& response) {
  if (reader.left() == 0) return;
  ByteReader block(as_bytes(reader.lenenc_text()));
  while (reader.ok() && block.left() > 0) {
    const std::string_view name = block.lenenc_text();
    const std::string_view value = block.lenenc_text();
    if (!block.ok()) return reader.fail();
    response.attributes.emplace_back(name, value);
  }
}

void put_fixed_part(ByteWriter& writer, const HandshakeResponse& response) {
  writer.u32(response.capabilities).u32(response.max_packet_bytes).u8(response.collation);
  writer.zeros(23 - kMariadbCapabilitiesBytes).u32(response.mariadb_capabilities);
}

}  // namespace

std::string encode(const Greeting& greeting) {
  std::string out;
  ByteWriter writer(out);
  const bool plugin_auth = (greeting.capabilities & kPluginAuth) != 0;
  std::string first = greeting.nonce.substr(0, kNonceFirstBytes);
  std::string second = greeting.nonce.substr(first.size());
  first.resize(kNonceFirstBytes);
  second.resize(std::max(second.size() + 1, kNonceSecondBytes));
  writer.u8(kProtocolVersion).nul_text(greeting.server_version).u32(greeting.connection_id);
  writer.text(first).u8(0).u16(greeting.capabilities & 0xffff);
  writer.u8(greeting.collation).u16(greeting.status_flags).u16(greeting.capabilities >> 16);
  writer.u8(plugin_auth ? first.size() + second.size() : 0).zeros(10 - kMariadbCapabilitiesBytes);
  writer.u32(greeting.mariadb_capabilities);
  if ((greeting.capabilities & kSecureConnection) != 0) writer.text(second);
  if (plugin_auth) writer.nul_text(greeting.auth_plugin);
  return out;
}

Result<Greeting> decode_greeting(ByteView packet) {
  if (is_error(packet)) return decode_error(packet);
  ByteReader reader(packet);
  const std::uint8_t version = reader.u8();
  if (reader.ok() && version != kProtocolVersion) {
    return Error(Errc::kUnsupported,
                 "the peer does not greet as a MySQL server (protocol version " +
                     std::to_string(version) + ", 10 is known)");
  }
  Greeting greeting;
  greeting.server_version = reader.nul_text();
  greeting.connection_id = reader.u32();
  greeting.nonce = reader.text(kNonceFirstBytes);
  reader.skip(1);
  greeting.capabilities = reader.u16();
  if (reader.left() == 0) return reader.ok() ? Result<Greeting>(greeting) : malformed("greeting");
  greeting.collation = reader.u8();
  greeting.status_flags = reader.u16();
  greeting.capabilities |= std::uint32_t{reader.u16()} << 16;
  const std::size_t length = reader.u8();
  const std::size_t nonce_bytes = (greeting.capabilities & kPluginAuth) != 0 ? length : 0;
  reader.skip(10 - kMariadbCapabilitiesBytes);
  const std::uint32_t mariadb_capabilities = reader.u32();
  if ((greeting.capabilities & kLongPassword) == 0) {
    greeting.mariadb_capabilities = mariadb_capabilities;
  }
  if ((greeting.capabilities & kSecureConnection) != 0) {
    const std::size_t second_bytes =
        std::max(kNonceSecondBytes, nonce_bytes - std::min(nonce_bytes, kNonceFirstBytes));
    const std::string_view second = reader.text(std::min(second_bytes, reader.left()));
    greeting.nonce += second.substr(0, std::min(second.find('\0'), second_bytes - 1));
  }
  // 5.5.7 to 5.5.9 leave out the NUL.
  if ((greeting.capabilities & kPluginAuth) != 0) {
    const std::string_view plugin = as_text(reader.rest());
    greeting.auth_plugin = plugin.substr(0, plugin.find('\0'));
  }
  if (!reader.ok()) return malformed("greeting");
  return greeting;
}

std::string encode(const HandshakeResponse& response) {
  std::string out;
  ByteWriter writer(out);
  put_fixed_part(writer, response);
  writer.nul_text(response.user);
  if ((response.capabilities & kPluginAuthLenenc) != 0) {
    writer.lenenc_text(response.auth_answer);
  } else if ((response.capabilities & kSecureConnection) != 0) {
    writer.u8(response.auth_answer.size()).text(response.auth_answer);
  } else {
    writer.nul_text(response.auth_answer);
  }
  if ((response.capabilities & kConnectWithDb) != 0) writer.nul_text(response.schema);
  if ((response.capabilities & kPluginAuth) != 0) writer.nul_text(response.auth_plugin);
  if ((response.capabilities & kConnectAttrs) != 0) put_attributes(writer, response.attributes);
  if ((response.capabilities & kZstd) != 0) writer.u8(response.zstd_level);
  return out;
}

std::string encode_ssl_request(const HandshakeResponse& response) {
  std::string out;
  ByteWriter writer(out);
  put_fixed_part(writer, response);
  return out;
}

bool is_ssl_request(ByteView packet) {
  return packet.size() == kSslRequestBytes && (load_le<4>(packet.data()) & kSsl) != 0;
}

Result<HandshakeResponse> decode_handshake_response(ByteView packet) {
  ByteReader reader(packet);
  HandshakeResponse response;
  response.capabilities = reader.u32();
  response.max_packet_bytes = reader.u32();
  response.collation = reader.u8();
  reader.skip(23 - kMariadbCapabilitiesBytes);
  const std::uint32_t mariadb_capabilities = reader.u32();
  if ((response.capabilities & kLongPassword) == 0) {
    response.mariadb_capabilities = mariadb_capabilities;
  }
  if (reader.ok() && (response.capabilities & kProtocol41) == 0) {
    return Error(Errc::kUnsupported, "the client speaks the protocol of before MySQL 4.1");
  }
  response.user = reader.nul_text();
  if ((response.capabilities & kPluginAuthLenenc) != 0) {
    response.auth_answer = reader.lenenc_text();
  } else if ((response.capabilities & kSecureConnection) != 0) {
    response.auth_answer = reader.text(reader.u8());
  } else {
    response.auth_answer = reader.nul_text();
  }
  // A client that announces a schema or a plugin may end before it.
  if ((response.capabilities & kConnectWithDb) != 0 && reader.left() > 0) {
    response.schema = reader.nul_text();
  }
  if ((response.capabilities & kPluginAuth) != 0 && reader.left() > 0) {
    response.auth_plugin = reader.nul_text();
  }
  if ((response.capabilities & kConnectAttrs) != 0) take_attributes(reader, response);
  if ((response.capabilities & kZstd) != 0 && reader.left() > 0) response.zstd_level = reader.u8();
  if (!reader.ok()) return malformed("handshake response");
  return response;
}

std::string encode(const AuthSwitch& request) {
  std::string out;
  ByteWriter(out).u8(0xfe).nul_text(request.plugin).text(request.nonce);
  if (request.nonce.size() == kNonceBytes) out.push_back('\0');
  return out;
}

Result<AuthSwitch> decode_auth_switch(ByteView packet) {
  if (packet.size() == 1) {
    return Error(Errc::kUnsupported, "the account's password is in the form of MySQL 4.0")
        .with_way_out("set the account's password anew on the server");
  }
  ByteReader reader(packet);
  reader.skip(1);
  AuthSwitch request;
  request.plugin = reader.nul_text();
  if (!reader.ok()) return malformed("auth switch request");
  std::string_view nonce = as_text(reader.rest());
  if (nonce.size() == kNonceBytes + 1 && nonce.back() == '\0') nonce.remove_suffix(1);
  request.nonce = nonce;
  return request;
}

}  // namespace tiderelay::protocol
