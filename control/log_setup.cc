// control/log_setup.cc: spdlog's sinks and a formatter for JSON.
#include "control/log_setup.h"

#include <fmt/chrono.h>
#include <spdlog/details/file_helper.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/dup_filter_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <boost/json.hpp>
#include <memory>
#include <mutex>

#include "base/utf8.h"

namespace tiderelay::control {

namespace json = boost::json;

namespace {

constexpr std::chrono::seconds kSameLine{60};

spdlog::level::level_enum level_of(conf::LogLevel level) {
  switch (level) {
    case conf::LogLevel::kTrace:
      return spdlog::level::trace;
    case conf::LogLevel::kDebug:
      return spdlog::level::debug;
    case conf::LogLevel::kInfo:
      return spdlog::level::info;
    case conf::LogLevel::kWarn:
      return spdlog::level::warn;
    case conf::LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string as_utf8(std::string text) {
  for (std::size_t at = utf8_prefix(text); at < text.size();
       at += utf8_prefix(std::string_view(text).substr(at))) {
    text[at] = '?';
  }
  return text;
}

class JsonLines : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(message.time);
    const auto part = std::chrono::duration_cast<std::chrono::milliseconds>(message.time - seconds);
    json::object line;
    line["time"] =
        fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                    fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), part.count());
    const auto level = spdlog::level::to_string_view(message.level);
    line["level"] = std::string_view(level.data(), level.size());
    line["message"] = as_utf8(std::string(message.payload.data(), message.payload.size()));
    const std::string text = json::serialize(line) + "\n";
    out.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonLines>();
  }
};

class LogFile : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit LogFile(const std::string& path) { file_.open(path); }  // appends; throws spdlog_ex
  void open_anew() {
    const std::lock_guard lock(mutex_);
    file_.reopen(false);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    file_.write(line);
  }
  void flush_() override { file_.flush(); }

 private:
  spdlog::details::file_helper file_;
};

}  // namespace

Result<std::function<void()>> set_up_log(const conf::DaemonConfig& config) {
  std::function<void()> open_anew = [] {};
  const auto lines = std::make_shared<spdlog::sinks::dup_filter_sink_mt>(kSameLine);
  if (config.log_file.empty()) {
    lines->add_sink(std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  } else {
    try {
      const auto file = std::make_shared<LogFile>(config.log_file);
      lines->add_sink(file);
      open_anew = [file] {
        try {
          file->open_anew();
        } catch (const spdlog::spdlog_ex& failure) {
          fmt::print(stderr, "tiderelay serve: {}\n", failure.what());
        }
      };
    } catch (const spdlog::spdlog_ex& failure) {
      return Error(Errc::kConfig, std::string("log-file: ") + failure.what());
    }
  }
  auto logger = std::make_shared<spdlog::logger>("tiderelay", lines);
  if (config.log_format == conf::LogFormat::kJson) {
    logger->set_formatter(std::make_unique<JsonLines>());
  }
  logger->set_level(level_of(config.log_level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  return open_anew;
}

}  // namespace tiderelay::control
