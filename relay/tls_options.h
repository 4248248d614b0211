// relay/tls_options.h: how a connection uses TLS.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tiderelay::relay {

struct TlsOptions {
  // kPreferred: TLS if the server has it, nothing verified. kVerifyCa: the certificate is signed by
  // ca_pem (empty: by a CA of the system). kVerifyIdentity: and it names the host.
  enum class Mode : std::uint8_t { kPreferred, kDisabled, kRequired, kVerifyCa, kVerifyIdentity };
  Mode mode = Mode::kPreferred;
  std::string ca_pem, certificate_pem, key_pem;  // contents, not paths
  std::vector<std::string> allowed_names;        // cert-allowed-cn; empty: any
};

}  // namespace tiderelay::relay
