// protocol/client_session.h: the connection phase of a client as a machine: from the first byte of
// the server to the OK that ends authentication.
//
// In:     bytes of the server, cut anywhere; feed() when next() says kNeedBytes.
// Out:    bytes to send, the moment to begin TLS, the end. Errors are final. The commands that
// follow
//         belong to others: no byte of the server's is left over at the end.
// Limit:  a packet of this phase has at most 64 KiB.
// Source: MySQL 8.0.40, sql-common/client.cc (run_plugin_auth, prep_client_reply_packet),
//         sql-common/client_authentication.cc; MariaDB Connector/C, plugins/auth.
//
//   kGreeting -> [kTls] -> kAnswer -> { kSwitched, kMoreData } -> kDone
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/capabilities.h"
#include "protocol/handshake.h"
#include "protocol/packet_reader.h"

namespace tiderelay::protocol {

struct SessionOptions {
  enum class Tls : std::uint8_t { kNever, kIfOffered, kAlways };
  std::string user;
  std::string password;
  std::string schema;
  Tls tls = Tls::kIfOffered;
  bool private_channel = false;    // a Unix socket: passwords may travel as they are
  std::uint32_t capabilities = 0;  // beyond those that every session has; used if offered
  std::uint8_t collation = kCollationUtf8mb4GeneralCi;
  std::vector<std::pair<std::string, std::string>> attributes;
};

class ClientSession {
 public:
  enum class Kind : std::uint8_t { kNeedBytes, kSend, kStartTls, kDone };
  struct Step {
    Kind kind = Kind::kNeedBytes;
    std::string bytes;  // of kSend
  };

  explicit ClientSession(SessionOptions options);

  void feed(ByteView bytes);
  // kStartTls: run the handshake, then call next() again. After an error: the same error again.
  [[nodiscard]] Result<Step> next();

  // Known from the greeting on.
  [[nodiscard]] const Greeting& greeting() const { return greeting_; }
  [[nodiscard]] std::uint32_t capabilities() const { return response_.capabilities; }
  [[nodiscard]] bool in_tls() const { return in_tls_; }

 private:
  enum class State : std::uint8_t { kGreeting, kStartTls, kRespond, kAuth, kDone };
  [[nodiscard]] Result<Step> read();
  [[nodiscard]] Result<Step> on_packet(ByteView packet);
  [[nodiscard]] Result<Step> on_greeting(ByteView packet);
  [[nodiscard]] Result<Step> on_switch(ByteView packet);
  [[nodiscard]] Result<Step> on_more_data(ByteView packet);
  [[nodiscard]] Result<Step> respond();
  [[nodiscard]] Result<std::string> first_answer();
  [[nodiscard]] Result<Step> full_exchange();
  [[nodiscard]] bool is_private() const { return in_tls_ || options_.private_channel; }
  [[nodiscard]] Error explain(const Error& refused) const;
  Step send(std::string_view payload);

  const SessionOptions options_;
  PacketReader reader_;
  std::uint8_t sequence_ = 0;  // of the next packet, whoever sends it
  State state_ = State::kGreeting;
  Greeting greeting_;
  HandshakeResponse response_;
  bool in_tls_ = false;
  std::string plugin_;
  std::string nonce_;
  bool switched_ = false;
  bool key_asked_ = false;
  int packets_ = 0;
  std::optional<Error> failed_;
};

}  // namespace tiderelay::protocol
