// protocol/client_session.cc: see client_session.h.
#include "protocol/client_session.h"

#include "protocol/auth.h"
#include "protocol/packet_writer.h"
#include "protocol/response.h"

namespace tiderelay::protocol {
namespace {

constexpr std::size_t kPacketMaxBytes = 65'536;
constexpr int kPacketsMax = 16;  // no plugin takes more turns: a peer that goes on is no server
constexpr std::uint8_t kFastAccepted = 0x03;
constexpr std::uint8_t kFullWanted = 0x04;
constexpr char kAskKeyCachingSha2 = 0x02;
constexpr char kAskKeySha256 = 0x01;

PacketLimits session_limits() {
  PacketLimits limits;
  limits.buffer_bytes = 4096;
  limits.max_packet_bytes = kPacketMaxBytes;
  return limits;
}

std::string with_nul(std::string_view password) { return std::string(password) + '\0'; }

}  // namespace

ClientSession::ClientSession(SessionOptions options)
    : options_(std::move(options)), reader_(session_limits()) {}

void ClientSession::feed(ByteView bytes) { reader_.feed(bytes); }

ClientSession::Step ClientSession::send(std::string_view payload) {
  Step step;
  step.kind = Kind::kSend;
  append_packet(step.bytes, sequence_, payload);
  return step;
}

Result<ClientSession::Step> ClientSession::next() {
  if (failed_) return *failed_;
  Result<Step> step = Step();
  if (state_ == State::kDone) {
    step->kind = Kind::kDone;
  } else if (state_ == State::kStartTls) {
    step->kind = Kind::kStartTls;
    state_ = State::kRespond;
    in_tls_ = true;
  } else if (state_ == State::kRespond) {
    step = respond();
  } else {
    step = read();
  }
  if (!step) failed_ = step.error();
  return step;
}

Result<ClientSession::Step> ClientSession::read() {
  for (;;) {
    reader_.expect_sequence(sequence_);
    const auto packet = reader_.next_packet();
    if (!packet) return packet.error();
    if (!*packet) return Step();
    if (++packets_ > kPacketsMax) {
      return Error(Errc::kCorrupt, "the server does not end the authentication");
    }
    sequence_ = reader_.sequence();
    Result<Step> step = on_packet(**packet);
    if (!step || step->kind != Kind::kNeedBytes) return step;
  }
}

Result<ClientSession::Step> ClientSession::on_packet(ByteView packet) {
  if (packet.empty()) return Error(Errc::kCorrupt, "an empty packet during authentication");
  if (is_error(packet)) return explain(decode_error(packet));
  if (state_ == State::kGreeting) return on_greeting(packet);
  switch (std::to_integer<std::uint8_t>(packet.front())) {
    case 0x00: {
      const auto ok = decode_ok(packet);
      if (!ok) return ok.error();
      if (reader_.buffered_bytes() > 0) {
        return Error(Errc::kCorrupt, "the server sent more than it was asked for");
      }
      state_ = State::kDone;
      Step done;
      done.kind = Kind::kDone;
      return done;
    }
    case 0x01:
      return on_more_data(packet.subspan(1));
    case 0x02:
      return Error(Errc::kUnsupported, "the account wants a second authentication factor")
          .with_way_out("use an account with a password alone");
    case 0xfe:
      return on_switch(packet);
    default:
      return Error(Errc::kCorrupt, "an unknown packet during authentication");
  }
}

Result<ClientSession::Step> ClientSession::on_greeting(ByteView packet) {
  Result<Greeting> greeting = decode_greeting(packet);
  if (!greeting) return greeting.error();
  greeting_ = std::move(*greeting);
  const std::uint32_t offered = greeting_.capabilities;
  constexpr std::uint32_t kRequired = kProtocol41 | kSecureConnection;
  if ((offered & kRequired) != kRequired) {
    return Error(Errc::kUnsupported, "the server is older than MySQL 4.1 or hides what it can do");
  }
  if (options_.tls == SessionOptions::Tls::kAlways && (offered & kSsl) == 0) {
    return Error(Errc::kAuth, "the server does not offer TLS, which the options demand")
        .with_way_out("set up TLS on the server, or allow plain connections to it");
  }
  const bool tls = options_.tls != SessionOptions::Tls::kNever && (offered & kSsl) != 0;
  const std::uint32_t wanted = kLongFlag | kTransactions | kMultiResults | kPsMultiResults |
                               kPluginAuth | kPluginAuthLenenc | kConnectAttrs | kDeprecateEof |
                               (options_.capabilities & ~kFoundRows);
  response_.capabilities = (wanted & offered) | kRequired | kLongPassword | (tls ? kSsl : 0) |
                           (options_.schema.empty() ? 0 : kConnectWithDb) |
                           (options_.capabilities & kFoundRows);
  response_.collation = options_.collation;
  response_.user = options_.user;
  response_.schema = options_.schema;
  response_.attributes = options_.attributes;
  plugin_ = (offered & kPluginAuth) != 0 ? greeting_.auth_plugin : kNativePassword;
  nonce_ = greeting_.nonce;
  state_ = State::kRespond;
  if (!tls) return respond();
  // What came in the clear behind the greeting must not be taken for what comes inside TLS.
  if (reader_.buffered_bytes() > 0) {
    return Error(Errc::kCorrupt, "bytes between the greeting and TLS");
  }
  state_ = State::kStartTls;
  return send(encode_ssl_request(response_));
}

Result<ClientSession::Step> ClientSession::respond() {
  // The server's default plugin need not be the account's, so an unknown one is no error yet: the
  // server switches to the account's.
  const bool known = plugin_ == kNativePassword || plugin_ == kCachingSha2 ||
                     plugin_ == kSha256Password || plugin_ == kEd25519 ||
                     (plugin_ == kClearPassword && is_private());
  if (!known) plugin_ = kNativePassword;
  Result<std::string> answer = first_answer();
  if (!answer) return answer.error();
  response_.auth_plugin = plugin_;
  response_.auth_answer = std::move(*answer);
  state_ = State::kAuth;
  return send(encode(response_));
}

Result<std::string> ClientSession::first_answer() {
  if (plugin_ == kNativePassword) return native_answer(options_.password, nonce_);
  if (plugin_ == kCachingSha2) return caching_sha2_answer(options_.password, nonce_);
  if (plugin_ == kEd25519) return ed25519_answer(options_.password, nonce_);
  if (plugin_ == kSha256Password) {
    if (options_.password.empty() || is_private()) return with_nul(options_.password);
    key_asked_ = true;
    return std::string(1, kAskKeySha256);
  }
  if (plugin_ == kClearPassword) {
    if (is_private()) return with_nul(options_.password);
    return Error(Errc::kAuth, "the account wants its password in the clear, and there is no TLS")
        .with_way_out("enable TLS for this connection");
  }
  return Error(Errc::kUnsupported, "the account uses the authentication plugin '" + plugin_ + "'")
      .with_way_out("use an account with caching_sha2_password or mysql_native_password");
}

Result<ClientSession::Step> ClientSession::on_switch(ByteView packet) {
  if (switched_) return Error(Errc::kCorrupt, "a second change of the authentication plugin");
  switched_ = true;
  key_asked_ = false;
  Result<AuthSwitch> request = decode_auth_switch(packet);
  if (!request) return request.error();
  plugin_ = std::move(request->plugin);
  nonce_ = std::move(request->nonce);
  const Result<std::string> answer = first_answer();
  if (!answer) return answer.error();
  return send(*answer);
}

Result<ClientSession::Step> ClientSession::on_more_data(ByteView data) {
  if (key_asked_) {
    key_asked_ = false;
    const Result<std::string> answer = rsa_answer(options_.password, nonce_, as_text(data));
    if (!answer) return answer.error();
    return send(*answer);
  }
  const bool status = plugin_ == kCachingSha2 && data.size() == 1;
  if (status && std::to_integer<std::uint8_t>(data.front()) == kFastAccepted) return Step();
  if (status && std::to_integer<std::uint8_t>(data.front()) == kFullWanted) return full_exchange();
  return Error(Errc::kCorrupt, "an unexpected turn of " + plugin_);
}

Result<ClientSession::Step> ClientSession::full_exchange() {
  if (is_private()) return send(with_nul(options_.password));
  key_asked_ = true;
  return send(std::string(1, kAskKeyCachingSha2));
}

// Refusals that another attempt does not change are kAuth; 1040 (too many connections), 1129 (host
// blocked) and the like stay kServer.
Error ClientSession::explain(const Error& refused) const {
  struct Row {
    std::uint16_t code;
    const char* way_out;
  };
  static constexpr Row kRows[] = {
      {1044, "grant the user access to the schema"},
      {1045, "check user, password, and that the account allows this host"},
      {1130, "allow this host for the account on the server"},
      {1227, "grant the privilege that the message names"},
      {1251, "give the account caching_sha2_password or mysql_native_password"},
      {1524, "the server lacks the account's authentication plugin: change the account's plugin"},
      {1698, "check user, password, and that the account allows a password at all"},
      {1820, "the account's password must be changed first"},
      {1862, "the account's password has expired: set it anew"},
      {3118, "the account is locked: ALTER USER ... ACCOUNT UNLOCK"},
      {3159, "the server demands TLS: enable TLS for this connection"},
      {4151, "the account is locked: ALTER USER ... ACCOUNT UNLOCK"},
  };
  for (const Row& row : kRows) {
    if (row.code == refused.server_code()) return refused.as(Errc::kAuth).with_way_out(row.way_out);
  }
  return refused;
}

}  // namespace tiderelay::protocol
