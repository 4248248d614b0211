// control/api.h: the daemon's HTTP paths (rest.h has the table): who may call, on which thread it
// is done, how its end is told.
//
// POST /api/v1/ctl takes {"command": [words], "files": {path: content}} and gives the command's
// JSON answer: 200, also where the answer says "result": false; 400 for a command that is not
// understood. Bodies must be application/json (a web page of another site cannot send that
// unasked), and without tokens the Host header must be a loopback name (another site's name that
// was pointed here is refused). Work is done on threads of its own, so that status is answered
// while a task is being stopped.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/daemon.h"
#include "control/http.h"

namespace tiderelay::control {

inline constexpr const char* kCtlPath = "/api/v1/ctl";

struct ApiOptions {
  // One of them must come as "Authorization: Bearer <token>"; none: all who reach it may call.
  std::vector<std::string> tokens;
  std::string listen_host;  // allowed as Host beside the loopback names
};

class Api {
 public:
  Api(asio::any_io_executor loop, Daemon& daemon, ApiOptions options);
  ~Api();  // waits for what is being done
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  asio::awaitable<HttpResponse> answer(HttpRequest request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The body of a call and back.
struct CtlMessage {
  std::vector<std::string> command;
  SentFiles files;
};
[[nodiscard]] std::string encode_ctl(const CtlMessage& message);
[[nodiscard]] Result<CtlMessage> decode_ctl(const std::string& body);

// Whether a Host header names this machine itself, or `listen_host`.
[[nodiscard]] bool is_own_host(const std::string& header, const std::string& listen_host);

}  // namespace tiderelay::control
