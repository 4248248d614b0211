// protocol/auth.h: what the authentication plugins compute, for the client and for the server side.
//
// Source: MySQL 8.0.40, sql/auth/password.c (native), sql/auth/sha2_password_common.cc and
// sql-common/client_authentication.cc (SHA-256, RSA).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace tiderelay::protocol {

inline constexpr std::string_view kNativePassword = "mysql_native_password";
inline constexpr std::string_view kCachingSha2 = "caching_sha2_password";
inline constexpr std::string_view kSha256Password = "sha256_password";
inline constexpr std::string_view kClearPassword = "mysql_clear_password";
inline constexpr std::string_view kEd25519 = "client_ed25519";

// SHA1(password) xor SHA1(nonce + SHA1(SHA1(password))); empty for an empty password.
[[nodiscard]] std::string native_answer(std::string_view password, std::string_view nonce);
// SHA256(password) xor SHA256(SHA256(SHA256(password)) + nonce); empty for an empty password.
[[nodiscard]] std::string caching_sha2_answer(std::string_view password, std::string_view nonce);
// 64 bytes: a signature of MariaDB's 32-byte nonce; an empty password signs as well.
[[nodiscard]] std::string ed25519_answer(std::string_view password, std::string_view nonce);
// (password NUL) xor nonce, by RSA-OAEP with SHA-1 for the server's public key.
[[nodiscard]] Result<std::string> rsa_answer(std::string_view password, std::string_view nonce,
                                             std::string_view public_key_pem);

// The server side, from SHA1(SHA1(password)) or SHA256(SHA256(password)).
[[nodiscard]] std::string native_stored(std::string_view password);
[[nodiscard]] std::string caching_sha2_stored(std::string_view password);
[[nodiscard]] bool native_accepts(std::string_view stored, std::string_view nonce,
                                  std::string_view answer);
[[nodiscard]] bool caching_sha2_accepts(std::string_view stored, std::string_view nonce,
                                        std::string_view answer);

}  // namespace tiderelay::protocol
