// protocol/rsa_key.cc: see rsa_key.h.
#include "protocol/rsa_key.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/check.h"

namespace tiderelay::protocol {
namespace {

constexpr unsigned kKeyBits = 2048;

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

std::string text_of(const Bio& memory) {
  char* begin = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &begin);
  return {begin, static_cast<std::size_t>(size)};
}

}  // namespace

RsaKey RsaKey::generate() {
  std::shared_ptr<EVP_PKEY> key(EVP_RSA_gen(kKeyBits), &EVP_PKEY_free);
  CHECK(key != nullptr, "OpenSSL makes RSA keys");
  return RsaKey(std::move(key));
}

Result<RsaKey> RsaKey::parse(std::string_view private_pem) {
  const Error unusable(Errc::kConfig, "not an RSA private key in PEM without a passphrase");
  if (private_pem.size() > 1U << 20) return unusable;
  const Bio pem(BIO_new_mem_buf(private_pem.data(), static_cast<int>(private_pem.size())),
                &BIO_free);
  const auto no_passphrase = [](char*, int, int, void*) { return 0; };
  std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PrivateKey(pem.get(), nullptr, no_passphrase, nullptr),
                                &EVP_PKEY_free);
  ERR_clear_error();
  if (!key || EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA) return unusable;
  return RsaKey(std::move(key));
}

std::string RsaKey::private_pem() const {
  const Bio memory(BIO_new(BIO_s_mem()), &BIO_free);
  const int done =
      PEM_write_bio_PrivateKey(memory.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  CHECK(done == 1, "an RSA key can be written");
  return text_of(memory);
}

std::string RsaKey::public_pem() const {
  const Bio memory(BIO_new(BIO_s_mem()), &BIO_free);
  CHECK(PEM_write_bio_PUBKEY(memory.get(), key_.get()) == 1, "an RSA key can be written");
  return text_of(memory);
}

Result<std::string> RsaKey::open_answer(std::string_view answer, std::string_view nonce) const {
  const Error unusable(Errc::kAuth, "the encrypted password is not for this server's key");
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new(key_.get(), nullptr), &EVP_PKEY_CTX_free);
  const auto* from = reinterpret_cast<const unsigned char*>(answer.data());
  std::size_t size = 0;
  const bool ready = !nonce.empty() && context && EVP_PKEY_decrypt_init(context.get()) == 1 &&
                     EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) == 1 &&
                     EVP_PKEY_decrypt(context.get(), nullptr, &size, from, answer.size()) == 1;
  if (!ready) return unusable;
  std::string text(size, '\0');
  auto* into = reinterpret_cast<unsigned char*>(text.data());
  const bool opened = EVP_PKEY_decrypt(context.get(), into, &size, from, answer.size()) == 1;
  ERR_clear_error();
  if (!opened || size == 0) return unusable;
  text.resize(size);
  for (std::size_t i = 0; i < text.size(); ++i) {
    text[i] = static_cast<char>(static_cast<unsigned char>(text[i]) ^
                                static_cast<unsigned char>(nonce[i % nonce.size()]));
  }
  if (text.back() != '\0') return unusable;
  text.pop_back();
  return text;
}

}  // namespace tiderelay::protocol
