// base/error.h: errors are values. The code decides what happens next, the text is for a person.
//
// Whoever knows the file, the position or the peer adds it with in(). value() on a result that was
// not asked first is a bug and aborts.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <utility>

namespace tiderelay {

enum class Errc : std::uint8_t {
  kTruncated,    // the bytes end inside a message       -> end the stream
  kCorrupt,      // bad checksum, impossible length      -> end the stream, never skip
  kUnsupported,  // well-formed, but not known here      -> end the stream, say what and where
  kLimit,        // larger than an option allows         -> end the stream, name the option
  kConnection,   // peer closed, reset or too slow       -> back off, connect again
  kServer,       // the server answered ERR (server_code) -> by its class
  kAuth,         // account, TLS or privilege refused    -> stop, say what to grant or set
  kStorage,      // write or fsync of the log failed     -> end the process
  kConfig,       // a file or argument is wrong          -> exit code 2, with file, line and key
  kPurged,       // the upstream no longer has the log   -> stop, say the ways out
  kDiverged,     // bytes, identity or schema differ     -> stop, show both
  kData,         // a row cannot be applied              -> pause with event, row and way out
  kCopyAgain,    // the log cannot be applied to a copy  -> the task copies the tables again
  kFenced,       // another process owns the task        -> stop
  kStopped,      // asked to stop                        -> not a failure
};

class Error {  // not an aggregate, on purpose: g++ 12.2 destroys aggregate temporaries twice
 public:
  Error() = default;  // Boost 1.81's result::error() needs it, for results that hold a value
  Error(Errc code, std::string text) : code_(code), text_(std::move(text)) {}
  Error(std::uint16_t server_code, std::string sqlstate, std::string text)
      : code_(Errc::kServer),
        server_code_(server_code),
        sqlstate_(std::move(sqlstate)),
        text_(std::move(text)) {}

  [[nodiscard]] Errc code() const { return code_; }
  [[nodiscard]] std::uint16_t server_code() const { return server_code_; }  // 0: not from a server
  [[nodiscard]] const std::string& sqlstate() const { return sqlstate_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::string& way_out() const { return way_out_; }  // what to do; may be empty

  // "relay log binlog.000003 at 4711: <text>"
  [[nodiscard]] Error in(const std::string& place) const {
    Error error = *this;
    error.text_ = place + ": " + text_;
    return error;
  }
  [[nodiscard]] Error as(Errc code) const {
    Error error = *this;
    error.code_ = code;
    return error;
  }
  [[nodiscard]] Error with_way_out(std::string way_out) const {
    Error error = *this;
    error.way_out_ = std::move(way_out);
    return error;
  }

 private:
  Errc code_ = Errc::kCorrupt;
  std::uint16_t server_code_ = 0;
  std::string sqlstate_;
  std::string text_;
  std::string way_out_;
};

[[noreturn]] void abort_on_unchecked(const Error& error);  // prints the error first

template <class T>
using Result = boost::system::result<T, Error>;  // the alias cannot be [[nodiscard]]: functions are

}  // namespace tiderelay

namespace boost::system {
// value() without asking first: a bug of ours. Found by argument-dependent lookup through Error.
[[noreturn]] inline void throw_exception_from_error(const tiderelay::Error& error,
                                                    const boost::source_location& /*where*/) {
  tiderelay::abort_on_unchecked(error);
}
}  // namespace boost::system

namespace tiderelay {
[[noreturn]] inline void throw_exception_from_error(const Error& error,
                                                    const boost::source_location& /*where*/) {
  abort_on_unchecked(error);
}
}  // namespace tiderelay
