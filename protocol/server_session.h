// protocol/server_session.h: the connection phase of a server as a machine: from the greeting to
// the OK that ends authentication.
//
// In:     bytes of the client, cut anywhere; feed() when next() says kNeedBytes.
// Out:    bytes to send, the moment to begin TLS, the end: kDone, or kRefused with the ERR to send
//         before closing. Errors (no ERR helps) are final.
// Limit:  a packet of this phase has at most 64 KiB, and there are at most 8; memory grows with
//         what has arrived. Who calls next() sets the deadline.
// An unknown user goes through the same turns as a known one with a wrong password.
// Source: MySQL 8.0.40, sql/auth/sql_authentication.cc, sql/auth/sha2_password.cc.
//
//   kGreet -> [kStartTls] -> kResponse -> [kSwitched] -> [kFull [-> kKeySent]] -> kDone | kRefused
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/handshake.h"
#include "protocol/packet_reader.h"
#include "protocol/rsa_key.h"

namespace tiderelay::protocol {

struct Account {
  std::string native_stored;  // native_stored(password)
  std::string sha2_stored;    // caching_sha2_stored(password)
  bool empty_password = false;
  bool require_tls = false;
  bool trusted = false;  // the way it came in is proof enough
};

class AccountBook {
 public:
  virtual ~AccountBook() = default;
  // The account that this user has from where the client is; nothing: none.
  [[nodiscard]] virtual std::optional<Account> find(const std::string& user) const = 0;
};

struct ServerSessionOptions {
  std::string server_version;
  std::uint32_t connection_id = 0;
  std::string nonce;               // kNonceBytes, none of them 0 or '$'
  std::string switch_nonce;        // the same, for a change of the plugin
  std::string auth_plugin;         // offered first: kNativePassword or kCachingSha2
  std::string peer;                // for messages: the client's address
  bool tls = false;                // can be begun
  bool private_channel = false;    // a Unix socket: passwords may travel as they are
  std::uint32_t capabilities = 0;  // offered beyond those that every session has
  const RsaKey* key = nullptr;     // for the full exchange in the clear; null: there is none
};

class ServerSession {
 public:
  enum class Kind : std::uint8_t { kNeedBytes, kSend, kStartTls, kDone, kRefused };
  struct Step {
    Kind kind = Kind::kNeedBytes;
    std::string bytes;  // of kSend, kDone and kRefused
  };

  // The book must live as long as the session.
  ServerSession(ServerSessionOptions options, const AccountBook& book);

  void feed(ByteView bytes);
  // At most so many bytes may be read and fed next: clients do not wait for an answer between their
  // SSL request and the first bytes of TLS, which are not ours.
  [[nodiscard]] std::size_t wanted_bytes() const;
  // kStartTls: run the handshake, then call next() again.
  [[nodiscard]] Result<Step> next();

  // Known at kDone.
  [[nodiscard]] const HandshakeResponse& client() const { return client_; }
  [[nodiscard]] std::uint32_t capabilities() const { return offered_ & client_.capabilities; }
  [[nodiscard]] bool in_tls() const { return in_tls_; }
  [[nodiscard]] const std::string& refusal() const { return refusal_; }  // for the log

 private:
  enum class State : std::uint8_t { kGreet, kResponse, kSwitched, kFull, kKeySent, kEnded };
  [[nodiscard]] Result<Step> read();
  [[nodiscard]] Result<Step> on_packet(ByteView packet);
  [[nodiscard]] Result<Step> on_response(ByteView packet);
  [[nodiscard]] Result<Step> on_full(std::string_view packet);
  Step greet();
  Step judge(std::string_view answer, std::string_view nonce);
  Step judge_password(std::string_view password);
  Step accept(std::string_view before);
  Step deny();
  Step refuse(std::uint16_t code, std::string_view sqlstate, const std::string& text);
  Step send(std::string_view payload);
  [[nodiscard]] bool is_private() const { return in_tls_ || options_.private_channel; }

  const ServerSessionOptions options_;
  const AccountBook& book_;
  const std::uint32_t offered_;
  PacketReader reader_;
  State state_ = State::kGreet;
  std::uint8_t sequence_ = 0;
  int packets_ = 0;
  std::size_t fed_bytes_ = 0;
  bool in_tls_ = false;
  HandshakeResponse client_;
  Account account_;
  bool known_ = false;
  bool switched_ = false;
  std::string plugin_;
  std::string refusal_;
  std::optional<Error> failed_;
};

}  // namespace tiderelay::protocol
