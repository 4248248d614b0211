#include "conf/shown.h"

#include <gtest/gtest.h>

namespace tiderelay::conf {
namespace {

TEST(Shown, HidesPasswordsAndNothingElse) {
  const std::string yaml =
      "source-id: s # a note\n"
      "from: {host: h, port: 3306, password: \"hunter2\", password-env: PW,\n"
      "  security: {ssl-key-base64: aHVudGVyMg==, ssl-ca: ca.pem}}\n"
      "users:\n- {name: \"007\", password: hunter2}\n- {name: x, password: \"\"}\n"
      "list: []\nnothing:\n";
  EXPECT_EQ(without_secrets(yaml).value(),
            "source-id: s\n"
            "from:\n  host: h\n  port: 3306\n  password: \"******\"\n  password-env: PW\n"
            "  security:\n    ssl-key-base64: \"******\"\n    ssl-ca: ca.pem\n"
            "users:\n  - name: \"007\"\n    password: \"******\"\n"
            "  - name: x\n    password: \"\"\n"
            "list:\n  []\nnothing: ~\n");
}

TEST(Shown, ReadsTheSameAgainWithoutThePasswords) {
  const std::string once =
      without_secrets("a: \"x: y\"\nb: 'it''s'\nc: |\n  two\n  lines\n").value();
  EXPECT_EQ(without_secrets(once).value(), once);
  EXPECT_FALSE(without_secrets("a: [").has_value());
}

}  // namespace
}  // namespace tiderelay::conf
