// tests/fuzz/server_fuzz.cc: a client's bytes before and after authentication: the server's login
// machine, then its statements. The first byte chooses.
//
// Oracle: a step is never empty for ever (each kNeedBytes ends the round), and what goes out is
// bounded.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "protocol/auth.h"
#include "protocol/server_session.h"
#include "relay/sql_statement.h"

namespace {

using tiderelay::protocol::Account;
using tiderelay::protocol::ServerSession;

class Book final : public tiderelay::protocol::AccountBook {
 public:
  std::optional<Account> find(const std::string& user) const override {
    if (user != "a") return std::nullopt;
    Account account;
    account.native_stored = tiderelay::protocol::native_stored("b");
    account.sha2_stored = tiderelay::protocol::caching_sha2_stored("b");
    return account;
  }
};

void log_in(tiderelay::ByteView bytes, std::uint8_t how) {
  static const auto kKey = tiderelay::protocol::RsaKey::generate();
  tiderelay::protocol::ServerSessionOptions options;
  options.server_version = "8.0.31";
  options.nonce = "abcdefghijklmnopqrst";
  options.switch_nonce = "ABCDEFGHIJKLMNOPQRST";
  options.auth_plugin =
      (how & 2) != 0 ? tiderelay::protocol::kNativePassword : tiderelay::protocol::kCachingSha2;
  options.tls = (how & 4) != 0;
  options.private_channel = (how & 8) != 0;
  options.key = &kKey;
  Book book;
  ServerSession session(std::move(options), book);
  const std::size_t piece = 1 + (how >> 4);
  std::size_t out_bytes = 0;
  for (int steps = 0; steps < 1000; ++steps) {
    const auto step = session.next();
    if (!step || step->kind == ServerSession::Kind::kRefused ||
        step->kind == ServerSession::Kind::kDone) {
      return;
    }
    out_bytes += step->bytes.size();
    CHECK(out_bytes < 8192, "a client makes the server talk without an end");
    if (step->kind != ServerSession::Kind::kNeedBytes) continue;
    if (bytes.empty()) return;
    const auto part = bytes.first(std::min(piece, bytes.size()));
    session.feed(part);
    bytes = bytes.subspan(part.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const tiderelay::ByteView bytes(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  if ((data[0] & 1) != 0) {
    log_in(bytes, data[0]);
  } else {
    (void)tiderelay::relay::parse_statement(tiderelay::as_text(bytes));
  }
  return 0;
}
