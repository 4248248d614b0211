// control/relay_service.h: the relay server of `serve`, as tiderelay.yaml asks for it: its
// addresses, accounts and certificate, and the sources that come and go.
//
// Without a certificate of the operator's it makes a key and a certificate of its own, as MySQL
// does, and keeps them in the data folder (relay-server-key.pem, relay-server-cert.pem).
// All calls from the control thread; followers() from any.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "conf/daemon_config.h"
#include "control/daemon.h"
#include "control/source_runner.h"
#include "relay/relay_server.h"

namespace tiderelay::control {

class RelayService final : public SourceWatcher {
 public:
  // Opens the listeners. kConfig: what of the configuration cannot be done.
  [[nodiscard]] static Result<std::unique_ptr<RelayService>> make(const conf::DaemonConfig& config,
                                                                  const std::string& data_dir,
                                                                  const conf::FileAccess& access);
  ~RelayService() override;

  void stop();  // every follower is cut
  void started(SourceRunner& runner) override;
  void stopping(SourceRunner& runner) override;
  [[nodiscard]] std::vector<relay::Follower> followers() const override;

 private:
  RelayService() = default;
  std::unique_ptr<relay::RelayServer> server_;  // null: none is wanted
};

// `relay` of tiderelay.yaml as limits of every relay log. kConfig: the disk cannot be asked.
[[nodiscard]] Result<void> read_limits(const conf::RelayConfig& relay, const std::string& data_dir,
                                       Daemon::Options& options);

}  // namespace tiderelay::control
