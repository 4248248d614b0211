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
// Server name indication, and the name or address to verify.
[[nodiscard]] Result<void> prepare_tls(SSL* connection, const TlsOptions& tls,
                                       const std::string& host);
// Why the handshake failed; `lost`: the connection broke rather than TLS.
[[nodiscard]] Error explain_tls_failure(SSL* connection, bool lost, const std::string& message);
// The peer's certificate carries one of the names, as common name or DNS name.
[[nodiscard]] Result<void> check_names(SSL* connection, const std::vector<std::string>& allowed);

}  // namespace tiderelay::relay
