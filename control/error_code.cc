// control/error_code.cc: the table.
#include "control/error_code.h"

#include <algorithm>
#include <string_view>

namespace tiderelay::control {

namespace {

constexpr ErrorCode kCodes[] = {
    {Errc::kTruncated, 60001, "relay-event-lib", "high", "a message ends in its middle",
     "start again; if it stays, keep the file that is named and report it"},
    {Errc::kCorrupt, 60002, "relay-event-lib", "high",
     "bytes that cannot be: a wrong checksum, an impossible length",
     "look at the disk and the network between; the text names file and position"},
    {Errc::kUnsupported, 60003, "sync-unit", "high",
     "the source sends something that tiderelay knows and does not do",
     "the text names it with the setting or statement that avoids it"},
    {Errc::kLimit, 60004, "functional", "high", "larger than an option allows",
     "raise the option that is named"},
    {Errc::kConnection, 10003, "database", "high", "a server is not reached, or went away",
     "none where it comes back: it is tried again by itself; else look at host and port"},
    {Errc::kServer, 10006, "database", "high", "a server answered with an error",
     "by the server's own number, which the text begins with"},
    {Errc::kAuth, 60005, "database", "high", "the account, TLS or a right was refused",
     "the text names the GRANT or the setting"},
    {Errc::kStorage, 60006, "relay-unit", "high", "writing or syncing a file failed",
     "make room or mend the disk, then start again; nothing that counted is lost"},
    {Errc::kConfig, 20003, "config", "medium", "a file, an argument or an answer to it is wrong",
     "the text names file, line, key and what would be right"},
    {Errc::kPurged, 60007, "relay-unit", "high", "the source no longer has the log that is needed",
     "copy again (start-task --remove-meta), and keep the source's log for longer"},
    {Errc::kDiverged, 60008, "relay-unit", "high",
     "log, server or table are not what they were before",
     "the text shows both; decide which one counts"},
    {Errc::kData, 60009, "sync-unit", "high", "a row cannot be written as it is",
     "mend the row or the table in the target, then resume-task"},
    {Errc::kFenced, 60010, "sync-unit", "medium", "another process has taken the task over",
     "let one process run it"},
    {Errc::kCopyAgain, 60012, "load-unit", "medium",
     "the log cannot be applied to a copy that was made", "none: the tables are copied again"},
    {Errc::kStopped, 60011, "functional", "low", "stopped as asked", "start it again"},
};

}  // namespace

std::span<const ErrorCode> error_codes() { return kCodes; }

const ErrorCode& code_of(const Error& error) {
  const auto* const found = std::ranges::find(kCodes, error.code(), &ErrorCode::kind);
  return found == std::end(kCodes) ? kCodes[0] : *found;
}

const char* scope_of(const Error& error) {
  const std::string_view text = error.text();
  if (text.starts_with("source ")) return "upstream";
  const bool of_target = text.starts_with("target") || text.starts_with("the target");
  if (of_target || error.code() == Errc::kServer || error.code() == Errc::kData) {
    return "downstream";
  }
  return error.code() == Errc::kPurged || error.code() == Errc::kDiverged ? "upstream" : "internal";
}

}  // namespace tiderelay::control
