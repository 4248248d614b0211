// applier/error_class.h: what a server's error code means for a batch.
//
// Source: TiDB pkg/errno/errcode.go, pkg/sessionctx; MySQL share/messages_to_clients.txt; MariaDB
// sql/share/errmsg-utf8.txt.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace tiderelay::applier {

enum class ErrorClass : std::uint8_t {
  kRetry,      // nothing was committed: back off, send the batch again
  kRetryFew,   // likewise, but give up after a few times: it may be lasting
  kReconnect,  // nothing was committed, the session is of no use: connect, then again
  kCheck,      // unknown whether it was committed: connect, read the own row, decide
  kRefetch,    // the target's definition of a table has changed: read it, send again once
  kData,       // a row cannot be applied as it is
  kConfig,     // a right, a variable, a switch: stop and say what to set
  kFatal,      // the target's data is damaged: stop
};

// `answers_commit`: the error came as the answer to COMMIT.
[[nodiscard]] ErrorClass classify(const Error& error, bool answers_commit);

// What the user may do; empty where the server's text says it all.
[[nodiscard]] const char* way_out(std::uint16_t server_code);

}  // namespace tiderelay::applier
