// conf/secret.cc: DM's cipher text with OpenSSL.
#include "conf/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <ostream>
#include <span>
#include <vector>

#include "base/utf8.h"
#include "conf/base64.h"

namespace tiderelay::conf {
namespace {

constexpr std::size_t kIvBytes = 16;
constexpr char kSeparator = '@';
constexpr std::size_t kCipherTextBytesMin = kIvBytes + 1;
constexpr std::size_t kSecretBytesMax = 64U << 10U;

using Bytes = std::vector<std::uint8_t>;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string without_blanks_around(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return std::string(text);
}

std::optional<Bytes> cipher_text_bytes(std::string_view text) {
  if (text.size() > 2 * kSecretBytesMax) return std::nullopt;
  std::optional<Bytes> bytes = from_base64(text);
  if (!bytes || bytes->size() < kCipherTextBytesMin) return std::nullopt;
  if ((*bytes)[kIvBytes] != static_cast<std::uint8_t>(kSeparator)) return std::nullopt;
  return bytes;
}

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

// Encrypts or decrypts; CFB needs no padding, so the size stays. Empty optional: OpenSSL refused.
std::optional<Bytes> run_cipher(bool encrypt, std::span<const std::uint8_t> from,
                                std::span<const std::uint8_t> iv, const SecretKey& key) {
  const std::unique_ptr<EVP_CIPHER_CTX, FreeContext> context(EVP_CIPHER_CTX_new());
  if (!context) return std::nullopt;
  if (EVP_CipherInit_ex(context.get(), EVP_aes_256_cfb128(), nullptr, key.data(), iv.data(),
                        encrypt ? 1 : 0) != 1) {
    return std::nullopt;
  }
  Bytes to(from.size() + kIvBytes);
  int length = 0;
  if (EVP_CipherUpdate(context.get(), to.data(), &length, from.data(),
                       static_cast<int>(from.size())) != 1) {
    return std::nullopt;
  }
  to.resize(static_cast<std::size_t>(length));
  return to.size() == from.size() ? std::optional(std::move(to)) : std::nullopt;
}

// UTF-8 without control characters: what a password can be and garbage hardly is.
bool is_text(std::string_view text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return is_utf8(text) && std::ranges::none_of(text, is_control);
}

}  // namespace

Secret::~Secret() { OPENSSL_cleanse(text_.data(), text_.size()); }

std::ostream& operator<<(std::ostream& out, const Secret& /*secret*/) { return out << "******"; }

SecretKey dm_built_in_key() {
  const Result<SecretKey> key =
      parse_secret_key("a529b7665997f043a30ac8fadcb51d6aa032c226ab5b7750530b12b8c1a16a48");
  return key.value();
}

Result<SecretKey> parse_secret_key(std::string_view hex) {
  const std::string digits = without_blanks_around(hex);
  const Error wrong(Errc::kConfig, "a secret key is 64 hex digits (openssl rand -hex 32)");
  if (digits.size() != 2 * kSecretKeyBytes) return wrong;
  SecretKey key{};
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const char c = digits[i];
    unsigned digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<unsigned>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<unsigned>(c - 'A' + 10);
    } else {
      return wrong;
    }
    key[i / 2] = static_cast<std::uint8_t>((static_cast<unsigned>(key[i / 2]) << 4U) | digit);
  }
  return key;
}

Result<SecretKey> read_secret_key(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file) return Error(Errc::kConfig, "cannot read the secret key file " + path);
  Result<SecretKey> key = parse_secret_key(text);
  OPENSSL_cleanse(text.data(), text.size());
  if (!key) return key.error().in(path);
  return key;
}

bool looks_like_cipher_text(std::string_view text) { return cipher_text_bytes(text).has_value(); }

Result<std::string> encrypt(std::string_view plain, const SecretKey& key) {
  if (plain.size() > kSecretBytesMax) return Error(Errc::kLimit, "the text is too long");
  Bytes bytes(kCipherTextBytesMin);
  if (RAND_bytes(bytes.data(), static_cast<int>(kIvBytes)) != 1) {
    return Error(Errc::kUnsupported, "no random numbers from OpenSSL");
  }
  bytes[kIvBytes] = static_cast<std::uint8_t>(kSeparator);
  const std::span from(reinterpret_cast<const std::uint8_t*>(plain.data()), plain.size());
  const std::optional<Bytes> ciphered =
      run_cipher(true, from, std::span(bytes).first(kIvBytes), key);
  if (!ciphered) return Error(Errc::kUnsupported, "OpenSSL has no AES-256-CFB");
  bytes.insert(bytes.end(), ciphered->begin(), ciphered->end());
  return to_base64(bytes);
}

std::optional<Secret> decrypt(std::string_view cipher_text, const SecretKey& key) {
  const std::optional<Bytes> bytes = cipher_text_bytes(cipher_text);
  if (!bytes) return std::nullopt;
  const std::span all(*bytes);
  std::optional<Bytes> plain =
      run_cipher(false, all.subspan(kCipherTextBytesMin), all.first(kIvBytes), key);
  if (!plain) return std::nullopt;
  std::string text(plain->begin(), plain->end());
  OPENSSL_cleanse(plain->data(), plain->size());
  if (is_text(text)) return Secret(std::move(text));
  OPENSSL_cleanse(text.data(), text.size());
  return std::nullopt;
}

OpenedSecret open_secret(const std::string& text, const std::optional<SecretKey>& operator_key) {
  if (!looks_like_cipher_text(text)) return {Secret(text), SecretForm::kPlain};
  if (operator_key) {
    std::optional<Secret> opened = decrypt(text, *operator_key);
    if (opened) return {std::move(*opened), SecretForm::kOperatorKey};
  }
  std::optional<Secret> opened = decrypt(text, dm_built_in_key());
  if (opened) return {std::move(*opened), SecretForm::kBuiltInKey};
  return {Secret(text), SecretForm::kPlainLikeACipher};
}

}  // namespace tiderelay::conf
