#include "tests/relay/scripted_peer.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <vector>

#include "protocol/capabilities.h"
#include "protocol/packet_writer.h"
#include "protocol/response.h"

namespace tiderelay::tests {

PeerSocket::~PeerSocket() {
  if (tls_ != nullptr) SSL_free(tls_);
  close(fd_);
}

void PeerSocket::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = tls_ != nullptr
                          ? SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                          : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void PeerSocket::send(std::string_view payload) {
  std::string out;
  protocol::append_packet(out, sequence_, payload);
  send_bytes(out);
}

std::size_t PeerSocket::read_some(char* into, std::size_t size) {
  const auto got =
      tls_ != nullptr ? SSL_read(tls_, into, static_cast<int>(size)) : ::recv(fd_, into, size, 0);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

std::string PeerSocket::read() {
  reader_.check_sequence(false);
  for (;;) {
    const auto packet = reader_.next_packet();
    if (!packet) return {};
    if (*packet) {
      sequence_ = reader_.sequence();
      return std::string(as_text(**packet));
    }
    // Byte by byte: what follows an SSL request belongs to TLS.
    std::vector<char> buffer(byte_by_byte_ ? 1 : 65'536);
    const std::size_t got = read_some(buffer.data(), buffer.size());
    if (got == 0) return {};
    reader_.feed(as_bytes(std::string_view(buffer.data(), got)));
  }
}

void PeerSocket::read_to_end() {
  std::vector<char> buffer(65'536);
  while (read_some(buffer.data(), buffer.size()) > 0) {
  }
}

void PeerSocket::read_bytes(std::size_t size) {
  std::vector<char> buffer(size);
  for (std::size_t at = 0; at < size;) {
    const std::size_t got = read_some(buffer.data() + at, size - at);
    if (got == 0) return;
    at += got;
  }
}

bool PeerSocket::start_tls(SSL_CTX* context) {
  tls_ = SSL_new(context);
  SSL_set_fd(tls_, fd_);
  byte_by_byte_ = false;
  return SSL_accept(tls_) == 1;
}

protocol::HandshakeResponse PeerSocket::log_in(std::uint32_t capabilities) {
  protocol::Greeting greeting;
  greeting.server_version = "8.0.99-scripted";
  greeting.connection_id = 77;
  greeting.nonce = kPeerNonce;
  greeting.capabilities = capabilities | protocol::kProtocol41 | protocol::kSecureConnection |
                          protocol::kPluginAuth | protocol::kLongPassword;
  greeting.auth_plugin = "mysql_native_password";
  send(protocol::encode(greeting));
  const auto response = protocol::decode_handshake_response(as_bytes(read()));
  byte_by_byte_ = false;
  send(protocol::encode_ok(protocol::OkPacket()));
  return response ? *response : protocol::HandshakeResponse();
}

ScriptedPeer::ScriptedPeer(std::function<void(PeerSocket&)> script, int connections) {
  std::signal(SIGPIPE, SIG_IGN);  // SSL_write to a client that is gone
  listener_ = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&at), size), 0);
  EXPECT_EQ(listen(listener_, 8), 0);
  EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size), 0);
  port_ = ntohs(at.sin_port);
  thread_ = std::thread([this, connections, script = std::move(script)] {
    for (int i = 0; i < connections; ++i) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      PeerSocket client(fd);
      script(client);
    }
  });
}

ScriptedPeer::~ScriptedPeer() {
  shutdown(listener_, SHUT_RDWR);  // ends an accept() that nobody came to
  thread_.join();
  close(listener_);
}

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

void name(X509_NAME* into, const std::string& text) {
  X509_NAME_add_entry_by_txt(into, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
}

Certificate make_certificate(EVP_PKEY* key, const std::string& subject, EVP_PKEY* signer,
                             const std::string& issuer, const std::string& extension, int nid) {
  Certificate made(X509_new(), &X509_free);
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  name(X509_get_subject_name(made.get()), subject);
  name(X509_get_issuer_name(made.get()), issuer);
  X509_set_pubkey(made.get(), key);
  X509_EXTENSION* added = X509V3_EXT_conf_nid(nullptr, nullptr, nid, extension.c_str());
  X509_add_ext(made.get(), added, -1);
  X509_EXTENSION_free(added);
  X509_sign(made.get(), signer, EVP_sha256());
  return made;
}

template <class Write>
std::string pem(Write write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  write(bio.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

}  // namespace

Certificates make_certificates(const std::string& common_name, const std::string& alternative) {
  const Key ca_key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const Key key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const Certificate ca = make_certificate(ca_key.get(), "test CA", ca_key.get(), "test CA",
                                          "critical,CA:TRUE", NID_basic_constraints);
  const Certificate own = make_certificate(key.get(), common_name, ca_key.get(), "test CA",
                                           alternative, NID_subject_alt_name);
  Certificates out;
  out.ca_pem = pem([&](BIO* bio) { PEM_write_bio_X509(bio, ca.get()); });
  out.certificate_pem = pem([&](BIO* bio) { PEM_write_bio_X509(bio, own.get()); });
  out.key_pem = pem([&](BIO* bio) {
    PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return out;
}

SSL_CTX* make_server_context(const Certificates& certificates) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  const auto read = [](const std::string& text) {
    return std::unique_ptr<BIO, decltype(&BIO_free)>(
        BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
  };
  const Certificate own(
      PEM_read_bio_X509(read(certificates.certificate_pem).get(), nullptr, nullptr, nullptr),
      &X509_free);
  const Key key(
      PEM_read_bio_PrivateKey(read(certificates.key_pem).get(), nullptr, nullptr, nullptr),
      &EVP_PKEY_free);
  EXPECT_EQ(SSL_CTX_use_certificate(context, own.get()), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey(context, key.get()), 1);
  return context;
}

void trust(SSL_CTX* context, const std::string& ca_pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(
      BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size())), &BIO_free);
  const Certificate ca(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr), &X509_free);
  EXPECT_EQ(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.get()), 1);
}

}  // namespace tiderelay::tests
