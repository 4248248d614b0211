// protocol/rsa_key.h: the RSA key pair of a server: what clients of caching_sha2_password encrypt
// their password with when there is no TLS.
//
// Source: MySQL 8.0.40, sql/auth/sha2_password.cc (caching_sha2_rsa_auth...).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct evp_pkey_st;

namespace tiderelay::protocol {

class RsaKey {
 public:
  [[nodiscard]] static RsaKey generate();  // 2048 bits
  // A PEM without a passphrase. kConfig: not an RSA private key.
  [[nodiscard]] static Result<RsaKey> parse(std::string_view private_pem);

  [[nodiscard]] std::string private_pem() const;
  [[nodiscard]] std::string public_pem() const;
  // The other half of rsa_answer(): the password without its NUL. kAuth: not for this key or nonce.
  [[nodiscard]] Result<std::string> open_answer(std::string_view answer,
                                                std::string_view nonce) const;

 private:
  explicit RsaKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace tiderelay::protocol
