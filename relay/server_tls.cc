// relay/server_tls.cc: see server_tls.h.
#include "relay/server_tls.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/check.h"
#include "relay/tls_context.h"

namespace tiderelay::relay {

Result<std::shared_ptr<ServerTls>> ServerTls::make(const ServerTlsOptions& options) {
  const Result<SSL_CTX*> context =
      make_server_context(options.certificate_pem, options.key_pem, options.client_ca_pem);
  if (!context) return context.error();
  std::shared_ptr<SSL_CTX> owned(*context, &SSL_CTX_free);
  return std::shared_ptr<ServerTls>(new ServerTls(std::move(owned), options.allowed_names));
}

ssl_ctx_st* ServerTls::share_context() const {
  SSL_CTX_up_ref(context_.get());
  return context_.get();
}

Result<void> ServerTls::check_client(ssl_st* connection) const {
  return check_names(connection, allowed_names_);
}

std::string make_self_signed(const std::string& private_key_pem, const std::string& common_name) {
  constexpr long kTenYears = 10L * 365 * 24 * 3600;
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(
      BIO_new_mem_buf(private_key_pem.data(), static_cast<int>(private_key_pem.size())), &BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  CHECK(key != nullptr, "the key was made by ourselves");
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  X509* made = certificate.get();
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
  X509_gmtime_adj(X509_getm_notBefore(made), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made), kTenYears);
  X509_set_pubkey(made, key.get());
  X509_NAME* name = X509_get_subject_name(made);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(made, name);
  CHECK(X509_sign(made, key.get(), EVP_sha256()) > 0, "an RSA key signs");
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
  CHECK(PEM_write_bio_X509(out.get(), made) == 1, "a certificate can be written");
  char* begin = nullptr;
  const long size = BIO_get_mem_data(out.get(), &begin);
  return {begin, static_cast<std::size_t>(size)};
}

}  // namespace tiderelay::relay
