// conf/endpoint.cc: servers, TLS and passwords out of their keys.
#include "conf/endpoint.h"

#include <arpa/inet.h>

#include "conf/base64.h"
#include "conf/endpoint_options.h"

namespace tiderelay::conf {
namespace {

// PEM text, or, as Go writes bytes, a list of numbers.
std::string read_bytes(Reader& reader, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kScalar) return node.text;
  std::string bytes;
  if (node.kind != YamlNode::Kind::kList) {
    reader.refuse_type(node, "a text in PEM form, or a list of bytes");
    return bytes;
  }
  for (const YamlNode& item : node.items) {
    const Result<std::uint64_t> byte = parse_unsigned(item.text);
    if (!byte || *byte > 255) {
      reader.refuse_type(item, "a byte, 0 to 255");
      return "";
    }
    bytes.push_back(static_cast<char>(*byte));
  }
  return bytes;
}

// The text of ssl-ca and the like: bytes go before base64.
std::string read_pem(Reader& reader, const YamlNode& map, const std::string& key) {
  const YamlNode* bytes = map.find(key + "-bytes");
  if (bytes != nullptr) return read_bytes(reader, *bytes);
  const YamlNode* base64 = map.find(key + "-base64");
  if (base64 == nullptr) return "";
  const auto decoded = from_base64(base64->text);
  if (!decoded) {
    reader.refuse(*base64, "is not base64");
    return "";
  }
  return std::string(decoded->begin(), decoded->end());
}

void finish_security(Reader& reader, const YamlNode& map, Security& security) {
  security.ca_pem = read_pem(reader, map, "ssl-ca");
  security.cert_pem = read_pem(reader, map, "ssl-cert");
  security.key_pem = Secret(read_pem(reader, map, "ssl-key"));
  if (security.has_cert() != security.has_key()) {
    reader.refuse(map, "ssl-cert and ssl-key belong together; one of them is missing");
  }
  for (std::string* path : {&security.ca_path, &security.cert_path, &security.key_path}) {
    if (!path->empty()) *path = reader.beside(*path);
  }
}

void later(Reader& /*reader*/, const Option& /*option*/, const YamlNode& /*node*/,
           Security& /*into*/) {}  // finish_security() reads it

}  // namespace

const OptionTable<Security>& option_table(Tag<Security>) {
  static const auto kTable =
      OptionTable<Security>()
          .field<&Security::ca_path>("ssl-ca", "file with the certificates that are trusted")
          .field<&Security::cert_path>("ssl-cert", "file with the own certificate")
          .field<&Security::key_path>("ssl-key", "file with its private key")
          .field<&Security::cert_allowed_cn>("cert-allowed-cn",
                                             "the peer's certificate must have one of these names")
          .custom<std::string>("ssl-ca-bytes", "in place of ssl-ca: the PEM text", later)
          .custom<std::string>("ssl-cert-bytes", "in place of ssl-cert: the PEM text", later)
          .custom<std::string>("ssl-key-bytes", "in place of ssl-key: the PEM text", later)
          .custom<std::string>("ssl-ca-base64", "in place of ssl-ca: PEM in base64", later)
          .custom<std::string>("ssl-cert-base64", "in place of ssl-cert: PEM in base64", later)
          .custom<std::string>("ssl-key-base64", "in place of ssl-key: PEM in base64", later)
          .after(finish_security);
  return kTable;
}

const OptionTable<Endpoint>& option_table(Tag<Endpoint>) {
  static const auto kTable = [] {
    OptionTable<Endpoint> table;
    table.field<&Endpoint::host>("host", "name or address of the server")
        .required()
        .field<&Endpoint::port>("port", "its TCP port; a target has no default")
        .field<&Endpoint::user>("user", "the account")
        .required();
    with_password(table);
    return table.field<&Endpoint::security>("security", "TLS to the server")
        .field<&Endpoint::session>("session", "variables to SET on every connection")
        .ignored<std::uint64_t>("max-allowed-packet", "", "the server is asked for it")
        .after([](Reader& reader, const YamlNode& map, Endpoint&) {
          check_one_password(reader, map);
        });
  }();
  return kTable;
}

void read_password_file(Reader& reader, const YamlNode& node, Secret& into) {
  if (node.kind != YamlNode::Kind::kScalar) return reader.refuse_type(node, "a file name");
  std::string text = reader.read_named_file(node);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  into = Secret(std::move(text));
}

void read_password_env(Reader& reader, const YamlNode& node, Secret& into) {
  if (node.kind != YamlNode::Kind::kScalar) {
    return reader.refuse_type(node, "the name of an environment variable");
  }
  const std::optional<std::string> value = reader.access().environment(node.text);
  if (!value) return reader.refuse(node, "the environment has no variable " + node.text);
  into = Secret(*value);
}

void check_one_password(Reader& reader, const YamlNode& map) {
  const YamlNode* first = nullptr;
  for (const char* key : {"password", "password-file", "password-env"}) {
    const YamlNode* given = map.find(key);
    if (given == nullptr || given->says_nothing()) continue;
    if (first != nullptr) reader.refuse(*given, "the password is given twice, by " + first->path);
    first = given;
  }
}

bool ListenAddress::loopback() const {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

std::string ListenAddress::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const Error wrong(Errc::kConfig,
                    "wants host:port, such as 127.0.0.1:8261, [::1]:8261 or :8261, "
                    "got \"" +
                        std::string(text) + "\"");
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong;
  ListenAddress address;
  address.host = std::string(text.substr(0, colon));
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
    in6_addr parsed{};
    if (inet_pton(AF_INET6, address.host.c_str(), &parsed) != 1) return wrong;
  } else if (address.host.find(':') != std::string::npos) {
    return wrong;
  }
  const Result<std::uint64_t> port = parse_unsigned(text.substr(colon + 1));
  if (!port || *port > 65'535) return wrong;
  address.port = static_cast<std::uint16_t>(*port);
  return address;
}

}  // namespace tiderelay::conf
