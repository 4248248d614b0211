// control/tls_files.cc: see tls_files.h.
#include "control/tls_files.h"

namespace tiderelay::control {

Result<TlsTexts> read_tls(const conf::Security& security, const conf::FileAccess& access) {
  struct Part {
    const std::string& text;
    const std::string& path;
    std::string TlsTexts::*into;
  };
  const std::string key = security.key_pem.reveal();
  const Part parts[] = {{security.ca_pem, security.ca_path, &TlsTexts::ca},
                        {security.cert_pem, security.cert_path, &TlsTexts::certificate},
                        {key, security.key_path, &TlsTexts::key}};
  TlsTexts texts;
  for (const Part& part : parts) {
    texts.*part.into = part.text;
    if (!part.text.empty() || part.path.empty()) continue;
    const Result<std::string> content = access.read_file(part.path);
    if (!content) return content.error();
    texts.*part.into = *content;
  }
  return texts;
}

}  // namespace tiderelay::control
