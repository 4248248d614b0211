// protocol/auth.cc: see auth.h.
#include "protocol/auth.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <memory>

#include "base/check.h"

namespace tiderelay::protocol {
namespace {

std::string digest(const EVP_MD* kind, std::string_view first, std::string_view second = {}) {
  std::string out(static_cast<std::size_t>(EVP_MD_size(kind)), '\0');
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  auto* into = reinterpret_cast<unsigned char*>(out.data());
  const bool done = context && EVP_DigestInit_ex(context.get(), kind, nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), first.data(), first.size()) == 1 &&
                    EVP_DigestUpdate(context.get(), second.data(), second.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), into, nullptr) == 1;
  CHECK(done, "OpenSSL has SHA-1 and SHA-256");
  return out;
}

std::string sha1(std::string_view first, std::string_view second = {}) {
  return digest(EVP_sha1(), first, second);
}
std::string sha256(std::string_view first, std::string_view second = {}) {
  return digest(EVP_sha256(), first, second);
}

// The pad is repeated as often as needed.
std::string exclusive_or(std::string text, std::string_view pad) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    text[i] = static_cast<char>(static_cast<unsigned char>(text[i]) ^
                                static_cast<unsigned char>(pad[i % pad.size()]));
  }
  return text;
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::string native_answer(std::string_view password, std::string_view nonce) {
  if (password.empty()) return {};
  const std::string once = sha1(password);
  return exclusive_or(once, sha1(nonce, sha1(once)));
}

std::string caching_sha2_answer(std::string_view password, std::string_view nonce) {
  if (password.empty()) return {};
  const std::string once = sha256(password);
  return exclusive_or(once, sha256(sha256(once), nonce));
}

Result<std::string> rsa_answer(std::string_view password, std::string_view nonce,
                               std::string_view public_key_pem) {
  const Error unusable(Errc::kAuth, "the server's RSA public key is not usable");
  if (nonce.empty() || public_key_pem.size() > 65'536) return unusable;
  const std::unique_ptr<BIO, decltype(&BIO_free)> pem(
      BIO_new_mem_buf(public_key_pem.data(), static_cast<int>(public_key_pem.size())), &BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PUBKEY(pem.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  if (!key) return unusable;
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new(key.get(), nullptr), &EVP_PKEY_CTX_free);
  std::string text = exclusive_or(std::string(password) + '\0', nonce);
  const auto* plain = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  const bool ready = context && EVP_PKEY_encrypt_init(context.get()) == 1 &&
                     EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) == 1 &&
                     EVP_PKEY_encrypt(context.get(), nullptr, &size, plain, text.size()) == 1;
  if (!ready) return unusable;
  std::string out(size, '\0');
  auto* into = reinterpret_cast<unsigned char*>(out.data());
  const bool done = EVP_PKEY_encrypt(context.get(), into, &size, plain, text.size()) == 1;
  OPENSSL_cleanse(text.data(), text.size());
  if (!done) return Error(Errc::kAuth, "the password is too long for the server's RSA key");
  out.resize(size);
  return out;
}

std::string native_stored(std::string_view password) { return sha1(sha1(password)); }

std::string caching_sha2_stored(std::string_view password) { return sha256(sha256(password)); }

bool native_accepts(std::string_view stored, std::string_view nonce, std::string_view answer) {
  if (answer.size() != stored.size()) return false;
  return same(sha1(exclusive_or(std::string(answer), sha1(nonce, stored))), stored);
}

bool caching_sha2_accepts(std::string_view stored, std::string_view nonce,
                          std::string_view answer) {
  if (answer.size() != stored.size()) return false;
  return same(sha256(exclusive_or(std::string(answer), sha256(stored, nonce))), stored);
}

}  // namespace tiderelay::protocol
