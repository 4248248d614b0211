// relay/tls_context.cc: see tls_context.h.
#include "relay/tls_context.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>

namespace tiderelay::relay {
namespace {

template <class T, void (*kFree)(T*)>
struct Freed {
  void operator()(T* object) const { kFree(object); }
};
using Context = std::unique_ptr<SSL_CTX, Freed<SSL_CTX, SSL_CTX_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO, BIO_free_all>>;

Error unusable(const char* what) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return Error(Errc::kConfig, std::string("TLS: the ") + what + " is not usable: " +
                                  (reason == nullptr ? "no PEM block in it" : reason));
}

Bio memory(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

Certificate next_certificate(BIO* pem) {
  Certificate certificate(PEM_read_bio_X509(pem, nullptr, nullptr, nullptr));
  // The end of the text leaves "no start line" behind, which is no error.
  if (!certificate && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
    ERR_clear_error();
  }
  return certificate;
}

bool add_authorities(SSL_CTX* context, const std::string& pem) {
  const Bio text = memory(pem);
  int added = 0;
  while (const Certificate certificate = next_certificate(text.get())) {
    added += X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get());
  }
  return added > 0;
}

bool use_chain(SSL_CTX* context, const std::string& pem) {
  const Bio text = memory(pem);
  const Certificate first = next_certificate(text.get());
  if (!first || SSL_CTX_use_certificate(context, first.get()) != 1) return false;
  while (const Certificate certificate = next_certificate(text.get())) {
    if (SSL_CTX_add1_chain_cert(context, certificate.get()) != 1) return false;
  }
  return true;
}

bool use_key(SSL_CTX* context, const std::string& pem) {
  const Bio text = memory(pem);
  // A callback instead of the default one, which would ask on the terminal for a passphrase.
  const auto no_passphrase = [](char*, int, int, void*) { return 0; };
  const Key key(PEM_read_bio_PrivateKey(text.get(), nullptr, no_passphrase, nullptr));
  return key && SSL_CTX_use_PrivateKey(context, key.get()) == 1;
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> ignored{};
  return inet_pton(AF_INET, host.c_str(), ignored.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), ignored.data()) == 1;
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

Result<SSL_CTX*> make_client_context(const TlsOptions& tls) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) return unusable("library");
  if (verifies(tls)) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    const bool known = tls.ca_pem.empty() ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                                          : add_authorities(context.get(), tls.ca_pem);
    if (!known) return unusable("CA certificate");
  }
  if (!tls.certificate_pem.empty() && !use_chain(context.get(), tls.certificate_pem)) {
    return unusable("client certificate");
  }
  if (!tls.key_pem.empty() && !use_key(context.get(), tls.key_pem)) return unusable("client key");
  return context.release();
}

Result<SSL_CTX*> make_server_context(const std::string& certificate_pem, const std::string& key_pem,
                                     const std::string& client_ca_pem) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()));
  if (!context) return unusable("library");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // No session is resumed: a client's certificate is looked at each time.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (!use_chain(context.get(), certificate_pem)) return unusable("certificate");
  if (!use_key(context.get(), key_pem)) return unusable("key");
  if (SSL_CTX_check_private_key(context.get()) != 1) return unusable("key for this certificate");
  if (client_ca_pem.empty()) return context.release();
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  if (!add_authorities(context.get(), client_ca_pem)) return unusable("CA certificate");
  return context.release();
}

Result<void> prepare_tls(SSL* connection, const TlsOptions& tls, const std::string& host) {
  const bool is_name = !is_address(host);
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

Error explain_tls_failure(SSL* connection, bool lost, const std::string& message) {
  const long verdict = SSL_get_verify_result(connection);
  if (verdict != X509_V_OK) {
    return Error(Errc::kAuth, std::string("TLS: the server's certificate is refused: ") +
                                  X509_verify_cert_error_string(verdict))
        .with_way_out(
            "give the CA that signed the server's certificate, and the host by the name "
            "that the certificate carries");
  }
  return Error(lost ? Errc::kConnection : Errc::kAuth, "TLS handshake: " + message)
      .with_way_out(
          "the server must speak TLS 1.2 or newer, and know the client's certificate if "
          "it demands one");
}

Result<void> check_names(SSL* connection, const std::vector<std::string>& allowed) {
  if (allowed.empty()) return {};
  const Certificate certificate(SSL_get1_peer_certificate(connection));
  if (!certificate) return Error(Errc::kAuth, "TLS: the other side showed no certificate");
  const std::vector<std::string> names = names_of(certificate.get());
  for (const std::string& name : names) {
    if (std::ranges::find(allowed, name) != allowed.end()) return {};
  }
  return Error(Errc::kAuth, "TLS: the other side's certificate is for " + joined(names) +
                                "; allowed are " + joined(allowed));
}

}  // namespace tiderelay::relay
