#include "protocol/auth.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>

#include "tests/protocol/hex.h"

namespace tiderelay::protocol {
namespace {

using tests::from_hex;
using tests::to_hex;

const std::string kNonce = from_hex("0a2f4a6f4b49223058 4c724a250d0350520217 15");

TEST(Auth, ComputesTheAnswersThatServersExpect) {
  struct Row {
    const char* password;
    const char* native;
    const char* caching_sha2;
  };
  const Row rows[] = {
      {"secret", "6a149bdd80bda1ebf0fa2bd2cf2e9717fecc34bb",
       "f490e76f66d9d86665ce54d98c78d0acfe2fb0b08b423da807144873d30b312c"},
      {"secret2", "650f07df353cce5370eea34d580f2e9118818b56",
       "abc3934a012cf342e876071c8ee202de51785b430258a7a0138bc79c4d800bc6"},
      {"", "", ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.password);
    EXPECT_EQ(to_hex(native_answer(row.password, kNonce)), row.native);
    EXPECT_EQ(to_hex(caching_sha2_answer(row.password, kNonce)), row.caching_sha2);
  }
}

TEST(Auth, AcceptsTheRightPasswordOnTheServerSideAndNoOther) {
  const std::string native = native_stored("right");
  const std::string sha2 = caching_sha2_stored("right");
  EXPECT_TRUE(native_accepts(native, kNonce, native_answer("right", kNonce)));
  EXPECT_FALSE(native_accepts(native, kNonce, native_answer("wrong", kNonce)));
  EXPECT_FALSE(native_accepts(native, "another nonce, as it", native_answer("right", kNonce)));
  EXPECT_FALSE(native_accepts(native, kNonce, ""));
  EXPECT_TRUE(caching_sha2_accepts(sha2, kNonce, caching_sha2_answer("right", kNonce)));
  EXPECT_FALSE(caching_sha2_accepts(sha2, kNonce, caching_sha2_answer("wrong", kNonce)));
  EXPECT_FALSE(caching_sha2_accepts(sha2, kNonce, ""));
}

TEST(Auth, SignsAsEd25519DoesWhereThePasswordIsASeed) {
  const std::string nonce(32, 'n');
  for (const char fill : {'a', '\0', '\xff', '7'}) {
    const std::string seed(32, fill);
    const auto* raw = reinterpret_cast<const unsigned char*>(seed.data());
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw, seed.size()), &EVP_PKEY_free);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    std::string signature(64, '\0');
    std::size_t size = signature.size();
    ASSERT_EQ(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()), 1);
    ASSERT_EQ(
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       reinterpret_cast<const unsigned char*>(nonce.data()), nonce.size()),
        1);
    EXPECT_EQ(to_hex(ed25519_answer(seed, nonce)), to_hex(signature));
  }
  EXPECT_EQ(ed25519_answer("", nonce).size(), 64U);
}

TEST(Auth, EncryptsThePasswordForTheOwnerOfTheKey) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_RSA_gen(2048), &EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> pem(BIO_new(BIO_s_mem()), &BIO_free);
  ASSERT_EQ(PEM_write_bio_PUBKEY(pem.get(), key.get()), 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(pem.get(), &text);
  const std::string password = "a password longer than its nonce";
  const auto answer = rsa_answer(password, kNonce, std::string(text, static_cast<size_t>(size)));
  ASSERT_TRUE(answer.has_value()) << answer.error().text();

  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new(key.get(), nullptr), &EVP_PKEY_CTX_free);
  ASSERT_EQ(EVP_PKEY_decrypt_init(context.get()), 1);
  ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING), 1);
  std::string plain(256, '\0');
  std::size_t plain_size = plain.size();
  ASSERT_EQ(
      EVP_PKEY_decrypt(context.get(), reinterpret_cast<unsigned char*>(plain.data()), &plain_size,
                       reinterpret_cast<const unsigned char*>(answer->data()), answer->size()),
      1);
  plain.resize(plain_size);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    plain[i] = static_cast<char>(plain[i] ^ kNonce[i % kNonce.size()]);
  }
  EXPECT_EQ(plain, password + '\0');
}

TEST(Auth, RefusesKeysThatAreNone) {
  EXPECT_TRUE(rsa_answer("p", kNonce, "no key").has_error());
  EXPECT_TRUE(rsa_answer("p", "", "no key").has_error());
  EXPECT_TRUE(rsa_answer("p", kNonce, std::string(1U << 20, 'x')).has_error());
}

}  // namespace
}  // namespace tiderelay::protocol
