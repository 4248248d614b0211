// conf/daemon_config.h: tiderelay.yaml: the daemon's folder, listeners, sources and tasks.
//
// Sources and tasks are file names, relative to this file, or stand inline. Everything is optional.
// Strict: an unknown key is an error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "conf/endpoint.h"
#include "conf/file_access.h"
#include "conf/problem.h"
#include "conf/source_config.h"
#include "conf/task_config.h"
#include "conf/values.h"

namespace tiderelay::conf {

struct ApiConfig {
  ListenAddress listen{"127.0.0.1", 8261};
  Security tls;             // beyond loopback it listens only with TLS and tokens
  std::string tokens_file;  // one token a line
};

struct RelayUser {  // may read relay logs
  std::string name;
  Secret password;
  std::vector<std::string> sources;   // source ids; empty: all
  std::vector<std::string> networks;  // CIDR; empty: anywhere
  bool require_tls = false;
};

struct RelayPort {  // where one source alone is served
  std::string source;
  ListenAddress listen;
};

struct RelayServerConfig {  // serves the relay logs to replicas, mysqlbinlog, hops
  ListenAddress listen;     // port 0: off
  Security tls;
  std::vector<RelayUser> users;
  std::vector<RelayPort> ports;
  bool semi_sync = false;  // followers may acknowledge
  [[nodiscard]] bool enabled() const { return listen.port != 0; }
};

struct HopAccept {  // the target's side waits
  ListenAddress listen;
  Security tls;
};
struct HopDial {  // the source's side dials out and is then read from
  ListenAddress to;
  std::vector<std::string> serve;  // source ids
  Security tls;
};
struct HopsConfig {
  std::vector<HopAccept> accept;
  std::vector<HopDial> dial;
};

struct FreeSpace {  // either of them
  ByteSize size;
  std::uint32_t percent = 0;
};
enum class Compression : std::uint8_t { kNone, kLz4 };
enum class SyncMode : std::uint8_t { kGroup };

struct RetainConfig {  // 0: not by this measure
  Duration age{0};
  ByteSize size;
  FreeSpace free_space;
  // How much more is kept for followers that have registered; 0: nothing.
  ByteSize followers{std::uint64_t{10} << 30U};
  Duration followers_absent = std::chrono::hours(7 * 24);  // 0: for ever
};
struct RelayConfig {
  RetainConfig retain;
  Compression compress_sealed = Compression::kNone;
  SyncMode sync = SyncMode::kGroup;
  bool semi_sync = false;                 // acknowledge to sources what is synced
  std::uint32_t semi_sync_followers = 0;  // and what so many followers have acknowledged
  ByteSize memory_budget{std::uint64_t{16} << 20U};
};

enum class LogFormat : std::uint8_t { kText, kJson };
enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError };

struct DaemonConfig {
  std::string data_dir = "/var/lib/tiderelay";
  std::string secret_key_path;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  std::string log_file;  // empty: stderr
  ApiConfig api;
  RelayServerConfig relay_server;
  HopsConfig hops;
  RelayConfig relay;
  std::vector<SourceConfig> sources;
  std::vector<TaskConfig> tasks;
  std::vector<Note> notes;
};

// As parse_source(). Reads the files named in `sources`, `tasks` and `secret-key-path`.
[[nodiscard]] Result<DaemonConfig> parse_daemon(std::string_view yaml, const std::string& file,
                                                const FileAccess& access,
                                                std::vector<Problem>* problems = nullptr);
[[nodiscard]] Result<DaemonConfig> load_daemon(const std::string& path, const FileAccess& access);

// What holds between files: ids that occur twice, tasks that name an unknown source.
[[nodiscard]] std::vector<Problem> check_together(const std::vector<SourceConfig>& sources,
                                                  const std::vector<TaskConfig>& tasks);

}  // namespace tiderelay::conf
