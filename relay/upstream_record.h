// relay/upstream_record.h: what a source's server said of itself when it was last reached, kept in
// index/upstream so that followers are answered in its name while it is away.
//
// The file: a line "name<TAB>value" for each variable, in order of name; \\, \n and \t escaped.
// set() from the pump's thread, get() from any.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/error.h"
#include "relay/storage.h"

namespace tiderelay::relay {

using ServerVariables = std::map<std::string, std::string>;  // names in lower case

class UpstreamRecord {
 public:
  // index_folder: of the source. Nothing there yet: get() gives null.
  UpstreamRecord(Storage& storage, std::string index_folder)
      : storage_(storage), folder_(std::move(index_folder)) {}
  [[nodiscard]] Result<void> load();

  [[nodiscard]] std::shared_ptr<const ServerVariables> get() const {
    const std::lock_guard lock(mutex_);
    return variables_;
  }
  // Writes the file when something changed. A full disk only delays that.
  [[nodiscard]] Result<void> set(const ServerVariables& variables);

 private:
  Storage& storage_;
  const std::string folder_;
  mutable std::mutex mutex_;  // guards variables_
  std::shared_ptr<const ServerVariables> variables_;
};

[[nodiscard]] std::string encode_variables(const ServerVariables& variables);
[[nodiscard]] ServerVariables decode_variables(std::string_view text);

}  // namespace tiderelay::relay
