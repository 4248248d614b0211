// control/tls_files.h: the texts of what a `security` or `tls` map names: files are read, texts
// taken as they are.
#pragma once

#include <string>

#include "base/error.h"
#include "conf/endpoint.h"
#include "conf/file_access.h"

namespace tiderelay::control {

struct TlsTexts {  // PEM; empty: not given
  std::string ca, certificate, key;
};

// kConfig: a file cannot be read.
[[nodiscard]] Result<TlsTexts> read_tls(const conf::Security& security,
                                        const conf::FileAccess& access);

}  // namespace tiderelay::control
