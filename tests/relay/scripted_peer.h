// tests/relay/scripted_peer.h: a server of one connection on loopback, played by a function on a
// thread of its own with blocking calls.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "protocol/handshake.h"
#include "protocol/packet_reader.h"

namespace tiderelay::tests {

inline constexpr std::string_view kPeerNonce = "abcdefghijklmnopqrst";

class PeerSocket {
 public:
  explicit PeerSocket(int fd) : fd_(fd) {}
  ~PeerSocket();
  PeerSocket(const PeerSocket&) = delete;
  PeerSocket& operator=(const PeerSocket&) = delete;

  void send_bytes(std::string_view bytes);  // a client that is gone is no failure
  void send(std::string_view payload);      // one packet, with the sequence id that is due
  std::string read();                       // one packet; empty: the client is gone
  void read_bytes(std::size_t size);        // part of a packet
  void read_to_end();                       // until the client closes
  bool start_tls(SSL_CTX* context);
  void set_sequence(std::uint8_t sequence) { sequence_ = sequence; }

  // Greets, takes whatever password comes, and says OK. Gives what the client sent.
  protocol::HandshakeResponse log_in(std::uint32_t capabilities);

 private:
  std::size_t read_some(char* into, std::size_t size);

  int fd_;
  SSL* tls_ = nullptr;
  std::uint8_t sequence_ = 0;
  bool byte_by_byte_ = true;
  protocol::PacketReader reader_;
};

class ScriptedPeer {
 public:
  // The script runs for each of `connections` clients, one after the other.
  explicit ScriptedPeer(std::function<void(PeerSocket&)> script, int connections = 1);
  ~ScriptedPeer();  // joins: the client must be done
  ScriptedPeer(const ScriptedPeer&) = delete;
  ScriptedPeer& operator=(const ScriptedPeer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

// A CA, and a certificate that it signed for the names; PEM.
struct Certificates {
  std::string ca_pem;
  std::string certificate_pem;
  std::string key_pem;
};
Certificates make_certificates(const std::string& common_name, const std::string& alternative);
SSL_CTX* make_server_context(const Certificates& certificates);  // the caller frees it
void trust(SSL_CTX* context, const std::string& ca_pem);

}  // namespace tiderelay::tests
