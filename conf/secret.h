// conf/secret.h: passwords: a type that never prints itself, and DM's cipher text.
//
// Cipher text = base64(IV | '@' | C): 16 random bytes, one byte 0x40, and the password under
// AES-256 in CFB mode with 128-bit feedback, without padding: 17 + n bytes. There is no checksum,
// so a value counts as cipher text by its form alone, and a wrong key yields garbage, not an error.
// DM 1.0 to 7.6 had one key in every binary (it protects nothing); 8.0 and later read the
// operator's key from a file of 64 hex digits.
#pragma once

#include <array>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace tiderelay::conf {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  Secret(Secret&&) = default;
  Secret& operator=(const Secret&) = default;
  Secret& operator=(Secret&&) = default;
  ~Secret();  // wipes the memory

  [[nodiscard]] const std::string& reveal() const {
    return text_;
  }  // never into a log or an answer
  [[nodiscard]] bool empty() const { return text_.empty(); }
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string text_;
};

std::ostream& operator<<(std::ostream& out, const Secret& secret);  // "******"

inline constexpr std::size_t kSecretKeyBytes = 32;
using SecretKey = std::array<std::uint8_t, kSecretKeyBytes>;

[[nodiscard]] SecretKey dm_built_in_key();
[[nodiscard]] Result<SecretKey> parse_secret_key(
    std::string_view hex);  // blanks around it are fine
[[nodiscard]] Result<SecretKey> read_secret_key(const std::string& path);

[[nodiscard]] bool looks_like_cipher_text(std::string_view text);

[[nodiscard]] Result<std::string> encrypt(std::string_view plain, const SecretKey& key);
// nothing: not cipher text, or not a text without control characters under this key
[[nodiscard]] std::optional<Secret> decrypt(std::string_view cipher_text, const SecretKey& key);

enum class SecretForm : std::uint8_t {
  kPlain,             // not cipher text by its form
  kOperatorKey,       // cipher text under the operator's key
  kBuiltInKey,        // cipher text under the key that every DM up to 7.6 contains
  kPlainLikeACipher,  // has the form, but no key gives a text: taken as it stands
};
struct OpenedSecret {
  Secret secret;
  SecretForm form = SecretForm::kPlain;
};
// Plain text or cipher text as users write it. Tries the operator's key, then the built-in one.
[[nodiscard]] OpenedSecret open_secret(const std::string& text,
                                       const std::optional<SecretKey>& operator_key);

}  // namespace tiderelay::conf
