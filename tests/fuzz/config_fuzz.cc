// tests/fuzz/config_fuzz.cc: any bytes as each of the configuration files: a value or problems that
// say where, never a crash, and the same answer twice.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "conf/daemon_config.h"

namespace {

using namespace tiderelay;  // NOLINT(google-build-using-namespace): a program of its own

conf::FileAccess no_files() {
  conf::FileAccess access;
  access.read_file = [](const std::string& path) -> Result<std::string> {
    return Error(Errc::kConfig, "cannot read " + path);
  };
  access.environment = [](const std::string&) { return std::optional<std::string>("secret"); };
  return access;
}

template <class Config>
void check(std::string_view yaml,
           Result<Config> (*parse)(std::string_view, const std::string&, const conf::FileAccess&,
                                   std::vector<conf::Problem>*)) {
  const conf::FileAccess access = no_files();
  std::vector<conf::Problem> problems;
  const Result<Config> first = parse(yaml, "f", access, &problems);
  CHECK(first.has_value() == problems.empty(), "a value or problems");
  for (const conf::Problem& problem : problems) CHECK(!problem.text.empty(), "problems say what");
  if (!first) CHECK(first.error().code() == Errc::kConfig, "a wrong file is kConfig");
  const Result<Config> second = parse(yaml, "f", access, nullptr);
  CHECK(first.has_value() == second.has_value(), "the same answer twice");
  if (!first) CHECK(first.error().text() == second.error().text(), "the same text twice");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view yaml(reinterpret_cast<const char*>(data), size);
  check<conf::SourceConfig>(yaml, conf::parse_source);
  check<conf::TaskConfig>(yaml, conf::parse_task);
  check<conf::DaemonConfig>(yaml, conf::parse_daemon);
  return 0;
}
