// base/base.cc: the two ways to end the process over a bug of our own.
#include <cstdio>
#include <cstdlib>

#include "base/check.h"
#include "base/error.h"

namespace tiderelay {

void abort_on_unchecked(const Error& error) {
  std::fprintf(stderr, "bug: value() of a failed result: %s\n", error.text().c_str());
  std::abort();
}

void check_failed(const char* file, int line, const char* condition, std::string_view message) {
  std::fprintf(stderr, "bug: %s:%d: CHECK(%s): %.*s\n", file, line, condition,
               static_cast<int>(message.size()), message.data());
  std::abort();
}

}  // namespace tiderelay
