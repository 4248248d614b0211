// control/dump_file.cc: see dump_file.h.
#include "control/dump_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace tiderelay::control {

namespace {

Error file_error(const std::string& path, int code) {
  return Error(Errc::kStorage, path + ": " + std::strerror(code));
}

}  // namespace

std::string dump_name(const std::string& name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte >= 0x80 || std::isalnum(byte) != 0 || c == '_' || c == '-' || c == '$';
    text += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return text;
}

std::string dump_table_name(const applier::TableName& table) {
  return dump_name(table.schema) + "." + dump_name(table.table);
}

const char* dump_file_header() {
  return "/*!40014 SET FOREIGN_KEY_CHECKS=0*/;\n/*!40101 SET NAMES utf8mb4*/;\n"
         "/*!40103 SET TIME_ZONE='+00:00'*/;\n"
         "/*!40101 SET SQL_MODE='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'*/;\n";
}

void escape_backslashes(std::string& text, std::size_t from) {
  std::string escaped;
  std::size_t plain = from;
  for (std::size_t at = from; at < text.size(); ++at) {
    if (text[at] != '\\' && text[at] != '\0') continue;
    escaped.append(text, plain, at - plain);
    escaped += text[at] == '\0' ? "\\0" : "\\\\";
    plain = at + 1;
  }
  if (plain == from) return;
  escaped.append(text, plain);
  text.replace(from, std::string::npos, escaped);
}

std::string dump_metadata(const DumpMoment& moment) {
  const std::size_t colon = moment.position.rfind(':');
  return fmt::format(
      "Started dump at: {}\nSHOW MASTER STATUS:\n\tLog: {}\n\tPos: {}\n\tGTID:{}\n\n"
      "Finished dump at: {}\n",
      moment.began, moment.position.substr(0, colon), moment.position.substr(colon + 1),
      moment.gtids, moment.ended);
}

Result<DumpFile> DumpFile::make(const std::string& path) {
  DumpFile file;
  file.path_ = path;
  file.file_.reset(std::fopen(path.c_str(), "wxe"));
  if (!file.file_) return file_error(path, errno);
  return file;
}

Result<void> DumpFile::write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size()) {
    return file_error(path_, errno);
  }
  bytes_ += text.size();
  return {};
}

Result<void> DumpFile::close() {
  const bool flushed = std::fflush(file_.get()) == 0 && ::fsync(::fileno(file_.get())) == 0;
  const int code = errno;
  file_.reset();
  if (!flushed) return file_error(path_, code);
  return {};
}

Result<void> write_dump_file(const std::string& path, const std::string& text) {
  Result<DumpFile> file = DumpFile::make(path);
  if (!file) return file.error();
  const Result<void> written = file->write(text);
  if (!written) return written;
  return file->close();
}

Result<void> make_dump_folder(const std::string& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) return Error(Errc::kConfig, folder + ": " + failure.message());
  if (!std::filesystem::is_empty(folder, failure)) {
    return Error(Errc::kConfig, folder + " is not empty")
        .with_way_out("name a folder that is new or empty: a dump is never mixed with another");
  }
  if (failure) return Error(Errc::kConfig, folder + ": " + failure.message());
  return {};
}

}  // namespace tiderelay::control
