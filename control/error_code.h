// control/error_code.h: the stable number of each kind of error, as answers and docs/errors.md have
// it: DM's number where it means the same, else one of tiderelay's own from 60001 on.
#pragma once

#include <span>
#include <string>

#include "base/error.h"

namespace tiderelay::control {

struct ErrorCode {
  Errc kind;
  unsigned number;
  const char* error_class;
  const char* level;
  const char* meaning;
  const char* way_out;  // in general; an error has its own where it knows better
};

[[nodiscard]] std::span<const ErrorCode> error_codes();  // each kind once
[[nodiscard]] const ErrorCode& code_of(const Error& error);
// "upstream", "downstream" or "internal", by what the text says of its place.
[[nodiscard]] const char* scope_of(const Error& error);

}  // namespace tiderelay::control
