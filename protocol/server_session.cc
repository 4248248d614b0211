// protocol/server_session.cc: see server_session.h.
#include "protocol/server_session.h"

#include "protocol/auth.h"
#include "protocol/capabilities.h"
#include "protocol/packet_writer.h"
#include "protocol/response.h"

namespace tiderelay::protocol {
namespace {

constexpr std::size_t kPacketMaxBytes = 65'536;
constexpr int kPacketsMax = 8;
constexpr char kMoreData = 0x01;
constexpr char kFastAccepted = 0x03;
constexpr char kFullWanted = 0x04;
constexpr std::string_view kAskKey("\x02", 1);

constexpr std::uint32_t kAlwaysOffered = kLongPassword | kFoundRows | kLongFlag | kConnectWithDb |
                                         kProtocol41 | kTransactions | kSecureConnection |
                                         kMultiResults | kPsMultiResults | kPluginAuth |
                                         kConnectAttrs | kPluginAuthLenenc;

PacketLimits session_limits() {
  PacketLimits limits;
  limits.buffer_bytes = 4096;
  limits.whole_bytes = 4096;
  limits.max_packet_bytes = kPacketMaxBytes;
  return limits;
}

}  // namespace

ServerSession::ServerSession(ServerSessionOptions options, const AccountBook& book)
    : options_(std::move(options)),
      book_(book),
      offered_(kAlwaysOffered | options_.capabilities | (options_.tls ? kSsl : 0)),
      reader_(session_limits()) {}

void ServerSession::feed(ByteView bytes) {
  fed_bytes_ += bytes.size();
  reader_.feed(bytes);
}

std::size_t ServerSession::wanted_bytes() const {
  constexpr std::size_t kRequestBytes = kFrameHeaderBytes + kSslRequestBytes;
  return fed_bytes_ < kRequestBytes ? kRequestBytes - fed_bytes_ : kPacketMaxBytes;
}

ServerSession::Step ServerSession::send(std::string_view payload) {
  Step step;
  step.kind = Kind::kSend;
  append_packet(step.bytes, sequence_, payload);
  return step;
}

ServerSession::Step ServerSession::refuse(std::uint16_t code, std::string_view sqlstate,
                                          const std::string& text) {
  Step step = send(encode_error(code, sqlstate, text));
  step.kind = Kind::kRefused;
  refusal_ = text;
  state_ = State::kEnded;
  return step;
}

ServerSession::Step ServerSession::deny() {
  const bool used = plugin_ != kNativePassword || !client_.auth_answer.empty();
  return refuse(1045, "28000",
                "Access denied for user '" + client_.user.substr(0, 96) + "'@'" + options_.peer +
                    "' (using password: " + (used ? "YES" : "NO") + ")");
}

ServerSession::Step ServerSession::accept(std::string_view before) {
  if (account_.require_tls && !is_private()) {
    return refuse(3159, "HY000",
                  "Connections using insecure transport are prohibited for this account: it has "
                  "require-tls");
  }
  Step step;
  if (!before.empty()) step = send(before);
  OkPacket ok;
  ok.status_flags = kStatusAutocommit;
  append_packet(step.bytes, sequence_, encode_ok(ok));
  step.kind = Kind::kDone;
  state_ = State::kEnded;
  return step;
}

Result<ServerSession::Step> ServerSession::next() {
  if (failed_) return *failed_;
  if (state_ == State::kEnded) return Error(Errc::kStopped, "the session has ended");
  Result<Step> step = state_ == State::kGreet ? Result<Step>(greet()) : read();
  if (!step) failed_ = step.error();
  return step;
}

ServerSession::Step ServerSession::greet() {
  Greeting greeting;
  greeting.server_version = options_.server_version;
  greeting.connection_id = options_.connection_id;
  greeting.nonce = options_.nonce;
  greeting.capabilities = offered_;
  greeting.collation = kCollationUtf8mb4GeneralCi;
  greeting.status_flags = kStatusAutocommit;
  greeting.auth_plugin = options_.auth_plugin;
  state_ = State::kResponse;
  return send(encode(greeting));
}

Result<ServerSession::Step> ServerSession::read() {
  reader_.expect_sequence(sequence_);
  const auto packet = reader_.next_packet();
  if (!packet) return packet.error();
  if (!*packet) return Step();
  if (++packets_ > kPacketsMax) {
    return Error(Errc::kCorrupt, "the client does not end the authentication");
  }
  sequence_ = reader_.sequence();
  return on_packet(**packet);
}

Result<ServerSession::Step> ServerSession::on_packet(ByteView packet) {
  switch (state_) {
    case State::kResponse:
      return on_response(packet);
    case State::kSwitched:
      return judge(as_text(packet), options_.switch_nonce);
    case State::kFull:
    case State::kKeySent:
      return on_full(as_text(packet));
    case State::kGreet:
    case State::kEnded:
      break;
  }
  return Error(Errc::kCorrupt, "a packet that nobody waits for");
}

Result<ServerSession::Step> ServerSession::on_response(ByteView packet) {
  if (!in_tls_ && is_ssl_request(packet)) {
    if (!options_.tls) return refuse(1043, "08S01", "Bad handshake: TLS is not offered");
    // What came in the clear behind the request must not be taken for what comes inside TLS.
    if (reader_.buffered_bytes() > 0) {
      return Error(Errc::kCorrupt, "bytes between the SSL request and TLS");
    }
    in_tls_ = true;
    Step step;
    step.kind = Kind::kStartTls;
    return step;
  }
  Result<HandshakeResponse> response = decode_handshake_response(packet);
  constexpr std::uint32_t kRequired = kProtocol41 | kSecureConnection;
  if (!response || (response->capabilities & kRequired) != kRequired) {
    return refuse(1043, "08S01", "Bad handshake");
  }
  client_ = std::move(*response);
  const std::optional<Account> account = book_.find(client_.user);
  known_ = account.has_value();
  account_ = account.value_or(Account());
  if (!known_) account_.sha2_stored.assign(32, '\0');
  if (account_.trusted) return accept({});
  const bool names_plugin = (client_.capabilities & kPluginAuth) != 0;
  plugin_ = names_plugin ? client_.auth_plugin : std::string(kNativePassword);
  const bool speaks = plugin_ == kNativePassword || plugin_ == kCachingSha2;
  // An empty answer is that of an empty password, or of a client whose plugin is not the one
  // offered.
  const bool answered = speaks && (!client_.auth_answer.empty() || account_.empty_password);
  if (answered || !names_plugin) return judge(client_.auth_answer, options_.nonce);
  if (!speaks) plugin_ = options_.auth_plugin;
  state_ = State::kSwitched;
  switched_ = true;
  return send(encode(AuthSwitch{plugin_, options_.switch_nonce}));
}

ServerSession::Step ServerSession::judge(std::string_view answer, std::string_view nonce) {
  if (account_.empty_password) {
    const bool empty = answer.empty() || answer == std::string_view("\0", 1);
    return empty ? accept({}) : deny();
  }
  if (plugin_ == kNativePassword) {
    const bool right = known_ && native_accepts(account_.native_stored, nonce, answer);
    return right ? accept({}) : deny();
  }
  if (known_ && caching_sha2_accepts(account_.sha2_stored, nonce, answer)) {
    const char accepted[] = {kMoreData, kFastAccepted};
    return accept({accepted, sizeof accepted});
  }
  // As a server does whose cache does not have the account: the password itself decides.
  if (!is_private() && options_.key == nullptr) return deny();
  if (account_.require_tls && !is_private()) return deny();
  if (answer.size() <= 1) return deny();
  const char full[] = {kMoreData, kFullWanted};
  state_ = State::kFull;
  return send({full, sizeof full});
}

Result<ServerSession::Step> ServerSession::on_full(std::string_view packet) {
  if (is_private()) {
    const bool ended = !packet.empty() && packet.back() == '\0';
    return judge_password(packet.substr(0, packet.size() - (ended ? 1 : 0)));
  }
  if (state_ == State::kFull && packet == kAskKey) {
    state_ = State::kKeySent;
    return send(kMoreData + options_.key->public_pem());
  }
  const Result<std::string> password =
      options_.key->open_answer(packet, switched_ ? options_.switch_nonce : options_.nonce);
  if (!password) return deny();
  return judge_password(*password);
}

ServerSession::Step ServerSession::judge_password(std::string_view password) {
  const bool right = known_ && caching_sha2_stored(password) == account_.sha2_stored;
  return right ? accept({}) : deny();
}

}  // namespace tiderelay::protocol
