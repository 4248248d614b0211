// relay/tls_context.cc: see tls_context.h.
#include "relay/tls_context.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <memory>

namespace tiderelay::relay {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

Error unusable(const char* what, const error_code& why) {
  return Error(Errc::kConfig, std::string("TLS: the ") + what + " is not usable: " + why.message());
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  std::array<char, 256> common{};
  const int length = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                               common.data(), common.size());
  if (length > 0) names.emplace_back(common.data(), static_cast<std::size_t>(length));
  auto* alternatives = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
    if (name->type != GEN_DNS) continue;
    const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    names.emplace_back(text, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
  }
  GENERAL_NAMES_free(alternatives);
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "none" : out;
}

}  // namespace

bool verifies(const TlsOptions& tls) {
  return tls.mode == TlsOptions::Mode::kVerifyCa || tls.mode == TlsOptions::Mode::kVerifyIdentity ||
         !tls.allowed_names.empty();
}

Result<asio::ssl::context> make_client_context(const TlsOptions& tls) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  error_code failed;
  if (verifies(tls)) {
    context.set_verify_mode(asio::ssl::verify_peer, failed);
    if (tls.ca_pem.empty()) {
      context.set_default_verify_paths(failed);
    } else {
      context.add_certificate_authority(asio::buffer(tls.ca_pem), failed);
    }
    if (failed) return unusable("CA certificate", failed);
  }
  if (!tls.certificate_pem.empty()) {
    context.use_certificate_chain(asio::buffer(tls.certificate_pem), failed);
    if (failed) return unusable("client certificate", failed);
  }
  if (!tls.key_pem.empty()) {
    context.use_private_key(asio::buffer(tls.key_pem), asio::ssl::context::pem, failed);
    if (failed) return unusable("client key", failed);
  }
  return context;
}

Result<void> prepare_tls(SSL* connection, const TlsOptions& tls, const std::string& host) {
  error_code not_an_address;
  asio::ip::make_address(host, not_an_address);
  const bool is_name = static_cast<bool>(not_an_address);
  const Error refused(Errc::kConfig, "TLS: '" + host + "' cannot be verified as a host name");
  if (is_name && !host.empty()) SSL_set_tlsext_host_name(connection, host.c_str());
  if (tls.mode != TlsOptions::Mode::kVerifyIdentity) return {};
  if (host.empty()) return refused;
  X509_VERIFY_PARAM* wanted = SSL_get0_param(connection);
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int set = is_name ? X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size())
                          : X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str());
  if (set != 1) return refused;
  return {};
}

Error explain_tls_failure(SSL* connection, const error_code& failed) {
  const long verdict = SSL_get_verify_result(connection);
  if (verdict != X509_V_OK) {
    return Error(Errc::kAuth, std::string("TLS: the server's certificate is refused: ") +
                                  X509_verify_cert_error_string(verdict))
        .with_way_out(
            "give the CA that signed the server's certificate, and the host by the name "
            "that the certificate carries");
  }
  const bool lost = failed == asio::error::eof || failed == asio::ssl::error::stream_truncated ||
                    failed.category() == boost::system::system_category();
  return Error(lost ? Errc::kConnection : Errc::kAuth, "TLS handshake: " + failed.message())
      .with_way_out(
          "the server must speak TLS 1.2 or newer, and know the client's certificate if "
          "it demands one");
}

Result<void> check_names(SSL* connection, const std::vector<std::string>& allowed) {
  if (allowed.empty()) return {};
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      SSL_get1_peer_certificate(connection), &X509_free);
  if (!certificate) return Error(Errc::kAuth, "TLS: the server showed no certificate");
  const std::vector<std::string> names = names_of(certificate.get());
  for (const std::string& name : names) {
    if (std::ranges::find(allowed, name) != allowed.end()) return {};
  }
  return Error(Errc::kAuth, "TLS: the server's certificate is for " + joined(names) +
                                "; allowed are " + joined(allowed));
}

}  // namespace tiderelay::relay
