// relay/tls_context.h: from TlsOptions to OpenSSL's settings, and from its refusals to words.
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "relay/tls_options.h"

namespace tiderelay::relay {

[[nodiscard]] bool verifies(const TlsOptions& tls);

// The caller owns the context.
[[nodiscard]] Result<SSL_CTX*> make_client_context(const TlsOptions& tls);
// client_ca_pem: clients must show a certificate that it signed; empty: they need none.
[[nodiscard]] Result<SSL_CTX*> make_server_context(const std::string& certificate_pem,
                                                   const std::string& key_pem,
                                                   const std::string& client_ca_pem);
// Server name indication, and the name or address to verify.
[[nodiscard]] Result<void> prepare_tls(SSL* connection, const TlsOptions& tls,
                                       const std::string& host);
// Why the handshake failed; `lost`: the connection broke rather than TLS.
[[nodiscard]] Error explain_tls_failure(SSL* connection, bool lost, const std::string& message);
// The peer's certificate, if names are given, carries one of them, as common name or DNS name.
[[nodiscard]] Result<void> check_names(SSL* connection, const std::vector<std::string>& allowed);

}  // namespace tiderelay::relay
