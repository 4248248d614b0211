#include "conf/secret.h"

#include <gtest/gtest.h>

#include <sstream>

namespace tiderelay::conf {
namespace {

const std::string kHex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

TEST(Secret, OpensDmsCipherTextsWithItsBuiltInKey) {
  struct Row {
    const char* cipher_text;
    const char* plain;
  };
  const Row rows[] = {
      {"VjX8cEeTX+qcvZ3bPaO4h0C80pe/1aU=", "123456"},
      {"/Q7B9DizNLLTTfiZHv9WoEAKamfpIUs=", "123456"},
      {"Up8156jArvIPymkVC+5LxkAT6rek", "1234"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.cipher_text);
    const OpenedSecret opened = open_secret(row.cipher_text, std::nullopt);
    EXPECT_EQ(opened.secret.reveal(), row.plain);
    EXPECT_EQ(opened.form, SecretForm::kBuiltInKey);
  }
}

TEST(Secret, TriesTheOperatorsKeyBeforeTheBuiltInOne) {
  const SecretKey key = parse_secret_key(kHex).value();
  const std::string ours = encrypt("p4ss 测试", key).value();
  EXPECT_EQ(open_secret(ours, key).secret.reveal(), "p4ss 测试");
  EXPECT_EQ(open_secret(ours, key).form, SecretForm::kOperatorKey);
  const OpenedSecret dms = open_secret("VjX8cEeTX+qcvZ3bPaO4h0C80pe/1aU=", key);
  EXPECT_EQ(dms.secret.reveal(), "123456") << "under the operator's key it is no text";
  EXPECT_EQ(dms.form, SecretForm::kBuiltInKey);
}

TEST(Secret, TakesForPlainWhatIsNotCipherTextByItsForm) {
  const char* const rows[] = {
      "",
      "123456",
      "VjX8cEeTX+qcvZ3bPaO4h0C80pe/1aU",        // the padding is missing
      "VjX8cEeTX+qcvZ3bPaO4h0G80pe/1aU=",       // byte 16 is no @
      "QEBAQEBAQEBAQEBAQEBAQA==",               // 16 bytes
      "VjX8cEeTX+qcvZ3bPaO4h0C80pe/1aU= ",      // a blank is no base64
      "VjX8cEeTX+qc\nvZ3bPaO4h0C80pe/1aUxxx=",  // nor is a line break
  };
  for (const char* text : rows) {
    SCOPED_TRACE(text);
    const OpenedSecret opened = open_secret(text, std::nullopt);
    EXPECT_EQ(opened.secret.reveal(), text);
    EXPECT_EQ(opened.form, SecretForm::kPlain);
  }
}

TEST(Secret, TakesAsItStandsWhatNoKnownKeyOpens) {
  const SecretKey key = parse_secret_key(kHex).value();
  const std::string foreign = encrypt("a rather long password of twenty words", key).value();
  const OpenedSecret opened = open_secret(foreign, std::nullopt);
  EXPECT_EQ(opened.form, SecretForm::kPlainLikeACipher);
  EXPECT_EQ(opened.secret.reveal(), foreign);
}

TEST(Secret, EncryptsTheSameTextDifferentlyEachTime) {
  const SecretKey key = parse_secret_key(kHex).value();
  const std::string first = encrypt("123456", key).value();
  const std::string second = encrypt("123456", key).value();
  EXPECT_NE(first, second);
  EXPECT_TRUE(looks_like_cipher_text(first));
  EXPECT_EQ(decrypt(first, key).value().reveal(), "123456");
  EXPECT_EQ(decrypt(second, key).value().reveal(), "123456");
  EXPECT_EQ(decrypt(encrypt("", key).value(), key).value().reveal(), "");
}

TEST(Secret, NeverPrintsItself) {
  std::ostringstream out;
  out << Secret("hunter2");
  EXPECT_EQ(out.str(), "******");
  EXPECT_EQ(::testing::PrintToString(Secret("hunter2")), "******");
}

TEST(SecretKeys, AreSixtyFourHexDigits) {
  EXPECT_TRUE(parse_secret_key(kHex + "\r\n"));
  EXPECT_EQ(parse_secret_key(kHex).value()[31], 0x1f);
  const std::string digits(64, 'a');
  std::vector<std::string> rows = {"", digits.substr(1), digits + "a", digits};
  rows.back().back() = 'g';
  for (const std::string& text : rows) {
    const auto key = parse_secret_key(text);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().text(), "a secret key is 64 hex digits (openssl rand -hex 32)");
  }
}

}  // namespace
}  // namespace tiderelay::conf
