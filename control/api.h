// control/api.h: the daemon's HTTP paths: /healthz and /api/v1/ctl.
//
// POST /api/v1/ctl takes {"command": [words], "files": {path: content}} as application/json (a web
// page of another site cannot send that unasked) and gives the command's JSON answer: 200, also
// where the answer says "result": false; 400 for a command that is not understood. Work is done on
// threads of its own, so that status is answered while a task is being stopped.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/daemon.h"
#include "control/http.h"

namespace tiderelay::control {

inline constexpr const char* kCtlPath = "/api/v1/ctl";

class Api {
 public:
  // `tokens`: one of them must come as "Authorization: Bearer <token>"; none: all may call.
  Api(asio::any_io_executor loop, Daemon& daemon, std::vector<std::string> tokens);
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

}  // namespace tiderelay::control
