// conf/endpoint.h: how to reach a server: `from` of a source file, `target-database` of a task
// file.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "conf/secret.h"

namespace tiderelay::conf {

// DM's `security`, and tiderelay's own `tls`. Of each item the text wins over the file.
struct Security {
  std::string ca_path;
  std::string cert_path;
  std::string key_path;
  std::string ca_pem;  // from ssl-ca-bytes or ssl-ca-base64
  std::string cert_pem;
  Secret key_pem;
  std::vector<std::string> cert_allowed_cn;

  [[nodiscard]] bool has_ca() const { return !ca_path.empty() || !ca_pem.empty(); }
  [[nodiscard]] bool has_cert() const { return !cert_path.empty() || !cert_pem.empty(); }
  [[nodiscard]] bool has_key() const { return !key_path.empty() || !key_pem.empty(); }
  [[nodiscard]] bool given() const { return has_ca() || has_cert() || has_key(); }
};

struct Endpoint {
  std::string host;
  std::uint16_t port = 3306;
  std::string user;
  Secret password;  // decrypted, or read from password-file or password-env
  Security security;
  std::map<std::string, std::string> session;  // variables to SET after connecting
};

struct ListenAddress {
  std::string host;  // empty: all addresses
  std::uint16_t port = 0;
  [[nodiscard]] bool loopback() const;
  [[nodiscard]] std::string text() const;  // "127.0.0.1:8261", "[::1]:8261"
};
[[nodiscard]] Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace tiderelay::conf
