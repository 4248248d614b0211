// relay/server_tls.h: the server's side of TLS: its certificate, and what it demands of clients.
//
// One for a listener, shared by its connections. TLS 1.2 or newer.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

struct ssl_ctx_st;
struct ssl_st;

namespace tiderelay::relay {

struct ServerTlsOptions {
  std::string certificate_pem, key_pem;    // contents, not paths
  std::string client_ca_pem;               // clients must show a certificate that it signed
  std::vector<std::string> allowed_names;  // ... that carries one of these; empty: any
};

class ServerTls {
 public:
  // kConfig: which of the parts is not usable, and why.
  [[nodiscard]] static Result<std::shared_ptr<ServerTls>> make(const ServerTlsOptions& options);

  [[nodiscard]] ssl_ctx_st* share_context() const;                    // the caller frees its share
  [[nodiscard]] Result<void> check_client(ssl_st* connection) const;  // after the handshake

 private:
  ServerTls(std::shared_ptr<ssl_ctx_st> context, std::vector<std::string> allowed_names)
      : context_(std::move(context)), allowed_names_(std::move(allowed_names)) {}
  std::shared_ptr<ssl_ctx_st> context_;
  const std::vector<std::string> allowed_names_;
};

// A certificate that its own key signed, as servers make for themselves when they are given none:
// it hides what travels and proves nothing about who answers. Valid for ten years.
[[nodiscard]] std::string make_self_signed(const std::string& private_key_pem,
                                           const std::string& common_name);

}  // namespace tiderelay::relay
